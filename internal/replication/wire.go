package replication

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/object"
)

// Methods on the cluster port. Append only.
const (
	methodAppend      uint16 = 0x0401
	methodVote        uint16 = 0x0402
	methodPreVote     uint16 = 0x0403
	methodInstall     uint16 = 0x0404
	methodTimeoutNow  uint16 = 0x0405
	methodChecksum    uint16 = 0x0406
	methodIndexes     uint16 = 0x0407
	streamState              = "ssmr.state"
	raftProtocol             = raft.ProtocolVersionMax
	maxEntriesPerCall        = 1 << 12
)

// Messages are numbers of fixed size, big endian, behind the group's number; the
// sender is the node that the connection belongs to.

var errMessage = errors.New("message between replicas is malformed")

// reader takes a message apart. After an error all reads give zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) u8() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) bytes() []byte { return r.take(int(r.u32())) }

func (r *reader) done() error {
	if r.bad || len(r.b) > 0 {
		return errMessage
	}
	return nil
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
}

func appendU64(dst []byte, values ...uint64) []byte {
	for _, v := range values {
		dst = binary.BigEndian.AppendUint64(dst, v)
	}
	return dst
}

func flag(b bool, bit byte) byte {
	if b {
		return bit
	}
	return 0
}

func header(from object.NodeID) raft.RPCHeader {
	return raft.RPCHeader{ProtocolVersion: raftProtocol, ID: []byte(from), Addr: []byte(from)}
}

// groupOf reads the number in front of every message.
func groupOf(b []byte) (object.GroupID, []byte, error) {
	if len(b) < 4 {
		return 0, nil, errMessage
	}
	return object.GroupID(binary.BigEndian.Uint32(b)), b[4:], nil
}

func startMessage(group object.GroupID, size int) []byte {
	return binary.BigEndian.AppendUint32(make([]byte, 0, 4+size), uint32(group))
}

// encodeAppend encodes an AppendEntries request. It holds no more entries than fit
// into limit bytes, but at least one, and cuts the request's list to those: raft
// goes on from what was sent.
func encodeAppend(group object.GroupID, req *raft.AppendEntriesRequest, limit int) ([]byte, error) {
	size := 36
	for i, l := range req.Entries {
		n := len(l.Data) + len(l.Extensions) + 32
		if i > 0 && size+n > limit {
			req.Entries = req.Entries[:i]
			break
		}
		size += n
	}
	b := startMessage(group, size)
	b = appendU64(b, req.Term, req.PrevLogEntry, req.PrevLogTerm, req.LeaderCommitIndex)
	b = binary.BigEndian.AppendUint32(b, uint32(len(req.Entries)))
	for i, l := range req.Entries {
		if l.Index != req.PrevLogEntry+1+uint64(i) {
			return nil, fmt.Errorf("log entries to send are not in sequence: %d is where %d should be", l.Index, req.PrevLogEntry+1+uint64(i))
		}
		at := len(b)
		b = append(b, 0, 0, 0, 0)
		b = appendLog(b, l)
		binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	}
	return b, nil
}

func decodeAppend(from object.NodeID, b []byte) (*raft.AppendEntriesRequest, error) {
	r := reader{b: b}
	req := &raft.AppendEntriesRequest{
		RPCHeader: header(from),
		Term:      r.u64(), PrevLogEntry: r.u64(), PrevLogTerm: r.u64(), LeaderCommitIndex: r.u64(),
	}
	count := r.u32()
	if count > maxEntriesPerCall {
		return nil, errMessage
	}
	if count > 0 {
		req.Entries = make([]*raft.Log, 0, min(int(count), len(b)/8+1))
	}
	for i := range count {
		l := new(raft.Log)
		text := r.bytes()
		if r.bad {
			return nil, errMessage
		}
		if err := decodeLog(l, req.PrevLogEntry+1+uint64(i), text); err != nil {
			return nil, fmt.Errorf("%w: %v", errMessage, err)
		}
		req.Entries = append(req.Entries, l)
	}
	return req, r.done()
}

const (
	flagSuccess byte = 1 << iota
	flagNoBackoff
)

// encodeAppendAnswer encodes an answer to AppendEntries. promise is how long the
// follower will vote for nobody else; 0 for no promise.
func encodeAppendAnswer(resp *raft.AppendEntriesResponse, promise time.Duration) []byte {
	b := make([]byte, 0, 25)
	b = appendU64(b, resp.Term, resp.LastLog, uint64(promise.Microseconds()))
	return append(b, flag(resp.Success, flagSuccess)|flag(resp.NoRetryBackoff, flagNoBackoff))
}

func decodeAppendAnswer(from object.NodeID, b []byte, resp *raft.AppendEntriesResponse) (promise time.Duration, err error) {
	r := reader{b: b}
	resp.RPCHeader = header(from)
	resp.Term, resp.LastLog = r.u64(), r.u64()
	promise = time.Duration(r.u64()) * time.Microsecond
	flags := r.u8()
	resp.Success = flags&flagSuccess != 0
	resp.NoRetryBackoff = flags&flagNoBackoff != 0
	return promise, r.done()
}

// encodeVote encodes a RequestVote or RequestPreVote request.
func encodeVote(group object.GroupID, term, lastIndex, lastTerm uint64, transfer bool) []byte {
	b := appendU64(startMessage(group, 25), term, lastIndex, lastTerm)
	return append(b, flag(transfer, 1))
}

func decodeVote(b []byte) (term, lastIndex, lastTerm uint64, transfer bool, err error) {
	r := reader{b: b}
	term, lastIndex, lastTerm = r.u64(), r.u64(), r.u64()
	transfer = r.u8() != 0
	return term, lastIndex, lastTerm, transfer, r.done()
}

func encodeVoteAnswer(term uint64, granted bool) []byte {
	return append(appendU64(make([]byte, 0, 9), term), flag(granted, 1))
}

func decodeVoteAnswer(b []byte) (term uint64, granted bool, err error) {
	r := reader{b: b}
	term = r.u64()
	granted = r.u8() != 0
	return term, granted, r.done()
}

func encodeInstall(group object.GroupID, req *raft.InstallSnapshotRequest, token []byte) []byte {
	b := startMessage(group, 64+len(req.Configuration)+len(token))
	b = append(b, byte(req.SnapshotVersion))
	b = appendU64(b, req.Term, req.LastLogIndex, req.LastLogTerm, req.ConfigurationIndex)
	b = appendBytes(b, req.Configuration)
	return appendBytes(b, token)
}

func decodeInstall(from object.NodeID, b []byte) (req *raft.InstallSnapshotRequest, token []byte, err error) {
	r := reader{b: b}
	req = &raft.InstallSnapshotRequest{
		RPCHeader: header(from), SnapshotVersion: raft.SnapshotVersion(r.u8()),
		Term: r.u64(), LastLogIndex: r.u64(), LastLogTerm: r.u64(), ConfigurationIndex: r.u64(),
	}
	req.Configuration = r.bytes()
	token = r.bytes()
	req.Size = int64(len(token))
	return req, token, r.done()
}
