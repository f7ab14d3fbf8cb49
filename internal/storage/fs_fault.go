//go:build fault

package storage

import (
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// faultVariable is the environment variable that names the file which says what is
// wrong with the disk. It is read only in binaries that are built with this tag,
// which are for tests.
const faultVariable = "FAULT_DISK"

// systemFS is the file system of the operating system with the failures that the
// file named by FAULT_DISK asks for, in one word:
//
//	full            writes fail with "no space left on device", after a part of them
//	fsync           fsync fails, and what was written since the last one is lost
//	slow <duration> every fsync takes so long
//	power           the power fails: what no fsync has confirmed is lost, and the
//	                process is killed
//
// Anything else, or no file, means that the disk is well.
func systemFS() FS {
	name := os.Getenv(faultVariable)
	if name == "" {
		return vfs.Default
	}
	return newFaultFS(vfs.Default, name)
}

const faultRefresh = 5 * time.Millisecond

// faultFS is a file system whose failures are switched by a file.
type faultFS struct {
	vfs.FS
	control string

	// writing is held for reading by what changes files, and for good by a loss of power.
	writing sync.RWMutex

	mu    sync.Mutex // guards what follows
	asked time.Time
	mode  string
	files map[*faultFile]bool
}

func newFaultFS(under vfs.FS, control string) *faultFS {
	f := &faultFS{FS: under, control: control, files: make(map[*faultFile]bool)}
	go f.watchPower()
	return f
}

// wrong says what is wrong with the disk at present.
func (f *faultFS) wrong() (mode, argument string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.asked) > faultRefresh {
		text, _ := os.ReadFile(f.control)
		f.asked, f.mode = time.Now(), strings.TrimSpace(string(text))
	}
	mode, argument, _ = strings.Cut(f.mode, " ")
	return mode, argument
}

// watchPower waits for the loss of power.
func (f *faultFS) watchPower() {
	for {
		if mode, _ := f.wrong(); mode == "power" {
			break
		}
		time.Sleep(2 * faultRefresh)
	}
	f.writing.Lock() // for good: nothing is written any more
	f.mu.Lock()
	for file := range f.files {
		file.forget()
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// full returns an error if there is no space left.
func (f *faultFS) full(op, name string) error {
	if mode, _ := f.wrong(); mode == "full" {
		return &fs.PathError{Op: op, Path: name, Err: syscall.ENOSPC}
	}
	return nil
}

// Create creates a file.
func (f *faultFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.full("create", name); err != nil {
		return nil, err
	}
	file, err := f.FS.Create(name, category)
	return f.wrap(name, file, err)
}

// ReuseForWrite takes an old file for a new one.
func (f *faultFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.ReuseForWrite(oldname, newname, category)
	return f.wrap(newname, file, err)
}

func (f *faultFS) wrap(name string, file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	w := &faultFile{File: file, fs: f, name: name}
	f.mu.Lock()
	f.files[w] = true
	f.mu.Unlock()
	return w, nil
}

// Unwrap returns the file system underneath.
func (f *faultFS) Unwrap() vfs.FS { return f.FS }

// faultFile is a file that is written from its beginning to its end.
type faultFile struct {
	vfs.File
	fs   *faultFS
	name string

	mu      sync.Mutex // guards what follows
	written int64
	synced  int64 // bytes that are safe
}

// forget drops what no fsync has confirmed.
func (f *faultFile) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.synced < f.written {
		_ = os.Truncate(f.name, f.synced)
	}
}

// Write writes.
func (f *faultFile) Write(p []byte) (int, error) {
	f.fs.writing.RLock()
	defer f.fs.writing.RUnlock()
	full := f.fs.full("write", f.name)
	if full != nil {
		p = p[:len(p)/2]
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.File.Write(p)
	f.written += int64(n)
	if err == nil {
		err = full
	}
	return n, err
}

// Preallocate takes room.
func (f *faultFile) Preallocate(offset, length int64) error {
	if err := f.fs.full("allocate", f.name); err != nil {
		return err
	}
	return f.File.Preallocate(offset, length)
}

// sync runs an fsync on what was written before.
func (f *faultFile) sync(do func() error) error {
	f.fs.writing.RLock()
	defer f.fs.writing.RUnlock()
	switch mode, argument := f.fs.wrong(); mode {
	case "fsync":
		f.forget()
		return &fs.PathError{Op: "fsync", Path: f.name, Err: syscall.EIO}
	case "slow":
		d, _ := time.ParseDuration(argument)
		time.Sleep(d)
	}
	f.mu.Lock()
	written := f.written
	f.mu.Unlock()
	if err := do(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.synced = max(f.synced, written)
	return nil
}

// Sync syncs.
func (f *faultFile) Sync() error { return f.sync(f.File.Sync) }

// SyncData syncs.
func (f *faultFile) SyncData() error { return f.sync(f.File.SyncData) }

// SyncTo syncs a part.
func (f *faultFile) SyncTo(int64) (bool, error) { return true, f.sync(f.File.SyncData) }

// Close closes. What was not synced stays at risk.
func (f *faultFile) Close() error {
	f.mu.Lock()
	safe := f.synced == f.written
	f.mu.Unlock()
	if safe {
		f.fs.mu.Lock()
		delete(f.fs.files, f)
		f.fs.mu.Unlock()
	}
	return f.File.Close()
}
