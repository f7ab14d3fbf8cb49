package host

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// starter starts all children of a host from one thread that lives as long as the
// host: Linux sends a child's parent-death signal when the thread that has started it
// ends.
type starter struct {
	calls chan func()
	done  chan struct{}
	once  sync.Once
}

func newStarter() *starter {
	s := &starter{calls: make(chan func()), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		for {
			select {
			case f := <-s.calls:
				f()
			case <-s.done:
				return
			}
		}
	}()
	return s
}

// run runs f on the thread.
func (s *starter) run(f func() error) error {
	result := make(chan error, 1)
	select {
	case s.calls <- func() { result <- f() }:
		return <-result
	case <-s.done:
		return ErrClosed
	}
}

func (s *starter) close() { s.once.Do(func() { close(s.done) }) }

// outputPatience is how long the output of a process that has ended is still read:
// what it has started may hold the other end.
const outputPatience = 500 * time.Millisecond

// child is a process that the host has started: a runner of go-plugin. The host waits
// for it itself, whoever holds its output.
type child struct {
	starter *starter
	cmd     *exec.Cmd
	stdin   *os.File // its end tells the policy that the server is gone
	stdout  *handshakeReader
	stderr  *pacedReader
	pace    *pace

	ended chan struct{} // closed when it was waited for
	err   error         // of the wait, behind ended

	mu      sync.Mutex // guards what follows
	process *os.Process
	killed  bool
	reaped  bool
}

var _ runner.Runner = (*child)(nil)

// newChild prepares a process.
func (h *Host) newChild(path string, p *pace) *child {
	c := &child{starter: h.starter, cmd: exec.Command(path), pace: p, ended: make(chan struct{})}
	for _, name := range h.cfg.Env {
		if value, ok := os.LookupEnv(name); ok {
			c.cmd.Env = append(c.cmd.Env, name+"="+value)
		}
	}
	c.cmd.Dir = h.cfg.Dir
	ownGroup(c.cmd)
	return c
}

// Start is of runner.Runner.
func (c *child) Start(context.Context) error {
	ours, theirs, err := c.pipes()
	if err == nil {
		err = c.starter.run(c.cmd.Start)
	}
	for _, f := range theirs {
		_ = f.Close()
	}
	if err != nil {
		for _, f := range ours {
			_ = f.Close()
		}
		c.err = err
		close(c.ended)
		return err
	}
	c.mu.Lock()
	c.process = c.cmd.Process
	kill := c.killed
	c.mu.Unlock()
	if kill {
		c.killNow()
	}
	sacrificeFirst(c.process.Pid)
	go c.reap(ours)
	return nil
}

// pipes makes the process's input and outputs: the ends of the host, and its own.
func (c *child) pipes() (ours, theirs []*os.File, err error) {
	var r, w [3]*os.File
	for i := range r {
		if r[i], w[i], err = os.Pipe(); err != nil {
			return ours, theirs, err
		}
		if i == 0 {
			ours, theirs = append(ours, w[i]), append(theirs, r[i])
		} else {
			ours, theirs = append(ours, r[i]), append(theirs, w[i])
		}
	}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = r[0], w[1], w[2]
	c.stdin, c.stdout, c.stderr = w[0], &handshakeReader{f: r[1]}, &pacedReader{f: r[2], pace: c.pace}
	return ours, theirs, nil
}

// reap waits for the end of the process, and ends what it has started.
func (c *child) reap(pipes []*os.File) {
	if awaitEnd(c.process.Pid) {
		c.mu.Lock()
		killGroup(c.process)
		c.reaped = true // from here on its id may be another's
		c.mu.Unlock()
	}
	c.err = c.cmd.Wait()
	close(c.ended)
	time.AfterFunc(outputPatience, func() {
		for _, f := range pipes {
			_ = f.Close()
		}
	})
}

// Wait is of runner.Runner.
func (c *child) Wait(context.Context) error {
	<-c.ended
	return c.err
}

// Kill is of runner.Runner.
func (c *child) Kill(context.Context) error {
	c.killNow()
	return nil
}

// killNow sends SIGKILL to the process and its group. A process that was stopped
// dies of it too. One that is not started yet dies when it is.
func (c *child) killNow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
	if c.process == nil || c.reaped {
		return
	}
	select {
	case <-c.ended:
	default:
		killGroup(c.process)
	}
}

// Diagnose is of runner.Runner.
func (c *child) Diagnose(context.Context) string {
	return fmt.Sprintf("%s was started, and did not do the handshake of a placement policy", c.cmd.Path)
}

// Stdout is of runner.Runner.
func (c *child) Stdout() io.ReadCloser { return c.stdout }

// Stderr is of runner.Runner.
func (c *child) Stderr() io.ReadCloser { return c.stderr }

// Name is of runner.Runner.
func (c *child) Name() string { return c.cmd.Path }

// ID is of runner.Runner: the process id.
func (c *child) ID() string { return strconv.Itoa(c.pid()) }

// pid returns the process id; 0 before the start.
func (c *child) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return 0
	}
	return c.process.Pid
}

// PluginToHost is of runner.Runner.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin is of runner.Runner.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
