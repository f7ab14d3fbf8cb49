package state

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

// proposal is a part of an entry of a log that partitions share: a command for one of
// them, or one for each of several, which are executed jointly.
type proposal struct {
	to       []*fixture
	commands []*command.Command
}

// jointOutcome is what an entry has given for a proposal.
type jointOutcome struct {
	results []any
	// Of a joint one:
	agreed     []bool
	carriedOut bool
	gaveUp     int // locks of sessions that ended with it
}

// decision is what was decided of a joint command, beside what its machine has said.
type decision struct{ agreed, carryOut bool }

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
		if len(p.to) == 1 {
			result, err := p.to[0].m.Execute(part(p.to[0]).lend(p.commands[0]))
			if err != nil {
				t.Fatal(err)
			}
			o.results = []any{result}
			continue
		}
		o.carriedOut = true
		for n, f := range p.to {
			result, agreed, err := f.m.Consider(part(f).lend(p.commands[n]))
			if err != nil {
				t.Fatal(err)
			}
			o.results, o.agreed = append(o.results, result), append(o.agreed, agreed)
			o.carriedOut = o.carriedOut && agreed
		}
		for n, f := range p.to {
			locked := len(f.m.Transactions(command.TransactionLocking))
			if err := f.m.Decide(o.carriedOut); err != nil {
				t.Fatal(err)
			}
			o.gaveUp += locked - len(f.m.Transactions(command.TransactionLocking))
			if f.joint == nil {
				f.joint = make(map[uint64]decisions)
			}
			if f.joint[index] == nil {
				f.joint[index] = make(decisions)
			}
			f.joint[index][len(part(f).entry.Commands)-1] = decision{o.agreed[n], o.carriedOut}
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
		_, agreed, err := m.Consider(c)
		if err == nil && agreed != d.agreed {
			err = fmt.Errorf("entry %d, command %d: agreed %v, elsewhere %v", e.Index, i, agreed, d.agreed)
		}
		if err == nil {
			err = m.Decide(d.carryOut)
		}
		if err != nil {
			return err
		}
	}
	m.FinishEntry()
	return nil
}
