package planner

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/bind"
	"github.com/ssmr/ssmr/planner/execute"
)

// Config bounds what sessions may keep. Zero values mean the defaults.
type Config struct {
	// Version is ssmr's, for version().
	Version string
	// Plans and PlanBytes bound the plans that the node keeps, by number and by the
	// size of their texts. Defaults 4096 and 16 MiB.
	Plans     int
	PlanBytes int
	// Statements and StatementBytes bound what one session has prepared, by number
	// and by the size of the texts. Defaults 4096 and 16 MiB; beyond is 53400.
	Statements     int
	StatementBytes int
	// Portals bounds the portals of one session. Default 1024; beyond is 53400.
	Portals int
	// MaxWorkMem caps what work_mem gives a sort or group, in bytes, whatever a
	// session sets it to; 0: no cap.
	MaxWorkMem int64
	// Settings are the values that parameters begin with, in place of the
	// built-in ones.
	Settings map[string]string
	Logger   *slog.Logger // nil: discarded
}

func (c Config) withDefaults() (Config, error) {
	for _, f := range []struct {
		field *int
		value int
	}{{&c.Plans, 4096}, {&c.PlanBytes, 16 << 20}, {&c.Statements, 4096}, {&c.StatementBytes, 16 << 20}, {&c.Portals, 1024}} {
		if *f.field < 0 {
			return c, errors.New("planner: a limit is negative")
		}
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Version == "" {
		c.Version = "development"
	}
	return c, nil
}

// capWorkMem bounds what a session has set work_mem to.
func (c Config) capWorkMem(bytes int64) int64 {
	if c.MaxWorkMem > 0 {
		return min(bytes, c.MaxWorkMem)
	}
	return bytes
}

// Dependencies are what sessions stand on.
type Dependencies struct {
	Executor *execute.Executor
	Catalog  execute.Catalog
	// Policies check placements of CREATE TABLE and ALTER TABLE.
	Policies bind.Policies
	Clock    execute.Clock // nil: the system's
}

// Backend opens sessions. It implements session.Backend.
type Backend struct {
	cfg   Config
	deps  Dependencies
	plans *planCache
}

type systemClock struct{}

// Now is the system's time.
func (systemClock) Now() time.Time { return time.Now() }

// New makes a backend. Executor, Catalog and Policies are needed.
func New(cfg Config, deps Dependencies) (*Backend, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if deps.Executor == nil || deps.Catalog == nil || deps.Policies == nil {
		return nil, errors.New("planner: a dependency is missing")
	}
	if deps.Clock == nil {
		deps.Clock = systemClock{}
	}
	b := &Backend{cfg: cfg, deps: deps, plans: newPlanCache(cfg.Plans, cfg.PlanBytes)}
	for name, value := range cfg.Settings {
		s, _ := lookupSetting(name)
		if s == nil {
			return nil, errUnknownSetting(name)
		}
		if _, err := s.read(value); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Open starts a session.
func (b *Backend) Open(_ context.Context, start session.Startup) (session.Session, error) {
	s := &Session{
		backend: b, start: start,
		statements: make(map[string]*statement), portals: make(map[string]*portal),
		values: make(map[string]string), locals: make(map[string]string), resets: make(map[string]string),
	}
	for name, value := range b.cfg.Settings {
		known, key := lookupSetting(name)
		kept, err := known.read(value)
		if err != nil {
			return nil, err
		}
		s.resets[key] = kept
	}
	s.resets["session_authorization"] = start.User
	s.refresh()
	for name, value := range start.Options {
		if err := s.startOption(name, value); err != nil {
			return nil, err
		}
	}
	s.refresh()
	return s, nil
}

// startOption takes a parameter of the start-up packet, which is what RESET goes
// back to.
func (s *Session) startOption(name, value string) error {
	known, key := lookupSetting(name)
	if known == nil {
		if !customName(name) {
			return errUnknownSetting(name)
		}
		s.resets[key] = value
		return nil
	}
	if err := known.changeable(); err != nil {
		return err
	}
	if known.mode {
		return nil // there is no transaction
	}
	if key == "session_authorization" && value != s.start.User {
		return pgerror.New(pgerror.InsufficientPrivilege, "permission denied to set session authorization")
	}
	kept, err := s.readSetting(known, value)
	if err == nil {
		s.resets[key] = kept
	}
	return err
}
