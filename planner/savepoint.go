package planner

import (
	"slices"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// savepoint is SAVEPOINT. One of the same name is hidden by it.
func (s *Session) savepoint(name string) error {
	if s.tx.block != explicit {
		return errOnlyInTransaction("SAVEPOINT")
	}
	if err := s.join().Savepoint(name); err != nil {
		return err
	}
	s.tx.savepoints = append(s.tx.savepoints, savepoint{name: name, readOnly: s.tx.readOnly})
	return nil
}

// find returns the index of the newest savepoint of a name.
func (s *Session) find(name string) (int, error) {
	for i, p := range slices.Backward(s.tx.savepoints) {
		if p.name == name {
			return i, nil
		}
	}
	return 0, pgerror.New(pgerror.InvalidSavepoint, "savepoint \"%s\" does not exist", name)
}

// release is RELEASE: what was done since belongs to what is around it.
func (s *Session) release(name string) error {
	if s.tx.block != explicit {
		return errOnlyInTransaction("RELEASE SAVEPOINT")
	}
	i, err := s.find(name)
	if err != nil {
		return err
	}
	if err := s.tx.work.Release(name); err != nil {
		return err
	}
	for j := len(s.tx.savepoints) - 1; j >= i; j-- {
		s.undoAt(j).merge(s.tx.savepoints[j].undo)
	}
	s.tx.savepoints = slices.Delete(s.tx.savepoints, i, len(s.tx.savepoints))
	for _, p := range s.portals {
		p.level = min(p.level, i)
	}
	return nil
}

// undoAt is what level j has to take back: 0 is the transaction, the others are
// savepoints.
func (s *Session) undoAt(j int) *undo {
	if j == 0 {
		return &s.tx.undo
	}
	return &s.tx.savepoints[j-1].undo
}

// rollbackTo is ROLLBACK TO: the transaction goes on as it was at the savepoint,
// also one that has failed.
func (s *Session) rollbackTo(name string) error {
	if s.tx.block != explicit {
		return errOnlyInTransaction("ROLLBACK TO SAVEPOINT")
	}
	i, err := s.find(name)
	if err != nil {
		return err
	}
	for _, p := range s.portals {
		switch {
		case p.level <= i:
		case p == s.active:
			p.over = true
		default:
			s.dropPortal(p)
		}
	}
	if err := s.tx.work.RollbackTo(name); err != nil {
		return err
	}
	for j := len(s.tx.savepoints) - 1; j >= i; j-- {
		s.takeBack(&s.tx.savepoints[j].undo)
	}
	s.tx.savepoints = slices.Delete(s.tx.savepoints, i+1, len(s.tx.savepoints))
	s.setReadOnly(s.tx.savepoints[i].readOnly)
	s.tx.failed = false
	return nil
}
