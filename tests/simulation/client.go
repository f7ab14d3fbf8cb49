package main

import (
	"errors"
	"fmt"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/tests/checker"
)

// errGivenUp ends a statement that has gone on for too long. It had no effect.
var errGivenUp = errors.New("given up")

// errResultLost: the transaction was committed, and what it returned is lost.
var errResultLost = errors.New("committed, but the answer is lost")

// client carries out its transactions, one after the other.
type client struct {
	n     int
	node  *node
	next  int64 // the next value that it appends
	done  int   // transactions that were begun
	ended bool  // all of them
	rec   *record
}

// run carries out what is left to do. After a crash of the node the client goes on when
// that has started again: what was under way has an unknown outcome.
func (c *client) run(t *task) {
	list := t.w.plan.Clients[c.n].Transactions
	for c.done < len(list) {
		plan := &list[c.done]
		c.done++
		if plan.Pause > 0 {
			t.sleep(between(t.rng, 0, micros(plan.Pause)))
		}
		c.transaction(t, plan)
	}
	c.ended = true
	t.w.clients--
	t.w.say("client %d has ended", c.n)
}

// begin starts the record of a transaction. Until it is ended its outcome is unknown.
func (c *client) begin(t *task) *record {
	c.rec = &record{client: c.n, invoke: t.w.now, outcome: checker.Unknown}
	t.w.records = append(t.w.records, c.rec)
	return c.rec
}

// end notes the outcome.
func (c *client) end(t *task, outcome checker.Outcome, note string) {
	c.rec.outcome, c.rec.complete, c.rec.note = outcome, t.w.now, note
	t.w.say("%s", c.rec)
}

// value returns a number that nobody else appends.
func (c *client) value() int64 {
	c.next++
	return int64(c.n+1)*1000 + c.next
}

func (c *client) transaction(t *task, plan *transactionPlan) {
	switch plan.Way {
	case wayMove:
		c.move(t, plan)
	case waySingle:
		c.single(t, plan.Ops[0])
	default:
		c.wide(t, plan)
	}
}

// single is a statement about one object, outside of a transaction.
func (c *client) single(t *task, op opPlan) {
	rec := c.begin(t)
	rec.ops = []recordedOp{{do: op.Do, key: op.Key}}
	o := &rec.ops[0]
	if op.Do == doRead {
		chunk, err := c.readOne(t, op.Key)
		switch {
		case err != nil:
			c.end(t, checker.Failed, err.Error())
		default:
			o.known = true
			for _, row := range chunk.Rows {
				_, o.list = t.w.decodeRow(row)
				o.there = true
			}
			c.end(t, checker.Committed, "")
		}
		return
	}
	if op.Do != doDelete {
		o.value = c.value()
	}
	effect, err := c.writeOne(t, op, o.value)
	var u *unanswered
	switch {
	case errors.As(err, &u) && u.unknown:
		c.end(t, checker.Unknown, err.Error())
	case err != nil:
		c.end(t, checker.Failed, err.Error())
	default:
		o.known, o.there = true, effect
		c.end(t, checker.Committed, "")
		if op.Do == doDelete && effect {
			c.node.release(t, op.Key)
		}
	}
}

// maxRounds bounds the partitions that a statement follows an object to.
const maxRounds = 60

// readOne reads an object, wherever it lives.
func (c *client) readOne(t *task, k int) (*command.Chunk, error) {
	r := &ref{key: k}
	table := t.w.table(k)
	for range maxRounds {
		if err := c.node.locate(t, r); err != nil {
			return nil, errGivenUp
		}
		if r.nowhere {
			return &command.Chunk{}, nil
		}
		chunk, err := c.node.read(t, r.part, &command.Read{
			Table: table.ID, Schema: table.Version, Targets: []command.Target{r.target(t.w)}, Program: programs.read, Limit: -1,
		})
		if err != nil {
			return nil, errGivenUp
		}
		if chunk.Err != nil {
			t.w.fail("a read failed: %v", chunk.Err)
			return chunk, nil
		}
		if again, err := c.refused(t, []*ref{r}, chunk.Refusal); err != nil {
			return nil, err
		} else if again {
			continue
		}
		if len(chunk.Absent) == 0 {
			return chunk, nil
		}
		if final, err := c.node.absent(t, r); err != nil {
			return nil, errGivenUp
		} else if final {
			return chunk, nil
		}
	}
	return nil, errGivenUp
}

// refused takes a refusal; again says that the statement has to be sent again.
func (c *client) refused(t *task, refs []*ref, refusal *command.Refusal) (again bool, err error) {
	if refusal == nil {
		return false, nil
	}
	switch refusal.Reason {
	case command.Elsewhere:
		c.node.elsewhere(t, refs, refusal)
		if t.rng.IntN(3) == 0 {
			t.sleep(between(t.rng, 100, 1000))
		}
	case command.Awaited, command.Busy, command.Locked:
		t.sleep(between(t.rng, 300, 3000))
	case command.Expired:
		return false, &unanswered{unknown: true}
	default:
		return false, fmt.Errorf("refused: %s", refusal.Reason)
	}
	return true, nil
}

// write makes the command of an operation.
func (w *world) write(op do, target command.Target, k int, value int64) *command.Write {
	table := w.table(k)
	b := &command.Write{Table: table.ID, Schema: table.Version}
	switch op {
	case doCreate:
		b.Kind = command.Create
		target.Row = row(k, element(value))
		b.Conflict = command.ConflictSkips
	case doDelete:
		b.Kind = command.Delete
	default:
		b.Kind = command.Update
		b.Program = programs.append
		b.Context.Params = []datum.Datum{datum.NewText(element(value))}
	}
	b.Targets = []command.Target{target}
	return b
}

// writeOne writes an object, wherever it lives. effect says whether it took effect: an
// object that is to be created was not there, any other was.
func (c *client) writeOne(t *task, op opPlan, value int64) (effect bool, err error) {
	r := &ref{key: op.Key}
	for range maxRounds {
		if err := c.node.locate(t, r); err != nil {
			return false, errGivenUp
		}
		if r.nowhere {
			if op.Do != doCreate {
				return false, nil
			}
			if err := c.node.assign(t, r, op.To); err != nil {
				return false, errGivenUp
			}
		}
		limit := micros(0) // lock_timeout
		if t.rng.IntN(6) == 0 {
			limit = between(t.rng, millisecond, 20*millisecond)
		}
		outcome, err := c.node.sendWithin(t, r.part, t.w.write(op.Do, r.target(t.w), op.Key, value), limit)
		if err != nil {
			return false, err
		}
		result := outcome.(*command.Result)
		if result.Err != nil {
			t.w.fail("a write failed: %v", result.Err)
			return false, nil
		}
		if again, err := c.refused(t, []*ref{r}, result.Refusal); err != nil {
			return false, err
		} else if again {
			continue
		}
		if op.Do == doCreate || len(result.Absent) == 0 {
			return result.Affected == 1, nil
		}
		if final, err := c.node.absent(t, r); err != nil {
			return false, errGivenUp
		} else if final {
			return false, nil
		}
	}
	return false, errGivenUp
}
