package main

import (
	"errors"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/tests/checker"
)

// wide carries out a transaction of several objects.
func (c *client) wide(t *task, plan *transactionPlan) {
	c.begin(t)
	var err error
	switch plan.Way {
	case wayReads:
		err = c.reads(t, plan)
	case wayScan:
		err = c.scan(t, plan.Ops[0].Key)
	case wayWrites:
		err = c.writes(t, plan)
	case waySweep:
		err = c.sweep(t, plan.Ops[0].Key)
	default:
		err = c.session(t, plan)
	}
	c.conclude(t, err)
}

// errRolledBack ends a transaction that took no effect, and all of whose recorded reads
// were of one state.
var errRolledBack = errors.New("rolled back")

func (c *client) conclude(t *task, err error) {
	var u *unanswered
	switch {
	case err == nil:
		c.end(t, checker.Committed, "")
	case errors.Is(err, errResultLost), errors.Is(err, errRolledBack):
		c.end(t, checker.Committed, err.Error())
	case errors.As(err, &u) && u.unknown:
		c.end(t, checker.Unknown, err.Error())
	default:
		c.end(t, checker.Failed, err.Error())
	}
}

// groups sorts objects by the partition that they are believed to be in.
func groups(refs []*ref) (ids []object.PartitionID, of map[object.PartitionID][]*ref) {
	of = make(map[object.PartitionID][]*ref)
	for _, r := range refs {
		if of[r.part] == nil {
			ids = append(ids, r.part)
		}
		of[r.part] = append(of[r.part], r)
	}
	slices.Sort(ids)
	return ids, of
}

// locateAll finds out where objects live; those that have no location are given one,
// so that there is somebody who can say that they do not exist.
func (c *client) locateAll(t *task, refs []*ref, plan *transactionPlan) error {
	for _, r := range refs {
		before := *r
		if err := c.node.locate(t, r); err != nil {
			return errGivenUp
		}
		if before.doubt && before.part == r.part && before.version == r.version {
			// The partition knows nothing of it any more, and so does not say that it does
			// not exist: it is released and assigned anew, or on its way.
			if r.tries++; r.tries > 2 && r.from == fromOracle {
				t.calls++
				_, _ = c.node.askOracle(t, "release "+name(t.w, t.w.id(r.key)), releaseEntry(t.w.id(r.key)))
			}
			t.sleep(between(t.rng, 300, 3000))
		}
		if r.nowhere {
			to := 1 + t.rng.IntN(t.w.plan.Partitions)
			for _, o := range plan.Ops {
				if o.Key == r.key {
					to = o.To
				}
			}
			if err := c.node.assign(t, r, max(to, 1)); err != nil {
				return err
			}
		}
	}
	return nil
}

// unsure is a target of a transaction: where its location may be old, the partition is not
// to take the object for absent.
func (r *ref) unsure(w *world) command.Target {
	target := r.target(w)
	target.Unsure = r.from == fromCache
	return target
}

// writes is one statement that writes several objects.
func (c *client) writes(t *task, plan *transactionPlan) error {
	rec := c.rec
	refs := make([]*ref, len(plan.Ops))
	for i, op := range plan.Ops {
		refs[i] = &ref{key: op.Key}
		rec.ops = append(rec.ops, recordedOp{do: op.Do, key: op.Key})
		if op.Do != doDelete {
			rec.ops[i].value = c.value()
		}
	}
	for range maxRounds {
		if err := c.locateAll(t, refs, plan); err != nil {
			return err
		}
		ids, of := groups(refs)
		var parts []command.Share
		for _, p := range ids {
			share := command.Share{Partition: p}
			for i, op := range plan.Ops {
				if r := refs[i]; r.part == p {
					target := r.unsure(t.w)
					if op.Do == doCreate {
						target.Unsure = false
					}
					b := t.w.write(op.Do, target, op.Key, rec.ops[i].value)
					if op.Strict {
						b.Conflict = command.ConflictFails
					}
					share.Part.Writes = append(share.Part.Writes, b)
				}
			}
			parts = append(parts, share)
		}
		votes, err := c.node.transact(t, parts, object.TransactionID{}, true)
		if err != nil {
			return err
		}
		if again, err := c.judge(t, parts, of, votes); err != nil {
			return err
		} else if again {
			continue
		}
		for n, share := range parts {
			at := 0
			for i, op := range plan.Ops {
				if refs[i].part != share.Partition {
					continue
				}
				result := votes[n].Results[at]
				at++
				rec.ops[i].known, rec.ops[i].there = true, result.Affected == 1
				if op.Do == doDelete && result.Affected == 1 {
					c.node.release(t, op.Key)
				}
			}
		}
		return nil
	}
	return errGivenUp
}

// judge looks at votes: again says that the transaction is to be made again, with what was
// learnt.
func (c *client) judge(t *task, parts []command.Share, of map[object.PartitionID][]*ref, votes []*command.Vote) (again bool, err error) {
	for i, v := range votes {
		switch {
		case v.Yes():
		case v.Conflict != nil && v.Refusal == nil:
			return false, errConflict
		case v.Err != nil && v.Err.Code == pgerror.UniqueViolation:
			return false, v.Err
		case v.Err != nil:
			t.w.fail("a transaction failed: %v", v.Err)
			return false, errConflict
		case v.Refusal.Reason == command.Aborted, v.Refusal.Reason == command.Withdrawn:
			again = true
		default:
			if _, err := c.refused(t, of[parts[i].Partition], v.Refusal); err != nil {
				return false, err
			}
			again = true
		}
	}
	return again, nil
}

// errConflict is 40001: something that was read has changed.
var errConflict = errors.New("conflict")

// everywhere lists all partitions.
func (w *world) everywhere() []object.PartitionID {
	var ids []object.PartitionID
	for _, g := range w.groups[1:] {
		ids = append(ids, object.PartitionID(g.id))
	}
	return ids
}

// sweep is one statement that appends to all objects of a table.
func (c *client) sweep(t *task, k int) error {
	table, value := t.w.table(k), c.value()
	at := make(map[int]int)
	for other := range t.w.keys {
		if t.w.table(other) == table {
			at[other] = len(c.rec.ops)
			c.rec.ops = append(c.rec.ops, recordedOp{do: doAppend, key: other, value: value})
		}
	}
	for range maxRounds {
		var parts []command.Share
		for _, p := range t.w.everywhere() {
			parts = append(parts, command.Share{Partition: p, Part: command.Part{Writes: []*command.Write{{
				Kind: command.Update, Table: table.ID, Schema: table.Version, Spans: t.w.spans(table),
				Program: programs.append, Context: command.Context{Params: []datum.Datum{datum.NewText(element(value))}},
			}}}})
		}
		votes, err := c.node.transact(t, parts, object.TransactionID{}, true)
		if err != nil {
			return err
		}
		if again, err := c.judge(t, parts, nil, votes); err != nil {
			return err
		} else if again {
			continue
		}
		for i := range c.rec.ops {
			c.rec.ops[i].known = true
		}
		for _, v := range votes {
			for _, row := range v.Results[0].Rows {
				values, err := datum.DecodeTuple(row, nil)
				if err != nil || len(values) != 1 {
					t.w.fail("a row that cannot be read: %x", row)
					return nil
				}
				o := &c.rec.ops[at[int(values[0].Int())]]
				if o.there {
					t.w.fail("one statement has changed object %d twice", o.key)
				}
				o.there = true
			}
		}
		return nil
	}
	return errGivenUp
}

// reads is one statement that reads several objects, from one state.
func (c *client) reads(t *task, plan *transactionPlan) error {
	refs := make([]*ref, len(plan.Ops))
	for i, op := range plan.Ops {
		refs[i] = &ref{key: op.Key}
	}
	for range maxRounds {
		for _, r := range refs {
			if err := c.node.locate(t, r); err != nil {
				return errGivenUp
			}
		}
		found, again, err := c.readAll(t, refs)
		if err != nil {
			return err
		}
		if again {
			t.sleep(between(t.rng, 100, 1500))
			continue
		}
		for _, r := range refs {
			list, there := found[r.key]
			c.rec.ops = append(c.rec.ops, recordedOp{do: doRead, key: r.key, known: true, there: there, list: list})
		}
		return nil
	}
	return errGivenUp
}

// readAll reads objects from a snapshot of the partitions that they are believed to be in.
// again says that some may be elsewhere.
//
// An object that the oracle has no location of is one that does not exist at a moment
// before the snapshot, which may not be its moment: it is confirmed after it.
func (c *client) readAll(t *task, refs []*ref) (found map[int][]int64, again bool, err error) {
	var known []*ref
	for _, r := range refs {
		if !r.nowhere {
			known = append(known, r)
		}
	}
	ids, of := groups(known)
	found = make(map[int][]int64)
	if len(ids) == 0 {
		ids = []object.PartitionID{1}
	}
	s, err := c.node.snapshot(t, ids)
	if err != nil {
		return nil, false, err
	}
	defer s.close()
	for _, p := range ids {
		for _, static := range []bool{false, true} {
			q := t.w.scan(static)
			q.Spans = nil
			var some []*ref
			for _, r := range of[p] {
				if t.w.keys[r.key].Static == static {
					some = append(some, r)
					q.Targets = append(q.Targets, r.target(t.w))
				}
			}
			if len(some) == 0 {
				continue
			}
			chunk, err := s.read(t, p, q)
			if err != nil {
				return nil, true, nil
			}
			if more, err := c.refused(t, some, chunk.Refusal); err != nil {
				return nil, false, err
			} else if more {
				again = true
				continue
			}
			for _, row := range chunk.Rows {
				k, list := t.w.decodeRow(row)
				found[k] = list
			}
			for _, i := range chunk.Absent {
				final, err := c.node.absent(t, some[i])
				if err != nil {
					return nil, false, errGivenUp
				}
				again = again || !final
			}
		}
	}
	for _, r := range refs {
		if r.nowhere {
			l, err := c.node.confirm(t, r.key)
			if err != nil {
				return nil, false, errGivenUp
			}
			if l.Partition != 0 {
				c.node.place(t, r, l)
				again = true
			}
		}
	}
	return found, again, nil
}

// scan reads all objects of a table, from one state.
func (c *client) scan(t *task, k int) error {
	for range maxRounds {
		found, _, err := c.scanAll(t, k, false)
		if err != nil {
			return err
		}
		if found == nil {
			t.sleep(between(t.rng, 100, 1500))
			continue
		}
		c.recordScan(t, k, found)
		return nil
	}
	return errGivenUp
}

func (c *client) recordScan(t *task, k int, found map[int][]int64) {
	for other := range t.w.keys {
		if t.w.keys[other].Static == t.w.keys[k].Static {
			list, there := found[other]
			c.rec.ops = append(c.rec.ops, recordedOp{do: doRead, key: other, known: true, there: there, list: list})
		}
	}
}

// scanAll reads a table from a snapshot of all partitions; found is nil where it has to
// be done again. With track it also tells what is to be checked later.
func (c *client) scanAll(t *task, k int, track bool) (found map[int][]int64, prints map[object.PartitionID]command.Fingerprint, err error) {
	s, err := c.node.snapshot(t, t.w.everywhere())
	if err != nil {
		return nil, nil, err
	}
	defer s.close()
	found, prints = make(map[int][]int64), make(map[object.PartitionID]command.Fingerprint)
	for _, p := range t.w.everywhere() {
		q := t.w.scan(t.w.keys[k].Static)
		q.View.Track = track
		chunk, err := s.read(t, p, q)
		if err != nil || chunk.Refusal != nil {
			return nil, nil, nil
		}
		if chunk.Err != nil {
			t.w.fail("a scan failed: %v", chunk.Err)
		}
		prints[p] = chunk.Print
		for _, row := range chunk.Rows {
			other, list := t.w.decodeRow(row)
			if _, twice := found[other]; twice {
				t.w.fail("a scan of one moment has found object %d in two partitions", other)
			}
			found[other] = append([]int64{}, list...)
		}
	}
	return found, prints, nil
}
