package state

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

// proposal is a part of an entry of a log that partitions share: a command for one of
// them, or one for each of several, which are executed jointly.
type proposal struct {
	to       []*fixture
	commands []*command.Command
	oracle   *command.Assigned // what the oracle says first, where it takes part
}

// jointOutcome is what an entry has given for a proposal.
type jointOutcome struct {
	results []any
	// Of a joint one:
	considered []any // what it would have given; first what the oracle has said
	agreed     []bool
	carriedOut bool
	gaveUp     int // locks of sessions that ended with it
}

// decision is what was decided of a joint command, beside what its machine has said.
type decision struct {
	agreed, carryOut bool
	earlier          []any // what was said of the commands before it
}

// decisions are those of an entry, by their place among its commands.
type decisions map[int]decision

// sharing is an entry of a shared log that is being applied by one partition.
type sharing struct {
	f     *fixture
	entry replication.Entry // with the commands so far
	lent  [][]byte          // as they were given to the machine
	batch *storage.Batch
}

// lend returns a command as the machine is given it. It is valid until the entry ends.
func (s *sharing) lend(c *command.Command) []byte {
	encoded := command.AppendCommand(nil, c)
	s.entry.Commands = append(s.entry.Commands, encoded)
	s.lent = append(s.lent, slices.Clone(encoded))
	return s.lent[len(s.lent)-1]
}

// applyShared applies one entry of a log that partitions share.
func applyShared(t testing.TB, proposals []proposal) []jointOutcome {
	t.Helper()
	index := uint64(0)
	for _, p := range proposals {
		for _, f := range p.to {
			index = max(index, f.index+1)
		}
	}
	var all []*sharing
	part := func(f *fixture) *sharing {
		for _, s := range all {
			if s.f == f {
				return s
			}
		}
		s := &sharing{f: f, entry: replication.Entry{Index: index}, batch: f.space.NewBatch()}
		all = append(all, s)
		f.index = index
		f.m.BeginEntry(s.entry, s.batch)
		return s
	}
	outcomes := make([]jointOutcome, len(proposals))
	for i, p := range proposals {
		o := &outcomes[i]
		if len(p.to) == 1 && p.oracle == nil {
			result, err := p.to[0].m.Execute(part(p.to[0]).lend(p.commands[0]))
			if err != nil {
				t.Fatal(err)
			}
			o.results = []any{result}
			continue
		}
		o.carriedOut = p.oracle == nil || p.oracle.Version > 0
		if p.oracle != nil {
			o.considered = append(o.considered, p.oracle)
		}
		for n, f := range p.to {
			result, agreed, err := f.m.Consider(part(f).lend(p.commands[n]), o.considered)
			if err != nil {
				t.Fatal(err)
			}
			o.considered, o.agreed = append(o.considered, result), append(o.agreed, agreed)
			o.carriedOut = o.carriedOut && agreed
		}
		for n, f := range p.to {
			locked := len(f.m.Transactions(command.TransactionLocking))
			result, err := f.m.Decide(o.carriedOut)
			if err != nil {
				t.Fatal(err)
			}
			o.results = append(o.results, result)
			o.gaveUp += locked - len(f.m.Transactions(command.TransactionLocking))
			if f.joint == nil {
				f.joint = make(map[uint64]decisions)
			}
			if f.joint[index] == nil {
				f.joint[index] = make(decisions)
			}
			f.joint[index][len(part(f).entry.Commands)-1] = decision{o.agreed[n], o.carriedOut, o.considered[:n+len(o.considered)-len(p.to)]}
		}
	}
	for _, s := range all {
		s.f.m.FinishEntry()
		for _, b := range s.lent {
			clear(b)
		}
		if s.f.keepLog {
			s.f.log = append(s.f.log, s.entry)
		}
		err := s.batch.Commit(storage.NoSync)
		s.batch.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range all {
		s.f.m.Committed(index)
	}
	return outcomes
}

// applyDecided applies an entry of a log that was shared, as it was decided.
func applyDecided(m *Machine, e replication.Entry, decided decisions, batch *storage.Batch) error {
	if len(decided) == 0 {
		_, err := m.Apply(e, batch)
		return err
	}
	m.BeginEntry(replication.Entry{Index: e.Index, Term: e.Term}, batch)
	for i, c := range e.Commands {
		d, joint := decided[i]
		if !joint {
			if _, err := m.Execute(c); err != nil {
				return err
			}
			continue
		}
		_, agreed, err := m.Consider(c, d.earlier)
		if err == nil && agreed != d.agreed {
			err = fmt.Errorf("entry %d, command %d: agreed %v, elsewhere %v", e.Index, i, agreed, d.agreed)
		}
		if err == nil {
			_, err = m.Decide(d.carryOut)
		}
		if err != nil {
			return err
		}
	}
	m.FinishEntry()
	return nil
}

// accounts are two partitions with some objects each: 11, 12, 13 and 21, 22, 23.
type accounts struct {
	t        testing.TB
	one, two *fixture
}

func newAccounts(t testing.TB) *accounts {
	a := &accounts{t, newFixture(t, 1), newFixture(t, 2)}
	for i, f := range a.both() {
		f.unsettled = true
		for n := 1; n <= 3; n++ {
			f.says("create", create(directoryTable, 10*(i+1)+n, 100, 10), "1")
		}
	}
	return a
}

func (a *accounts) both() []*fixture { return []*fixture{a.one, a.two} }

// commands are new ones for both.
func (a *accounts) commands(one, two *command.Prepare) proposal {
	return proposal{to: a.both(), commands: []*command.Command{a.one.command(one), a.two.command(two)}}
}

// says attempts a transaction in one entry.
func (a *accounts) says(what string, one, two *command.Prepare, want string) jointOutcome {
	a.t.Helper()
	return a.repeats(what, a.commands(one, two), want)
}

func (a *accounts) repeats(what string, p proposal, want string) jointOutcome {
	a.t.Helper()
	o := applyShared(a.t, []proposal{p})[0]
	a.one.expect(what, o.text(), want)
	return o
}

// text is the votes, and whether that was carried out.
func (o *jointOutcome) text() string {
	s := ""
	for _, r := range o.results {
		s += answer(r) + ", "
	}
	if o.carriedOut {
		return s + "done"
	}
	return s + "not done"
}

// holds expects the value of an object.
func (f *fixture) holds(id int, want string) {
	f.t.Helper()
	chunk := f.point(directoryTable, id, 10)
	f.expect(fmt.Sprint("object ", id), chunkOutcome(f.t, chunk), fmt.Sprintf("%d,%s,s", id, want))
}

// state is all that is stored but for what is remembered of senders.
func (f *fixture) state() map[string]string {
	all := content(f.t, f.space)
	maps.DeleteFunc(all, func(key, _ string) bool { return key[0] == prefixResults })
	return all
}

func plus(t int, ids ...int) *command.Prepare {
	var writes []*command.Write
	for _, id := range ids {
		writes = append(writes, increment(directoryTable, id, 10))
	}
	return prep(tx(t), two, writes...)
}

// Both parts are carried out, in the entry, and nothing stays of the transaction.
func TestJointIsCarriedOut(t *testing.T) {
	a := newAccounts(t)
	var print fingerprint
	for n := 11; n <= 13; n++ {
		print.add([]byte(idOf(directoryTable, n)), a.one.revisionOf(directoryTable, n))
	}
	one := plus(1, 11, 11)
	one.Part.Ranges = []command.Range{{Table: directoryTable, Spans: []command.Span{spanOf(directoryTable, 10, 14)}, Print: print.print(a.one.index)}}
	one.Part.Effects = []command.Effect{
		effectOn(idOf(directoryTable, 12), 10, command.EffectDelete, a.one.revisionOf(directoryTable, 12), nil),
		effectOn(idOf(directoryTable, 13), 10, command.EffectNone, a.one.revisionOf(directoryTable, 13), nil),
	}
	over := &command.Write{Kind: command.Update, Table: directoryTable, Program: incrementProgram(), Spans: []command.Span{spanOf(directoryTable, 22, 30)}}
	o := a.says("both", one, prep(tx(1), two, create(directoryTable, 29, 7, 10), over), "yes, yes, done")
	for i, want := range []string{"101 102", "101 101 8"} {
		got := ""
		for _, r := range o.results[i].(*command.Vote).Results {
			got += values(t, r.Rows) + " "
		}
		a.one.expect("returned", strings.TrimSpace(got), want)
	}
	a.one.holds(11, "102")
	a.one.expect("deleted", chunkOutcome(t, a.one.point(directoryTable, 12, 10)), "absent")
	for id, want := range map[int]string{21: "100", 22: "101", 23: "101", 29: "8"} {
		a.two.holds(id, want)
	}
	for _, f := range a.both() {
		if !f.m.locks.idle() || len(f.m.Transactions()) > 0 || f.m.shield.count.Load() > 0 || f.m.Counters().Prepared > 0 {
			t.Error("something stays")
		}
		pinned := must(f.m.Pin())
		if list, err := pinned.Transactions(); err != nil || len(list) > 0 {
			t.Errorf("who scans is told of %v, %v", list, err)
		}
		pinned.Close()
		for key := range f.state() {
			switch key[0] {
			case prefixTransactions, prefixStaged, prefixLocks, prefixQueue, prefixAborted:
				t.Errorf("key %q stays", key)
			}
		}
		size := f.m.Sizes()[directoryTable]
		f.reopen()
		if size != f.m.Sizes()[directoryTable] {
			t.Errorf("counted are %v, stored %v", size, f.m.Sizes())
		}
	}
	if one, two := a.one.m.Sizes()[directoryTable].Objects, a.two.m.Sizes()[directoryTable].Objects; one != 2 || two != 4 {
		t.Errorf("%d and %d objects", one, two)
	}
}

// big fills a partition with objects of which one entry cannot return all.
func (f *fixture) big() command.Span {
	for n := range 9 {
		w := create(directoryTable, 1000+n, 0, 10)
		w.Targets[0].Row = rowOf(1000+n, 0, strings.Repeat("x", maxSpanReturned/8))
		f.says("create", w, "1")
	}
	return spanOf(directoryTable, 1000, 2000)
}

// Where one part is a no, nothing of the other is seen anywhere, whatever it was a no
// for, and whoever was asked first.
func TestJointNoLeavesNoTrace(t *testing.T) {
	for _, no := range []struct {
		name string
		vote string
		// makes the part for a partition; its objects are first+1 to first+3.
		make func(f *fixture, first int) *command.Prepare
	}{
		{"an error", "23505", func(_ *fixture, first int) *command.Prepare {
			return prep(tx(1), two, increment(directoryTable, first+2, 10), create(directoryTable, first+1, 1, 10))
		}},
		{"a check", "23514", func(f *fixture, first int) *command.Prepare {
			f.says("create", create(directoryTable, first+9, 999, 10), "1")
			return plus(1, first+1, first+9)
		}},
		{"an object that was changed", "conflict 1", func(f *fixture, first int) *command.Prepare {
			read := f.revisionOf(directoryTable, first+1)
			f.says("change", increment(directoryTable, first+1, 10), "1")
			b := plus(1, first+2)
			b.Part.Effects = []command.Effect{effectOn(idOf(directoryTable, first+1), 10, command.EffectNone, read, nil)}
			return b
		}},
		{"a range that was changed", "conflict", func(f *fixture, first int) *command.Prepare {
			var print fingerprint
			print.add([]byte(idOf(directoryTable, first+1)), f.revisionOf(directoryTable, first+1))
			b := plus(1, first+3)
			b.Part.Ranges = []command.Range{{Table: directoryTable, Spans: []command.Span{spanOf(directoryTable, first+1, first+3)}, Print: print.print(1)}}
			return b
		}},
		{"elsewhere", "elsewhere", func(_ *fixture, first int) *command.Prepare {
			return prep(tx(1), two, increment(directoryTable, first+1, 10), increment(directoryTable, 99, 0))
		}},
		{"schema", "schema new", func(_ *fixture, first int) *command.Prepare {
			b := plus(1, first+1)
			b.Part.Tables = []command.TableVersion{{Table: directoryTable, Schema: 7}}
			return b
		}},
		{"in transit", "awaited", func(f *fixture, first int) *command.Prepare {
			f.says("departs", departs(20, 3, idOf(directoryTable, first+3)), "gone true")
			return prep(tx(1), two, &command.Write{Kind: command.Delete, Table: directoryTable, Spans: []command.Span{spanOf(directoryTable, first+2, first+4)}})
		}},
		{"locked", "locked conflict 1", func(f *fixture, first int) *command.Prepare {
			f.says("another", plus(2, first+1), "yes")
			return plus(1, first+2, first+1)
		}},
		{"resolved", "aborted", func(f *fixture, first int) *command.Prepare {
			f.says("resolve", &command.Resolve{Transaction: tx(1)}, "aborted")
			return plus(1, first+1)
		}},
		{"more than an entry", "withdrawn", func(f *fixture, first int) *command.Prepare {
			span := f.big()
			return prep(tx(1), two, increment(directoryTable, first+1, 10),
				&command.Write{Kind: command.Delete, Table: directoryTable, Program: projectAll(), Spans: []command.Span{span}})
		}},
		{"malformed", "XX000", func(f *fixture, first int) *command.Prepare {
			b := plus(1, first+1)
			b.Part.Effects = []command.Effect{effectOn(idOf(directoryTable, first+2), 10, command.EffectPut, f.revisionOf(directoryTable, first+2), nil)}
			return b
		}},
	} {
		t.Run(no.name, func(t *testing.T) {
			for side := range 2 {
				a := newAccounts(t)
				bad, good := a.both()[side], a.both()[1-side]
				bodies, want := make([]*command.Prepare, 2), []string{"aborted", "aborted"}
				bodies[side] = no.make(bad, 10*(side+1))
				want[side] = strings.Replace(no.vote, "conflict 1", fmt.Sprint("conflict ", 10*(side+1)+1), 1)
				first := 10 * (2 - side)
				bodies[1-side] = prep(tx(1), two, increment(directoryTable, first+1, 10), remove(directoryTable, first+2, 10), create(directoryTable, first+8, 1, 10),
					&command.Write{Kind: command.Update, Table: directoryTable, Program: incrementProgram(), Spans: []command.Span{spanOf(directoryTable, first, first+5)}})
				p := a.commands(bodies[0], bodies[1])
				said := want[0] + ", " + want[1] + ", not done"
				stood := []map[string]string{good.state(), bad.state()}
				sizes := []map[object.TableID]Size{good.m.Sizes(), bad.m.Sizes()}
				for _, when := range []string{"first", "again", "restarted"} {
					if when == "restarted" {
						good.reopen()
						bad.reopen()
					}
					a.repeats(when, p, said)
					for i, f := range []*fixture{good, bad} {
						if !maps.Equal(f.state(), stood[i]) {
							t.Errorf("%s: the state has changed", when)
						}
						if !maps.Equal(f.m.Sizes(), sizes[i]) {
							t.Errorf("%s: sizes are %v, were %v", when, f.m.Sizes(), sizes[i])
						}
					}
				}
				if !good.m.locks.idle() || len(good.m.Transactions()) > 0 {
					t.Error("something stays")
				}
				good.holds(first+1, "100")
				good.says("goes on", increment(directoryTable, first+2, 10), "1")
			}
		})
	}
}

// A no is not carried out even if it should be, and an agreed part that is dropped
// can be attempted again.
func TestJointDecides(t *testing.T) {
	a := newAccounts(t)
	f := a.one
	stale := effects(tx(1), two, effectOn(idOf(directoryTable, 11), 10, command.EffectPut, f.revisionOf(directoryTable, 12), rowOf(11, 1, "s")))
	for _, carryOut := range []bool{false, true} {
		for i, body := range []*command.Prepare{stale, plus(2, 12)} {
			batch := f.space.NewBatch()
			f.index++
			f.m.BeginEntry(replication.Entry{Index: f.index}, batch)
			vote, agreed, err := f.m.Consider(command.AppendCommand(nil, f.command(body)), nil)
			if err != nil || agreed != (i == 1) || agreed != vote.(*command.Vote).Yes() {
				t.Fatalf("%v, %v, %v", vote, agreed, err)
			}
			decided, err := f.m.Decide(carryOut)
			if err != nil {
				t.Fatal(err)
			}
			want := "conflict 11"
			if i == 1 {
				want = map[bool]string{false: "aborted", true: "yes"}[carryOut]
			}
			f.expect("decided", answer(decided), want)
			f.m.FinishEntry()
			if err := batch.Commit(storage.NoSync); err != nil {
				t.Fatal(err)
			}
			batch.Close()
			f.m.Committed(f.index)
			f.holds(11, "100")
		}
		f.holds(12, map[bool]string{false: "100", true: "101"}[carryOut])
	}
	if c := f.m.Counters(); c.Conflicts != 2 || c.Direct != 1 {
		t.Errorf("%+v", c)
	}
}

// What it writes has a revision that nothing had before.
func TestJointRevisions(t *testing.T) {
	a := newAccounts(t)
	seen := make(map[object.Revision]string)
	note := func(when string) {
		for i, f := range a.both() {
			r := f.revisionOf(directoryTable, 10*(i+1)+1)
			if before, twice := seen[r]; twice {
				t.Errorf("%s: the revision is that of: %s", when, before)
			}
			seen[r] = when
		}
	}
	note("created")
	read := a.one.revisionOf(directoryTable, 11)
	a.says("first", plus(1, 11), plus(1, 21), "yes, yes, done")
	note("first")
	put := func(n int, r object.Revision) *command.Prepare {
		return effects(tx(n), two, effectOn(idOf(directoryTable, 11), 10, command.EffectPut, r, rowOf(11, 7, "s")))
	}
	a.says("read before", put(2, read), plus(2, 21), "conflict 11, aborted, not done")
	a.says("read after", put(3, a.one.revisionOf(directoryTable, 11)), plus(3, 21), "yes, yes, done")
	note("second")
	for _, f := range a.both() {
		f.says("prepare", plus(4, 10*int(f.m.partition)+1), "yes")
		f.says("commit", commits(tx(4)), "rest 0")
	}
	note("the other way")
	a.says("third", plus(5, 11), plus(5, 21), "yes, yes, done")
	note("third")

	// A Prepare of the same entry stages another one.
	prepare := a.one.command(plus(6, 11))
	applyShared(t, []proposal{a.commands(plus(7, 11), plus(7, 21)), {to: []*fixture{a.one}, commands: []*command.Command{prepare}}})
	note("fourth")
	a.one.says("commit", commits(tx(6)), "rest 0")
	a.two.says("write", increment(directoryTable, 21, 10), "1")
	note("staged beside the fourth")
	a.one.holds(11, "11")
	a.two.holds(21, "106")
}

// It meets locks, and those who wait for them, but does not wait.
func TestJointMeetsLocks(t *testing.T) {
	a := newAccounts(t)
	a.two.says("another prepares", plus(1, 21), "yes")
	waiting := a.two.pends("waits for both", waitingPrepare(plus(2, 21, 22)))
	a.says("its lock", plus(3, 11), plus(3, 21), "aborted, locked conflict 21, not done")
	a.says("who waits", plus(4, 11), plus(4, 22), "aborted, locked conflict 22, not done")
	a.says("neither", plus(5, 11), plus(5, 23), "yes, yes, done")
	if n := len(a.two.m.locks.waiters); n != 1 {
		t.Errorf("%d wait", n)
	}
	a.two.says("commit", commits(tx(1)), "rest 0")
	a.two.ended("next", waiting, "yes")
	a.two.says("abort", aborts(tx(2)), "rest 0")
	a.says("free", plus(6, 11), plus(6, 22), "yes, yes, done")

	// A transaction that reads shares with those that read.
	reads := func(n int) *command.Prepare {
		return effects(tx(n), two, effectOn(idOf(directoryTable, 21), 10, command.EffectNone, a.two.revisionOf(directoryTable, 21), nil))
	}
	a.two.says("reads", reads(7), "yes")
	a.says("reads, too", plus(8, 11), reads(8), "yes, yes, done")
	a.says("writes", plus(9, 11), plus(9, 21), "aborted, locked conflict 21, not done")
	a.one.holds(11, "103")
}

// The locks of its session end with it where it is carried out; who has waited for them
// goes on in the same entry.
func TestJointOfSession(t *testing.T) {
	a := newAccounts(t)
	owner := tx(50)
	locks := func(id int) *command.Lock {
		return &command.Lock{Owner: owner, Table: directoryTable, Schema: schemaVersion, Mode: command.LockUpdate,
			Targets: []command.Target{{ID: idOf(directoryTable, id), Version: 10}}}
	}
	of := func(b *command.Prepare) *command.Prepare {
		b.Owner = owner
		return b
	}
	a.one.says("locks", locks(11), "at [0] absent [] skipped []")
	a.two.says("locks", locks(21), "at [0] absent [] skipped []")
	a.one.pends("a write", increment(directoryTable, 11, 10))
	a.two.pends("a transaction", waitingPrepare(plus(1, 21)))
	move := departs(20, 3, idOf(directoryTable, 23))
	a.two.says("another prepares", plus(2, 22), "yes")
	a.says("another's", plus(3, 11), plus(3, 21), "locked conflict 11, locked conflict 21, not done")
	a.says("its own, in vain", of(plus(4, 11)), of(plus(4, 21, 22)), "aborted, locked conflict 22, not done")
	for _, f := range a.both() {
		f.reopen()
		if len(f.m.Transactions(command.TransactionLocking)) != 1 || len(f.m.locks.waiters) != 1 {
			t.Fatal("the session has lost its locks")
		}
	}
	one := a.commands(of(plus(5, 11)), of(plus(5, 21)))
	outcomes := applyShared(t, []proposal{one, {to: []*fixture{a.two}, commands: []*command.Command{a.two.command(move)}}})
	a.one.expect("its own", outcomes[0].text(), "yes, yes, done")
	a.one.expect("a move", answer(outcomes[1].results[0]), "gone true")
	a.one.holds(11, "102") // by who has waited, too
	for i, want := range []string{"", "c/1/1 c/1/2"} {
		f, got := a.both()[i], ""
		for _, info := range f.m.Transactions() {
			got += " " + info.ID.String()
		}
		f.expect("transactions", strings.TrimSpace(got), want)
		if len(f.m.locks.waiters) > 0 {
			t.Error("somebody waits")
		}
	}
	a.two.says("commit", commits(tx(1)), "rest 0")
	a.two.holds(21, "102")
	a.repeats("again", one, "yes, yes, not done")
	a.one.holds(11, "102")
}

// In one entry commands see what was done before them, and no more.
func TestJointBesideOthers(t *testing.T) {
	a := newAccounts(t)
	single := func(f *fixture, b command.Body) proposal {
		if w, ok := b.(*command.Write); ok {
			w.Schema = schemaVersion
		}
		return proposal{to: []*fixture{f}, commands: []*command.Command{f.command(b)}}
	}
	repeated := a.commands(plus(1, 11, 12), plus(1, 21))
	move := departs(20, 3, idOf(directoryTable, 21))
	outcomes := applyShared(t, []proposal{
		single(a.one, increment(directoryTable, 11, 10)),
		repeated,
		single(a.two, increment(directoryTable, 21, 10)),
		single(a.one, plus(2, 12)), // prepares
		single(a.one, increment(directoryTable, 12, 10)),
		a.commands(plus(3, 11), plus(3, 21)),
		repeated,
		a.commands(plus(4, 12), plus(4, 21)),
		single(a.one, commits(tx(2))),
		a.commands(plus(5, 12), plus(5, 22)),
		single(a.two, move),
		a.commands(plus(6, 12), plus(6, 21)),
		single(a.one, increment(directoryTable, 12, 10)),
	})
	want := []string{
		"1", "yes, yes, done", "1", "yes", "waits", "yes, yes, done", "yes, yes, not done", "locked conflict 12, aborted, not done",
		"rest 0", "yes, yes, done", "gone true", "aborted, elsewhere p3@20, not done", "1",
	}
	for i, o := range outcomes {
		got := o.text()
		if o.agreed == nil {
			got = answer(o.results[0])
		}
		if got != want[i] {
			t.Errorf("%d: got %q, want %q", i, got, want[i])
		}
	}
	returned := func(i, side, write int) string {
		r, ok := outcomes[i].results[side].(*command.Result)
		if !ok {
			r = outcomes[i].results[side].(*command.Vote).Results[write]
		}
		return values(t, r.Rows)
	}
	got := []string{returned(0, 0, 0), returned(1, 0, 0), returned(1, 0, 1), returned(5, 0, 0), returned(6, 0, 0), returned(9, 0, 0), returned(12, 0, 0)}
	if fmt.Sprint(got) != "[101 102 101 103 102 104 105]" {
		t.Errorf("returned are %v", got)
	}
	a.one.holds(11, "103")
	a.one.holds(12, "105")
	if n := numberOf(t, a.two.do(move).(*command.Departed).Objects[0].Row); n != 103 {
		t.Errorf("moved with %d", n)
	}
	for _, f := range a.both() {
		replica := newFixture(t, f.m.partition)
		for _, e := range f.log[replica.index:] {
			batch := replica.space.NewBatch()
			if err := applyDecided(replica.m, e, f.joint[e.Index], batch); err != nil {
				t.Fatal(err)
			}
			if err := batch.Commit(storage.NoSync); err != nil {
				t.Fatal(err)
			}
			batch.Close()
			replica.m.Committed(e.Index)
		}
		if got, want := replica.state(), f.state(); !maps.Equal(got, want) {
			t.Errorf("the replica of %d differs", f.m.partition)
		}
	}
}

// A repeat is answered as the first was, where that is known, and does nothing.
func TestJointRepeated(t *testing.T) {
	a := newAccounts(t)
	long := increment(directoryTable, 11, 10)
	long.Program = command.EncodeProgram(&command.Program{
		Set:     []command.Assignment{{Column: 1, Value: must(expr.NewOperator("+", columnN, expr.NewConst(datum.NewInt(1), datum.Int4)))}},
		Project: []expr.Expr{expr.NewConst(datum.NewText(strings.Repeat("x", rememberedBytes)), datum.Text)},
	})
	p := a.commands(prep(tx(1), two, long), plus(1, 21))
	a.repeats("first", p, "yes, yes, done")
	a.repeats("too large to be kept", p, "expired, yes, not done")
	q := a.commands(plus(2, 12), plus(2, 21))
	a.repeats("first", q, "yes, yes, done")
	a.one.says("change", increment(directoryTable, 12, 10), "1")
	o := a.repeats("again", q, "yes, yes, not done")
	a.one.expect("as it was", values(t, o.results[0].(*command.Vote).Results[0].Rows), "101")
	a.one.reopen()
	a.repeats("restarted", q, "yes, yes, not done")
	// The sender has said that it has one of the answers.
	settles := a.one.command(increment(directoryTable, 13, 10))
	settles.Body.(*command.Write).Schema = schemaVersion
	settles.Settled = settles.ID.Sequence
	a.one.entry(settles)
	a.repeats("settled by one", q, "expired, yes, not done")
	a.one.holds(12, "102")
	a.two.holds(21, "102")

	// A part that was decided before lets nobody else carry out anything.
	r := a.commands(plus(3, 11), plus(3, 22))
	a.one.entry(r.commands[0])
	a.repeats("one has it", r, "yes, aborted, not done")
	a.two.holds(22, "100")
	a.two.entry(r.commands[1])
	a.two.holds(22, "100")
	a.one.says("abort", aborts(tx(3)), "rest 0")
}

// One side that does not know the sender (any more), or has no room for it, is a no.
func TestJointOfStrangers(t *testing.T) {
	a := newAccounts(t)
	sequence := map[*fixture]uint64{}
	from := func(node object.NodeID, incarnation uint64, b *command.Prepare, f *fixture) *command.Command {
		sequence[f]++
		return &command.Command{ID: object.CommandID{Node: node, Incarnation: incarnation, Sequence: sequence[f]}, Body: b}
	}
	both := func(node object.NodeID, incarnation uint64, n int) proposal {
		return proposal{to: a.both(), commands: []*command.Command{from(node, incarnation, plus(n, 11), a.one), from(node, incarnation, plus(n, 21), a.two)}}
	}
	late := both("x", 1, 1)
	a.two.entry(from("x", 2, plus(2, 22), a.two))
	a.two.says("abort", aborts(tx(2)), "rest 0")
	for range 2 {
		a.repeats("older than another of its sender", late, "aborted, expired, not done")
	}
	a.one.entry(from("x", 2, plus(2, 12), a.one))
	a.repeats("older than another of its sender", late, "expired, expired, not done")
	a.one.says("abort", aborts(tx(2)), "rest 0")

	for n := 0; len(a.two.m.senders) < maxSenders; n++ {
		a.two.entry(from(object.NodeID(fmt.Sprint("n", n)), 1, plus(3, 99), a.two))
	}
	stranger := both("y", 1, 4)
	for range 2 {
		a.repeats("no room", stranger, "aborted, busy, not done")
	}
	a.one.reopen()
	a.two.reopen()
	a.repeats("no room, restarted", stranger, "aborted, busy, not done")
	if len(a.two.m.senders) != maxSenders {
		t.Errorf("%d senders", len(a.two.m.senders))
	}
	a.one.holds(11, "100")
	a.two.holds(21, "100")
	a.repeats("one that is known", both("x", 2, 5), "yes, yes, done")
}

// What a part creates has the location version that the oracle assigns in the entry. A
// part that counts on that does nothing where the oracle gives none.
func TestJointPlaced(t *testing.T) {
	a := newAccounts(t)
	placed := func(n int, writes ...*command.Write) *command.Prepare {
		b := prep(tx(n), two, writes...)
		b.Placed = true
		return b
	}
	of := func(version object.LocationVersion, one, two *command.Prepare) proposal {
		p := a.commands(one, two)
		p.oracle = &command.Assigned{Version: version}
		return p
	}
	first := of(40, placed(1, create(directoryTable, 15, 1, 0), create(directoryTable, 16, 1, 30)), placed(1, create(directoryTable, 25, 1, 0), increment(directoryTable, 21, 10)))
	a.repeats("placed", first, "yes, yes, done")
	versions := make(map[int]object.LocationVersion)
	for _, f := range a.both() {
		for _, id := range []int{15, 16, 25, 21} {
			if r, found, err := (stored{r: f.space}).object(idOf(directoryTable, id)); err != nil {
				t.Fatal(err)
			} else if found {
				versions[id] = r.version
			}
		}
	}
	if want := (map[int]object.LocationVersion{15: 40, 16: 30, 25: 40, 21: 10}); !maps.Equal(versions, want) {
		t.Errorf("versions are %v, want %v", versions, want)
	}
	first.oracle = &command.Assigned{} // it has given them one
	a.repeats("again", first, "yes, yes, not done")
	for i, state := range []map[string]string{a.one.state(), a.two.state()} {
		a.repeats("not assigned", of(0, placed(2, create(directoryTable, 17, 1, 0)), placed(2, create(directoryTable, 27, 1, 0))), "aborted, aborted, not done")
		a.repeats("not created", of(41, placed(3, create(directoryTable, 17, 1, 0)), placed(3, create(directoryTable, 27, 1000, 0))), "aborted, 23514, not done")
		a.says("without the oracle", placed(4, create(directoryTable, 17, 1, 0)), placed(4, create(directoryTable, 27, 1, 0)), "aborted, aborted, not done")
		if !maps.Equal(a.both()[i].state(), state) {
			t.Errorf("the state of %d has changed", i+1)
		}
	}
	a.repeats("a single part", proposal{
		to: a.both()[:1], commands: []*command.Command{a.one.command(placed(5, create(directoryTable, 17, 1, 0)))},
		oracle: &command.Assigned{Version: 42},
	}, "yes, done")
	a.one.says("alone", placed(6, create(directoryTable, 18, 1, 0)), "XX000")
}

// What cannot be executed jointly must not be in a log.
func TestJointRefusesOthers(t *testing.T) {
	a := newAccounts(t)
	continues, more := plus(1, 11), plus(1, 11)
	continues.Continues, more.More = true, true
	for _, body := range []command.Body{increment(directoryTable, 11, 10), commits(tx(1)), waitingPrepare(plus(1, 11)), continues, more} {
		if CanBeJoint(body) {
			t.Errorf("%T can be joint", body)
		}
		batch := a.one.space.NewBatch()
		a.one.m.BeginEntry(replication.Entry{Index: a.one.index + 1}, batch)
		if _, _, err := a.one.m.Consider(command.AppendCommand(nil, a.one.command(body)), nil); !errors.Is(err, errNotJoint) {
			t.Errorf("%T: %v", body, err)
		}
		batch.Close()
		a.one.reopen()
	}
	batch := a.one.space.NewBatch()
	defer batch.Close()
	a.one.m.BeginEntry(replication.Entry{Index: a.one.index + 1}, batch)
	if _, _, err := a.one.m.Consider([]byte("?"), nil); err == nil {
		t.Error("what is no command was considered")
	}
	if !CanBeJoint(plus(1, 11)) {
		t.Error("a Prepare cannot be joint")
	}
}
