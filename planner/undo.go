package planner

import (
	"maps"
	"slices"
)

// undo is what parameters were before they were set: it is kept once for each of
// them, and for each transaction and savepoint.
type undo map[string]before

// before is what a parameter was; nil: not set.
type before struct{ value, local *string }

// merge adds what another one, that is of later changes, has to take back.
func (u *undo) merge(later undo) {
	if *u == nil {
		*u = later
		return
	}
	for key, old := range later {
		if _, ok := (*u)[key]; !ok {
			(*u)[key] = old
		}
	}
}

// remember keeps what a parameter is, before it is set.
func (s *Session) remember(key string) {
	u := s.undoAt(len(s.tx.savepoints))
	if _, ok := (*u)[key]; ok {
		return
	}
	if *u == nil {
		*u = make(undo)
	}
	(*u)[key] = before{value: entry(s.values, key), local: entry(s.locals, key)}
}

func entry(m map[string]string, key string) *string {
	if v, ok := m[key]; ok {
		return &v
	}
	return nil
}

// takeBack makes parameters what they were, and tells the client.
func (s *Session) takeBack(u *undo) {
	if len(*u) == 0 {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(*u)) {
		old := (*u)[key]
		known := settings[key]
		if known == nil && old.value == nil && s.resets[key] == "" {
			old.value = new(string) // PostgreSQL keeps the placeholder, empty
		}
		s.change(known, key, func() {
			restore(s.values, key, old.value)
			restore(s.locals, key, old.local)
		})
	}
	*u = nil
}

func restore(m map[string]string, key string, value *string) {
	if value == nil {
		delete(m, key)
		return
	}
	m[key] = *value
}

// dropLocals ends what was set with SET LOCAL, at the end of a transaction.
func (s *Session) dropLocals() {
	if len(s.locals) == 0 {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(s.locals)) {
		known := settings[key]
		s.change(known, key, func() {
			delete(s.locals, key)
			if _, ok := s.value(key); known == nil && !ok {
				s.values[key] = "" // PostgreSQL keeps the placeholder, empty
			}
		})
	}
}
