package storage_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/storage"
	"github.com/ssmr/ssmr/internal/storage/storagetest"
)

func openLog(t *testing.T, disk *storagetest.Disk) *storage.Store {
	t.Helper()
	s, err := storage.Open("dir", storage.Options{FS: disk.FS(), MemTableBytes: 1 << 20, ForLog: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func spares(t *testing.T, disk *storagetest.Disk) (names []string) {
	t.Helper()
	all, err := disk.Files("dir")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if strings.HasPrefix(name, "spare-") {
			names = append(names, name)
		}
	}
	return names
}

// The files of a log that were zeros before hold what was written, and no more, after
// a crash at any moment.
func TestSpareLogs(t *testing.T) {
	disk := storagetest.NewDisk()
	s := openLog(t, disk)
	value := strings.Repeat("v", 1000)
	made := 0
	for round := range uint64(6) {
		sp := space(t, s, 1)
		for i := range 700 { // of several log files
			put(t, sp, storage.Sync, fmt.Sprintf("%d-%03d", round, i), value)
			if i == 400 {
				for deadline := time.Now().Add(10 * time.Second); made == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
					made += len(spares(t, disk))
				}
			}
		}
		before := content(t, sp)
		var crashed *storagetest.Disk
		if round%2 == 0 {
			crashed = disk.Crash()
		} else {
			crashed = disk.CrashSome(round)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if left := spares(t, disk); len(left) > 0 {
			t.Errorf("after Close there are %q", left)
		}
		disk = crashed
		s = openLog(t, disk)
		if got := content(t, space(t, s, 1)); got != before {
			t.Fatalf("round %d: after a crash there are %d bytes, want %d", round, len(got), len(before))
		}
		if left := spares(t, disk); len(left) > 0 {
			t.Errorf("after Open there are %q", left)
		}
	}
	if made == 0 {
		t.Error("no spare file was made; the test tests nothing")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkLog writes entries of a log one after the other, each synced, to the disk
// that holds the folder for temporary files.
func BenchmarkLog(b *testing.B) {
	s, err := storage.Open(b.TempDir(), storage.Options{ForLog: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	sp := space(b, s, 1)
	value := strings.Repeat("v", 600)
	for i := range 10_000 { // up to the larger files, which take a moment to make
		put(b, sp, storage.NoSync, fmt.Sprintf("before%08d", i), value)
		if i%1000 == 0 {
			time.Sleep(200 * time.Millisecond)
		}
	}
	put(b, sp, storage.Sync, "before", value)
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	for i := 0; b.Loop(); i++ {
		put(b, sp, storage.Sync, fmt.Sprintf("%08d", i), value)
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(used)/float64(b.N)/1000, "cpu-us/op")
}
