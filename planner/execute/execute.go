package execute

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/plan"
)

// ErrReplan is returned where a partition has a newer descriptor of a table than
// the plan was made against. Nothing took effect and no row was given out: make
// the plan anew from a fresh catalog (Catalog.Refresh) and start again.
var ErrReplan = errors.New("the plan is older than the schema")

// ErrRestart is returned where a read was interrupted before it gave out a row:
// start it again.
var ErrRestart = errors.New("the read was interrupted")

// Config bounds what the executor does. Zero values mean the defaults.
type Config struct {
	// MaxRounds bounds how often a command is sent after an object that turns out
	// to live elsewhere. Default 12.
	MaxRounds int
	// Patience bounds how long a command waits for an object that is on its way,
	// or for a partition that has no room, in all. Default 10 s.
	Patience time.Duration
	// Parallelism bounds how many partitions a statement asks at the same time.
	// Default 16.
	Parallelism int
	// ChunkBytes bounds a chunk of rows from a partition. Default 128 KiB.
	ChunkBytes int
	// ReplaceQueue bounds the objects that wait for their policy to be asked again, because
	// they have changed. Default 16384.
	ReplaceQueue int
	// MaxWriteBytes bounds the rows that one statement sends to one partition.
	// Default 24 MiB; beyond it the error is 54000.
	MaxWriteBytes int
	Logger        *slog.Logger // nil: discarded
	// Rand gives random(), UUIDs, seeds and the jitter of waiting, from several
	// goroutines; nil is the system's.
	Rand func() uint64
}

func (c Config) withDefaults() (Config, error) {
	if c.MaxRounds < 0 || c.Patience < 0 || c.Parallelism < 0 || c.ChunkBytes < 0 || c.MaxWriteBytes < 0 ||
		c.ReplaceQueue < 0 {
		return c, errors.New("execute: a limit is negative")
	}
	setDefault(&c.MaxRounds, 12)
	setDefault(&c.Patience, 10*time.Second)
	setDefault(&c.Parallelism, 16)
	setDefault(&c.ChunkBytes, 128<<10)
	setDefault(&c.MaxWriteBytes, 24<<20)
	setDefault(&c.ReplaceQueue, 16384)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Rand == nil {
		c.Rand = rand.Uint64
	}
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Executor runs the plans of all sessions of a node. It is safe for use from
// several goroutines.
type Executor struct {
	cfg      Config
	deps     Dependencies
	replacer *replacer
}

// New makes an executor, which is to be closed. All dependencies but Trace,
// Introspection and Clock are needed.
func New(cfg Config, deps Dependencies) (*Executor, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if deps.Catalog == nil || deps.Directory == nil || deps.Schema == nil || deps.Mover == nil ||
		deps.Sequences == nil || deps.Partitions == nil || deps.Policies == nil {
		return nil, errors.New("execute: a dependency is missing")
	}
	if deps.Clock == nil {
		deps.Clock = systemClock{}
	}
	x := &Executor{cfg: cfg, deps: deps}
	x.replacer = newReplacer(x)
	return x, nil
}

type systemClock struct{}

// Now is the system's time.
func (systemClock) Now() time.Time { return time.Now() }

// Settings are the settings of a session that an execution depends on. They must
// not change while it runs.
type Settings struct {
	Format   *datum.Format
	TimeZone string // IANA name of Format's location, for partitions
	// Session answers the session functions of expressions.
	Session *expr.Session
	// MaxStaleness above 0 lets replicas answer reads from a state at most that old.
	MaxStaleness time.Duration
	// WorkMem bounds the bytes that a sort, a DISTINCT, the groups of an aggregate
	// or the rows of a RETURNING may take, each. 0 means 64 MiB.
	WorkMem int64
	// LockTimeout bounds what the statement waits for locks; 0 means no bound.
	LockTimeout time.Duration
	// MoveRate bounds MOVE to that many objects a second; 0 means no bound.
	MoveRate int64
	// Hint is what placement policies are told.
	Hint string
	// Planning is how long the plan took to make, for EXPLAIN ANALYZE.
	Planning time.Duration
	// Notice tells the client something: a warning where its Code is of class 01. nil
	// drops it.
	Notice func(plan.Notice)
	// Generated hears of values of sequences that are given to rows; may be nil.
	Generated func(table object.TableID, column int, value int64)
}

const defaultWorkMem = 64 << 20

func (s *Settings) workMem() int64 {
	if s.WorkMem > 0 {
		return s.WorkMem
	}
	return defaultWorkMem
}

// user is who executes; empty where that is not known.
func (s *Settings) user() string {
	if s.Session == nil {
		return ""
	}
	return s.Session.User
}

func (s *Settings) notice(n plan.Notice) {
	if s.Notice != nil {
		s.Notice(n)
	}
}
