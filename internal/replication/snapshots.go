package replication

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// snapshotStore is raft's SnapshotStore. A snapshot is nothing but the record
// that the state store has everything up to an index on disk; its content, as
// raft knows it, is a token that says where the state can be fetched.
//
// The record of a snapshot that was received is kept in memory until the state is
// there: only then adopt writes it. So a crash in between leaves a replica that is
// behind, not one that has a hole.
type snapshotStore struct {
	group object.GroupID
	node  object.NodeID
	log   *logStore

	mu      sync.Mutex // guards what follows
	current *snapshotRecord
	pending map[string]*snapshotSink
	number  int
}

// snapshotRecord is what is stored of a snapshot. Raft's index may be that of an
// entry which state machines do not see (a barrier): State is the applied index that
// goes with it. All that lies between is of that kind.
type snapshotRecord struct {
	raft.SnapshotMeta
	State uint64
}

func openSnapshots(group object.GroupID, node object.NodeID, log *logStore) (*snapshotStore, error) {
	s := &snapshotStore{group: group, node: node, log: log, pending: make(map[string]*snapshotSink)}
	value, found, err := log.space.Get(nil, []byte{keySnapshot})
	if err != nil || !found {
		return s, err
	}
	s.current = new(snapshotRecord)
	if err := json.Unmarshal(value, s.current); err != nil {
		return nil, fmt.Errorf("%w: record of a snapshot: %v", storage.ErrCorrupt, err)
	}
	orDefault(&s.current.State, s.current.Index)
	return s, nil
}

// snapshotSink is a snapshot in the making.
type snapshotSink struct {
	store *snapshotStore
	meta  raft.SnapshotMeta
	local bool   // this replica's own; else received
	state uint64 // of a local one: the applied index
	token bytes.Buffer
}

// Create begins a snapshot.
func (s *snapshotStore) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	return &snapshotSink{store: s, meta: raft.SnapshotMeta{
		Version: version, ID: fmt.Sprintf("%d-%d-%d", term, index, s.number), Index: index, Term: term,
		Configuration: configuration, ConfigurationIndex: configurationIndex, Size: tokenBytes,
	}}, nil
}

// List returns the newest snapshot.
func (s *snapshotStore) List() ([]*raft.SnapshotMeta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil, nil
	}
	meta := s.current.SnapshotMeta
	return []*raft.SnapshotMeta{&meta}, nil
}

// Open returns a snapshot's token.
func (s *snapshotStore) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sink := s.pending[id]; sink != nil {
		meta := sink.meta
		return &meta, io.NopCloser(bytes.NewReader(sink.token.Bytes())), nil
	}
	if s.current == nil || s.current.ID != id {
		return nil, nil, fmt.Errorf("snapshot %s does not exist", id)
	}
	meta := s.current.SnapshotMeta
	t := token{group: s.group, index: s.current.State, term: meta.Term, node: s.node}
	return &meta, io.NopCloser(bytes.NewReader(t.encode())), nil
}

// index returns the index of the newest snapshot; 0 for none.
func (s *snapshotStore) index() uint64 {
	index, _ := s.indexes()
	return index
}

// indexes returns the index of the newest snapshot, and of the state that goes with it.
func (s *snapshotStore) indexes() (index, state uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return 0, 0
	}
	return s.current.Index, s.current.State
}

// ID returns the snapshot's name.
func (s *snapshotSink) ID() string { return s.meta.ID }

// Write takes the token of a received snapshot.
func (s *snapshotSink) Write(p []byte) (int, error) {
	if s.token.Len()+len(p) > tokenBytes {
		return 0, errors.New("token of a snapshot is too long")
	}
	return s.token.Write(p)
}

// Cancel drops the snapshot.
func (s *snapshotSink) Cancel() error { return nil }

// Close records a snapshot of this replica; a received one waits for adopt.
func (s *snapshotSink) Close() error {
	if s.local {
		return s.store.record(snapshotRecord{s.meta, s.state}, false)
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	clear(s.store.pending)
	s.store.pending[s.meta.ID] = s
	return nil
}

// adopt records the received snapshot that has this token, and removes the log,
// which ends before it. The state has been replaced, durably.
func (s *snapshotStore) adopt(token []byte, state uint64) error {
	s.mu.Lock()
	var found *snapshotSink
	for _, sink := range s.pending {
		if bytes.Equal(sink.token.Bytes(), token) {
			found = sink
		}
	}
	clear(s.pending)
	s.mu.Unlock()
	if found == nil {
		return errors.New("snapshot was given up meanwhile")
	}
	return s.record(snapshotRecord{found.meta, state}, true)
}

func (s *snapshotStore) record(r snapshotRecord, truncate bool) error {
	text, err := json.Marshal(&r)
	if err != nil {
		return err
	}
	b := s.log.space.NewWriteBatch()
	defer b.Close()
	b.Set([]byte{keySnapshot}, text)
	if truncate {
		b.DeleteRange([]byte{keyLog}, []byte{keyLog + 1})
		s.log.mu.Lock()
		s.log.forget()
		s.log.mu.Unlock()
	}
	if err := b.Commit(storage.Sync); err != nil {
		return err
	}
	s.mu.Lock()
	s.current = &r
	s.mu.Unlock()
	s.log.snapshotTaken(r.Index)
	return nil
}

// token says which state a snapshot means, and which node has it.
type token struct {
	group object.GroupID
	index uint64
	term  uint64
	node  object.NodeID
}

// tokenBytes is the size of every token: raft wants to know it beforehand.
const (
	tokenBytes = 8 + 4 + 8 + 8 + 1 + 255 + 4
	tokenMagic = "SSMRSNP1"
)

func (t token) encode() []byte {
	b := append(make([]byte, 0, tokenBytes), tokenMagic...)
	b = binary.BigEndian.AppendUint32(b, uint32(t.group))
	b = binary.BigEndian.AppendUint64(b, t.index)
	b = binary.BigEndian.AppendUint64(b, t.term)
	b = append(b, byte(len(t.node)))
	b = append(b, t.node...)
	b = b[:tokenBytes-4]
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeToken(b []byte) (token, error) {
	if len(b) != tokenBytes || string(b[:8]) != tokenMagic ||
		crc32.Checksum(b[:tokenBytes-4], castagnoli) != binary.BigEndian.Uint32(b[tokenBytes-4:]) {
		return token{}, errors.New("token of a snapshot is damaged")
	}
	return token{
		group: object.GroupID(binary.BigEndian.Uint32(b[8:])),
		index: binary.BigEndian.Uint64(b[12:]),
		term:  binary.BigEndian.Uint64(b[20:]),
		node:  object.NodeID(b[29 : 29+int(b[28])]),
	}, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
