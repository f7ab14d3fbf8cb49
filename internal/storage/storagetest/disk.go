// Package storagetest gives tests a disk that they own: it forgets what was not
// synced when the power goes, and fails when it is told to.
//
//	disk := storagetest.NewDisk()
//	store, err := storage.Open("state", storage.Options{FS: disk.FS()})
//	disk.Fail(storagetest.Sync, errors.New("no"))
//	after := disk.Crash() // the disk as a power loss would leave it now
package storagetest

import (
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/ssmr/ssmr/internal/storage"
)

// Op is a kind of operation that can be made to fail.
type Op int

const (
	// Sync is every sync of a file.
	Sync Op = iota
	// Write is every write to a file, and its creation.
	Write
	// Read is every read of a file.
	Read
)

// Disk is a file system in memory.
type Disk struct {
	mem *vfs.MemFS
	fs  storage.FS

	mu    sync.Mutex // guards what follows
	fails map[Op]error
	only  string
	stall map[Op]stall
}

// stall is a wait of operations on files whose path contains a text.
type stall struct {
	only string
	over chan struct{}
}

// NewDisk returns an empty disk.
func NewDisk() *Disk { return newDisk(vfs.NewCrashableMem()) }

func newDisk(mem *vfs.MemFS) *Disk {
	d := &Disk{mem: mem, fails: make(map[Op]error), stall: make(map[Op]stall)}
	d.fs = errorfs.Wrap(mem, errorfs.InjectorFunc(d.inject))
	return d
}

// FS returns the disk for storage.Options.
func (d *Disk) FS() storage.FS { return d.fs }

// Fail makes operations of a kind fail from now on; nil ends it.
func (d *Disk) Fail(op Op, err error) { d.FailIn("", op, err) }

// FailIn is Fail for files whose path contains a text.
func (d *Disk) FailIn(path string, op Op, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.only = path
	d.fails[op] = err
}

// Stall makes operations of a kind wait until resume is called.
func (d *Disk) Stall(op Op) (resume func()) { return d.StallIn("", op) }

// StallIn is Stall for files whose path contains a text.
func (d *Disk) StallIn(path string, op Op) (resume func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	wait := make(chan struct{})
	d.stall[op] = stall{path, wait}
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.stall, op)
		close(wait)
	})
}

func (d *Disk) inject(op errorfs.Op) error {
	kind, known := kindOf(op.Kind)
	if !known {
		return nil
	}
	d.mu.Lock()
	s, stalls := d.stall[kind]
	d.mu.Unlock()
	if stalls && strings.Contains(op.Path, s.only) {
		<-s.over
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !strings.Contains(op.Path, d.only) {
		return nil
	}
	return d.fails[kind]
}

func kindOf(op errorfs.OpKind) (Op, bool) {
	switch op {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		return Sync, true
	case errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpCreate, errorfs.OpReuseForWrite:
		return Write, true
	case errorfs.OpFileRead, errorfs.OpFileReadAt:
		return Read, true
	}
	return 0, false
}

// Crash returns the disk as a power loss would leave it now: nothing that was not
// synced. It is a disk of its own.
func (d *Disk) Crash() *Disk { return newDisk(d.mem.CrashClone(vfs.CrashCloneCfg{})) }

// CrashSome returns the disk as a power loss would leave it now, where of each
// thing that was not synced a part may have reached the disk nevertheless.
func (d *Disk) CrashSome(seed uint64) *Disk {
	return newDisk(d.mem.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(seed, seed)),
	}))
}

// Copy returns the disk as it is now, as after the process was killed.
func (d *Disk) Copy() *Disk {
	return newDisk(d.mem.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1)),
	}))
}

// Files lists the files of a folder.
func (d *Disk) Files(dir string) ([]string, error) { return d.mem.List(dir) }

// Damage flips bits in the middle of a file.
func (d *Disk) Damage(path string) error {
	f, err := d.mem.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	at := info.Size() / 2
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	b[0] ^= 0xff
	if _, err := f.WriteAt(b, at); err != nil {
		return err
	}
	return f.Sync()
}
