package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config of a Host. Zero values mean the defaults, where there are some.
type Config struct {
	// Dir is the folder that policies' programs are found in. Required.
	Dir string
	// Sockets is a folder for the sockets of policies, which is the host's alone: what a
	// server that was killed has left in it is removed. Its path should be short. Default:
	// a new folder for temporary files.
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
	// Backoff and MaxBackoff bound the time before a program is started again, which
	// doubles until it has run for MaxBackoff. Defaults: 100 ms and 30 s.
	Backoff, MaxBackoff time.Duration
	// AnswerBytes bounds an answer. Default: 4 MiB.
	AnswerBytes int
	// LogLines bounds the lines of one policy that are logged in a second; the others
	// are counted. Default: 50.
	LogLines int
	Logger   *slog.Logger // nil: discarded
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
	cfg      Config
	starter  *starter
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	starting sync.WaitGroup // calls of Try
	started  atomic.Uint64  // programs

	mu      sync.Mutex // guards what follows
	open    map[interface{ Close() }]struct{}
	sockets string // the folder, where it was made
	closed  bool
}

// ErrClosed is the error of a Host, Plugin or Candidate that was closed.
var ErrClosed = errors.New("it was closed")

// New makes a host.
func New(cfg Config) (*Host, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if cfg.Sockets != "" {
		if err := os.RemoveAll(cfg.Sockets); err != nil {
			return nil, fmt.Errorf("folder for the sockets of policies: %w", err)
		}
	}
	h := &Host{cfg: cfg, starter: newStarter(), open: make(map[interface{ Close() }]struct{})}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h, nil
}

// Open starts a policy and asks it who it is. The error says why it cannot be used.
func (h *Host) Open(ctx context.Context, spec Spec) (*Plugin, error) {
	c, err := h.Try(ctx, spec)
	if err != nil {
		return nil, err
	}
	return h.Run(c)
}

// socketFolder returns the folder for sockets: go-plugin makes one for each process in
// it. The path of a socket has room for about a hundred bytes.
func (h *Host) socketFolder() (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sockets != "" {
		return h.sockets, nil
	}
	folder := h.cfg.Sockets
	var err error
	if folder == "" {
		folder, err = os.MkdirTemp("", "ssmr-")
	} else {
		err = os.Mkdir(folder, 0o700)
	}
	if err != nil {
		return "", fmt.Errorf("folder for the sockets of policies: %w", err)
	}
	h.sockets = folder
	return folder, nil
}

func (h *Host) forget(what interface{ Close() }) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, what)
}

// Close ends all policies. Calling it again is harmless.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	h.starting.Wait()
	h.mu.Lock()
	all := slices.Collect(maps.Keys(h.open))
	h.mu.Unlock()
	var closing sync.WaitGroup
	for _, what := range all {
		closing.Go(what.Close)
	}
	closing.Wait()
	h.starter.close()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sockets == "" {
		return nil
	}
	return os.RemoveAll(h.sockets)
}

// missing is the error of a program that is not there: fs.ErrNotExist.
type missing struct{ program, dir string }

func (m *missing) Error() string {
	return fmt.Sprintf("there is no program %q in %s", m.program, m.dir)
}

func (*missing) Unwrap() error { return fs.ErrNotExist }

// Check finds a policy's program and compares its checksum. It returns its path and
// its checksum.
func (h *Host) Check(spec Spec) (path, sum string, err error) {
	if spec.Program == "" || spec.Program != filepath.Base(spec.Program) || strings.HasPrefix(spec.Program, ".") {
		return "", "", fmt.Errorf("%q is not the name of a file in %s", spec.Program, h.cfg.Dir)
	}
	path = filepath.Join(h.cfg.Dir, spec.Program)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", &missing{program: spec.Program, dir: h.cfg.Dir}
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
