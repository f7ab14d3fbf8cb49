package pgwire

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config bounds what clients can ask for. Zero values mean the defaults.
type Config struct {
	// MaxConnections bounds the clients that are served at a time; one more is
	// told 53300. Default 1000.
	MaxConnections int
	// MaxMessageBytes bounds one message of a client. Default 64 MiB.
	MaxMessageBytes int
	// StartupTimeout bounds the time from the connection to the end of its
	// start-up. Default 10 s.
	StartupTimeout time.Duration
	Logger         *slog.Logger // nil: discarded
	Events         Events
}

// Events are told what happens. Any may be nil; they must not block.
type Events struct {
	Connected    func()
	Disconnected func()
	Refused      func() // for want of a free connection
	Cancelled    func() // a cancel request that met a running statement
}

const (
	defaultMaxConnections  = 1000
	defaultMaxMessageBytes = 64 << 20
	defaultStartupTimeout  = 10 * time.Second
)

func (c Config) withDefaults() (Config, error) {
	if c.MaxConnections < 0 || c.MaxMessageBytes < 0 || c.StartupTimeout < 0 {
		return c, fmt.Errorf("pgwire: negative limit in %+v", c)
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = defaultMaxConnections
	}
	if c.MaxMessageBytes == 0 {
		c.MaxMessageBytes = defaultMaxMessageBytes
	}
	if c.MaxMessageBytes < maxStartupBytes {
		return c, errors.New("pgwire: MaxMessageBytes is smaller than a start-up packet")
	}
	if c.StartupTimeout == 0 {
		c.StartupTimeout = defaultStartupTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
