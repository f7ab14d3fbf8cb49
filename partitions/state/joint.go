package state

import (
	"errors"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// A transaction over partitions that share a log is one entry of it: all partitions
// consider their parts there, and all carry them out if all vote yes. So nothing is
// locked or staged, and nothing is left to be concluded.

// considered is a part between Consider and Decide.
type considered struct {
	s      *sender // nil: the part was decided before
	c      *command.Command
	p      *preparing // nil: the vote is no
	answer any
}

// errNotJoint is of what must not get into a log.
var errNotJoint = errors.New("command cannot be executed jointly")

// CanBeJoint reports whether a command can be executed jointly with those of other
// partitions: a part of a transaction that is whole, and does not wait.
func CanBeJoint(body command.Body) bool {
	b, ok := body.(*command.Prepare)
	return ok && !b.Wait && !b.More && !b.Continues
}

// Consider votes about a part of a transaction; see replication.Joint. A yes that is not
// carried out is answered, and remembered, as a refusal.
func (m *Machine) Consider(encoded []byte, earlier []any) (vote any, agreed bool, err error) {
	x := &m.entry
	c, err := m.decoder.Command(encoded)
	if err == nil && !CanBeJoint(c.Body) {
		err = errNotJoint
	}
	if err != nil {
		return nil, false, x.failed(err)
	}
	m.joint = considered{c: c}
	s, answer, err := x.admit(c)
	if err != nil {
		return nil, false, x.failed(err)
	}
	if m.joint.answer = answer; answer != nil {
		// A yes that is remembered does not say that the part was carried out. So it lets
		// nobody else carry out anything.
		return answer, false, nil
	}
	m.joint.s = s
	x.begin()
	b := c.Body.(*command.Prepare)
	p := &preparing{x: x, b: b, t: m.locks.transactions[b.Transaction], on: &x.staging, joint: true}
	if b.Placed {
		if p.placed = place(b, earlier); p.placed == 0 {
			m.joint.answer = refuseVote(command.Aborted)
			return m.joint.answer, false, nil
		}
	}
	v, err := p.consider()
	switch {
	case err != nil:
		return nil, false, x.failed(err)
	case v == nil && p.rest:
		v = refuseVote(command.Withdrawn) // it takes more than one entry
	case v == nil:
		v, m.joint.p = &command.Vote{Results: p.results}, p
	}
	m.joint.answer = v
	return v, m.joint.p != nil, nil
}

// place gives what a part creates the location version that the oracle assigns in the
// same entry, and returns it; 0 where it assigns none.
func place(b *command.Prepare, earlier []any) object.LocationVersion {
	for _, o := range earlier {
		a, ok := o.(*command.Assigned)
		if !ok || a.Version == 0 {
			continue
		}
		for _, w := range b.Part.Writes {
			for i := range w.Targets {
				if t := &w.Targets[i]; w.Kind == command.Create && t.Version == 0 {
					t.Version = a.Version
				}
			}
		}
		return a.Version
	}
	return 0
}

// Decide carries out the part that was considered, or drops it.
func (m *Machine) Decide(carryOut bool) (vote any, err error) {
	x, j := &m.entry, m.joint
	m.joint = considered{}
	if j.s == nil {
		return j.answer, nil
	}
	switch {
	case j.p == nil:
	case !carryOut:
		j.answer = refuseVote(command.Aborted)
	default:
		if _, err := j.p.execute(); err != nil {
			return nil, x.failed(err)
		}
	}
	x.remember(j.s, j.c.ID.Sequence, j.answer)
	m.applied.Add(1)
	if len(x.sweep) > 0 {
		if err := x.sweepQueue(); err != nil {
			return nil, x.failed(err)
		}
	}
	return j.answer, nil
}
