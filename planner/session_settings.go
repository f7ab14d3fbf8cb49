package planner

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/planner/plan"
)

// value returns a parameter's value as it is kept; false for one that is unknown.
func (s *Session) value(key string) (string, bool) {
	if v, ok := s.given(key); ok {
		return v, true
	}
	if known := settings[key]; known != nil {
		if known.mode {
			return s.mode(key), true
		}
		return known.boot, true
	}
	return "", false
}

// given returns a parameter's value if it is not the built-in one.
func (s *Session) given(key string) (string, bool) {
	if v, ok := s.locals[key]; ok {
		return v, true
	}
	if v, ok := s.values[key]; ok {
		return v, true
	}
	v, ok := s.resets[key]
	return v, ok
}

// shown returns a parameter's value as SHOW writes it.
func (s *Session) shown(key string) (string, bool) {
	v, ok := s.value(key)
	if known := settings[key]; ok && known != nil {
		v = known.show(v)
	}
	return v, ok
}

// Parameters are the values that the client is told after start-up.
func (s *Session) Parameters() map[string]string {
	out := make(map[string]string)
	for key, known := range settings {
		if known.report {
			out[known.name], _ = s.shown(key)
		}
	}
	return out
}

// readSetting reads a value; a DateStyle without an order keeps the one that
// there is.
func (s *Session) readSetting(known *setting, value string) (string, error) {
	kept, err := known.read(value)
	if err == nil && known.name == "DateStyle" && kept == "ISO" {
		old, _ := s.value("datestyle")
		_, order, _ := strings.Cut(old, ", ")
		kept += ", " + order
	}
	return kept, err
}

// set changes a parameter: until the end of the transaction if it is local, or else
// for good, if the transaction commits.
func (s *Session) set(name, value string, local bool) error {
	known, key := lookupSetting(name)
	if len(value) > maxSettingBytes {
		return pgerror.New(pgerror.InvalidParameterValue, "value of parameter \"%s\" is longer than %d bytes", name, maxSettingBytes)
	}
	if known == nil {
		if !customName(name) {
			return errUnknownSetting(name)
		}
		if _, exists := s.value(key); !exists && len(s.values)+len(s.locals) >= maxCustomSettings {
			return pgerror.New(pgerror.ConfigurationLimitExceeded, "a session can have at most %d parameters", maxCustomSettings)
		}
		s.assign(nil, key, value, local)
		return nil
	}
	if err := known.changeable(); err != nil {
		return err
	}
	if key == "session_authorization" && value != s.start.User {
		return pgerror.New(pgerror.InsufficientPrivilege, "permission denied to set session authorization \"%s\"", value)
	}
	kept, err := s.readSetting(known, value)
	if err != nil {
		return err
	}
	if known.mode {
		return s.setMode(key, kept)
	}
	s.assign(known, key, kept, local)
	return nil
}

// assign gives a parameter a value that is right.
func (s *Session) assign(known *setting, key, value string, local bool) {
	s.remember(key)
	s.change(known, key, func() {
		if local {
			s.locals[key] = value
			return
		}
		s.values[key] = value
		delete(s.locals, key)
	})
}

// The bounds of the parameters that a session has set.
const (
	maxCustomSettings = 1024
	maxSettingBytes   = 64 << 10
)

// reset takes a parameter back to the value that the session began with.
func (s *Session) reset(name string, local bool) error {
	known, key := lookupSetting(name)
	if known == nil {
		if _, ok := s.value(key); !ok && !customName(name) {
			return errUnknownSetting(name)
		}
		if _, ok := s.value(key); ok { // PostgreSQL keeps the placeholder, empty
			s.assign(nil, key, s.resets[key], local)
		}
		return nil
	}
	if err := known.changeable(); err != nil {
		return err
	}
	if known.mode {
		return nil
	}
	if local {
		value, ok := s.resets[key]
		if !ok {
			value = known.boot
		}
		s.assign(known, key, value, true)
		return nil
	}
	s.remember(key)
	s.change(known, key, func() {
		delete(s.values, key)
		delete(s.locals, key)
	})
	return nil
}

// resetAll is RESET ALL.
func (s *Session) resetAll() {
	keys := slices.Collect(maps.Keys(s.values))
	keys = slices.AppendSeq(keys, maps.Keys(s.locals))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		s.remember(key)
		s.change(settings[key], key, func() {
			delete(s.values, key)
			delete(s.locals, key)
		})
	}
}

// change makes a change and tells the client of it.
func (s *Session) change(known *setting, key string, make func()) {
	before, _ := s.shown(key)
	make()
	if known == nil {
		return // a custom one: nothing follows from it
	}
	after, _ := s.shown(key)
	s.refresh()
	if known.report && before != after && s.start.Client != nil {
		s.start.Client.ParameterStatus(known.name, after)
	}
}

// refresh computes what follows from the parameters.
func (s *Session) refresh() {
	get := func(key string) string { v, _ := s.value(key); return v }
	number := func(key string) int64 { n, _ := strconv.ParseInt(get(key), 10, 64); return n }
	milliseconds := func(key string) time.Duration { return time.Duration(number(key)) * time.Millisecond }
	f := &datum.Format{
		Location:      time.UTC,
		DateOrder:     dateOrder(get("datestyle")),
		IntervalStyle: intervalStyle(get("intervalstyle")),
		ByteaEscape:   get("bytea_output") == "escape",
	}
	if digits := number("extra_float_digits"); digits <= 0 {
		f.RoundFloats, f.ExtraFloatDigits = true, int(digits)
	}
	zone := get("timezone")
	if loc, err := datum.ParseTimeZone(zone); err == nil {
		f.Location = loc
	}
	n := current{
		format:     f,
		timeout:    milliseconds("statement_timeout"),
		idle:       milliseconds("idle_session_timeout"),
		idleIn:     milliseconds("idle_in_transaction_session_timeout"),
		readOnly:   get("default_transaction_read_only") == "on",
		deferrable: get("default_transaction_deferrable") == "on",
		level:      severities[strings.ToUpper(get("client_min_messages"))],
		plan:       planSettings{zone: zone, order: f.DateOrder, interval: f.IntervalStyle, database: s.start.Database},
	}
	x := &execute.Settings{
		Format: f, TimeZone: zone, Session: &s.functions,
		WorkMem:     s.backend.cfg.capWorkMem(number("work_mem") << 10),
		LockTimeout: milliseconds("lock_timeout"),
		MoveRate:    number("ssmr.move_rate"),
		Hint:        get("ssmr.hint"),
		Generated:   s.generated,
		Notice:      func(m plan.Notice) { s.notice(severityOf(m.Code), m.Code, m.Message) },
	}
	if get("ssmr.read_consistency") == "stale" {
		x.MaxStaleness = milliseconds("ssmr.max_staleness")
	}
	n.settings = x
	s.now = n
	s.setFunctions()
}

// severityOf is what PostgreSQL tells a SQLSTATE of a notice with: class 01 is of
// warnings.
func severityOf(code string) string {
	if strings.HasPrefix(code, "01") {
		return "WARNING"
	}
	return "NOTICE"
}
