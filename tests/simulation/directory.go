package main

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/oracle"
)

// provenance says where a location comes from, and so what a partition's "there is no
// such object" means.
type provenance uint8

const (
	fromNowhere provenance = iota
	fromCache              // it may be old: the oracle has to confirm it
	fromOracle
	fromHome // the static rule: the home knows
)

// ref is an object that a statement names, and what is believed of where it lives.
type ref struct {
	key      int
	part     object.PartitionID // 0: not known
	version  object.LocationVersion
	arriving bool
	from     provenance
	doubt    bool // the oracle has to be asked
	nowhere  bool // it has no location: there is no such object
	tries    int  // how often the oracle has confirmed what a partition does not know
}

func (r *ref) follow(l object.Location, from provenance, arriving bool) {
	r.part, r.version, r.arriving, r.from, r.doubt, r.nowhere = l.Partition, l.Version, arriving, from, false, false
}

func (r *ref) target(w *world) command.Target {
	return command.Target{ID: w.id(r.key), Version: r.version, Arriving: r.arriving}
}

// askOracle has the oracle's leader execute a command. It may be executed several
// times.
func (n *node) askOracle(t *task, what string, entry []byte) (any, error) {
	t.w.say("%s -> oracle: %s", n, what)
	outcome, _, err := ask(t, n, t.w.oracleGroup(), what, patience, func(s *task, r *replica, _ bool) (any, error) {
		answer := newFuture[any](s.w)
		r.propose(entry, answer.resolve)
		return answer.wait(s, 1000*millisecond)
	})
	return outcome, err
}

// confirm asks the oracle's leader where an object is; zero where it has no entry.
func (n *node) confirm(t *task, k int) (object.Location, error) {
	id := t.w.id(k)
	l, _, err := ask(t, n, t.w.oracleGroup(), "confirm", patience, func(s *task, r *replica, _ bool) (l object.Location, err error) {
		err = r.read(func() error {
			list, err := r.machine.(*oracle.Machine).Locate([]object.ID{id})
			if err == nil {
				l = list[0]
			}
			return err
		})
		return l, err
	})
	if err == nil {
		t.w.say("%s: the oracle says that x%d is at %s", n, k, l)
		n.learn(id, l, false)
	}
	return l, err
}

// locate finds out where an object lives, as far as it is not known.
func (n *node) locate(t *task, r *ref) error {
	w := t.w
	static := w.keys[r.key].Static
	switch {
	case r.doubt:
		return n.settleDoubt(t, r)
	case r.part != 0:
		return nil
	}
	if c, known := n.cache[w.id(r.key)]; known && c.Partition != 0 {
		r.follow(c.Location, fromCache, c.arriving)
		return nil
	}
	if static {
		r.follow(object.Location{Partition: w.home(r.key)}, fromHome, false)
		return nil
	}
	return n.settleDoubt(t, r)
}

func (n *node) settleDoubt(t *task, r *ref) error {
	l, err := n.confirm(t, r.key)
	if err != nil {
		return err
	}
	n.place(t, r, l)
	return nil
}

// place takes what the oracle says.
func (n *node) place(t *task, r *ref, l object.Location) {
	switch {
	case l.Partition != 0:
		r.follow(l, fromOracle, false)
	case t.w.keys[r.key].Static:
		r.follow(object.Location{Partition: t.w.home(r.key)}, fromHome, false)
	default:
		*r = ref{key: r.key, nowhere: true, from: fromOracle}
	}
}

// assign gives an object without a location one.
func (n *node) assign(t *task, r *ref, to int) error {
	items := []catalog.Assignment{{ID: t.w.id(r.key), Partition: object.PartitionID(to)}}
	for range 50 {
		outcome, err := n.askOracle(t, "assign", oracle.AssignEntry(items))
		if err != nil {
			return err
		}
		l, busy := oracle.Assigned(outcome, 0)
		if !busy && l.Partition != 0 {
			n.learn(items[0].ID, l, false)
			r.follow(l, fromOracle, false)
			return nil
		}
		t.sleep(between(t.rng, 500, 3000))
	}
	return errGivenUp
}

// elsewhere takes what a partition said of objects that it does not own.
func (n *node) elsewhere(t *task, refs []*ref, refusal *command.Refusal) {
	found := false
	for _, o := range refusal.Objects {
		n.learn(o.ID, o.Location, true)
		for _, r := range refs {
			if t.w.id(r.key) != o.ID {
				continue
			}
			found = true
			if o.Location.Partition == 0 || o.Location.Version <= r.version {
				r.doubt = true
			} else {
				r.follow(o.Location, fromCache, true)
			}
		}
	}
	if !found {
		for _, r := range refs {
			r.doubt = true
		}
	}
}

// absent takes a partition's word that it has no value of an object. It reports whether
// that is final; else the object is to be asked for again.
//
// It is where the location still stands after that: also one that the oracle itself
// gave may be old when it is used, and the partition may have forgotten since that the
// object has left it.
func (n *node) absent(t *task, r *ref) (final bool, err error) {
	if r.from == fromHome {
		return true, nil
	}
	l, err := n.confirm(t, r.key)
	if err != nil {
		return false, err
	}
	if l.Partition == r.part && l.Version == r.version {
		return true, nil
	}
	n.place(t, r, l)
	return r.nowhere, nil
}

func releaseEntry(id object.ID) []byte { return oracle.ReleasesEntry([]object.ID{id}) }
