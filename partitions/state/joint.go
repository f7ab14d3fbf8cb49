package state

import (
	"errors"

	"github.com/ssmr/ssmr/internal/command"
)

// A transaction over partitions that share a log is one entry of it: all partitions
// consider their parts there, and all carry them out if all vote yes. So nothing is
// locked or staged, and nothing is left to be concluded.

// considered is a part between Consider and Decide.
type considered struct {
	s    *sender // nil: the part was decided before
	c    *command.Command
	p    *preparing // nil: the vote is no
	vote *command.Vote
}

// errNotJoint is of what must not get into a log.
var errNotJoint = errors.New("command cannot be executed jointly")

// CanBeJoint reports whether a command can be executed jointly with those of other
// partitions: a part of a transaction that is whole, and does not wait.
func CanBeJoint(body command.Body) bool {
	b, ok := body.(*command.Prepare)
	return ok && !b.Wait && !b.More && !b.Continues
}

// Consider votes about a part of a transaction; see replication.Joint.
func (m *Machine) Consider(encoded []byte) (vote any, agreed bool, err error) {
	x := &m.entry
	c, err := command.DecodeCommand(encoded)
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
	if answer != nil {
		// A yes that is remembered does not say that the part was carried out. So it lets
		// nobody else carry out anything.
		return answer, false, nil
	}
	m.joint.s = s
	x.begin()
	b := c.Body.(*command.Prepare)
	p := &preparing{x: x, b: b, t: m.locks.transactions[b.Transaction], on: &x.staging, joint: true}
	v, err := p.consider()
	switch {
	case err != nil:
		return nil, false, x.failed(err)
	case v == nil && p.rest:
		v = refuseVote(command.Aborted) // it takes more than one entry
	case v == nil:
		v, m.joint.p = &command.Vote{Results: p.results}, p
	}
	m.joint.vote = v
	return v, m.joint.p != nil, nil
}

// Decide carries out the part that was considered, or drops it.
func (m *Machine) Decide(carryOut bool) error {
	x, j := &m.entry, m.joint
	m.joint = considered{}
	if j.s == nil {
		return nil
	}
	if carryOut && j.p != nil {
		if _, err := j.p.execute(); err != nil {
			return x.failed(err)
		}
	}
	j.s.remember(j.c.ID.Sequence, command.AppendOutcome(nil, j.vote))
	m.applied.Add(1)
	if len(x.sweep) > 0 {
		if err := x.sweepQueue(); err != nil {
			return x.failed(err)
		}
	}
	return nil
}
