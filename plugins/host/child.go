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

// child is a process that the host has started: a runner of go-plugin.
type child struct {
	starter *starter
	cmd     *exec.Cmd
	stdin   io.WriteCloser // its end tells the policy that the server is gone
	stdout  io.ReadCloser
	stderr  io.ReadCloser
	ended   chan struct{} // closed when it was waited for

	mu      sync.Mutex // guards what follows
	process *os.Process
	killed  bool
}

var _ runner.Runner = (*child)(nil)

// newChild prepares a process. env is what the handshake needs.
func (h *Host) newChild(path string, env []string) (*child, error) {
	c := &child{starter: h.starter, cmd: exec.Command(path), ended: make(chan struct{})}
	c.cmd.Env = env
	for _, name := range h.cfg.Env {
		if value, ok := os.LookupEnv(name); ok {
			c.cmd.Env = append(c.cmd.Env, name+"="+value)
		}
	}
	c.cmd.Dir = h.cfg.Dir
	c.cmd.WaitDelay = 2 * time.Second
	dieWithParent(c.cmd)
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.stdout, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	c.stderr, err = c.cmd.StderrPipe()
	return c, err
}

// Start is of runner.Runner.
func (c *child) Start(context.Context) error {
	if err := c.starter.run(c.cmd.Start); err != nil {
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
	return nil
}

// Wait is of runner.Runner.
func (c *child) Wait(context.Context) error {
	defer close(c.ended)
	return c.cmd.Wait()
}

// Kill is of runner.Runner.
func (c *child) Kill(context.Context) error {
	c.killNow()
	return nil
}

// killNow sends SIGKILL to the process and its group. A process that was stopped
// dies of it too.
func (c *child) killNow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
	if c.process == nil {
		return
	}
	select {
	case <-c.ended: // its id may be another's by now
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
