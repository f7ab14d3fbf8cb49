package planner

import (
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/quantity"
)

// settingKind says how a parameter's values are read.
type settingKind uint8

const (
	stringSetting settingKind = iota
	boolSetting
	intSetting
	enumSetting
	listSetting // names with commas between them
)

// settingContext says who may change a parameter.
type settingContext uint8

const (
	userContext     settingContext = iota
	internalContext                // nobody
	serverContext                  // only the server's configuration
)

// setting describes a run-time parameter.
type setting struct {
	name    string // as SHOW writes it
	kind    settingKind
	context settingContext
	report  bool // told to the client when it changes
	mode    bool // it is one of the transaction
	boot    string
	about   string
	unit    string // of integers: "ms", "kB" or none
	min     int64
	max     int64
	options []string // of enums
	// only, if it is not empty, is the one value that is supported.
	only string
	// check reads a value and returns it as SHOW writes it.
	check func(s *setting, value string) (string, error)
}

const maxInt = 1<<31 - 1

// settings are the known parameters, by lower-case name.
var settings = indexSettings([]setting{
	{name: "application_name", report: true, about: "Sets the application name to be reported in statistics and logs."},
	{name: "array_nulls", kind: boolSetting, boot: "on", only: "on", about: "Enable input of NULL elements in arrays."},
	{name: "backslash_quote", kind: enumSetting, boot: "safe_encoding", options: []string{"safe_encoding", "on", "off"}, about: "Sets whether \"\\'\" is allowed in string literals."},
	{name: "block_size", kind: intSetting, context: internalContext, boot: "8192", about: "Shows the size of a disk block."},
	{name: "bytea_output", kind: enumSetting, boot: "hex", options: []string{"escape", "hex"}, about: "Sets the output format for bytea."},
	{name: "check_function_bodies", kind: boolSetting, boot: "on", about: "Check routine bodies during CREATE FUNCTION and CREATE PROCEDURE."},
	{name: "client_encoding", report: true, boot: "UTF8", check: checkEncoding, about: "Sets the client's character set encoding."},
	{name: "client_min_messages", kind: enumSetting, boot: "notice", options: []string{"debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"}, about: "Sets the message levels that are sent to the client."},
	{name: "DateStyle", kind: listSetting, report: true, boot: "ISO, MDY", check: checkDateStyle, about: "Sets the display format for date and time values."},
	{name: "default_table_access_method", boot: "heap", about: "Sets the default table access method for new tables."},
	{name: "default_tablespace", about: "Sets the default tablespace to create tables and indexes in."},
	{name: "default_text_search_config", boot: "pg_catalog.english", about: "Sets default text search configuration."},
	{name: "default_transaction_deferrable", kind: boolSetting, boot: "off", about: "Sets the default deferrable status of new transactions."},
	{name: "default_transaction_isolation", kind: enumSetting, boot: "serializable", options: isolations, about: "Sets the transaction isolation level of each new transaction."},
	{name: "default_transaction_read_only", kind: boolSetting, report: true, boot: "off", about: "Sets the default read-only status of new transactions."},
	{name: "escape_string_warning", kind: boolSetting, boot: "on", about: "Warn about backslash escapes in ordinary string literals."},
	{name: "extra_float_digits", kind: intSetting, boot: "1", min: -15, max: 3, about: "Sets the number of digits displayed for floating-point values."},
	{name: "idle_in_transaction_session_timeout", kind: intSetting, boot: "0", unit: "ms", max: maxInt, about: "Sets the maximum allowed idle time between queries, when in a transaction."},
	{name: "idle_session_timeout", kind: intSetting, boot: "0", unit: "ms", max: maxInt, about: "Sets the maximum allowed idle time between queries, when not in a transaction."},
	{name: "in_hot_standby", kind: boolSetting, context: internalContext, report: true, boot: "off", about: "Shows whether hot standby is currently active."},
	{name: "integer_datetimes", kind: boolSetting, context: internalContext, report: true, boot: "on", about: "Shows whether datetimes are integer based."},
	{name: "IntervalStyle", kind: enumSetting, report: true, boot: "postgres", options: []string{"postgres", "postgres_verbose", "sql_standard", "iso_8601"}, about: "Sets the display format for interval values."},
	{name: "is_superuser", kind: boolSetting, context: internalContext, report: true, boot: "on", about: "Shows whether the current user is a superuser."},
	{name: "jit", kind: boolSetting, boot: "off", about: "Allow JIT compilation."},
	{name: "lc_collate", context: internalContext, boot: "C", about: "Shows the collation order locale."},
	{name: "lc_ctype", context: internalContext, boot: "C", about: "Shows the character classification and case conversion locale."},
	{name: "lc_messages", boot: "C", about: "Sets the language in which messages are displayed."},
	{name: "lc_monetary", boot: "C", about: "Sets the locale for formatting monetary amounts."},
	{name: "lc_numeric", boot: "C", about: "Sets the locale for formatting numbers."},
	{name: "lc_time", boot: "C", about: "Sets the locale for formatting date and time values."},
	{name: "lock_timeout", kind: intSetting, boot: "0", unit: "ms", max: maxInt, about: "Sets the maximum allowed duration of any wait for a lock."},
	{name: "maintenance_work_mem", kind: intSetting, boot: "65536", unit: "kB", min: 1024, max: maxInt, about: "Sets the maximum memory to be used for maintenance operations."},
	{name: "max_identifier_length", kind: intSetting, context: internalContext, boot: "63", about: "Shows the maximum identifier length."},
	{name: "max_index_keys", kind: intSetting, context: internalContext, boot: "32", about: "Shows the maximum number of index keys."},
	{name: "plan_cache_mode", kind: enumSetting, boot: "auto", options: []string{"auto", "force_generic_plan", "force_custom_plan"}, about: "Controls the planner's selection of custom or generic plan."},
	{name: "role", boot: "none", about: "Sets the current role.", only: "none"},
	{name: "row_security", kind: boolSetting, boot: "on", about: "Enable row security."},
	{name: "search_path", kind: listSetting, boot: `"$user", public`, about: "Sets the schema search order for names that are not schema-qualified."},
	{name: "server_encoding", context: internalContext, report: true, boot: "UTF8", about: "Shows the server (database) character set encoding."},
	{name: "server_version", context: internalContext, report: true, boot: serverVersion, about: "Shows the server version."},
	{name: "server_version_num", kind: intSetting, context: internalContext, boot: serverVersionNum, about: "Shows the server version as an integer."},
	{name: "session_authorization", report: true, about: "Sets the session user name."},
	{name: "ssl", kind: boolSetting, context: serverContext, boot: "off", about: "Enables SSL connections."},
	{name: "ssmr.hint", about: "Text that placement policies are told."},
	{name: "ssmr.max_staleness", kind: intSetting, boot: "10000", unit: "ms", min: 1, max: maxInt, about: "How old the answer to a stale read may be."},
	{name: "ssmr.move_rate", kind: intSetting, boot: "0", max: maxInt, about: "Objects that MOVE moves per second at most; 0: no bound."},
	{name: "ssmr.read_consistency", kind: enumSetting, boot: "strong", options: []string{"strong", "stale"}, about: "Whether reads are linearizable or may be answered by any replica."},
	{name: "standard_conforming_strings", kind: boolSetting, report: true, boot: "on", only: "on", about: "Causes '...' strings to treat backslashes literally."},
	{name: "statement_timeout", kind: intSetting, boot: "0", unit: "ms", max: maxInt, about: "Sets the maximum allowed duration of any statement."},
	{name: "synchronize_seqscans", kind: boolSetting, boot: "on", about: "Enable synchronized sequential scans."},
	{name: "synchronous_commit", kind: enumSetting, boot: "on", options: []string{"local", "remote_write", "remote_apply", "on", "off"}, about: "Sets the current transaction's synchronization level; ssmr's is always on."},
	{name: "TimeZone", report: true, boot: "UTC", check: checkTimeZone, about: "Sets the time zone for displaying and interpreting time stamps."},
	{name: "transaction_deferrable", kind: boolSetting, mode: true, about: "Whether to defer a read-only serializable transaction."},
	{name: "transaction_isolation", kind: enumSetting, mode: true, options: isolations, about: "Sets the current transaction's isolation level."},
	{name: "transaction_read_only", kind: boolSetting, mode: true, about: "Sets the current transaction's read-only status."},
	{name: "transform_null_equals", kind: boolSetting, boot: "off", only: "off", about: "Treats \"expr=NULL\" as \"expr IS NULL\"."},
	{name: "vacuum_freeze_min_age", kind: intSetting, boot: "50000000", max: 1000000000, about: "Minimum age at which VACUUM should freeze a table row."},
	{name: "work_mem", kind: intSetting, boot: "65536", unit: "kB", min: 64, max: maxInt, about: "Sets the maximum memory to be used for sorts and groups."},
	{name: "xmloption", kind: enumSetting, boot: "content", options: []string{"content", "document"}, about: "Sets whether XML data is to be considered as documents or content fragments."},
})

// PostgreSQL's version that ssmr answers for.
const (
	serverVersion    = "15.0"
	serverVersionNum = "150000"
)

var isolations = []string{"serializable", "repeatable read", "read committed", "read uncommitted"}

func indexSettings(list []setting) map[string]*setting {
	index := make(map[string]*setting, len(list))
	for i := range list {
		index[strings.ToLower(list[i].name)] = &list[i]
	}
	return index
}

// settingAliases are other names of parameters.
var settingAliases = map[string]string{"time zone": "timezone", "timezone": "timezone", "names": "client_encoding", "schema": "search_path"}

// lookupSetting finds a parameter; nil for one that has no description, which
// may still be a custom one.
func lookupSetting(name string) (*setting, string) {
	name = strings.ToLower(name)
	if alias, ok := settingAliases[name]; ok {
		name = alias
	}
	return settings[name], name
}

// customName reports whether a name is that of a custom parameter: words with
// dots between them. "ssmr." is not free to choose.
func customName(name string) bool {
	parts := strings.Split(name, ".")
	if len(parts) < 2 || parts[0] == "ssmr" {
		return false
	}
	for _, p := range parts {
		for i, r := range p {
			letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127
			if !letter && (i == 0 || r != '$' && (r < '0' || r > '9')) {
				return false
			}
		}
		if p == "" {
			return false
		}
	}
	return true
}

func errUnknownSetting(name string) error {
	return pgerror.New(pgerror.UndefinedObject, "unrecognized configuration parameter \"%s\"", name)
}

func (s *setting) invalid(value string) *pgerror.Error {
	return pgerror.New(pgerror.InvalidParameterValue, "invalid value for parameter \"%s\": \"%s\"", s.name, value)
}

// changeable fails for a parameter that a session cannot change.
func (s *setting) changeable() error {
	switch s.context {
	case internalContext:
		return pgerror.New(pgerror.CantChangeRuntimeParam, "parameter \"%s\" cannot be changed", s.name)
	case serverContext:
		return pgerror.New(pgerror.CantChangeRuntimeParam, "parameter \"%s\" cannot be changed now", s.name)
	}
	return nil
}

// read checks a value and returns it as it is kept: integers in the parameter's
// unit, everything else as SHOW writes it.
func (s *setting) read(value string) (string, error) {
	kept, err := s.parse(value)
	if err != nil {
		return "", err
	}
	if s.only != "" && kept != s.only {
		return "", pgerror.NotSupported("%s = %s", s.name, kept)
	}
	return kept, nil
}

func (s *setting) parse(value string) (string, error) {
	switch s.kind {
	case boolSetting:
		b, ok := parseBool(value)
		if !ok {
			return "", pgerror.New(pgerror.InvalidParameterValue, "parameter \"%s\" requires a Boolean value", s.name)
		}
		if b {
			return "on", nil
		}
		return "off", nil
	case intSetting:
		return s.readInt(value)
	case enumSetting:
		for _, o := range s.options {
			if strings.EqualFold(o, value) {
				return o, nil
			}
		}
		return "", s.invalid(value).WithHint("Available values: %s.", strings.Join(s.options, ", "))
	}
	if s.check != nil {
		return s.check(s, value)
	}
	return value, nil
}

// parseBool reads a boolean as PostgreSQL does: unique beginnings will do.
func parseBool(value string) (b, ok bool) {
	v := strings.ToLower(value)
	switch {
	case v == "":
		return false, false
	case strings.HasPrefix("true", v), strings.HasPrefix("yes", v), v == "on", v == "1":
		return true, true
	case strings.HasPrefix("false", v), strings.HasPrefix("no", v), v == "of", v == "off", v == "0":
		return false, true
	}
	return false, false
}

// units are those that a value may have.
func (s *setting) units() quantity.Units {
	switch s.unit {
	case "ms":
		return quantity.Time
	case "kB":
		return quantity.Bytes
	}
	return quantity.Units{}
}

func (s *setting) readInt(value string) (string, error) {
	f, hint, ok := s.units().Parse(value, s.unit)
	if !ok {
		e := s.invalid(value)
		e.Hint = hint
		return "", e
	}
	n := int64(f + 0.5)
	if f < 0 {
		n = int64(f - 0.5)
	}
	if f > maxInt || f < -maxInt {
		return "", s.invalid(value).WithHint("Value exceeds integer range.")
	}
	if n < s.min || n > s.max {
		shown := strconv.FormatInt(n, 10)
		if s.unit != "" {
			shown += " " + s.unit
		}
		return "", pgerror.New(pgerror.InvalidParameterValue, "%s is outside the valid range for parameter \"%s\" (%d .. %d)", shown, s.name, s.min, s.max)
	}
	return strconv.FormatInt(n, 10), nil
}

// show writes a kept value as SHOW does: integers with the greatest unit that
// divides them.
func (s *setting) show(value string) string {
	if s.kind != intSetting || s.unit == "" {
		return value
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n <= 0 {
		return value
	}
	units := []string{"d", "h", "min", "s", "ms"}
	if s.unit == "kB" {
		units = []string{"TB", "GB", "MB", "kB"}
	}
	for _, u := range units {
		if f, ok := s.units().Factor(u, s.unit); ok && n%int64(f) == 0 {
			return strconv.FormatInt(n/int64(f), 10) + u
		}
	}
	return value
}
