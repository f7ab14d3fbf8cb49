package partitions

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
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

// BenchmarkTransact compares writes, and transactions in one partition and over two:
// spread over many objects, and over few.
func BenchmarkTransact(b *testing.B) {
	const objects = 1000
	nodes := newClusterOf(b, 3, 2, nil)
	fill(b, nodes[0].client, 2, objects)
	c := nodes[0].client
	for _, spread := range []struct {
		name string
		n    int
	}{{"spread", objects}, {"few", 10}} {
		for _, one := range []struct {
			name string
			f    func(x, y int) *command.Transaction
		}{
			{"write", nil},
			{"one", func(x, _ int) *command.Transaction { return transactionOf(addTo(1000+x, 1)) }},
			{"two", func(x, y int) *command.Transaction { return transactionOf(addTo(1000+x, 1), addTo(2000+y, -1)) }},
		} {
			b.Run(spread.name+"/"+one.name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(32)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						x, y := rand.IntN(spread.n), rand.IntN(spread.n)
						if one.f == nil {
							if r, err := c.Write(context.Background(), 1, addTo(1000+x, 1)); err != nil || r.Affected != 1 {
								b.Fatal(err, r)
							}
							continue
						}
						if votes, err := c.Transact(context.Background(), one.f(x, y)); err != nil || !votes[0].Yes() {
							b.Fatal(err, votes)
						}
					}
				})
			})
		}
	}
	b.Logf("%v", c.Counters())
}
