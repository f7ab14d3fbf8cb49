//go:build fault

package storage

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestFailuresOfTheDisk holds what the modes of FAULT_DISK do.
func TestFailuresOfTheDisk(t *testing.T) {
	dir := t.TempDir()
	control := filepath.Join(dir, "control")
	fs := newFaultFS(vfs.Default, control)
	name := filepath.Join(dir, "000001.log")
	file, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	set := func(mode string) {
		if err := os.WriteFile(control, []byte(mode), 0o600); err != nil {
			t.Fatal(err)
		}
		fs.mu.Lock()
		fs.asked = time.Time{}
		fs.mu.Unlock()
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	size := func() int64 {
		info, err := os.Stat(name)
		must(nil, err)
		return info.Size()
	}
	must(file.Write([]byte("safe")))
	must(nil, file.Sync())
	set("full")
	if n, err := file.Write([]byte("gone")); n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a write to a full disk: %d, %v", n, err)
	}
	if _, err := fs.Create(name+"2", vfs.WriteCategoryUnspecified); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a new file on a full disk: %v", err)
	}
	set("fsync")
	if err := file.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("an fsync that fails: %v", err)
	}
	if got := size(); got != 4 {
		t.Errorf("%d bytes are left after an fsync that has failed, want 4", got)
	}
}
