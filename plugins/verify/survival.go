package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
)

const (
	killed = syscall.SIGKILL
	halted = syscall.SIGSTOP
)

// patience is how long a trial waits for a program.
const patience = 10 * time.Second

// comesBack sends the program a signal, and waits for another to answer.
func (t *trial) comesBack(ctx context.Context, s syscall.Signal) (string, error) {
	pid := t.plugin.Status().PID
	if pid == 0 {
		return "", errors.New("it does not run")
	}
	if err := syscall.Kill(pid, s); err != nil {
		return "", err
	}
	began := time.Now()
	for {
		if now := t.plugin.Status().PID; now != 0 && now != pid {
			if _, err := t.ask(ctx, sample(t.cfg.Table, 1)); !errors.Is(err, host.ErrUnavailable) && !errors.Is(err, host.ErrLate) {
				return fmt.Sprintf("in %s", time.Since(began).Round(time.Millisecond)), nil
			}
		}
		if time.Since(began) > patience || ctx.Err() != nil {
			return "", errors.New("it does not answer again")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// endsWithServer starts the program as a server does, ends its standard input, and
// waits for it to end: what happens where the kernel does not kill it.
func (t *trial) endsWithServer(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	path, err := filepath.Abs(t.cfg.Program)
	if err != nil {
		return "", err
	}
	sockets, err := os.MkdirTemp("", "ssmr-verify-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(sockets)
	cmd := exec.CommandContext(ctx, path)
	cmd.Env = []string{
		placement.Handshake.MagicCookieKey + "=" + placement.Handshake.MagicCookieValue,
		"PLUGIN_PROTOCOL_VERSIONS=1", "PLUGIN_UNIX_SOCKET_DIR=" + sockets,
	}
	for _, name := range t.cfg.Env {
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	began := time.Now()
	_ = stdin.Close()
	_ = cmd.Wait()
	if ctx.Err() != nil {
		return "", errors.New("it goes on when its standard input has ended")
	}
	return fmt.Sprintf("%s after its standard input", time.Since(began).Round(time.Millisecond)), nil
}
