package host

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ssmr/ssmr/plugins/host/hosttest"
	"github.com/ssmr/ssmr/plugins/placement"
)

// programs makes a folder with a program for each behaviour.
func programs(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		hosttest.Link(t, dir, name)
	}
	return dir
}

// buffer is a log that can be read meanwhile.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newHost(t *testing.T, cfg Config) *Host {
	t.Helper()
	cfg.Sockets = t.TempDir()
	if cfg.HealthInterval == 0 {
		cfg.HealthInterval, cfg.HealthTimeout = 50*time.Millisecond, 200*time.Millisecond
	}
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Close()
		left, _ := os.ReadDir(cfg.Sockets)
		if len(left) > 0 {
			t.Errorf("%d folders of sockets are left behind", len(left))
		}
	})
	return h
}

func open(t *testing.T, h *Host, how string) *Plugin {
	t.Helper()
	p, err := h.Open(context.Background(), Spec{Name: how, Program: "policy-" + how})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func batch() *placement.Batch {
	return &placement.Batch{
		Table:      &placement.Table{Name: "t", Key: []string{"id"}, Columns: []placement.Column{{Name: "id", Type: "integer"}}},
		Objects:    []placement.Object{{Values: []placement.Value{{Text: "1"}}, Home: 3}},
		Partitions: []placement.Partition{{ID: 1}, {ID: 2}, {ID: 3}},
	}
}

// until waits for a condition.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func TestPlace(t *testing.T) {
	h := newHost(t, Config{Dir: programs(t, "good"), CallTimeout: 5 * time.Second})
	p := open(t, h, "good")
	placed, err := p.Place(context.Background(), batch())
	if err != nil || len(placed) != 1 || placed[0].Partition != 3 || placed[0].Reason != "home" {
		t.Fatalf("placed %v, %v", placed, err)
	}
	accepted, err := p.Configure(context.Background(), nil, *batch().Table)
	if err != nil || len(accepted.ReplaceColumns) != 1 || accepted.ReplaceColumns[0] != "country" || accepted.ReadColumns != nil || accepted.By != p.Running() {
		t.Fatalf("accepted %+v, %v", accepted, err)
	}
	var wrong *placement.OptionError
	if _, err := p.Configure(context.Background(), placement.Options{"wrong": "x"}, *batch().Table); !errors.As(err, &wrong) || wrong.Value != "x" {
		t.Fatalf("a wrong option gives %v", err)
	}
	s := p.Status()
	if s.Name != "good" || s.Version != "1" || s.State != Ready || s.Calls != 3 || s.Failed != 0 || s.PID == 0 || !s.Deterministic || len(s.SHA256) != 64 {
		t.Fatalf("status %+v", s)
	}
}

// A policy that does not answer costs its deadline, is killed and started again.
func TestMisbehaviour(t *testing.T) {
	cases := map[string]string{
		"hangs": "did not answer within", "crashes": "", "panics": "", "short": "0 placements for 1 objects",
		"huge": "", "garbage": "", "refuses": "not today",
	}
	var names []string
	for name := range cases {
		names = append(names, name)
	}
	dir := programs(t, names...)
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Config{Dir: dir, CallTimeout: 300 * time.Millisecond, Backoff: time.Millisecond})
			p := open(t, h, name)
			pid := p.Status().PID
			for range 4 {
				placed, err := p.Place(context.Background(), batch())
				if err == nil {
					t.Fatalf("an answer: %v", placed)
				}
				if named := map[string]error{"hangs": ErrLate, "refuses": ErrRefused}[name]; named != nil && !errors.Is(err, ErrUnavailable) && !errors.Is(err, named) {
					t.Errorf("error %v is not %q", err, named)
				}
				if want != "" && !errors.Is(err, ErrUnavailable) && !strings.Contains(err.Error(), want) {
					t.Fatalf("error %q, want %q", err, want)
				}
			}
			if s := p.Status(); s.Failed != 4 {
				t.Fatalf("%d of 4 calls counted as failed", s.Failed)
			}
			if name == "refuses" || name == "short" {
				if s := p.Status(); s.PID != pid || s.Restarts != 0 {
					t.Fatal("a policy that answers was started again")
				}
				return
			}
			until(t, "another process is ready", func() bool { s := p.Status(); return s.State == Ready && s.PID != 0 && s.PID != pid })
		})
	}
}

// A process that was stopped is noticed without a call, and killed.
func TestStopped(t *testing.T) {
	h := newHost(t, Config{Dir: programs(t, "good"), Backoff: time.Millisecond})
	p := open(t, h, "good")
	pid := p.Status().PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	until(t, "another process is ready", func() bool { s := p.Status(); return s.State == Ready && s.PID != pid })
	until(t, "the stopped one is dead", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	if _, err := p.Place(context.Background(), batch()); err != nil && !strings.Contains(err.Error(), "within") {
		t.Fatal(err)
	}
}

// What a policy prints is logged with its name, at most so much of it; and however it
// prints, it goes on.
func TestTalkative(t *testing.T) {
	log := &buffer{}
	h := newHost(t, Config{Dir: programs(t, "prints", "floods", "raw"), CallTimeout: 20 * time.Second, LogLines: 10,
		HealthInterval: time.Hour, Logger: slog.New(slog.NewTextHandler(log, nil))})
	for _, name := range []string{"prints", "floods", "raw"} {
		p := open(t, h, name)
		for range 2 {
			if _, err := p.Place(context.Background(), batch()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, want := range []string{"to stdout", "line 0\" policy=floods", "lines were dropped", "raw line\" policy=raw"} {
		until(t, "the log says "+want, func() bool { return strings.Contains(log.String(), want) })
	}
	if n := strings.Count(log.String(), "\n"); n > 2000 {
		t.Errorf("%d lines were logged", n)
	}
}

func TestStartFails(t *testing.T) {
	dir := programs(t, "ends", "silent", "babbles", "good")
	if err := os.WriteFile(filepath.Join(dir, "policy-text"), []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "policy-broken"), []byte("\x7fELF broken"), 0o755); err != nil {
		t.Fatal(err)
	}
	h := newHost(t, Config{Dir: dir, StartTimeout: 2 * time.Second})
	for program, want := range map[string]string{
		"policy-ends": "policy-ends", "policy-silent": "timeout", "policy-babbles": "policy-babbles", "policy-text": "is not a program",
		"policy-broken": "policy-broken", "policy-none": "there is no program", "../policy-good": "is not the name of a file", "": "is not the name of a file",
	} {
		_, err := h.Open(context.Background(), Spec{Name: "x", Program: program})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", program, err, want)
		}
	}
	_, err := h.Open(context.Background(), Spec{Name: "x", Program: "policy-good", SHA256: strings.Repeat("0", 64)})
	if err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("a wrong checksum gives %v", err)
	}
	if _, sum, err := h.Check(Spec{Program: "policy-good"}); err != nil {
		t.Error(err)
	} else if _, err := h.Open(context.Background(), Spec{Name: "x", Program: "policy-good", SHA256: strings.ToUpper(sum)}); err != nil {
		t.Error(err)
	}
}

// swap puts another program in the place of the one that runs.
func swap(ctx context.Context, p *Plugin, spec Spec) error {
	c, err := p.host.Try(ctx, spec)
	if err != nil {
		return err
	}
	return p.Adopt(c)
}

func TestSwap(t *testing.T) {
	h := newHost(t, Config{Dir: programs(t, "good", "second", "ends"), CallTimeout: 10 * time.Second, StartTimeout: 5 * time.Second})
	p := open(t, h, "good")
	ctx := context.Background()
	var calls sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		calls.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := p.Place(ctx, batch()); err != nil {
					t.Errorf("a call failed while the policy was swapped: %v", err)
				}
			}
		})
	}
	if err := swap(ctx, p, Spec{Name: "good", Program: "policy-ends"}); err == nil {
		t.Error("a program that ends was swapped in")
	}
	if s := p.Status(); s.Name != "good" || s.State != Ready {
		t.Errorf("after a swap that failed: %+v", s)
	}
	if err := swap(ctx, p, Spec{Name: "good", Program: "policy-second"}); err != nil {
		t.Error(err)
	}
	close(stop)
	calls.Wait()
	if s := p.Status(); s.Version != "2" || s.Failed != 0 {
		t.Errorf("after a swap: %+v", s)
	}
}

// A policy does not outlive the process that has started it.
func TestDiesWithHost(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HOST_TEST_DIR="+programs(t, "good"), "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var pid int
	if _, scanErr := fmt.Sscanf(line, "pid %d", &pid); err != nil || scanErr != nil {
		t.Fatalf("%q, %v", line, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	until(t, "the policy is dead", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid) })
}

// zombie reports whether a process is dead and was not waited for.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(b), ") Z ")
}

func TestClose(t *testing.T) {
	h := newHost(t, Config{Dir: programs(t, "good")})
	p := open(t, h, "good")
	pid := p.Status().PID
	h.Close()
	h.Close()
	if _, err := p.Place(context.Background(), batch()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a call after Close gives %v", err)
	}
	if _, err := h.Open(context.Background(), Spec{Name: "good", Program: "policy-good"}); !errors.Is(err, ErrClosed) {
		t.Errorf("Open after Close gives %v", err)
	}
	until(t, "the process is dead", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
}
