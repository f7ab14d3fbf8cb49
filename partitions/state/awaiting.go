package state

import (
	"github.com/ssmr/ssmr/internal/command"
)

// Awaiting reports whether a command would be refused as Awaited, as far as can
// be read now. It is advice: Apply decides.
func (m *Machine) Awaiting(w *command.Write) (bool, error) {
	v, space := m.published.Load(), m.reading.Load()
	if v == nil || space == nil {
		return false, nil
	}
	t := v.tables[w.Table]
	if t == nil {
		return false, nil
	}
	src := stored{r: space}
	for i := range w.Targets {
		target := &w.Targets[i]
		if target.Version == 0 || !target.Arriving && !t.desc.Placement.Static {
			continue
		}
		if _, found, err := src.object(target.ID); err != nil {
			return false, err
		} else if found {
			continue
		}
		st, _, _, err := v.stand(t, src, target, w.Kind == command.Create)
		if err != nil {
			return false, err
		}
		if st == awaited {
			return true, nil
		}
	}
	return false, nil
}
