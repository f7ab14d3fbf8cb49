package replication

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
	"github.com/ssmr/ssmr/internal/storage/storagetest"
)

// counters is a state machine of numbers: a command "name n" adds n to a number
// and gives the sum. Its memory holds the sum of all numbers, derived.
type counters struct {
	mu     sync.Mutex
	opened int
	total  int64
	shown  int64 // total as of Committed
	space  *storage.Space
}

func (c *counters) Open(space *storage.Space) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened++
	c.space, c.total = space, 0
	it, err := space.NewIterator(nil, nil)
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		c.total += int64(binary.BigEndian.Uint64(it.Value()))
	}
	c.shown = c.total
	return it.Err()
}

func (c *counters) Apply(entry Entry, batch *storage.Batch) ([]any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	results := make([]any, 0, len(entry.Commands))
	for _, command := range entry.Commands {
		name, number, ok := strings.Cut(string(command), " ")
		if !ok {
			return nil, fmt.Errorf("unknown command %q", command)
		}
		if name == "panic" {
			panic(number)
		}
		var n int64
		if _, err := fmt.Sscan(number, &n); err != nil {
			n = int64(len(number))
		}
		var buf [8]byte
		value, found, err := batch.Get(buf[:0], []byte(name))
		if err != nil {
			return nil, err
		}
		sum := n
		if found {
			sum += int64(binary.BigEndian.Uint64(value))
		}
		batch.Set([]byte(name), binary.BigEndian.AppendUint64(nil, uint64(sum)))
		c.total += n
		results = append(results, sum)
	}
	return results, nil
}

func (c *counters) Committed(uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shown = c.total
}

func (c *counters) read(name string) (int64, error) {
	c.mu.Lock()
	space := c.space
	c.mu.Unlock()
	value, found, err := space.Get(nil, []byte(name))
	if err != nil || !found {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(value)), nil
}

// replica is a node with one group.
type replica struct {
	id      object.NodeID
	disk    *storagetest.Disk
	logDisk *storagetest.Disk // nil: the same
	node    *testNode
	state   *storage.Store
	log     *storage.Store
	host    *Host
	group   *Machine
	machine *counters
	others  sync.Map // object.MachineID -> *counters; of the same group
}

// start starts a group and opens the machine that has its number. What other machines
// there are comes from others.
func start(h *Host, cfg GroupConfig, sm StateMachine, others *sync.Map) (*Machine, error) {
	cfg.Machine = func(id object.MachineID) (StateMachine, error) {
		if id == object.MachineID(cfg.ID) {
			return sm, nil
		}
		if others == nil {
			return nil, errors.New("there is none")
		}
		m := new(counters)
		others.Store(id, m)
		return m, nil
	}
	g, err := h.Start(cfg)
	if err != nil {
		return nil, err
	}
	return g.Machine(object.MachineID(cfg.ID))
}

// trio is a cluster, of three nodes by default.
type trio struct {
	t        testing.TB
	net      *testNetwork
	peers    []object.NodeID
	replicas map[object.NodeID]*replica
	config   func(id object.NodeID, cfg *Config)
	logger   *slog.Logger
}

const testHeartbeat = 200 * time.Millisecond

func newTrio(t testing.TB, nodes int, config func(object.NodeID, *Config)) *trio {
	c := &trio{t: t, net: newTestNetwork(), replicas: make(map[object.NodeID]*replica), config: config}
	var out io.Writer = io.Discard
	if os.Getenv("REPLICATION_LOG") != "" {
		out = os.Stderr
	}
	c.logger = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for i := range nodes {
		c.peers = append(c.peers, object.NodeID(rune('a'+i)))
	}
	for _, id := range c.peers {
		c.replicas[id] = &replica{id: id, disk: storagetest.NewDisk()}
	}
	for _, id := range c.peers {
		c.start(id)
	}
	t.Cleanup(func() {
		for _, id := range c.peers {
			c.stop(id)
		}
	})
	return c
}

// start starts a node on what its file system holds.
func (c *trio) start(id object.NodeID) *replica {
	c.t.Helper()
	r := c.replicas[id]
	r.node = c.net.node(id)
	var err error
	log := c.logger.With("node", id)
	if r.state, err = storage.Open("state", storage.Options{FS: r.disk.FS(), MemTableBytes: 1 << 20, Logger: log}); err != nil {
		c.t.Fatal(err)
	}
	logDisk := r.disk
	if r.logDisk != nil {
		logDisk = r.logDisk
	}
	if r.log, err = storage.Open("log", storage.Options{FS: logDisk.FS(), MemTableBytes: 1 << 20, ForLog: true, Logger: log}); err != nil {
		c.t.Fatal(err)
	}
	cfg := Config{
		Network: r.node, State: r.state, Log: r.log, Logger: log,
		Timing: Timing{Heartbeat: testHeartbeat, Commit: 10 * time.Millisecond},
	}
	if c.config != nil {
		c.config(id, &cfg)
	}
	if r.host, err = NewHost(cfg); err != nil {
		c.t.Fatal(err)
	}
	r.machine = new(counters)
	r.others.Clear()
	if r.group, err = start(r.host, GroupConfig{ID: 7, Peers: c.peers}, r.machine, &r.others); err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *trio) stop(id object.NodeID) {
	c.t.Helper()
	r := c.replicas[id]
	if r.host == nil {
		return
	}
	r.node.down()
	if err := r.host.Close(); err != nil {
		c.t.Error(err)
	}
	for _, s := range []*storage.Store{r.state, r.log} {
		failed := s.Err()
		if err := s.Close(); err != nil && failed == nil {
			c.t.Error(err)
		}
	}
	r.host = nil
}

// crash stops a node; what it had not synced is lost.
func (c *trio) crash(id object.NodeID) {
	c.t.Helper()
	r := c.replicas[id]
	r.node.down()
	disk := r.disk.Crash()
	c.stop(id)
	r.disk = disk
}

// leader waits until one of the nodes that run leads, other than those given.
func (c *trio) leader(not ...object.NodeID) *replica {
	c.t.Helper()
	var found *replica
	c.wait("a leader", func() bool {
		for _, r := range c.replicas {
			excluded := false
			for _, id := range not {
				excluded = excluded || r.id == id
			}
			if !excluded && r.host != nil && r.group.IsLeader() {
				found = r
				return true
			}
		}
		return false
	})
	return found
}

func (c *trio) wait(what string, f func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); {
		if time.Now().After(deadline) {
			c.t.Fatalf("no %s after 20 s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// add proposes on whoever leads until it is done.
func (c *trio) add(command string) int64 {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		result, err := c.leader().group.Propose(ctx, []byte(command))
		if err == nil {
			return result.(int64)
		}
		var notLeader *cluster.NotLeader
		if !errors.As(err, &notLeader) {
			c.t.Fatalf("propose %q: %v", command, err)
		}
	}
}

// get reads on whoever leads until it is done.
func (c *trio) get(name string) int64 {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		r := c.leader()
		var value int64
		err := r.group.Read(ctx, func() (err error) { value, err = r.machine.read(name); return err })
		if err == nil {
			return value
		}
		var notLeader *cluster.NotLeader
		if !errors.As(err, &notLeader) {
			c.t.Fatalf("read %q: %v", name, err)
		}
	}
}

// equal checks that all replicas hold the same content (invariant 5).
func (c *trio) equal() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for attempt := range 10 {
		leader := c.leader()
		want, err := leader.group.TakeChecksum(ctx)
		if err != nil {
			c.t.Logf("checksum on %s: %v", leader.id, err)
			continue
		}
		again := false
		for _, id := range c.peers {
			got, err := leader.group.Checksum(ctx, id, want.Index)
			switch {
			case errors.Is(err, ErrNoChecksum) && attempt < 9: // it got the state of a later index
				again = true
			case err != nil || got != want:
				c.t.Errorf("node %s has %+v, %v; leader %s has %+v", id, got, err, leader.id, want)
			}
		}
		if !again {
			return
		}
	}
	c.t.Error("no checksum could be taken")
}
