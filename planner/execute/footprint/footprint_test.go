package footprint

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

func at(p object.PartitionID, v object.LocationVersion) Place {
	return Place{Location: object.Location{Partition: p, Version: v}}
}

func id(n int) object.ID { return object.NewID(7, fmt.Appendf(nil, "%03d", n)) }

func newFootprint() *Footprint {
	f := New(1 << 20)
	f.Use(&catalog.Table{ID: 7, Version: 3, Name: "t"})
	return f
}

func all() []command.Span { return []command.Span{{Start: id(0), End: id(999)}} }

// TestReadTwice guards that a second look has to see what the first one saw.
func TestReadTwice(t *testing.T) {
	f := newFootprint()
	if !f.Read(id(1), at(1, 5), 10) || !f.Read(id(1), at(2, 9), 10) || f.Read(id(1), at(2, 9), 11) {
		t.Error("wrong about a changed object")
	}
	if o := f.Object(id(1)); o.Partition != 2 || o.Version != 9 {
		t.Errorf("it is believed to live at %v", o.Location)
	}
	f.Read(id(1), at(1, 5), 10) // an older location is not learnt
	if o := f.Object(id(1)); o.Partition != 2 {
		t.Errorf("it is believed to live at %v", o.Location)
	}
	if f.Uses(&catalog.Table{ID: 7, Version: 4}) || f.Use(&catalog.Table{ID: 7, Version: 4}) || !f.Use(&catalog.Table{ID: 8, Version: 1}) {
		t.Error("wrong about changed tables")
	}
}

// TestFollow guards that only newer locations are taken, and doubt is ended by any.
func TestFollow(t *testing.T) {
	f := newFootprint()
	f.Read(id(1), at(1, 5), 10)
	f.Follow(id(1), at(3, 4))
	if o := f.Object(id(1)); o.Partition != 1 {
		t.Error("an older location was taken")
	}
	f.Follow(id(1), Place{})
	if o := f.Object(id(1)); !o.Doubt || f.Checks(1) != nil {
		t.Error("what is in doubt is not to be checked where it was")
	}
	f.Follow(id(1), at(2, 5))
	if o := f.Object(id(1)); o.Doubt || o.Partition != 2 || f.Checks(2) == nil {
		t.Errorf("it is at %+v", o.Place)
	}
	f.Follow(id(2), at(2, 5)) // unknown
}

// TestParts guards what is sent of reads and of writes.
func TestParts(t *testing.T) {
	f := newFootprint()
	for n, rev := range []object.Revision{10, 20, 0, 0} {
		f.Read(id(n), at(object.PartitionID(n%2+1), 0), rev)
	}
	f.Write(id(1), command.EffectPut, []byte("one"))
	f.Write(id(2), command.EffectPut, []byte("two"))
	f.Write(id(2), command.EffectDelete, nil) // created and deleted again
	f.Write(id(3), command.EffectPut, []byte("three"))
	f.AddRange(&Range{Partition: 2, Range: command.Range{Table: 7, Spans: all()}}, true)
	objects := f.Objects()
	targets, where := make([]command.Target, len(objects)), make([]object.PartitionID, len(objects))
	for i, o := range objects {
		targets[i], where[i] = command.Target{ID: o.ID, Version: o.Version}, o.Partition
	}
	text := func(write bool) string {
		var b strings.Builder
		for _, s := range f.Parts(objects, targets, where, write, func(object.PartitionID) bool { return true }) {
			fmt.Fprintf(&b, "p%d tables %v ranges %d:", s.Partition, s.Part.Tables, len(s.Part.Ranges))
			for _, e := range s.Part.Effects {
				fmt.Fprintf(&b, " %s kind %d rev %d row %q", e.ID.Key(), e.Kind, e.Revision, e.Row)
			}
			b.WriteString("\n")
		}
		return b.String()
	}
	want := `p1 tables [{7 3}] ranges 0: 000 kind 0 rev 10 row "" 002 kind 0 rev 0 row ""
p2 tables [{7 3}] ranges 1: 001 kind 1 rev 20 row "one" 003 kind 1 rev 0 row "three"
`
	if got := text(true); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := text(false); strings.Contains(got, "kind 1") {
		t.Errorf("a check writes:\n%s", got)
	}
}

// TestRangesTwice guards that the same question is kept once, and has to have the same
// answer.
func TestRangesTwice(t *testing.T) {
	f := newFootprint()
	read := func(sum uint64, program string) bool {
		return f.AddRange(&Range{Partition: 1, Range: command.Range{Table: 7, Spans: all(), Program: []byte(program),
			Print: command.Fingerprint{Count: 1, Sum: sum}}}, true)
	}
	for range 2 {
		if !read(1, "x") || !read(2, "y") || read(2, "x") || len(f.Ranges()) != 2 {
			t.Errorf("%d ranges", len(f.Ranges()))
		}
	}
}

// model is the written objects, as a map and copies of it.
type model struct {
	now    map[object.ID]string // "": deleted
	points []struct {
		name string
		was  map[object.ID]string
	}
}

func (m *model) find(name string) int {
	for i := len(m.points) - 1; i >= 0; i-- {
		if m.points[i].name == name {
			return i
		}
	}
	return -1
}

func (m *model) copied() map[object.ID]string {
	c := make(map[object.ID]string)
	for k, v := range m.now {
		c[k] = v
	}
	return c
}

// TestSavepointsAgainstModel writes and goes back at random, and compares what is laid
// over reads with a map.
func TestSavepointsAgainstModel(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		f, m := newFootprint(), &model{now: make(map[object.ID]string)}
		for n := range 20 {
			f.Read(id(n), at(object.PartitionID(n%3+1), 0), object.Revision(n%4))
		}
		clean := f.bytes
		for step := range 300 {
			name := string(rune('a' + rnd.IntN(3)))
			switch rnd.IntN(8) {
			case 0:
				f.Savepoint(name)
				m.points = append(m.points, struct {
					name string
					was  map[object.ID]string
				}{name, m.copied()})
			case 1:
				i := m.find(name)
				if f.RollbackTo(name) != (i >= 0) {
					t.Fatalf("seed %d, step %d: wrong about savepoint %s", seed, step, name)
				}
				if i >= 0 {
					m.now = m.points[i].was
					m.points[i].was = m.copied()
					m.points = m.points[:i+1]
				}
			case 2:
				i := m.find(name)
				if f.Release(name) != (i >= 0) {
					t.Fatalf("seed %d, step %d: wrong about savepoint %s", seed, step, name)
				}
				if i >= 0 {
					m.points = m.points[:i]
				}
			case 3:
				n := rnd.IntN(20)
				f.Write(id(n), command.EffectDelete, nil)
				m.now[id(n)] = ""
			default:
				n, row := rnd.IntN(20), fmt.Sprintf("row %d", step)
				f.Write(id(n), command.EffectPut, []byte(row))
				m.now[id(n)] = row
			}
			compare(t, f, m, fmt.Sprintf("seed %d, step %d", seed, step))
		}
		// All that is written and remembered is counted, and nothing else.
		for f.Savepoints() > 0 {
			f.Release(f.points[0].name)
		}
		rows := int64(0)
		for _, row := range m.now {
			rows += int64(len(row))
		}
		if f.bytes != clean+rows {
			t.Errorf("seed %d: %d bytes are counted, not %d", seed, f.bytes, clean+rows)
		}
	}
}

func compare(t *testing.T, f *Footprint, m *model, when string) {
	t.Helper()
	if f.Writes() != len(m.now) {
		t.Fatalf("%s: %d writes, not %d", when, f.Writes(), len(m.now))
	}
	for p := object.PartitionID(1); p <= 3; p++ {
		over := f.Overlay(7, all(), p)
		if len(over) != len(m.now) || !slices.IsSortedFunc(over, func(a, b command.Overlaid) int { return strings.Compare(string(a.ID), string(b.ID)) }) {
			t.Fatalf("%s: overlay of %d, not %d", when, len(over), len(m.now))
		}
		for _, o := range over {
			want := m.now[o.ID]
			if f.Object(o.ID).Partition != p {
				want = ""
			}
			if string(o.Row) != want {
				t.Fatalf("%s: partition %d is shown %q as %q", when, p, o.Row, want)
			}
		}
	}
}
