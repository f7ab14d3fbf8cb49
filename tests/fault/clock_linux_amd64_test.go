package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain is the process whose clock jumps, where it is asked to be.
func TestMain(m *testing.M) {
	if os.Getenv("FAULT_TEST_CLOCK") != "" {
		for line := make([]byte, 1); ; {
			if _, err := os.Stdin.Read(line); err != nil {
				os.Exit(0)
			}
			_, _ = os.Stdout.WriteString(strconv.FormatInt(time.Now().Unix(), 10) + "\n")
		}
	}
	os.Exit(m.Run())
}

// TestClocksJump holds that a process's wall clock can be made wrong, and right again.
func TestClocksJump(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FAULT_TEST_CLOCK=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	offset := func() time.Duration {
		t.Helper()
		buf := make([]byte, 64)
		if _, err := in.Write([]byte("\n")); err != nil {
			t.Fatal(err)
		}
		n, err := out.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		at, err := strconv.ParseInt(strings.TrimSpace(string(buf[:n])), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return time.Duration(at-time.Now().Unix()) * time.Second
	}
	c, err := newClock(cmd.Process.Pid)
	if err != nil {
		t.Skip(err)
	}
	for _, want := range []time.Duration{0, time.Hour, -24 * time.Hour, 0} {
		if err := c.set(want); err != nil {
			t.Fatal(err)
		}
		if got := offset(); got < want-2*time.Second || got > want+2*time.Second {
			t.Errorf("the clock is wrong by %s, want %s", got, want)
		}
	}
}
