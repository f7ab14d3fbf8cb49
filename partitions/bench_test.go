package partitions

import (
	"context"
	"sync/atomic"
	"testing"
)

// The benchmarks compare the ways of a point read and a point update: at the node
// that leads, and from another one.
func BenchmarkClient(b *testing.B) {
	const objects = 1000
	nodes := newCluster(b, 3, nil)
	mustWrite(b, nodes[0].client, createOf(10, rangeOf(objects)...))
	leader := leaderOf(b, nodes)
	other := nodes[0]
	if other == leader {
		other = nodes[1]
	}
	for _, at := range []struct {
		name string
		c    *Client
	}{{"leader", leader.client}, {"other", other.client}} {
		b.Run("read/"+at.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			var next atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				r := pointRead(1)
				for pb.Next() {
					r.Targets[0].ID = idOf(int(next.Add(1) % objects))
					chunk, err := at.c.Read(context.Background(), testPartition, r)
					if err != nil || len(chunk.Rows) != 1 {
						b.Fatal(err, chunk)
					}
				}
			})
		})
		for _, spread := range []struct {
			name string
			n    int64
		}{{"spread", objects}, {"hot", 1}} {
			b.Run("update/"+at.name+"/"+spread.name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(32)
				var next atomic.Int64
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						w := incrementOf(int(next.Add(1) % spread.n))
						r, err := at.c.Write(context.Background(), testPartition, w)
						if err != nil || r.Affected != 1 {
							b.Fatal(err, r)
						}
					}
				})
			})
		}
	}
}
