package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A program that has left children behind, one of which holds its output, is waited for
// and started again; those in its group are dead.
func TestLeavesChildren(t *testing.T) {
	dir := programs(t, "leaves")
	h := newHost(t, Config{Dir: dir, CallTimeout: 5 * time.Second, Backoff: time.Millisecond, HealthInterval: time.Hour})
	p := open(t, h, "leaves")
	pid := p.Status().PID
	if _, err := p.Place(context.Background(), batch()); err == nil {
		t.Fatal("it has answered")
	}
	until(t, "another process is ready", func() bool { s := p.Status(); return s.State == Ready && s.PID != 0 && s.PID != pid })
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("nobody has waited for the process: %v", err)
	}
	marks, _ := filepath.Glob(filepath.Join(dir, "child-*"))
	if len(marks) == 0 {
		t.Fatal("it has left no child")
	}
	child, _ := strconv.Atoi(strings.TrimPrefix(filepath.Base(marks[0]), "child-"))
	until(t, "the child is dead", func() bool { return errors.Is(syscall.Kill(child, 0), syscall.ESRCH) || zombie(child) })
}

// Calls that fail together are one failure: where the machine is busy all of them are
// late, and the program is well.
func TestFailuresTogether(t *testing.T) {
	h := newHost(t, Config{Dir: programs(t, "hangs"), CallTimeout: 300 * time.Millisecond, HealthInterval: time.Hour})
	p := open(t, h, "hangs")
	ask := func(times int) {
		var calls sync.WaitGroup
		for range times {
			calls.Go(func() { _, _ = p.Place(context.Background(), batch()) })
		}
		calls.Wait()
	}
	failures := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.failures
	}
	ask(8)
	if got := failures(); got != 1 {
		t.Fatalf("8 calls at once are %d failures", got)
	}
	ask(1)
	if got := failures(); got != 2 {
		t.Fatalf("one more makes %d failures", got)
	}
	pid := p.Status().PID
	ask(1)
	until(t, "it is started again", func() bool { s := p.Status(); return s.Restarts == 1 && s.PID != pid })
}

// The pause before a start doubles, up to a bound, while the program does not live for
// long; a new program begins anew.
func TestBackoffGrows(t *testing.T) {
	h := newHost(t, Config{Dir: programs(t, "crashes", "good"), CallTimeout: 5 * time.Second, Backoff: time.Millisecond, MaxBackoff: time.Minute})
	p := open(t, h, "crashes")
	pause := func() time.Duration {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.pause
	}
	for i := range 6 {
		until(t, "it is ready", func() bool { return p.Status().State == Ready })
		if _, err := p.Place(context.Background(), batch()); err == nil {
			t.Fatal("it has answered")
		}
		want := time.Millisecond << i
		until(t, "the pause is "+want.String(), func() bool { return pause() == want })
	}
	if err := swap(context.Background(), p, Spec{Name: "x", Program: "policy-good"}); err != nil {
		t.Fatal(err)
	}
	if got := pause(); got != 0 {
		t.Errorf("a new program begins with a pause of %s", got)
	}
}

// A policy sees nothing of the server's environment but what is named.
func TestEnvironment(t *testing.T) {
	t.Setenv("HOST_TEST_SECRET", "secret")
	t.Setenv("HOST_TEST_SHOWN", "shown")
	h := newHost(t, Config{Dir: programs(t, "env"), CallTimeout: 5 * time.Second, Env: []string{"HOST_TEST_SHOWN", "HOST_TEST_UNSET"}})
	placed, err := open(t, h, "env").Place(context.Background(), batch())
	if err != nil {
		t.Fatal(err)
	}
	env := "\n" + placed[0].Reason
	if !strings.Contains(env, "\nHOST_TEST_SHOWN=shown") || strings.Contains(env, "SECRET") || strings.Contains(env, "\nPATH=") || strings.Contains(env, "UNSET") {
		t.Errorf("it sees %q", env)
	}
}

// A candidate is used once, or closed, also with its host.
func TestCandidate(t *testing.T) {
	h := newHost(t, Config{Dir: programs(t, "good", "second"), CallTimeout: 5 * time.Second})
	p := open(t, h, "good")
	try := func() (*Candidate, int) {
		t.Helper()
		c, err := h.Try(context.Background(), Spec{Name: "x", Program: "policy-second"})
		if err != nil {
			t.Fatal(err)
		}
		return c, c.proc.child.pid()
	}
	dead := func(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
	c, pid := try()
	if accepted, err := c.Configure(context.Background(), nil, *batch().Table); err != nil || len(accepted.ReplaceColumns) != 1 {
		t.Errorf("accepted %v, %v", accepted, err)
	}
	c.Close()
	if until(t, "a candidate that is closed is dead", func() bool { return dead(pid) }); !errors.Is(p.Adopt(c), ErrClosed) {
		t.Error("a candidate that was closed was adopted")
	}
	c, pid = try()
	if err := p.Adopt(c); err != nil {
		t.Fatal(err)
	}
	c.Close() // not the candidate's any more
	if s := p.Status(); s.PID != pid || s.Version != "2" || s.Restarts != 0 {
		t.Errorf("status %+v", s)
	}
	if _, err := h.Run(c); !errors.Is(err, ErrClosed) {
		t.Errorf("a candidate was used twice: %v", err)
	}
	_, pid = try()
	h.Close()
	until(t, "a candidate ends with its host", func() bool { return dead(pid) })
}

// What a server that was killed has left in the folder of sockets is removed.
func TestSocketsOfTheLastServer(t *testing.T) {
	sockets := filepath.Join(t.TempDir(), "sockets")
	left := filepath.Join(sockets, "plugin-dir1")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	h, err := New(Config{Dir: programs(t, "good"), Sockets: sockets})
	if err != nil {
		t.Fatal(err)
	}
	open(t, h, "good")
	if entries, err := os.ReadDir(sockets); err != nil || len(entries) != 1 || entries[0].Name() == filepath.Base(left) {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(sockets); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
}

// What a policy says of itself and of objects is short, and text.
func TestTextsAreBounded(t *testing.T) {
	h := newHost(t, Config{Dir: programs(t, "verbose"), CallTimeout: 5 * time.Second})
	answer, err := open(t, h, "verbose").Ask(context.Background(), Question{Batch: batch()})
	if err != nil {
		t.Fatal(err)
	}
	reason := answer.Placements[0].Reason
	if len(answer.Version) > maxName || len(reason) > MaxReason || !strings.HasPrefix(reason, "?ä") || !strings.HasSuffix(reason, "ä...") {
		t.Errorf("version %q, reason %q", answer.Version, reason)
	}
}

// late is a context whose end comes later than its deadline, as timers do on a busy machine.
type late struct {
	context.Context
	deadline time.Time
}

func (l late) Deadline() (time.Time, bool) { return l.deadline, true }

// The caller's own end says nothing of the policy, also where the program has noticed it
// first.
func TestCallersEnd(t *testing.T) {
	h := newHost(t, Config{Dir: programs(t, "hangs"), CallTimeout: time.Minute})
	p := open(t, h, "hangs")
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	for _, ctx := range []context.Context{late{ctx, time.Now().Add(100 * time.Millisecond)}, ctx} {
		if _, err := p.Place(ctx, batch()); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() == nil {
			t.Errorf("%v; the caller's end: %v", err, ctx.Err())
		}
	}
	if s := p.Status(); s.Failed != 0 || s.Err != nil {
		t.Errorf("status %+v", s)
	}
}
