package replication

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// sink is a state machine that writes each command as it is.
type sink struct{}

func (sink) Open(*storage.Space) error { return nil }

func (sink) Apply(e Entry, b *storage.Batch) ([]any, error) {
	out := make([]any, len(e.Commands))
	for i, c := range e.Commands {
		b.Set(c[:16], c)
		out[i] = nil
	}
	return out, nil
}

// real starts nodes over TCP on real disks.
func realNodes(b *testing.B, nodes, groups int, config func(*Config)) []*Host {
	peers := make(map[object.NodeID]string)
	var ids []object.NodeID
	listeners := make(map[object.NodeID]net.Listener)
	for i := range nodes {
		id := object.NodeID(rune('a' + i))
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		ids, listeners[id], peers[id] = append(ids, id), l, l.Addr().String()
	}
	var hosts []*Host
	for _, id := range ids {
		dir := b.TempDir()
		t, err := cluster.Listen(listeners[id], cluster.Config{Node: id, Cluster: "bench", Peers: peers})
		if err != nil {
			b.Fatal(err)
		}
		state, err := storage.Open(dir+"/state", storage.Options{})
		if err != nil {
			b.Fatal(err)
		}
		log, err := storage.Open(dir+"/log", storage.Options{ForLog: true})
		if err != nil {
			b.Fatal(err)
		}
		cfg := Config{Network: t, State: state, Log: log}
		if config != nil {
			config(&cfg)
		}
		h, err := NewHost(cfg)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { h.Close(); t.Close(); state.Close(); log.Close() })
		for g := range groups {
			if _, err := start(h, GroupConfig{ID: object.GroupID(g), Peers: ids}, sink{}, nil); err != nil {
				b.Fatal(err)
			}
		}
		hosts = append(hosts, h)
	}
	return hosts
}

func leaders(b *testing.B, hosts []*Host, groups int) []*Machine {
	var out []*Machine
	for g := range groups {
		for deadline := time.Now().Add(30 * time.Second); len(out) == g; {
			if time.Now().After(deadline) {
				b.Fatal("no leader")
			}
			for _, h := range hosts {
				if r := h.Machine(object.MachineID(g)); r.IsLeader() {
					out = append(out, r)
					break
				}
			}
			time.Sleep(time.Millisecond)
		}
	}
	return out
}

// BenchmarkPropose has 128-byte commands replicated to three nodes in one process.
func BenchmarkPropose(b *testing.B) {
	for _, groups := range []int{1, 4} {
		hosts := realNodes(b, 3, groups, nil)
		lead := leaders(b, hosts, groups)
		for _, clients := range []int{16, 64, 256} {
			b.Run(fmt.Sprintf("groups=%d/clients=%d", groups, clients), func(b *testing.B) {
				run(b, clients, func(n uint64) error {
					cmd := make([]byte, 128)
					copy(cmd, fmt.Sprintf("%016d", n%100000))
					_, err := lead[n%uint64(groups)].Propose(context.Background(), cmd)
					return err
				})
			})
		}
	}
}

func BenchmarkRead(b *testing.B) {
	hosts := realNodes(b, 3, 1, nil)
	g := leaders(b, hosts, 1)[0]
	for i := range 1000 {
		cmd := make([]byte, 128)
		copy(cmd, fmt.Sprintf("%016d", i))
		if _, err := g.Propose(context.Background(), cmd); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	run(b, 16, func(n uint64) error {
		key := fmt.Appendf(nil, "%016d", n%1000)
		return g.Read(context.Background(), func() error {
			_, _, err := g.Space().Get(nil, key)
			return err
		})
	})
}

func run(b *testing.B, clients int, f func(uint64) error) {
	var n atomic.Uint64
	done := make(chan error, clients)
	b.ResetTimer()
	for range clients {
		go func() {
			for {
				i := n.Add(1)
				if i > uint64(b.N) {
					done <- nil
					return
				}
				if err := f(i); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}
