// Package harness starts whole clusters of ssmr-server processes for tests, and
// does to them what the world does: kill, stop, continue, restart.
package harness

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

var (
	buildOnce sync.Once
	binary    string
	buildErr  error
)

// Binary builds ssmr-server once for a test process and returns its path.
func Binary(t Reporter) string {
	t.Helper()
	buildOnce.Do(func() {
		dir, err := os.MkdirTemp("", "ssmr-bin-")
		if err != nil {
			buildErr = err
			return
		}
		binary = filepath.Join(dir, "ssmr-server")
		out, err := exec.Command("go", "build", "-o", binary, "github.com/ssmr/ssmr/server/ssmr-server").CombinedOutput()
		if err != nil {
			buildErr = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return binary
}

// Environ is this process's environment without the variables that configure a
// server: a node is what its arguments say.
func Environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SSMR_") })
}

// Cleanup removes what Binary built. Call it from TestMain.
func Cleanup() {
	if binary != "" {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
}

// Reporter is what the harness needs of a test; testing.TB is one. Fatal does not
// return.
type Reporter interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Failed() bool
	Cleanup(f func())
	TempDir() string
}

// Cluster is a set of nodes on this machine.
type Cluster struct {
	t     Reporter
	Nodes []*Node
}

// Node is one server process.
type Node struct {
	t    Reporter
	Name string
	SQL  string // host:port of the PostgreSQL protocol
	Dir  string // data folder
	args []string
	log  *logFile
	// program is what runs; empty for what Binary builds.
	program string
	env     []string

	mu     sync.Mutex // guards what follows
	cmd    *exec.Cmd
	exited chan struct{}
}

// Start starts a cluster of n nodes, waits until it serves, and ends it with the
// test. Extra arguments go to every node.
func Start(t Reporter, n int, extra ...string) *Cluster {
	t.Helper()
	c := Prepare(t, n, extra...)
	for _, node := range c.Nodes {
		node.Start()
	}
	for _, node := range c.Nodes {
		node.WaitReady(60 * time.Second)
	}
	return c
}

// Prepare is Start that starts no process.
func Prepare(t Reporter, n int, extra ...string) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	var peers []string
	sql := FreePorts(t, n)
	ports := FreePorts(t, n)
	for i := range n {
		peers = append(peers, fmt.Sprintf("n%d=%s", i+1, ports[i]))
	}
	dir := t.TempDir()
	for i := range n {
		name := fmt.Sprintf("n%d", i+1)
		args := []string{"--node", name, "--data-dir", filepath.Join(dir, name), "--listen", sql[i]}
		if n > 1 {
			args = append(args, "--cluster-nodes", strings.Join(peers, ","))
		}
		c.Nodes = append(c.Nodes, &Node{
			t: t, Name: name, SQL: sql[i], Dir: filepath.Join(dir, name), args: append(args, extra...),
			log: &logFile{path: filepath.Join(dir, name+".log")},
		})
	}
	t.Cleanup(c.stop)
	return c
}

// FreePorts returns n addresses on loopback that were free a moment ago. They are below
// the ports that the system gives to outgoing connections, one of which could take the
// place of a node that is down.
func FreePorts(t Reporter, n int) []string {
	t.Helper()
	const least, most, tries = 12_000, 32_000, 10_000
	var out []string
	var open []net.Listener
	for range tries {
		if len(out) == n {
			break
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", least+rand.IntN(most-least)))
		if err != nil {
			continue
		}
		open = append(open, l)
		out = append(out, l.Addr().String())
	}
	for _, l := range open {
		_ = l.Close()
	}
	if len(out) < n {
		t.Fatalf("no %d free ports from %d to %d", n, least, most)
	}
	return out
}

func (c *Cluster) stop() {
	for _, n := range c.Nodes {
		n.Kill()
		if c.t.Failed() {
			c.t.Logf("end of the log of %s:\n%s", n.Name, n.log.tail(60))
		}
	}
}

// Connect opens a connection to the node.
func (n *Node) Connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, n.DSN())
}

// DSN is the connection string of the node.
func (n *Node) DSN() string {
	return fmt.Sprintf("postgres://test@%s/test?sslmode=disable&connect_timeout=5", n.SQL)
}

// Start starts the process. It must not be running.
func (n *Node) Start() {
	n.t.Helper()
	out, err := n.log.open()
	if err != nil {
		n.t.Fatal(err)
	}
	program := n.program
	if program == "" {
		program = Binary(n.t)
	}
	cmd := exec.Command(program, n.args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(Environ(), n.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		_ = out.Close()
		n.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		_ = out.Close()
		close(exited)
	}()
	n.mu.Lock()
	n.cmd, n.exited = cmd, exited
	n.mu.Unlock()
}

// WaitReady waits until the node answers a statement.
func (n *Node) WaitReady(limit time.Duration) {
	n.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := n.ping()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("%s is not ready after %s: %v\n%s", n.Name, limit, err, n.log.tail(40))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (n *Node) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := n.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var count int64
	return conn.QueryRow(ctx, "SELECT count(*) FROM ssmr.partitions WHERE leader IS NOT NULL").Scan(&count)
}

// Kill ends the process with SIGKILL and waits for its end.
func (n *Node) Kill() {
	n.signal(syscall.SIGKILL)
	n.wait()
}

// Terminate asks the process to end with SIGTERM, waits, and returns its exit code.
func (n *Node) Terminate() int {
	n.signal(syscall.SIGTERM)
	n.wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil || n.cmd.ProcessState == nil {
		return -1
	}
	return n.cmd.ProcessState.ExitCode()
}

// Signal sends the process a signal.
func (n *Node) Signal(s syscall.Signal) { n.signal(s) }

// WaitExit waits until the process has ended, and returns its exit code.
func (n *Node) WaitExit(limit time.Duration) int {
	n.t.Helper()
	n.mu.Lock()
	cmd, exited := n.cmd, n.exited
	n.mu.Unlock()
	select {
	case <-exited:
		return cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		n.t.Fatalf("%s has not ended after %s\n%s", n.Name, limit, n.log.tail(40))
		return -1
	}
}

// Configure adds arguments to those of the next start.
func (n *Node) Configure(args ...string) { n.args = append(n.args, args...) }

// Argument returns the value of a flag of the next start.
func (n *Node) Argument(flag string) string {
	for i := len(n.args) - 2; i >= 0; i-- {
		if n.args[i] == flag {
			return n.args[i+1]
		}
	}
	return ""
}

// Stop suspends the process (SIGSTOP); Continue goes on.
func (n *Node) Stop() { n.signal(syscall.SIGSTOP) }

// Continue ends a Stop.
func (n *Node) Continue() { n.signal(syscall.SIGCONT) }

// Log returns the last lines of what the process printed.
func (n *Node) Log(lines int) string { return n.log.tail(lines) }

func (n *Node) signal(s syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil && n.cmd.Process != nil {
		_ = n.cmd.Process.Signal(s)
	}
}

func (n *Node) wait() {
	n.mu.Lock()
	exited := n.exited
	n.mu.Unlock()
	if exited != nil {
		<-exited
	}
}

// logFile gathers what the starts of one node print.
type logFile struct{ path string }

func (l *logFile) open() (*os.File, error) {
	return os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

func (l *logFile) tail(n int) string {
	f, err := os.Open(l.path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		lines = append(lines, s.Text())
		if len(lines) > n {
			lines = lines[1:]
		}
	}
	return strings.Join(lines, "\n")
}

// PeakMemory returns the most memory that the process has had resident, in bytes;
// 0 where the system does not tell.
func (n *Node) PeakMemory() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil || n.cmd.Process == nil {
		return 0
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}
