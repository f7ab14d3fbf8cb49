package replication

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// keptChecksums bounds the checksums that a replica remembers.
const keptChecksums = 64

// checksums are what a replica has computed lately. A checksum is computed when an
// entry that asks for it is applied, so that all replicas compute it of the same
// content: the content is pinned there and then, and hashed beside what follows.
type checksums struct {
	g *Group

	mu   sync.Mutex // guards what follows
	list []*checksumJob
}

type checksumJob struct {
	index uint64
	done  chan struct{}
	sum   Checksum // written before done is closed, as is err
	err   error
}

// start pins the content and begins to hash it.
func (c *checksums) start(space *storage.Space, index uint64) *checksumJob {
	job := &checksumJob{index: index, done: make(chan struct{})}
	c.mu.Lock()
	c.list = append(c.list, job)
	if len(c.list) > keptChecksums {
		c.list = append([]*checksumJob(nil), c.list[1:]...)
	}
	c.mu.Unlock()
	snap, err := space.Snapshot()
	if err != nil {
		job.err = err
		close(job.done)
		return job
	}
	c.g.running.Go(func() {
		defer snap.Close()
		job.sum, job.err = hashSnapshot(c.g.ctx, snap, index)
		close(job.done)
	})
	return job
}

func (c *checksums) find(index uint64) *checksumJob {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, job := range c.list {
		if job.index == index {
			return job
		}
	}
	return nil
}

func (j *checksumJob) wait(ctx context.Context) (Checksum, error) {
	select {
	case <-j.done:
		return j.sum, j.err
	case <-ctx.Done():
		return Checksum{}, ctx.Err()
	}
}

// hashSnapshot hashes all keys and values in order.
func hashSnapshot(ctx context.Context, snap *storage.Snapshot, index uint64) (Checksum, error) {
	sum := Checksum{Index: index}
	it, err := snap.NewIterator(nil, nil)
	if err != nil {
		return sum, err
	}
	defer it.Close()
	h := xxhash.New()
	var length [8]byte
	for ok := it.First(); ok; ok = it.Next() {
		key, value := it.Key(), it.Value()
		binary.BigEndian.PutUint32(length[:], uint32(len(key)))
		binary.BigEndian.PutUint32(length[4:], uint32(len(value)))
		_, _ = h.Write(length[:])
		_, _ = h.Write(key)
		_, _ = h.Write(value)
		sum.Keys++
		sum.Bytes += uint64(len(key) + len(value))
		if sum.Keys%4096 == 0 && ctx.Err() != nil {
			return sum, ErrStopped
		}
	}
	if err := it.Err(); err != nil {
		return sum, err
	}
	sum.Hash = h.Sum64()
	return sum, nil
}

// TakeChecksum has all replicas compute the hash of the machine's content at the same
// index, and returns this replica's. It is for leaders; its errors are those of
// Propose.
func (m *Machine) TakeChecksum(ctx context.Context) (Checksum, error) {
	result, err := m.propose(ctx, Addressed{To: m.id}, true)
	if err != nil {
		return Checksum{}, err
	}
	job, ok := result.(*checksumJob)
	if !ok {
		return Checksum{}, fmt.Errorf("checksum gave a %T", result)
	}
	return job.wait(ctx)
}

// Checksum returns the hash that a node's replica has computed for TakeChecksum at
// an index; it waits until the replica gets there. ErrNoChecksum means that it has
// none, as after a restart.
func (g *Group) Checksum(ctx context.Context, node object.NodeID, index uint64) (Checksum, error) {
	if node == g.host.self {
		return g.ownChecksum(ctx, index)
	}
	answer, err := g.host.cfg.Network.Call(ctx, node, methodChecksum, appendU64(startMessage(g.id, 8), index))
	if err != nil {
		return Checksum{}, err
	}
	r := reader{b: answer}
	if r.u8() == 0 {
		return Checksum{}, fmt.Errorf("%w: node %s, group %d, index %d", ErrNoChecksum, node, g.id, index)
	}
	sum := Checksum{Index: r.u64(), Hash: r.u64(), Keys: r.u64(), Bytes: r.u64()}
	return sum, r.done()
}

func (g *Group) ownChecksum(ctx context.Context, index uint64) (Checksum, error) {
	if err := g.WaitApplied(ctx, index); err != nil {
		return Checksum{}, err
	}
	job := g.checksums.find(index)
	if job == nil {
		return Checksum{}, fmt.Errorf("%w: node %s, group %d, index %d", ErrNoChecksum, g.host.self, g.id, index)
	}
	return job.wait(ctx)
}

func (g *Group) handleChecksum(ctx context.Context, b []byte) ([]byte, error) {
	r := reader{b: b}
	index := r.u64()
	if err := r.done(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	sum, err := g.ownChecksum(ctx, index)
	switch {
	case err == nil:
		return appendU64([]byte{1}, sum.Index, sum.Hash, sum.Keys, sum.Bytes), nil
	case errors.Is(err, ErrNoChecksum):
		return []byte{0}, nil
	}
	return nil, err
}
