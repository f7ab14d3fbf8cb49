package partitions

import (
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

// directory stands for the oracle: a command is the numbers of objects (8 bytes each),
// which it gives locations if none of them has one.
type directory struct {
	batch   *storage.Batch
	index   uint64
	pending []byte
}

func (d *directory) Open(*storage.Space) error { return nil }

func (d *directory) Apply(replication.Entry, *storage.Batch) ([]any, error) {
	return nil, errors.New("only joint commands are expected")
}

func (d *directory) BeginEntry(e replication.Entry, b *storage.Batch) { d.index, d.batch = e.Index, b }

func (d *directory) Execute([]byte) (any, error) { return d.Apply(replication.Entry{}, nil) }

func (d *directory) Consider(c []byte, _ []any) (any, bool, error) {
	d.pending = nil
	for i := 0; i < len(c); i += 8 {
		if _, found, err := d.batch.Get(nil, c[i:i+8]); err != nil || found {
			return new(command.Assigned), false, err
		}
	}
	d.pending = c
	return &command.Assigned{Version: object.LocationVersion(d.index)}, true, nil
}

func (d *directory) Decide(carryOut bool) (any, error) {
	if !carryOut || d.pending == nil {
		return new(command.Assigned), nil
	}
	for i := 0; i < len(d.pending); i += 8 {
		d.batch.Set(d.pending[i:i+8], binary.BigEndian.AppendUint64(nil, d.index))
	}
	return &command.Assigned{Version: object.LocationVersion(d.index)}, nil
}

func (d *directory) FinishEntry() {}

// withOracle has the partitions in the oracle's group.
func withOracle(object.PartitionID) object.GroupID { return object.OracleGroup }

func assignmentOf(ids ...int) []byte {
	var b []byte
	for _, id := range ids {
		b = binary.BigEndian.AppendUint64(b, uint64(id))
	}
	return b
}

func acceptAll(c *Config) { c.CheckAssign = func([]byte) error { return nil } }

// All nodes found the same objects, while leaders come and go: of each pair, which are in
// two partitions, one attempt creates both, and is told so.
func TestFoundOnce(t *testing.T) {
	nodes := newClusterIn(t, 3, 2, withOracle, acceptAll)
	stop := make(chan struct{})
	var beside sync.WaitGroup
	beside.Go(func() { disturb(t, nodes, stop) })
	const pairs, workers = 60, 6
	var created [pairs]atomic.Int64
	var versions [pairs]atomic.Uint64
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for n := range pairs {
				a, b := 1000+n, 2000+n
				version, votes, err := nodes[i%3].client.Found(testContext(t), transactionOf(createOf(0, a), createOf(0, b)), assignmentOf(a, b))
				if err != nil {
					t.Errorf("pair %d: %v", n, err)
					return
				}
				if votes[0].Yes() != votes[1].Yes() {
					t.Errorf("pair %d: votes are %+v and %+v", n, votes[0], votes[1])
				}
				if votes[0].Yes() {
					created[n].Add(1)
					versions[n].Store(uint64(version))
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	beside.Wait()
	for n := range pairs {
		if got := created[n].Load(); got != 1 {
			t.Errorf("pair %d was created %d times", n, got)
			continue
		}
		// A location of the version that was told is right, another is not.
		version := object.LocationVersion(versions[n].Load())
		for _, id := range []int{1000 + n, 2000 + n} {
			r := pointRead(id)
			r.Targets[0].Version = version
			chunk, err := nodes[n%3].client.Read(testContext(t), object.PartitionID(id/1000), r)
			if err != nil || chunk.Refusal != nil || len(chunk.Rows) != 1 {
				t.Errorf("object %d at version %d: %v %+v", id, version, err, chunk)
			}
		}
	}
	nothingLeft(t, nodes, 2)
}

// What the oracle, or a partition, does not agree to takes no effect anywhere.
func TestFoundAllOrNothing(t *testing.T) {
	nodes := newClusterIn(t, 3, 2, withOracle, acceptAll)
	found := func(n int, t2 *command.Transaction, assign []byte) (object.LocationVersion, []*command.Vote) {
		t.Helper()
		version, votes, err := nodes[n].client.Found(testContext(t), t2, assign)
		if err != nil {
			t.Fatal(err)
		}
		return version, votes
	}
	if version, votes := found(0, transactionOf(createOf(0, 1001), createOf(0, 2001)), assignmentOf(1001, 2001)); version == 0 || !votes[0].Yes() || !votes[1].Yes() {
		t.Fatalf("%d %+v", version, votes)
	}
	// One of the ids has a location.
	if version, votes := found(1, transactionOf(createOf(0, 1002), createOf(0, 2001)), assignmentOf(1002, 2001)); version != 0 || votes[0].Yes() || votes[1].Yes() {
		t.Fatalf("%d %+v", version, votes)
	}
	// One of the partitions refuses.
	old := createOf(0, 2003)
	old.Schema--
	if version, votes := found(2, transactionOf(createOf(0, 1003), old), assignmentOf(1003, 2003)); version != 0 || votes[0].Yes() || votes[1].Yes() {
		t.Fatalf("%d %+v", version, votes)
	}
	// Of neither is anything left: the ids can be founded still.
	for i, id := range []int{1002, 1003} {
		if version, votes := found(i, transactionOf(createOf(0, id)), assignmentOf(id)); version == 0 || !votes[0].Yes() {
			t.Fatalf("%d: %d %+v", id, version, votes)
		}
	}
	if _, _, err := nodes[0].client.Found(testContext(t), transactionOf(), nil); !errors.Is(err, ErrApart) {
		t.Errorf("nothing to be founded gave %v", err)
	}
	apart := newClusterIn(t, 1, 2, together, nil)
	if _, _, err := apart[0].client.Found(testContext(t), transactionOf(createOf(0, 1)), assignmentOf(1)); !errors.Is(err, ErrApart) {
		t.Errorf("without the oracle's group: %v", err)
	}
}
