//go:build fault

package crashpoint

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// variable is the environment variable that names the file which says where the process
// is to end.
const variable = "FAULT_STEP"

// Before says that a command is about to be sent, or an entry to be logged.
func Before(what any) { at("before", what) }

// After says that it was.
func After(what any) { at("after", what) }

func at(when string, what any) {
	path := os.Getenv(variable)
	if path == "" {
		return
	}
	wanted, err := os.ReadFile(path)
	if err != nil {
		return
	}
	how, step, _ := strings.Cut(strings.TrimSpace(string(wanted)), " ")
	_, name, _ := strings.Cut(fmt.Sprintf("%T", what), ".")
	if step != when+" "+name || os.Remove(path) != nil {
		return // the latter: another goroutine was faster
	}
	signal := syscall.SIGKILL
	if how == "stop" {
		signal = syscall.SIGSTOP
	}
	_ = syscall.Kill(syscall.Getpid(), signal)
}
