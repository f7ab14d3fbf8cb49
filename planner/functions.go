package planner

import (
	"context"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
)

// sequenceName is the sequence of a serial column.
type sequenceName struct {
	table  object.TableID
	column int
}

// setFunctions fills in what session functions answer.
func (s *Session) setFunctions() {
	f := &s.functions
	f.User, f.SessionUser, f.Database = s.start.User, s.start.User, s.start.Database
	f.Schemas = s.schemas()
	f.Version = "PostgreSQL " + serverVersion + " (ssmr " + s.backend.cfg.Version + ")"
	f.PID = int32(s.start.PID)
	f.Clock = func() int64 { return execute.Micros(s.backend.deps.Clock.Now()) }
	f.Setting = s.currentSetting
	f.SetSetting = s.setConfig
	f.Sequence = s.sequence
	f.Sleep = s.sleep
}

// schemas are those of search_path that exist.
func (s *Session) schemas() []string {
	path, _ := s.value("search_path")
	var out []string
	for _, name := range strings.Split(path, ",") {
		if name = strings.Trim(strings.TrimSpace(name), `"`); name == "public" || name == "ssmr" {
			out = append(out, name)
		}
	}
	return out
}

func (s *Session) currentSetting(name string) (string, bool) {
	_, key := lookupSetting(name)
	return s.shown(key)
}

// setConfig is set_config.
func (s *Session) setConfig(name, value string, local bool) (string, error) {
	_, key := lookupSetting(name)
	if err := s.set(name, value, local); err != nil {
		return "", err
	}
	v, _ := s.shown(key)
	return v, nil
}

// sleep is pg_sleep.
func (s *Session) sleep(seconds float64) error {
	if seconds <= 0 || s.ctx == nil {
		return nil
	}
	d := time.Duration(min(seconds, 1e9) * float64(time.Second))
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}

// generated hears of a value that a serial column was given.
func (s *Session) generated(table object.TableID, column int, value int64) {
	if s.sequences == nil {
		s.sequences = make(map[sequenceName]int64)
	}
	s.sequences[sequenceName{table, column}] = value
	s.lastValue = &value
}

// sequence serves nextval, currval and lastval.
func (s *Session) sequence(function, name string) (int64, error) {
	if function == "lastval" {
		if s.lastValue == nil {
			return 0, pgerror.New(pgerror.ObjectNotInPrerequisiteState, "lastval is not yet defined in this session")
		}
		return *s.lastValue, nil
	}
	seq, short, err := s.findSequence(name)
	if err != nil {
		return 0, err
	}
	switch function {
	case "nextval":
		if s.tx.readOnly {
			return 0, pgerror.New(pgerror.ReadOnlySQLTransaction, "cannot execute nextval() in a read-only transaction")
		}
		v, err := s.backend.deps.Executor.NextValue(s.ctx, seq.table, seq.column)
		if err == nil {
			s.generated(seq.table, seq.column, v)
		}
		return v, err
	case "currval":
		v, ok := s.sequences[seq]
		if !ok {
			return 0, pgerror.New(pgerror.ObjectNotInPrerequisiteState, "currval of sequence \"%s\" is not yet defined in this session", short)
		}
		return v, nil
	}
	return 0, pgerror.NotSupported("function %s", function)
}

// findSequence finds the serial column that "<table>_<column>_seq" is the
// sequence of.
func (s *Session) findSequence(name string) (sequenceName, string, error) {
	short := sequenceText(strings.TrimPrefix(name, "public."))
	for _, t := range s.backend.deps.Catalog.Catalog().ByName {
		for i := range t.Columns {
			if c := &t.Columns[i]; c.Serial && !c.Dropped && SequenceName(t, c) == short {
				return sequenceName{t.ID, i}, short, nil
			}
		}
	}
	return sequenceName{}, short, pgerror.New(pgerror.UndefinedTable, "relation \"%s\" does not exist", name)
}

// sequenceText is a name as regclass reads it: folded to lower case unless it is
// quoted.
func sequenceText(name string) string {
	if len(name) > 1 && name[0] == '"' && name[len(name)-1] == '"' {
		return strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
	}
	return strings.ToLower(name)
}

// SequenceName is the name of the sequence of a serial column.
func SequenceName(t *catalog.Table, c *catalog.Column) string { return t.Name + "_" + c.Name + "_seq" }
