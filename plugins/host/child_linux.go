package host

import (
	"os"
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the process when the thread that starts it ends,
// and makes it the leader of a group.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// killGroup kills a process and what it has started.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
	_ = p.Kill()
}
