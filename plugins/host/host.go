package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Config of a Host. Zero values mean the defaults, where there are some.
type Config struct {
	// Dir is the folder that policies' programs are found in. Required.
	Dir string
	// Sockets is a folder for the sockets of policies. Default: that of temporary files.
	Sockets string
	// Env names the variables of the server's environment that policies get.
	Env []string
	// CallTimeout bounds a call. Default: 50 ms.
	CallTimeout time.Duration
	// StartTimeout bounds a start, up to the answer to the first call. Default: 10 s.
	StartTimeout time.Duration
	// HealthInterval is the time between two health checks, each bounded by
	// HealthTimeout. Defaults: 1 s and 500 ms.
	HealthInterval, HealthTimeout time.Duration
	// MaxFailures is the number of calls in a row that may fail before the program is
	// started again. Default: 3.
	MaxFailures int
	// Backoff and MaxBackoff bound the time before a program is started again. Defaults:
	// 100 ms and 30 s.
	Backoff, MaxBackoff time.Duration
	// AnswerBytes bounds an answer. Default: 4 MiB.
	AnswerBytes int
	// LogLines bounds the lines of one policy that are logged in a second; the others
	// are counted. Default: 50.
	LogLines int
	Logger   *slog.Logger // nil: discarded
	// Changed is called when the state of a policy changes; it may be nil and must not
	// block.
	Changed func(name string, state State, err error)
}

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		return c, errors.New("host: the folder of plugins is missing")
	}
	setDefault(&c.CallTimeout, 50*time.Millisecond)
	setDefault(&c.StartTimeout, 10*time.Second)
	setDefault(&c.HealthInterval, time.Second)
	setDefault(&c.HealthTimeout, 500*time.Millisecond)
	setDefault(&c.MaxFailures, 3)
	setDefault(&c.Backoff, 100*time.Millisecond)
	setDefault(&c.MaxBackoff, 30*time.Second)
	setDefault(&c.AnswerBytes, 4<<20)
	setDefault(&c.LogLines, 50)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Spec says which program a policy is.
type Spec struct {
	// Name is the policy's name, for people.
	Name string
	// Program is the name of a file in Config.Dir.
	Program string
	// SHA256 is the checksum that the file has to have, in hexadecimal; empty: any.
	SHA256 string
	// Options are the policy's own (placement.Initializer).
	Options map[string]string
	// PlainText lets the policy do without mutual TLS: for programs whose library for
	// go-plugin's handshake lacks it. Its socket is in a folder that others cannot enter.
	PlainText bool
}

// Host starts and watches policies. Its methods may be called from many goroutines.
type Host struct {
	cfg     Config
	starter *starter

	mu      sync.Mutex // guards what follows
	plugins map[*Plugin]struct{}
	closed  bool
}

// ErrClosed is the error of a Host that was closed.
var ErrClosed = errors.New("host: closed")

// New makes a host.
func New(cfg Config) (*Host, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Host{cfg: cfg, starter: newStarter(), plugins: make(map[*Plugin]struct{})}, nil
}

// Open starts a policy and asks it who it is. The error says why it cannot be used.
func (h *Host) Open(ctx context.Context, spec Spec) (*Plugin, error) {
	p := &Plugin{host: h, log: h.cfg.Logger.With("policy", spec.Name), stopped: make(chan struct{}), wake: make(chan struct{}, 1)}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, ErrClosed
	}
	h.plugins[p] = struct{}{}
	h.mu.Unlock()
	proc, err := h.start(ctx, spec, p.log)
	if err != nil {
		h.forget(p)
		return nil, err
	}
	p.spec, p.state = spec, Ready
	p.proc.Store(proc)
	p.background.Go(p.watch)
	return p, nil
}

func (h *Host) forget(p *Plugin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.plugins, p)
}

// Close ends all policies. Calling it again is harmless.
func (h *Host) Close() error {
	h.mu.Lock()
	first := !h.closed
	h.closed = true
	all := make([]*Plugin, 0, len(h.plugins))
	for p := range h.plugins {
		all = append(all, p)
	}
	h.mu.Unlock()
	for _, p := range all {
		p.Close()
	}
	if first {
		h.starter.close()
	}
	return nil
}

// Check finds a policy's program and compares its checksum. It returns its path and
// its checksum.
func (h *Host) Check(spec Spec) (path, sum string, err error) {
	if spec.Program == "" || spec.Program != filepath.Base(spec.Program) || strings.HasPrefix(spec.Program, ".") {
		return "", "", fmt.Errorf("%q is not the name of a file in %s", spec.Program, h.cfg.Dir)
	}
	path = filepath.Join(h.cfg.Dir, spec.Program)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", "", fmt.Errorf("there is no program %q in %s", spec.Program, h.cfg.Dir)
	}
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", "", err
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return "", "", fmt.Errorf("%s is not a program", path)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", "", err
	}
	sum = hex.EncodeToString(hash.Sum(nil))
	if spec.SHA256 != "" && !strings.EqualFold(spec.SHA256, sum) {
		return "", "", fmt.Errorf("%s has the SHA-256 %s, and not the %s that was given for it", path, sum, strings.ToLower(spec.SHA256))
	}
	return path, sum, nil
}
