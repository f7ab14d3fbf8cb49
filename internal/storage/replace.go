package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// replaceTableBytes is the size of the tables that a Replacement gathers in a
// file before it hands them to the store.
const (
	replaceTableBytes = 32 << 20
	replaceFilePrefix = "replace-"
)

// Replacement is new content for a space, in the making. It lives beside the old
// content, which stays visible until Finish has changed over to the new. It
// belongs to one goroutine; there is at most one per space.
type Replacement struct {
	space *Space
	next  *content
	meta  *Batch

	writer *sstable.Writer
	path   string
	bytes  int
	key    []byte
	last   []byte
	done   bool
}

var replacementNumber atomic.Uint64

// Replace begins to replace the whole content of the space, which is no part. The
// caller calls Finish or Abort. A crash before Finish leaves the old content.
func (sp *Space) Replace() (*Replacement, error) {
	if err := sp.dropOtherGenerations(); err != nil {
		return nil, err
	}
	p := makePrefix(sp.group, sp.current.Load().generation()+1)
	r := &Replacement{space: sp, next: newContent(p), meta: sp.NewWriteBatch()}
	r.meta.content = r.next
	return r, r.meta.err
}

// Add adds a key, which must be greater than all that were added before.
func (r *Replacement) Add(key, value []byte) error {
	r.key = r.next.key(r.key[:0], kindUser, nil, key)
	if r.last != nil && bytes.Compare(r.key, r.last) <= 0 {
		return errors.New("storage: keys of a replacement are out of order")
	}
	r.last = append(r.last[:0], r.key...)
	if r.writer == nil {
		if err := r.open(); err != nil {
			return err
		}
	}
	if err := r.writer.Set(r.key, value); err != nil {
		return err
	}
	if r.bytes += len(r.key) + len(value); r.bytes >= replaceTableBytes {
		return r.ingest()
	}
	return nil
}

// SetMeta sets a key of Space.Meta in the new content.
func (r *Replacement) SetMeta(key, value []byte) { r.meta.SetMeta(key, value) }

func (r *Replacement) open() error {
	s := r.space.store
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	fs := s.opts.FS
	r.path = fs.PathJoin(s.dir, fmt.Sprintf("%s%d-%d.tmp", replaceFilePrefix, r.space.group, replacementNumber.Add(1)))
	f, err := fs.Create(r.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	o := s.pebbleOptions()
	o.EnsureDefaults()
	r.writer = sstable.NewWriter(objstorageprovider.NewFileWritable(f), o.MakeWriterOptions(6, s.db.TableFormat()))
	r.bytes = 0
	return nil
}

// ingest closes the table that is being written and gives it to the store.
func (r *Replacement) ingest() error {
	w := r.writer
	r.writer = nil
	if err := w.Close(); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	s := r.space.store
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if err := s.db.Ingest(context.Background(), []string{r.path}); err != nil {
		return fmt.Errorf("storage: ingest: %w", classify(err))
	}
	return nil
}

// Finish makes the new content the content of the space, durably, and removes the
// old. Batches that are open cannot be committed any more; snapshots and iterators
// keep what they see.
func (r *Replacement) Finish() error {
	if r.done {
		return errors.New("storage: replacement is finished already")
	}
	if r.writer != nil {
		if err := r.ingest(); err != nil {
			return err
		}
	}
	generation := binary.BigEndian.AppendUint16(nil, r.next.generation())
	if err := r.meta.b.Set(keyGeneration(r.space.group), generation, nil); err != nil {
		return classify(err)
	}
	if err := r.space.store.commit(r.meta.b, Sync); err != nil {
		return err
	}
	r.done = true
	old := r.space.current.Swap(r.next)
	old.drop()
	r.meta.Close()
	return r.space.dropOtherGenerations()
}

// Abort drops the new content, unless it was finished.
func (r *Replacement) Abort() {
	if r.done {
		return
	}
	r.done = true
	if r.writer != nil {
		_ = r.writer.Close()
		_ = r.space.store.opts.FS.Remove(r.path)
		r.writer = nil
	}
	r.meta.Close()
	if err := r.space.dropOtherGenerations(); err != nil && r.space.store.Err() == nil && !errors.Is(err, ErrClosed) {
		r.space.store.opts.Logger.Warn("content of an aborted transfer stays until the next start", "group", r.space.group, "error", err)
	}
}

// dropOtherGenerations removes all content of the group but the current.
func (sp *Space) dropOtherGenerations() error {
	p := sp.current.Load().prefix
	first := makePrefix(sp.group, 0)
	end := binary.BigEndian.AppendUint32(nil, uint32(sp.group)+1)
	for _, span := range [][2][]byte{{first[:], p[:]}, {p.end(0xfe, nil), end}} {
		if bytes.Compare(span[0], span[1]) >= 0 {
			continue
		}
		if err := sp.store.deleteSpan(span[0], span[1]); err != nil {
			return err
		}
	}
	return nil
}
