package expr

import (
	"slices"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// withSession guards a function that only a session can answer.
func withSession(f func(env *Env, s *Session, a []datum.Datum) (datum.Datum, error)) fnx {
	return func(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
		if env.Session == nil {
			return datum.Datum{}, pgerror.New(pgerror.InternalError, "function %s needs a session", c.Fn.Name)
		}
		return f(env, env.Session, a)
	}
}

func sessionName(get func(s *Session) string) fnx {
	return withSession(func(_ *Env, s *Session, _ []datum.Datum) (datum.Datum, error) {
		return text(get(s))
	})
}

func userOf(s *Session) string { return s.User }

func sessionUser(s *Session) string {
	if s.SessionUser != "" {
		return s.SessionUser
	}
	return s.User
}

func databaseOf(s *Session) string { return s.Database }

func versionOf(s *Session) string { return s.Version }

func now(_ *Env, s *Session, a []datum.Datum) (datum.Datum, error) {
	return rounded(datum.NewTimestampTZ(s.TransactionTime), datum.TimestampTZ, a)
}

func statementTime(_ *Env, s *Session, _ []datum.Datum) (datum.Datum, error) {
	return datum.NewTimestampTZ(s.StatementTime), nil
}

func clockTime(s *Session) int64 {
	if s.Clock == nil {
		return s.StatementTime
	}
	return s.Clock()
}

func clockTimestamp(_ *Env, s *Session, _ []datum.Datum) (datum.Datum, error) {
	return datum.NewTimestampTZ(clockTime(s)), nil
}

func timeOfDay(env *Env, s *Session, _ []datum.Datum) (datum.Datum, error) {
	micros := clockTime(s)
	t := time.UnixMicro(unixEpoch*microSecond + micros).In(zone(env))
	return text(t.Format("Mon Jan 02 15:04:05.000000 2006 MST"))
}

func currentDate(env *Env, s *Session, _ []datum.Datum) (datum.Datum, error) {
	return tzToDate(env, datum.NewTimestampTZ(s.TransactionTime))
}

func localTime(env *Env, s *Session, a []datum.Datum) (datum.Datum, error) {
	v, err := tzToTime(env, datum.NewTimestampTZ(s.TransactionTime))
	if err != nil {
		return v, err
	}
	return rounded(v, datum.Time, a)
}

func localTimestamp(env *Env, s *Session, a []datum.Datum) (datum.Datum, error) {
	return rounded(datum.NewTimestamp(toLocal(env, s.TransactionTime)), datum.Timestamp, a)
}

// rounded rounds to the precision that CURRENT_TIMESTAMP(p) asks for.
func rounded(v datum.Datum, t datum.Type, a []datum.Datum) (datum.Datum, error) {
	if len(a) == 0 {
		return v, nil
	}
	p := a[0].Int()
	if p < 0 {
		return v, pgerror.New(pgerror.InvalidParameterValue, "TIME(%d) precision must not be negative", p)
	}
	return applyMod(v, t.WithMod(int32(min(p, 6))), true)
}

func currentSchema(_ *Env, s *Session, _ []datum.Datum) (datum.Datum, error) {
	if len(s.Schemas) == 0 {
		return datum.Datum{}, nil
	}
	return text(s.Schemas[0])
}

func currentSchemas(_ *Env, s *Session, a []datum.Datum) (datum.Datum, error) {
	names := slices.Clone(s.Schemas)
	if a[0].Bool() {
		names = append([]string{"pg_catalog"}, names...)
	}
	list := make([]datum.Datum, len(names))
	for i, n := range names {
		list[i] = datum.NewText(n)
	}
	return datum.NewArray(datum.Name, list), nil
}

func backendPID(_ *Env, s *Session, _ []datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(s.PID)), nil
}

func currentSetting(_ *Env, s *Session, a []datum.Datum) (datum.Datum, error) {
	if s.Setting != nil {
		if v, ok := s.Setting(a[0].Text()); ok {
			return text(v)
		}
	}
	if len(a) > 1 && a[1].Bool() {
		return datum.Datum{}, nil
	}
	return datum.Datum{}, pgerror.New(pgerror.UndefinedObject, "unrecognized configuration parameter \"%s\"", a[0].Text())
}

func setConfig(_ *Env, s *Session, a []datum.Datum) (datum.Datum, error) {
	if a[0].IsNull() {
		return datum.Datum{}, pgerror.New(pgerror.NullValueNotAllowed, "SET requires parameter name")
	}
	if s.SetSetting == nil {
		return datum.Datum{}, pgerror.NotSupported("set_config here")
	}
	v, err := s.SetSetting(a[0].Text(), a[1].Text(), !a[2].IsNull() && a[2].Bool())
	if err != nil {
		return datum.Datum{}, err
	}
	return text(v)
}

func sequence(function string) fnx {
	return withSession(func(_ *Env, s *Session, a []datum.Datum) (datum.Datum, error) {
		if s.Sequence == nil {
			return datum.Datum{}, pgerror.NotSupported("function %s here", function)
		}
		name := ""
		if len(a) > 0 {
			name = a[0].Text()
		}
		n, err := s.Sequence(function, name)
		if err != nil {
			return datum.Datum{}, err
		}
		return datum.NewInt(n), nil
	})
}

func sleep(_ *Env, s *Session, a []datum.Datum) (datum.Datum, error) {
	if s.Sleep == nil {
		return datum.Datum{}, pgerror.NotSupported("pg_sleep here")
	}
	return datum.NewText(""), s.Sleep(a[0].Float())
}

func notInRecovery(*Env, *Session, []datum.Datum) (datum.Datum, error) {
	return datum.NewBool(false), nil
}

// noLocks is pg_advisory_unlock_all: no session has such a lock.
func noLocks(*Env, *Session, []datum.Datum) (datum.Datum, error) { return datum.NewText(""), nil }

func encodingName(*Env, *Call, []datum.Datum) (datum.Datum, error) { return text("UTF8") }

// oncePerStatement tells the volatile session functions whose value may be taken
// once for a statement.
func oncePerStatement(id uint32) bool {
	return id == 2649 || id == 274 // clock_timestamp, timeofday
}

// ageToday is age(t): the distance from midnight today.
func ageToday(env *Env, s *Session, a []datum.Datum) (datum.Datum, error) {
	today := microsDate(toLocal(env, s.TransactionTime)) * microDay
	if a[0].Kind() == datum.KindTimestampTZ {
		return ageOf(today, toLocal(env, a[0].Int()))
	}
	return ageOf(today, a[0].Int())
}

// completeCall turns a call that leaves an argument to the session into the full
// one: age(t) is age(current_date, t).
func completeCall(fn *Overload, args []Expr) (*Overload, []Expr, error) {
	full, t := uint32(0), datum.Timestamp
	switch fn.ID {
	case 1386:
		full, t = 1199, datum.TimestampTZ
	case 2059:
		full = 2058
	default:
		return fn, args, nil
	}
	today, err := NewFunction("current_date")
	if err != nil {
		return nil, nil, err
	}
	if today, err = Coerce(today, t, Explicit); err != nil {
		return nil, nil, err
	}
	return catalog().byID[full], []Expr{today, args[0]}, nil
}
