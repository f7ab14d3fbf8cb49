package storage

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guardFS watches over the write-ahead log. An error there means that the store
// has failed, although Pebble may not notice for a while: without sync it finds out
// when it changes to the next log file, and then brings the process down in the
// middle of its locks. The guard tells at once, and does not let go of a goroutine
// that is about to do that.
type guardFS struct {
	vfs.FS
	s *Store
}

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// check takes note of an error with a log file.
func (g *guardFS) check(what, name string, err error) error {
	if !isLog(name) || !g.s.opened.Load() {
		return err
	}
	if err != nil {
		g.s.fail(fmt.Errorf("%s %s: %w", what, name, err))
	}
	if g.s.Err() != nil && calledFrom("rotateWAL") {
		park() // also where this went well: it will be told of an error before
	}
	return err
}

// calledFrom reports whether a method of that name is among the callers.
func calledFrom(method string) bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, "."+method) {
			return true
		}
		if !more {
			return false
		}
	}
}

// park never returns. The store has failed, and its owner ends the process.
func park() { select {} }

// Create creates a file.
func (g *guardFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	create := g.FS.Create
	if g.s.spare != nil && isLog(name) && g.s.opened.Load() {
		create = g.s.spare.create
	}
	f, err := create(name, category)
	return g.wrap("create", name, f, err)
}

// ReuseForWrite takes an old file for a new one.
func (g *guardFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := g.FS.ReuseForWrite(oldname, newname, category)
	return g.wrap("create", newname, f, err)
}

func (g *guardFS) wrap(what, name string, f vfs.File, err error) (vfs.File, error) {
	if err = g.check(what, name, err); err != nil || !isLog(name) {
		return f, err
	}
	return &guardFile{File: f, g: g, name: name}, nil
}

// OpenDir opens a directory: that of the log is synced for each new file.
func (g *guardFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &guardDir{File: f, g: g, name: name}, nil
}

type guardDir struct {
	vfs.File
	g    *guardFS
	name string
}

// Sync syncs.
func (d *guardDir) Sync() error {
	err := d.File.Sync()
	if err != nil && d.g.s.opened.Load() && calledFrom("rotateWAL") {
		d.g.s.fail(fmt.Errorf("sync %s: %w", d.name, err))
		park()
	}
	return err
}

// Unwrap returns the file system underneath.
func (g *guardFS) Unwrap() vfs.FS { return g.FS }

type guardFile struct {
	vfs.File
	g    *guardFS
	name string
}

// Write writes.
func (f *guardFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, f.g.check("write", f.name, err)
}

// Sync syncs.
func (f *guardFile) Sync() error { return f.g.check("sync", f.name, f.File.Sync()) }

// SyncData syncs.
func (f *guardFile) SyncData() error { return f.g.check("sync", f.name, f.File.SyncData()) }

// SyncTo syncs a part.
func (f *guardFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full, f.g.check("sync", f.name, err)
}

// Preallocate takes room.
func (f *guardFile) Preallocate(offset, length int64) error {
	return f.g.check("allocate", f.name, f.File.Preallocate(offset, length))
}

// Close closes.
func (f *guardFile) Close() error { return f.g.check("close", f.name, f.File.Close()) }
