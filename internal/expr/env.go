package expr

import (
	"encoding/binary"
	"math"

	"github.com/ssmr/ssmr/internal/datum"
)

// Env is what expressions are evaluated against. It belongs to one goroutine.
type Env struct {
	Row    []datum.Datum
	Params []datum.Datum
	// Format holds the settings that texts, dates and times depend on; nil means
	// UTC and PostgreSQL's defaults.
	Format *datum.Format
	// Rand feeds random() and gen_random_uuid(). The zero value is a source with
	// seed 0.
	Rand Rand
	// Session answers now(), current_user and their like. A partition has none:
	// HideSession turns such calls into parameters before a program is sent.
	Session *Session

	caseValue datum.Datum   // of the innermost CASE with an operand
	stack     []datum.Datum // arguments of the calls under evaluation
	limited   bool          // by work
	work      int64         // that evaluations may still do
}

// Session is what the session functions tell. Times are microseconds since
// 2000-01-01 00:00 UTC, as datum.NewTimestampTZ takes them.
type Session struct {
	TransactionTime int64        // now(), current_date and their like
	StatementTime   int64        // statement_timestamp()
	Clock           func() int64 // clock_timestamp(); nil: StatementTime
	User            string       // current_user
	SessionUser     string       // session_user; empty: User
	Database        string
	Schemas         []string // current_schemas; the first is current_schema
	Version         string   // version()
	PID             int32    // pg_backend_pid()
	// Setting is current_setting's value of a run-time parameter.
	Setting func(name string) (string, bool)
	// SetSetting is set_config; nil refuses it.
	SetSetting func(name, value string, local bool) (string, error)
	// Sequence serves nextval, currval and lastval ("" for lastval); nil refuses
	// them.
	Sequence func(function, name string) (int64, error)
	// Sleep is pg_sleep; nil refuses it.
	Sleep func(seconds float64) error
}

// Rand is a source of random numbers.
type Rand struct {
	state  uint64
	source func() uint64
}

// NewRand makes a seeded source of pseudo-random numbers (splitmix64). The same seed
// gives the same numbers on each replica and in each version of ssmr.
func NewRand(seed uint64) Rand { return Rand{state: seed} }

// RandFrom makes a source of what source gives, which is random in all its bits: a UUID has
// 122 of them then, where one of a seeded source has no more than the seed.
func RandFrom(source func() uint64) Rand { return Rand{source: source} }

// Uint64 returns the next number.
func (r *Rand) Uint64() uint64 {
	if r.source != nil {
		return r.source()
	}
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// Float64 returns the next number in [0, 1).
func (r *Rand) Float64() float64 { return float64(r.Uint64()>>11) * math.Exp2(-53) }

// UUID returns the next version 4 UUID.
func (r *Rand) UUID() (u [16]byte) {
	binary.BigEndian.PutUint64(u[:8], r.Uint64())
	binary.BigEndian.PutUint64(u[8:], r.Uint64())
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u
}
