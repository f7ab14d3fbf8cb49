package oracle

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// move takes a batch from its source to its destination. Departure and arrival
// are idempotent by the batch's version, and so is the log's note that they are
// done: another driver may have done some of them before.
func (d *driver) move(b batch) {
	if !d.gate.enter(d.ctx) {
		return
	}
	leave := sync.OnceFunc(d.gate.leave)
	defer leave()
	d.setActive(b.move, true)
	defer d.setActive(b.move, false)
	name := fmt.Sprintf("move %d", b.move)
	var departed *command.Departed
	reason := ""
	if !d.retry(name+", departure", d.liveBatch(b.move), func() (err error) {
		departed, reason, err = d.depart(&b)
		return err
	}) {
		return
	}
	if !d.retry(name+", arrival", d.liveBatch(b.move), func() error { return d.arrive(&b, departed) }) {
		return
	}
	var told sync.WaitGroup
	told.Go(func() {
		d.arrived(b.from, b.move)
		leave()
	})
	d.finish(name, &b, departed, reason)
	told.Wait()
}

// liveBatch says whether a batch still has to be worked on: a task may begin late,
// or a replaced driver may not know that it was.
func (d *driver) liveBatch(move object.LocationVersion) func() bool {
	return func() bool {
		d.machine.mu.RLock()
		defer d.machine.mu.RUnlock()
		b := d.machine.st.batches[move]
		return b != nil && !b.done
	}
}

func (s *Service) setActive(move object.LocationVersion, active bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if active {
		s.active[move] = true
	} else {
		delete(s.active, move)
	}
}

// depart takes the batch out of its source. Where the table was dropped nothing
// departs.
func (d *driver) depart(b *batch) (departed *command.Departed, reason string, err error) {
	nothing := &command.Departed{Objects: make([]command.Departure, len(b.ids))}
	if d.machine.table(b.table) == nil {
		return nothing, "the table was dropped", nil
	}
	outcome, err := d.execute(b.from, b.table, &command.Depart{Move: b.move, To: b.to, Objects: b.ids})
	if err != nil {
		return nil, "", err
	}
	departed, ok := outcome.(*command.Departed)
	if !ok || len(departed.Objects) != len(b.ids) {
		return nil, "", errors.New("oracle: the answer to a departure has another form")
	}
	for i := range departed.Objects {
		if o := &departed.Objects[i]; !o.Gone && !o.Deferred {
			reason = "some objects were not there to be moved"
		}
	}
	return departed, reason, nil
}

// arrive puts what has departed into its destination.
func (d *driver) arrive(b *batch, departed *command.Departed) error {
	arrive := &command.Arrive{Move: b.move}
	var rows [][]byte
	for i := range departed.Objects {
		if o := &departed.Objects[i]; o.Gone {
			arrive.Objects = append(arrive.Objects, command.Arrival{ID: b.ids[i], Row: o.Row, Revision: o.Revision})
			rows = append(rows, o.Row)
		}
	}
	if len(arrive.Objects) == 0 || d.machine.table(b.table) == nil {
		return nil
	}
	d.sizes.observe(b.table, rows)
	_, err := d.execute(b.to, b.table, arrive)
	return err
}

// finish notes in the log what became of the batch.
func (d *driver) finish(name string, b *batch, departed *command.Departed, reason string) {
	c := newFinish(b.move, departed, reason, time.Now().UnixMicro())
	d.retry(name+", end", d.liveBatch(b.move), func() error {
		_, err := d.propose(d.ctx, c)
		return err
	})
}

func newFinish(move object.LocationVersion, departed *command.Departed, reason string, at int64) *finish {
	c := &finish{move: move, fates: make([]fate, len(departed.Objects)), reason: reason, at: at}
	for i := range departed.Objects {
		switch o := &departed.Objects[i]; {
		case o.Gone:
			c.fates[i] = gone
		case o.Deferred:
			c.fates[i] = follows
		}
	}
	return c
}

// release has a partition give up ids without objects. Where they belong to a
// static table, their homes have to hear that they may be created there again.
func (d *driver) release(b batch) {
	name := fmt.Sprintf("release %d", b.move)
	var departed *command.Departed
	if !d.retry(name+", departure", d.liveBatch(b.move), func() (err error) {
		departed, _, err = d.depart(&b)
		return err
	}) {
		return
	}
	for home, ids := range d.machine.homes(&b, departed) {
		arrive := &command.Arrive{Move: b.move}
		for _, id := range ids {
			arrive.Objects = append(arrive.Objects, command.Arrival{ID: id})
		}
		if !d.retry(name+", return", d.liveBatch(b.move), func() error {
			if d.machine.table(b.table) == nil {
				return nil
			}
			_, err := d.execute(home, b.table, arrive)
			return err
		}) {
			return
		}
	}
	d.finish(name, &b, departed, "")
}

// homes returns what has departed by its home, as far as that is another partition.
func (m *Machine) homes(b *batch, departed *command.Departed) map[object.PartitionID][]object.ID {
	m.mu.RLock()
	defer m.mu.RUnlock()
	homes := make(map[object.PartitionID][]object.ID)
	for i, id := range b.ids {
		if home := m.st.home(id); departed.Objects[i].Gone && home != 0 && home != b.from {
			homes[home] = append(homes[home], id)
		}
	}
	return homes
}

// settle tells a source which of its moves are finished.
func (d *driver) settle(from object.PartitionID, moves []object.LocationVersion) {
	if !d.retry(fmt.Sprintf("settle, partition %d", from), nil, func() error {
		_, err := d.execute(from, 0, &command.Settle{Moves: moves})
		return err
	}) {
		return
	}
	d.retry("settled", nil, func() error {
		_, err := d.propose(d.ctx, &settled{moves: moves})
		return err
	})
}
