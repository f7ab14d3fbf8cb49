package replication

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
)

const (
	// appendLimit bounds the entries of one message, beyond the first.
	appendLimit = 4 << 20
	// appendHeartbeats, times the heartbeat time-out, bounds how long a message with
	// entries may take: a follower whose disk is slow has to be waited for.
	appendHeartbeats = 5
	// appendPause is the first pause before a message to a node that cannot be reached
	// is tried again; it doubles, up to half a heartbeat time-out.
	appendPause = 10 * time.Millisecond
	// installTimeout bounds how long a follower may take to fetch the state; that it
	// makes progress is seen to by the stream itself.
	installTimeout = 24 * time.Hour
	// holdAfterInstall is how long the log is kept that follows a state which was sent.
	holdAfterInstall = 30 * time.Second
)

// transport is raft's Transport for one group: all groups share the connections of
// the Network. It is also where leases and promises are kept, see there.
type transport struct {
	group    object.GroupID
	self     object.NodeID
	network  Network
	clock    Clock
	timing   Timing
	lease    *lease
	gate     *gate
	promises *promises
	pace     *pace
	notices  *notices
	log      *logStore
	fresh    *freshness
	room     func(context.Context) error // waits until more can be taken

	incoming  chan raft.RPC
	ctx       context.Context // ends with the replica
	heartbeat atomic.Pointer[func(raft.RPC)]
	raft      atomic.Pointer[raft.Raft] // set when it has started
}

var (
	_ raft.Transport   = (*transport)(nil)
	_ raft.WithPreVote = (*transport)(nil)
)

// Consumer gives raft the messages for it.
func (t *transport) Consumer() <-chan raft.RPC { return t.incoming }

// LocalAddr is the name of this node: addresses are the Network's business.
func (t *transport) LocalAddr() raft.ServerAddress { return raft.ServerAddress(t.self) }

// EncodePeer encodes a node's address.
func (t *transport) EncodePeer(_ raft.ServerID, addr raft.ServerAddress) []byte { return []byte(addr) }

// DecodePeer decodes a node's address.
func (t *transport) DecodePeer(b []byte) raft.ServerAddress { return raft.ServerAddress(b) }

// SetHeartbeatHandler takes raft's fast path for heartbeats.
func (t *transport) SetHeartbeatHandler(h func(raft.RPC)) { t.heartbeat.Store(&h) }

// AppendEntriesPipeline is not offered: with one entry on its way, which holds all
// commands that came meanwhile, there is nothing to overlap.
func (t *transport) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

func (t *transport) call(to raft.ServerID, method uint16, timeout time.Duration, req []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.ctx, timeout)
	defer cancel()
	return t.network.Call(ctx, object.NodeID(to), method, req)
}

// AppendEntries sends entries, or a heartbeat, and notes the acknowledgement. Entries
// for a node that cannot be reached are tried again, as long as that is for this
// replica to do: raft would wait up to ten seconds before it tries again, and a node
// that is back would be behind for so long.
func (t *transport) AppendEntries(id raft.ServerID, _ raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	for pause := appendPause; ; pause = min(2*pause, t.timing.Heartbeat/2) {
		err := t.sendAppend(id, req, resp)
		if err == nil || isHeartbeat(req) || !errors.Is(err, cluster.ErrUnreachable) || !t.replicates(id, req.Term) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-t.ctx.Done():
			return err
		}
	}
}

// replicates reports whether this replica leads a term, and a node has another.
func (t *transport) replicates(id raft.ServerID, term uint64) bool {
	r := t.raft.Load()
	return r != nil && r.State() == raft.Leader && r.CurrentTerm() == term &&
		slices.ContainsFunc(r.GetConfiguration().Configuration().Servers, func(s raft.Server) bool { return s.ID == id })
}

func (t *transport) sendAppend(id raft.ServerID, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if t.notices.known(object.NodeID(id), req) {
		*resp = raft.AppendEntriesResponse{RPCHeader: header(object.NodeID(id)), Term: req.Term, LastLog: req.PrevLogEntry, Success: true}
		return nil
	}
	t.hold(object.NodeID(id), req)
	req.LeaderCommitIndex = min(req.LeaderCommitIndex, t.log.onDisk())
	b, err := encodeAppend(t.group, req, appendLimit)
	if err != nil {
		return err
	}
	timeout := t.timing.Heartbeat
	if !isHeartbeat(req) {
		timeout = appendHeartbeats * t.timing.Heartbeat
	}
	n := len(req.Entries)
	sent := t.clock.Now() // before anything leaves: the lease counts from here
	if n > 0 {
		t.pace.begin(object.NodeID(id), sent)
	}
	answer, err := t.call(id, methodAppend, timeout, b)
	if n > 0 {
		t.pace.end(object.NodeID(id), sent, err)
	}
	if err != nil {
		return err
	}
	promise, err := decodeAppendAnswer(object.NodeID(id), answer, resp)
	if err != nil {
		return err
	}
	if resp.Success && resp.Term == req.Term {
		match := uint64(0)
		if n > 0 {
			match = req.Entries[n-1].Index
		}
		t.lease.acknowledged(object.NodeID(id), req.Term, sent, promise, match)
		t.notices.acknowledged(object.NodeID(id), req, sent)
	}
	return nil
}

// hold holds entries back from a follower that can have them later; see pace. What
// was committed meanwhile the follower hears at once.
func (t *transport) hold(to object.NodeID, req *raft.AppendEntriesRequest) {
	r, n := t.raft.Load(), len(req.Entries)
	if r == nil || n == 0 || n >= paceEntries {
		return
	}
	last := req.Entries[n-1].Index
	if t.log.bytesBetween(req.PrevLogEntry, last) >= paceBytes {
		return
	}
	if !t.pace.hold(t.ctx, to, t.self, t.lease.electorate(), func() bool { return r.CommitIndex() >= last }) {
		return
	}
	// Of the request's term, since the term is looked at afterwards; and not beyond what
	// the follower is known to have with this message.
	committed := min(r.CommitIndex(), last)
	if r.CurrentTerm() == req.Term {
		req.LeaderCommitIndex = max(req.LeaderCommitIndex, committed)
	}
}

// RequestVote asks for a vote, unless that would break a promise.
func (t *transport) RequestVote(id raft.ServerID, _ raft.ServerAddress, req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	ok, transfer := t.promises.campaign(t.self, req.Term)
	if !ok {
		return errors.New("this replica has promised its leader not to campaign")
	}
	b := encodeVote(t.group, req.Term, req.LastLogIndex, req.LastLogTerm, req.LeadershipTransfer && transfer)
	answer, err := t.call(id, methodVote, 2*t.timing.Election, b)
	if err != nil {
		return err
	}
	resp.RPCHeader = header(object.NodeID(id))
	resp.Term, resp.Granted, err = decodeVoteAnswer(answer)
	if resp.Granted {
		t.gate.respect() // this replica may lead from now on
	}
	return err
}

// RequestPreVote asks whether a vote would be given.
func (t *transport) RequestPreVote(id raft.ServerID, _ raft.ServerAddress, req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	b := encodeVote(t.group, req.Term, req.LastLogIndex, req.LastLogTerm, false)
	answer, err := t.call(id, methodPreVote, 2*t.timing.Election, b)
	if err != nil {
		return err
	}
	resp.RPCHeader = header(object.NodeID(id))
	resp.Term, resp.Granted, err = decodeVoteAnswer(answer)
	return err
}

// InstallSnapshot sends the token of a snapshot; the follower fetches the state.
func (t *transport) InstallSnapshot(id raft.ServerID, _ raft.ServerAddress, req *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	token, err := io.ReadAll(io.LimitReader(data, tokenBytes))
	if err != nil {
		return err
	}
	release := t.log.hold(req.LastLogIndex + 1)
	defer time.AfterFunc(holdAfterInstall, release)
	answer, err := t.call(id, methodInstall, installTimeout, encodeInstall(t.group, req, token))
	if err != nil {
		return err
	}
	resp.RPCHeader = header(object.NodeID(id))
	resp.Term, resp.Success, err = decodeVoteAnswer(answer)
	return err
}

// TimeoutNow tells a follower to take over. The lease ends before.
func (t *transport) TimeoutNow(id raft.ServerID, _ raft.ServerAddress, _ *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	r := t.raft.Load()
	if r == nil {
		return ErrStopped
	}
	term := r.CurrentTerm()
	t.lease.yield(term)
	if r.State() != raft.Leader || r.CurrentTerm() != term {
		return raft.ErrNotLeader
	}
	resp.RPCHeader = header(object.NodeID(id))
	_, err := t.call(id, methodTimeoutNow, t.timing.Election, appendU64(startMessage(t.group, 8), term))
	return err
}

func isHeartbeat(req *raft.AppendEntriesRequest) bool {
	return req.PrevLogEntry == 0 && req.PrevLogTerm == 0 && len(req.Entries) == 0 && req.LeaderCommitIndex == 0
}

// handle gives a message to raft and waits for the answer.
func (t *transport) handle(ctx context.Context, command any, data io.Reader) (any, error) {
	answers := make(chan raft.RPCResponse, 1)
	rpc := raft.RPC{Command: command, Reader: data, RespChan: answers}
	select {
	case t.incoming <- rpc:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t.ctx.Done():
		return nil, ErrStopped
	}
	return t.answer(ctx, answers)
}

func (t *transport) answer(ctx context.Context, answers <-chan raft.RPCResponse) (any, error) {
	select {
	case a := <-answers:
		return a.Response, a.Error
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t.ctx.Done():
		return nil, ErrStopped
	}
}

// handleHeartbeat answers a heartbeat beside raft's main thread, which may be busy
// with the disk. Only where it changes nothing: the main thread decides otherwise.
func (t *transport) handleHeartbeat(ctx context.Context, from object.NodeID, req *raft.AppendEntriesRequest) (any, error) {
	r, h := t.raft.Load(), t.heartbeat.Load()
	if r == nil || h == nil || r.State() != raft.Follower || r.CurrentTerm() != req.Term {
		return t.handle(ctx, req, nil)
	}
	if _, leader := r.LeaderWithID(); object.NodeID(leader) != from {
		return t.handle(ctx, req, nil)
	}
	answers := make(chan raft.RPCResponse, 1)
	(*h)(raft.RPC{Command: req, RespChan: answers})
	return t.answer(ctx, answers)
}

func (t *transport) handleAppend(ctx context.Context, from object.NodeID, b []byte) ([]byte, error) {
	req, err := decodeAppend(from, b)
	if err != nil {
		return nil, err
	}
	if len(req.Entries) > 0 && t.raft.Load() != nil {
		if err := t.room(ctx); err != nil {
			return nil, err
		}
	}
	received := t.clock.Now()
	var answer any
	if isHeartbeat(req) {
		answer, err = t.handleHeartbeat(ctx, from, req)
	} else {
		answer, err = t.handle(ctx, req, nil)
	}
	if err != nil {
		return nil, err
	}
	resp, ok := answer.(*raft.AppendEntriesResponse)
	if !ok {
		return nil, fmt.Errorf("raft answered an append with %T", answer)
	}
	var promise time.Duration
	if n := len(req.Entries); n > 0 && resp.Success {
		if err := t.log.awaitDisk(req.Entries[n-1].Index); err != nil {
			return nil, err
		}
	}
	if resp.Success && resp.Term == req.Term {
		promise = t.promises.acknowledge(from, req.Term)
		if !isHeartbeat(req) {
			t.fresh.heard(req.LeaderCommitIndex, received)
		}
	}
	return encodeAppendAnswer(resp, promise), nil
}

func (t *transport) handleVote(ctx context.Context, from object.NodeID, b []byte) ([]byte, error) {
	term, lastIndex, lastTerm, transfer, err := decodeVote(b)
	if err != nil {
		return nil, err
	}
	if !transfer {
		if err := t.promises.wait(ctx); err != nil {
			return nil, err
		}
	}
	if !t.promises.beginVote(from, term, transfer) {
		return encodeVoteAnswer(t.currentTerm(), false), nil
	}
	granted := false
	defer func() { t.promises.endVote(term, granted) }()
	// Once raft has the request it may vote: what it says is waited for, whatever
	// becomes of the caller.
	answer, err := t.handle(context.WithoutCancel(ctx), &raft.RequestVoteRequest{
		RPCHeader: header(from), Term: term,
		LastLogIndex: lastIndex, LastLogTerm: lastTerm, LeadershipTransfer: transfer,
	}, nil)
	if err != nil {
		return nil, err
	}
	resp, ok := answer.(*raft.RequestVoteResponse)
	if !ok {
		return nil, fmt.Errorf("raft answered a vote with %T", answer)
	}
	granted = resp.Granted
	return encodeVoteAnswer(resp.Term, resp.Granted), nil
}

func (t *transport) handlePreVote(ctx context.Context, from object.NodeID, b []byte) ([]byte, error) {
	term, lastIndex, lastTerm, _, err := decodeVote(b)
	if err != nil {
		return nil, err
	}
	if err := t.promises.wait(ctx); err != nil {
		return nil, err
	}
	if !t.promises.mayPreVote(from, term) {
		return encodeVoteAnswer(t.currentTerm(), false), nil
	}
	answer, err := t.handle(ctx, &raft.RequestPreVoteRequest{
		RPCHeader: header(from), Term: term, LastLogIndex: lastIndex, LastLogTerm: lastTerm,
	}, nil)
	if err != nil {
		return nil, err
	}
	resp, ok := answer.(*raft.RequestPreVoteResponse)
	if !ok {
		return nil, fmt.Errorf("raft answered a pre-vote with %T", answer)
	}
	return encodeVoteAnswer(resp.Term, resp.Granted), nil
}

func (t *transport) handleInstall(ctx context.Context, from object.NodeID, b []byte) ([]byte, error) {
	req, token, err := decodeInstall(from, b)
	if err != nil {
		return nil, err
	}
	answer, err := t.handle(ctx, req, bytes.NewReader(token))
	if err != nil {
		return nil, err
	}
	resp, ok := answer.(*raft.InstallSnapshotResponse)
	if !ok {
		return nil, fmt.Errorf("raft answered a snapshot with %T", answer)
	}
	return encodeVoteAnswer(resp.Term, resp.Success), nil
}

// handleTimeoutNow takes over from the leader of a term, if that is still the term:
// the message may have been under way for long.
func (t *transport) handleTimeoutNow(ctx context.Context, from object.NodeID, b []byte) ([]byte, error) {
	r := reader{b: b}
	term := r.u64()
	if err := r.done(); err != nil {
		return nil, err
	}
	if now := t.currentTerm(); now != term {
		return nil, fmt.Errorf("leadership of term %d cannot be handed over in term %d", term, now)
	}
	t.promises.yield(term)
	_, err := t.handle(ctx, &raft.TimeoutNowRequest{RPCHeader: header(from)}, nil)
	return nil, err
}

func (t *transport) currentTerm() uint64 {
	if r := t.raft.Load(); r != nil {
		return r.CurrentTerm()
	}
	return 0
}
