package storage

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestNewerFormats(t *testing.T) {
	fs := NewMemFS()
	s, err := Open("dir", Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.set(keyFormat, binary.BigEndian.AppendUint32(nil, formatVersion+1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("dir", Options{FS: fs}); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("a newer layout gave %v, want ErrNewerFormat", err)
	}
	// It was closed again.
	if _, err := Open("dir", Options{FS: fs}); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("at the second attempt: %v", err)
	}

	fs = NewMemFS()
	if s, err = Open("dir", Options{FS: fs}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List("dir")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "marker.format-version.") {
			if err := fs.Remove("dir/" + name); err != nil {
				t.Fatal(err)
			}
		}
	}
	f, err := fs.Create("dir/marker.format-version.000099.999", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := Open("dir", Options{FS: fs}); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("files of a newer Pebble gave %v, want ErrNewerFormat", err)
	}
}

func TestFlushesAreShared(t *testing.T) { synctest.Test(t, testFlushesAreShared) }

func testFlushesAreShared(t *testing.T) {
	goOn := make(chan struct{})
	flushes := 0
	q := &flushQueue{flush: func() error {
		flushes++
		<-goOn
		return nil
	}}
	done := make(chan error, 11)
	go func() { done <- q.wait(t.Context()) }()
	synctest.Wait()
	for range 10 { // these come while it runs: what they want may not be in it
		go func() { done <- q.wait(t.Context()) }()
	}
	synctest.Wait()
	goOn <- struct{}{}
	goOn <- struct{}{}
	for range 11 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	q.close()
	if flushes != 2 {
		t.Errorf("%d flushes for 11 callers", flushes)
	}
	if err := q.wait(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}
