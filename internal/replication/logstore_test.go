package replication

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
	"github.com/ssmr/ssmr/internal/storage/storagetest"
)

type logFixture struct {
	t     *testing.T
	disk  *storagetest.Disk
	store *storage.Store
	log   *logStore
	fatal []error
	full  int
}

func newLogFixture(t *testing.T, limits Limits) *logFixture {
	f := &logFixture{t: t, disk: storagetest.NewDisk()}
	f.open(limits)
	t.Cleanup(func() { f.store.Close() })
	return f
}

func (f *logFixture) open(limits Limits) {
	f.t.Helper()
	var err error
	if f.store, err = storage.Open("log", storage.Options{FS: f.disk.FS(), ForLog: true, MemTableBytes: 1 << 20}); err != nil {
		f.t.Fatal(err)
	}
	space, err := f.store.Space(3)
	if err != nil {
		f.t.Fatal(err)
	}
	f.log, err = openLog(space, limits.withDefaults(), func(err error) { f.fatal = append(f.fatal, err) }, func() { f.full++ })
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *logFixture) append(from, to uint64, size int) {
	f.t.Helper()
	var logs []*raft.Log
	for i := from; i <= to; i++ {
		logs = append(logs, &raft.Log{Index: i, Term: 2, Type: raft.LogCommand, Data: bytes.Repeat([]byte{byte(i)}, size), AppendedAt: time.Unix(0, 5)})
	}
	if err := f.log.StoreLogs(logs); err != nil {
		f.t.Fatal(err)
	}
}

// check says which entries are there, by the books and by reading.
func (f *logFixture) check(first, last uint64) {
	f.t.Helper()
	gotFirst, _ := f.log.FirstIndex()
	gotLast, _ := f.log.LastIndex()
	if gotFirst != first || gotLast != last {
		f.t.Errorf("log is %d to %d, want %d to %d", gotFirst, gotLast, first, last)
	}
	var l raft.Log
	for i := first; i != 0 && i <= last; i++ {
		if err := f.log.GetLog(i, &l); err != nil || l.Index != i || (len(l.Data) > 0 && l.Data[0] != byte(i)) {
			f.t.Errorf("entry %d is %+v, %v", i, l, err)
		}
	}
	for _, i := range []uint64{0, first - 1, last + 1} {
		if i >= first && i <= last && last != 0 {
			continue
		}
		if err := f.log.GetLog(i, &l); !errors.Is(err, raft.ErrLogNotFound) {
			f.t.Errorf("entry %d gave %v, want ErrLogNotFound", i, err)
		}
	}
	bytes := int64(0)
	for _, s := range f.log.sizes {
		bytes += int64(s)
	}
	if bytes != f.log.bytes || (last != 0 && len(f.log.sizes) != int(last-first+1)) {
		f.t.Errorf("books say %d bytes in %d entries, sizes say %d", f.log.bytes, len(f.log.sizes), bytes)
	}
}

func TestLogStore(t *testing.T) {
	f := newLogFixture(t, Limits{TrailingBytes: 1 << 20, TrailingEntries: 3})
	f.check(0, 0)
	f.append(1, 1000, 10)
	f.check(1, 1000)
	f.append(1001, 1002, 0)
	if err := f.log.StoreLogs([]*raft.Log{{Index: 1004}}); err == nil {
		t.Error("a gap was taken")
	}
	// A suffix that conflicts is replaced.
	if err := f.log.DeleteRange(900, 1002); err != nil {
		t.Fatal(err)
	}
	f.check(1, 899)
	f.append(900, 950, 20)
	f.check(1, 950)
	if err := f.log.DeleteRange(100, 200); err == nil {
		t.Error("a hole was made")
	}
	// A prefix, of which some trails.
	if err := f.log.DeleteRange(1, 500); err != nil {
		t.Fatal(err)
	}
	f.check(501, 950)
	if err := f.log.DeleteRange(501, 949); err != nil {
		t.Fatal(err)
	}
	f.check(948, 950)
	f.append(951, 960, 10)
	// Held for a follower.
	release := f.log.hold(955)
	if err := f.log.DeleteRange(948, 959); err != nil {
		t.Fatal(err)
	}
	f.check(955, 960)
	release()
	f.store.Close()
	f.open(Limits{TrailingBytes: 1 << 20, TrailingEntries: 3})
	f.check(955, 960)
	// All of it.
	if err := f.log.DeleteRange(955, 960); err != nil {
		t.Fatal(err)
	}
	f.check(0, 0)
	f.append(2000, 2001, 10)
	f.check(2000, 2001)
	f.log.close()
	if _, err := f.log.FirstIndex(); !errors.Is(err, ErrStopped) {
		t.Errorf("a closed log gave %v", err)
	}
	if len(f.fatal) != 0 {
		t.Errorf("it says it has failed: %v", f.fatal)
	}
}

func TestLogTrailsByBytes(t *testing.T) {
	f := newLogFixture(t, Limits{TrailingBytes: 1000, SnapshotBytes: 4000})
	f.append(1, 30, 90) // some 100 bytes each
	if f.full != 0 {
		t.Error("it is full already")
	}
	if err := f.log.DeleteRange(1, 29); err != nil {
		t.Fatal(err)
	}
	first, _, _ := f.log.extent()
	if first < 19 || first > 22 {
		t.Errorf("log begins at %d; 1000 bytes should trail", first)
	}
	f.append(31, 60, 90)
	if f.full != 1 {
		t.Error("it is not full after 4000 bytes")
	}
}

func TestStableStore(t *testing.T) {
	f := newLogFixture(t, Limits{})
	if _, err := f.log.Get([]byte("k")); err == nil || err.Error() != "not found" {
		t.Errorf("a missing key gave %v; raft wants the text \"not found\"", err)
	}
	if _, err := f.log.GetUint64([]byte("n")); err == nil || err.Error() != "not found" {
		t.Errorf("a missing key gave %v", err)
	}
	if err := f.log.Set([]byte("k"), []byte("v")); err != nil {
		t.Fatal(err)
	}
	if err := f.log.SetUint64([]byte("n"), 7); err != nil {
		t.Fatal(err)
	}
	f.disk = f.disk.Crash()
	f.store.Close()
	f.open(Limits{})
	v, err := f.log.Get([]byte("k"))
	n, err2 := f.log.GetUint64([]byte("n"))
	if string(v) != "v" || n != 7 || err != nil || err2 != nil {
		t.Errorf("after a power loss: %q, %v, %d, %v", v, err, n, err2)
	}
}

func TestLogEntryCodec(t *testing.T) {
	for _, l := range []raft.Log{
		{Index: 9, Type: raft.LogNoop, Term: 1},
		{Index: 9, Type: raft.LogCommand, Term: 1 << 60, Data: []byte("data"), AppendedAt: time.Unix(0, 12345)},
		{Index: 9, Type: raft.LogConfiguration, Term: 3, Data: []byte("data"), Extensions: []byte("ext")},
	} {
		var got raft.Log
		if err := decodeLog(&got, 9, appendLog(nil, &l)); err != nil || fmt.Sprint(got) != fmt.Sprint(l) {
			t.Errorf("%+v became %+v, %v", l, got, err)
		}
	}
}

func TestToken(t *testing.T) {
	want := token{group: 5, index: 1 << 40, term: 3, node: "node-a"}
	b := want.encode()
	if len(b) != tokenBytes {
		t.Errorf("token has %d bytes, want %d", len(b), tokenBytes)
	}
	if got, err := decodeToken(b); got != want || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	b[20]++
	if _, err := decodeToken(b); err == nil {
		t.Error("a damaged token was taken")
	}
}

func TestCommandsCodec(t *testing.T) {
	commands := []Addressed{{0, []byte("a")}, {1<<32 - 1, []byte{}}, {300, bytes.Repeat([]byte("b"), 1000)}}
	data := appendCommandsHeader(nil, 2)
	data = appendProposal(appendProposal(data, commands[:2]), commands[2:])
	got, sizes, err := decodeCommands(nil, nil, data)
	if err != nil || !reflect.DeepEqual(got, commands) || !slices.Equal(sizes, []int{2, 1}) {
		t.Errorf("got %v, %v, %v", got, sizes, err)
	}
	for n := range len(data) {
		if _, _, err := decodeCommands(nil, nil, data[:n]); err == nil {
			t.Errorf("the first %d bytes were taken", n)
		}
	}
}

func FuzzDecoders(f *testing.F) {
	req := &raft.AppendEntriesRequest{Term: 1, PrevLogEntry: 4, Entries: []*raft.Log{{Index: 5, Data: []byte("x")}}}
	b, _ := encodeAppend(1, req, 100)
	f.Add(b[4:])
	f.Add(appendProposal(appendCommandsHeader(nil, 1), []Addressed{{3, []byte("c")}, {4, nil}}))
	f.Add(appendChecksumEntry(nil, 300))
	f.Add(encodeVote(1, 2, 3, 4, true)[4:])
	f.Add(encodeInstall(1, &raft.InstallSnapshotRequest{}, token{}.encode())[4:])
	f.Add(token{node: "a"}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if req, err := decodeAppend("n", b); err == nil {
			again, err := encodeAppend(0, req, 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := decodeAppend("n", again[4:]); err != nil {
				t.Fatalf("what was decoded cannot be decoded again: %v", err)
			}
		}
		_, _, _ = decodeCommands(nil, nil, b)
		if len(b) > 0 {
			_, _ = decodeChecksum(b)
		}
		_, _, _, _, _ = decodeVote(b)
		_, _, _ = decodeVoteAnswer(b)
		_, _, _ = decodeInstall("n", b)
		_, _ = decodeToken(b)
		_, _ = decodeAppendAnswer("n", b, new(raft.AppendEntriesResponse))
		_, _, _ = readStreamFrame(bytes.NewReader(b), nil)
		_ = decodeLog(new(raft.Log), 1, b)
	})
}

func TestAppendMessage(t *testing.T) {
	var req raft.AppendEntriesRequest
	req.Term, req.PrevLogEntry, req.PrevLogTerm, req.LeaderCommitIndex = 4, 10, 3, 8
	for i := range uint64(20) {
		req.Entries = append(req.Entries, &raft.Log{Index: 11 + i, Term: 4, Data: make([]byte, 100)})
	}
	b, err := encodeAppend(9, &req, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(req.Entries); n < 5 || n > 10 || len(b) > 1100 {
		t.Errorf("a message of 1000 bytes has %d entries, %d bytes", n, len(b))
	}
	group, b, err := groupOf(b)
	got, err2 := decodeAppend("from", b)
	if err != nil || err2 != nil || group != object.GroupID(9) {
		t.Fatal(group, err, err2)
	}
	if got.Term != 4 || got.PrevLogEntry != 10 || got.PrevLogTerm != 3 || got.LeaderCommitIndex != 8 ||
		len(got.Entries) != len(req.Entries) || got.Entries[2].Index != 13 || string(got.ID) != "from" {
		t.Errorf("got %+v", got)
	}
	big := &raft.AppendEntriesRequest{Entries: []*raft.Log{{Index: 1, Data: make([]byte, 5000)}, {Index: 2}}}
	if _, err := encodeAppend(9, big, 1000); err != nil || len(big.Entries) != 1 {
		t.Errorf("a large entry: %d entries, %v", len(big.Entries), err)
	}
	if _, err := encodeAppend(9, &raft.AppendEntriesRequest{Entries: []*raft.Log{{Index: 7}}}, 1000); err == nil {
		t.Error("entries out of sequence were taken")
	}
}
