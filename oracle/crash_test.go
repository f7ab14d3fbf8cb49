package oracle

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// crash makes the oracle's leader fail at its n-th step from now on: a command to
// a partition, or an entry of its log. The step is taken or not. What is returned
// is closed when it happens.
func crash(o *oracleUnderTest, n int, taken bool) <-chan struct{} {
	happened := make(chan struct{})
	var left atomic.Int64
	left.Store(int64(n))
	count := func(lose func()) error {
		if left.Add(-1) != 0 {
			return nil
		}
		lose()
		close(happened)
		return errInjected
	}
	o.group.mu.Lock()
	o.partitions.mu.Lock()
	defer o.group.mu.Unlock()
	defer o.partitions.mu.Unlock()
	inPartition := func(object.PartitionID, command.Body) error { return count(o.group.lose) }
	inLog := func(logCommand) error { return count(o.group.loseLocked) }
	if taken {
		o.partitions.after, o.group.after = inPartition, inLog
	} else {
		o.partitions.before, o.group.before = inPartition, inLog
	}
	return happened
}

// atEveryStep runs a scenario again and again, and has the leader fail one step
// later each time, until the scenario ends before that.
func atEveryStep(t *testing.T, prepare func(o *oracleUnderTest), run func(o *oracleUnderTest) error, check func(o *oracleUnderTest)) {
	for _, taken := range []bool{false, true} {
		for n := 1; ; n++ {
			over := false
			ok := t.Run(fmt.Sprintf("step %d, taken %v", n, taken), func(t *testing.T) {
				o := startOracle(t)
				prepare(o)
				happened := crash(o, n, taken)
				ended := make(chan error, 1)
				go func() { ended <- run(o) }()
				var err error
				select {
				case <-happened:
					o.changeLeader()
					err = <-ended
				case err = <-ended:
					eventually(t, "the leader has nothing to do", func() bool {
						w := o.group.machine.work()
						return len(w.batches)+len(w.settling)+len(w.jobs) == 0 || isClosed(happened)
					})
					o.calm()
					if over = !isClosed(happened); !over {
						o.changeLeader()
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				eventually(t, "the new leader ends what was begun", func() bool {
					w := o.group.machine.work()
					return len(w.batches)+len(w.settling)+len(w.jobs) == 0
				})
				o.calm()
				check(o)
			})
			if over || !ok {
				break
			}
		}
	}
}

// calm ends the injection of failures.
func (o *oracleUnderTest) calm() {
	o.group.mu.Lock()
	o.group.before, o.group.after = nil, nil
	o.group.mu.Unlock()
	o.partitions.mu.Lock()
	o.partitions.before, o.partitions.after = nil, nil
	o.partitions.mu.Unlock()
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// createTable makes a table through the cache.
func (o *oracleUnderTest) createTable(name string, static bool) *catalog.Table {
	o.t.Helper()
	d, created, err := o.cache.CreateTable(o.ctx(), tableSpec(name, static))
	if err != nil || !created {
		o.t.Fatalf("create table: %v, created %v", err, created)
	}
	return d
}

// fill puts three objects of a table where they belong.
func (o *oracleUnderTest) fill(d *catalog.Table) []object.ID {
	o.t.Helper()
	var ids []object.ID
	for key := range int64(3) {
		id := idOf(o.t, d.ID, key)
		at := o.cache.Catalog().Home(d, id).Partition
		version := object.LocationVersion(0)
		if !d.Placement.Static {
			locations, err := o.cache.Assign(o.ctx(), []catalog.Assignment{{ID: id, Partition: at}})
			if err != nil {
				o.t.Fatal(err)
			}
			version = locations[0].Version
		}
		o.partitions.put(at, id, fmt.Sprintf("row %d", key), version)
		ids = append(ids, id)
	}
	return ids
}

func TestLeaderLostAtEveryStepOfAMove(t *testing.T) {
	for _, static := range []bool{true, false} {
		t.Run(fmt.Sprintf("static %v", static), func(t *testing.T) {
			var ids []object.ID
			atEveryStep(t, func(o *oracleUnderTest) {
				ids = o.fill(o.createTable("t", static))
			}, func(o *oracleUnderTest) error {
				results, err := o.cache.Move(o.ctx(), catalog.MoveRequest{To: 3, IDs: ids})
				if err == nil && slices.ContainsFunc(results, func(r catalog.MoveResult) bool {
					return r != catalog.Moved && r != catalog.AlreadyThere
				}) {
					err = fmt.Errorf("results %v", results)
				}
				return err
			}, func(o *oracleUnderTest) {
				located, err := o.cache.Confirm(o.ctx(), ids)
				if err != nil {
					o.t.Fatal(err)
				}
				for i, id := range ids {
					if got := o.partitions.copies(id); !slices.Equal(got, []object.PartitionID{3}) {
						o.t.Errorf("object %d lives in %v, want partition 3", i, got)
					}
					home := o.cache.Catalog().Home(o.cache.Catalog().ByName["t"], id).Partition
					if want := home != 3 || !static; want && located[i].Partition != 3 {
						o.t.Errorf("the directory says %v of object %d", located[i], i)
					}
				}
			})
		})
	}
}

func TestLeaderLostAtEveryStepOfARelease(t *testing.T) {
	var ids []object.ID
	atEveryStep(t, func(o *oracleUnderTest) {
		d := o.createTable("t", true)
		ids = o.fill(d)
		if _, err := o.cache.Move(o.ctx(), catalog.MoveRequest{To: 3, IDs: ids}); err != nil {
			o.t.Fatal(err)
		}
		eventually(o.t, "moves are settled", func() bool { return len(o.group.machine.work().settling) == 0 })
		o.partitions.mu.Lock()
		defer o.partitions.mu.Unlock()
		for _, id := range ids { // deleted
			delete(o.partitions.all[3].objects, id)
		}
	}, func(o *oracleUnderTest) error {
		_, err := o.client.call(o.ctx(), methodRelease, appendIDs(nil, ids))
		return err
	}, func(o *oracleUnderTest) {
		located, err := o.cache.Confirm(o.ctx(), ids)
		if err != nil {
			o.t.Fatal(err)
		}
		d := o.cache.Catalog().ByName["t"]
		for i, id := range ids {
			if !located[i].IsZero() {
				o.t.Errorf("the directory says %v of object %d, which was released", located[i], i)
			}
			home := o.cache.Catalog().Home(d, id).Partition
			if ok, _, _ := o.partitions.all[home].owns(command.Target{ID: id}); !ok {
				o.t.Errorf("object %d cannot be created at its home again", i)
			}
			if ok, _, _ := o.partitions.all[3].owns(command.Target{ID: id, Version: 1}); ok && home != 3 {
				o.t.Errorf("partition 3 still takes commands on object %d", i)
			}
		}
	})
}

// alter returns a change of a table that adds a column and verifies another.
func alter(d *catalog.Table) catalog.Change {
	next := *d
	next.Columns = append(slices.Clone(d.Columns), catalog.Column{Name: "w", Type: d.Columns[1].Type})
	next.Columns[1].NotNull = true
	next.Name = "renamed"
	return catalog.Change{Base: refOf(d), Table: &next, NotNull: []int{1}}
}

func refOf(d *catalog.Table) catalog.TableRef {
	return catalog.TableRef{ID: d.ID, Version: d.Version, Name: d.Name}
}

func TestLeaderLostAtEveryStepOfAChange(t *testing.T) {
	var base *catalog.Table
	atEveryStep(t, func(o *oracleUnderTest) {
		base = o.createTable("t", true)
		o.fill(base)
	}, func(o *oracleUnderTest) error {
		_, err := o.cache.AlterTable(o.ctx(), alter(base))
		return err
	}, func(o *oracleUnderTest) {
		d := o.cache.Catalog().ByName["renamed"]
		if d == nil || d.ID != base.ID || len(d.Columns) != 3 || d.Fenced || o.cache.Catalog().ByName["t"] != nil {
			o.t.Fatalf("the catalog says %+v", d)
		}
		o.everyPartitionHas(d)
	})
}

// everyPartitionHas checks that partitions have a descriptor.
func (o *oracleUnderTest) everyPartitionHas(d *catalog.Table) {
	o.t.Helper()
	o.partitions.mu.Lock()
	defer o.partitions.mu.Unlock()
	for id, p := range o.partitions.all {
		if got := p.tables[d.ID]; got == nil || got.Version != d.Version || got.Fenced {
			o.t.Errorf("partition %d has %+v, want version %d", id, got, d.Version)
		}
	}
}

func TestLeaderLostAtEveryStepOfAFailingChange(t *testing.T) {
	var base *catalog.Table
	atEveryStep(t, func(o *oracleUnderTest) {
		base = o.createTable("t", true)
		o.fill(base)
		o.partitions.put(2, idOf(o.t, base.ID, 99), "", 0) // NULL to the model's filter
	}, func(o *oracleUnderTest) error {
		_, err := o.cache.AlterTable(o.ctx(), alter(base))
		if e := pgerror.As(err); e == nil || e.Code != pgerror.NotNullViolation {
			return fmt.Errorf("got %v, want 23502", err)
		}
		return nil
	}, func(o *oracleUnderTest) {
		d := o.cache.Catalog().ByName["t"]
		if d == nil || len(d.Columns) != 2 || d.Fenced || o.cache.Catalog().ByName["renamed"] != nil {
			o.t.Fatalf("the catalog says %+v", d)
		}
		o.everyPartitionHas(d)
	})
}

func TestLeaderLostAtEveryStepOfTruncate(t *testing.T) {
	var base *catalog.Table
	var ids []object.ID
	atEveryStep(t, func(o *oracleUnderTest) {
		base = o.createTable("t", false)
		ids = o.fill(base)
		if first, err := o.cache.AllocateSequence(o.ctx(), base.ID, 0, 5); err != nil || first != 1 {
			o.t.Fatal(first, err)
		}
	}, func(o *oracleUnderTest) error {
		return o.cache.TruncateTables(o.ctx(), catalog.Truncate{Tables: []catalog.TableRef{refOf(base)}})
	}, func(o *oracleUnderTest) {
		d := o.cache.Catalog().ByName["t"]
		if d == nil || d.ID == base.ID || d.Fenced {
			o.t.Fatalf("the catalog says %+v", d)
		}
		o.everyPartitionHas(d)
		for _, id := range ids {
			if got := o.partitions.copies(id); len(got) > 0 {
				o.t.Errorf("an object of the old table is in %v", got)
			}
		}
		if entries, _, err := o.group.machine.entries("", 100); err != nil || len(entries) > 0 {
			o.t.Errorf("directory entries are left: %v, %v", entries, err)
		}
		if first, err := o.cache.AllocateSequence(o.ctx(), d.ID, 0, 1); err != nil || first <= 5 {
			o.t.Errorf("the sequence went back to %d, %v", first, err)
		}
	})
}

func TestLeaderLostAtEveryStepOfAdoption(t *testing.T) {
	var base *catalog.Table
	var ids []object.ID
	atEveryStep(t, func(o *oracleUnderTest) {
		base = o.createTable("t", true)
		ids = o.fill(base)
		if _, err := o.cache.Move(o.ctx(), catalog.MoveRequest{To: 4, IDs: ids[:1]}); err != nil {
			o.t.Fatal(err)
		}
	}, func(o *oracleUnderTest) error {
		next := *base
		next.Placement = catalog.Placement{Policy: "list"}
		_, err := o.cache.AlterTable(o.ctx(), catalog.Change{Base: refOf(base), Table: &next})
		return err
	}, func(o *oracleUnderTest) {
		d := o.cache.Catalog().ByName["t"]
		if d.Placement.Static || d.Placement.Policy != "list" {
			o.t.Fatalf("the catalog says %+v", d)
		}
		located, err := o.cache.Confirm(o.ctx(), ids)
		if err != nil {
			o.t.Fatal(err)
		}
		for i, id := range ids {
			if got := o.partitions.copies(id); len(got) != 1 || got[0] != located[i].Partition {
				o.t.Errorf("object %d is in %v, the directory says %v", i, got, located[i])
			}
		}
	})
}
