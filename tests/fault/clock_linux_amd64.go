package main

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// clock is the wall clock of a process, which can be made wrong: in the process's own
// copy of the kernel's vDSO the function clock_gettime is replaced with one that makes
// the system call and adds an offset to CLOCK_REALTIME. The monotonic clock stays,
// as it does where an operator or NTP sets the time.
type clock struct {
	memory string
	at     int64 // where the offset is, in seconds
}

// fakeClock is the function: system call 228, then the offset where the first argument
// is CLOCK_REALTIME (0).
var fakeClock = []byte{
	0xb8, 0xe4, 0x00, 0x00, 0x00, // mov eax, 228
	0x0f, 0x05, // syscall
	0x85, 0xff, // test edi, edi
	0x75, 0x0a, // jne +10
	0x48, 0x8b, 0x0d, 0x0e, 0x00, 0x00, 0x00, // mov rcx, [rip+14]
	0x48, 0x01, 0x0e, // add [rsi], rcx
	0xc3,                         // ret
	0x0f, 0x1f, 0x40, 0x00, 0x90, // padding to 32 bytes
	0x0f, 0x1f, 0x40, 0x00, 0x90,
	0, 0, 0, 0, 0, 0, 0, 0, // the offset
}

const offsetOfClock = 32

// newClock replaces the clock of a process that has just started.
func newClock(pid int) (*clock, error) {
	from, to, err := vdso(pid)
	for range 100 { // a process maps it a moment after it has begun
		if err == nil {
			break
		}
		time.Sleep(time.Millisecond)
		from, to, err = vdso(pid)
	}
	if err != nil {
		return nil, err
	}
	c := &clock{memory: fmt.Sprintf("/proc/%d/mem", pid)}
	image := make([]byte, to-from)
	if err := c.access(func(f *os.File) error { _, err := f.ReadAt(image, from); return err }); err != nil {
		return nil, err
	}
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return nil, err
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return nil, err
	}
	for _, s := range symbols {
		if s.Name != "__vdso_clock_gettime" || s.Size < uint64(len(fakeClock)) {
			continue
		}
		start := from + int64(s.Value)
		aligned := (start + 15) &^ 15
		if aligned != start {
			return nil, fmt.Errorf("clock_gettime is at %#x", start)
		}
		c.at = start + offsetOfClock
		return c, whileStopped(pid, start, start+int64(s.Size), func() error { return c.write(start, fakeClock) })
	}
	return nil, fmt.Errorf("the vDSO has no clock_gettime")
}

// set makes the clock wrong by an offset.
func (c *clock) set(offset time.Duration) error {
	return c.write(c.at, binary.LittleEndian.AppendUint64(nil, uint64(int64(offset/time.Second))))
}

func (c *clock) write(at int64, b []byte) error {
	return c.access(func(f *os.File) error { _, err := f.WriteAt(b, at); return err })
}

func (c *clock) access(f func(*os.File) error) error {
	file, err := os.OpenFile(c.memory, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	return f(file)
}

// vdso returns where the vDSO of a process is.
func vdso(pid int) (from, to int64, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasSuffix(s.Text(), "[vdso]") {
			_, err := fmt.Sscanf(s.Text(), "%x-%x", &from, &to)
			return from, to, err
		}
	}
	return 0, 0, fmt.Errorf("process %d has no vDSO", pid)
}

// whileStopped does something while the process is stopped and none of its threads is
// between two addresses.
func whileStopped(pid int, from, to int64, do func() error) error {
	for range 100 {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			return err
		}
		safe := outside(pid, from, to)
		var err error
		if safe {
			err = do()
		}
		_ = syscall.Kill(pid, syscall.SIGCONT)
		if safe {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("process %d does not stop outside of clock_gettime", pid)
}

// outside reports whether all threads of a process have stopped, outside of a range of
// addresses. /proc/pid/task/tid/syscall ends with the stack pointer and the program
// counter of a thread that does not run.
func outside(pid int, from, to int64) bool {
	for range 100 {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
		running := len(tasks) == 0
		for _, task := range tasks {
			text, err := os.ReadFile(task)
			fields := strings.Fields(string(text))
			if err != nil || len(fields) < 3 {
				running = true // "running"
				break
			}
			var at int64
			if _, err := fmt.Sscanf(fields[len(fields)-1], "0x%x", &at); err != nil || at >= from && at < to {
				return false
			}
		}
		if !running {
			return true
		}
		time.Sleep(100 * time.Microsecond)
	}
	return false
}
