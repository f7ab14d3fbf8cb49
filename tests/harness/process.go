package harness

import (
	"fmt"
	"os/exec"
)

// Build builds ssmr-server with build tags (separated by commas) to a file.
func Build(file, tags string) error {
	cmd := exec.Command("go", "build", "-tags", tags, "-o", file, "github.com/ssmr/ssmr/server/ssmr-server")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// Use has the next starts of the node run another program than what Binary builds.
func (n *Node) Use(program string) { n.program = program }

// Setenv adds variables ("NAME=value") to the environment of the next starts.
func (n *Node) Setenv(variables ...string) { n.env = append(n.env, variables...) }

// Pid returns the number of the process; 0 where none was started.
func (n *Node) Pid() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil || n.cmd.Process == nil {
		return 0
	}
	return n.cmd.Process.Pid
}

// Exited is closed when the process that was started last has ended; nil where none
// was started.
func (n *Node) Exited() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.exited
}

// LogFile is the file that holds what all starts of the node have printed.
func (n *Node) LogFile() string { return n.log.path }
