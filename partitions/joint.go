package partitions

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/partitions/state"
)

// jointAttempts is how often a transaction whose participants share a group is attempted
// in one entry of its log. It meets locks only of transactions that are not of that
// kind, which hold them for a round or two; but then it gets into the queues, where
// nobody overtakes it.
const jointAttempts = 3

// together reports whether all participants are in one group.
func (c *Client) together(participants []object.PartitionID) bool {
	if c.cfg.Group == nil || len(participants) < 2 {
		return false
	}
	first, ok := c.cfg.Group(participants[0])
	for _, p := range participants[1:] {
		g, known := c.cfg.Group(p)
		ok = ok && known && g == first
	}
	return ok
}

// joint is a transaction that is executed in one entry of the log of its participants.
type joint struct {
	c       *Client
	calls   []call // in the order of the transaction's shares
	request []byte // of methodJoint
}

// fitJointly reports whether parts can be executed in one entry: they are not large, and
// it is known beforehand how many objects they mean.
func fitJointly(parts []command.Share) bool {
	bytes := 0
	for i := range parts {
		part := &parts[i].Part
		if !fits(part) {
			return false
		}
		for j := range part.Effects {
			bytes += len(part.Effects[j].ID) + len(part.Effects[j].Row)
		}
		for _, w := range part.Writes {
			if len(w.Spans) > 0 {
				return false
			}
			bytes += len(w.Program)
			for j := range w.Targets {
				bytes += len(w.Targets[j].ID) + len(w.Targets[j].Row)
			}
		}
	}
	return bytes <= chunkBytes/2
}

// jointly makes one attempt in one entry. The votes are in the order of the parts. It
// takes effect if all are yes; one that is refused as Aborted says that it cannot be
// done in one entry.
func (x *transaction) jointly(ctx context.Context) ([]*command.Vote, error) {
	j := joint{c: x.c, calls: make([]call, 0, len(x.shares))}
	defer j.end()
	for i := range x.shares {
		s := &x.shares[i]
		if err := j.add(ctx, s.partition, &command.Prepare{
			Transaction: x.id, Participants: x.participants, Owner: x.owner, Part: *s.part,
		}); err != nil {
			return nil, err
		}
	}
	outcomes, err := j.send(ctx)
	if err != nil {
		return nil, err
	}
	votes, committed := make([]*command.Vote, len(x.shares)), true
	for i := range x.shares {
		s := &x.shares[i]
		vote, err := asVote(s.partition, outcomes[i])
		if err != nil {
			return nil, err
		}
		if vote.Refusal != nil && vote.Refusal.Reason == command.Expired {
			return nil, &Unanswered{Partition: s.partition, Unknown: true, Cause: errForgotten}
		}
		votes[s.index], committed = vote, committed && vote.Yes()
	}
	if committed {
		x.c.counters.oneEntry.Add(1)
	}
	return votes, nil
}

// add takes a participant's command in.
func (j *joint) add(ctx context.Context, p object.PartitionID, body *command.Prepare) error {
	sequence, settled, err := j.c.lane(p).begin(ctx)
	if err != nil {
		return &Unanswered{Partition: p, Cause: err}
	}
	k := call{p: p, body: body, id: object.CommandID{Node: j.c.node, Incarnation: j.c.cfg.Incarnation, Sequence: sequence}}
	k.request = command.AppendBody(command.AppendHeader(make([]byte, 0, 256), k.id, settled), body)
	j.calls = append(j.calls, k)
	return nil
}

// end says that the commands will not be sent any more.
func (j *joint) end() {
	for i := range j.calls {
		j.c.lane(j.calls[i].p).end(j.calls[i].id.Sequence)
	}
}

// send has the commands executed, at most once. When ctx ends while it is not known
// whether they were, their answer is fetched, for up to the Grace.
func (j *joint) send(ctx context.Context) ([]any, error) {
	r := route{c: j.c, p: j.calls[0].p, l: j.c.lane(j.calls[0].p)}
	outcomes, err := j.try(ctx, &r)
	if err == nil || !r.unknown || ctx.Err() == nil {
		return outcomes, err
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.c.cfg.Grace)
	defer cancel()
	defer context.AfterFunc(j.c.closingContext, cancel)()
	if outcomes, late := j.try(grace, &r); late == nil {
		return outcomes, nil
	}
	return nil, err
}

// try asks node after node.
func (j *joint) try(ctx context.Context, r *route) ([]any, error) {
	for {
		node := r.node()
		outcomes, err := j.ask(ctx, node, r.unknown)
		if err == nil {
			for i := range j.calls {
				j.c.lane(j.calls[i].p).learn(node)
			}
			return outcomes, nil
		}
		if err = r.failed(ctx, node, err); err != nil {
			return nil, err
		}
	}
}

// ask asks one node; see Client.ask.
func (j *joint) ask(ctx context.Context, node object.NodeID, conclusive bool) ([]any, error) {
	if node == j.c.node && j.c.service != nil {
		commands := make([]jointCommand, len(j.calls))
		for i := range j.calls {
			commands[i] = jointCommand{j.calls[i].p, j.calls[i].request, j.calls[i].body}
		}
		return j.c.service.executeJointly(ctx, node, commands, conclusive)
	}
	if j.request == nil {
		j.request = []byte{0}
		for i := range j.calls {
			j.request = binary.AppendUvarint(j.request, uint64(j.calls[i].p))
			j.request = appendPiece(j.request, j.calls[i].request)
		}
	}
	request := j.request
	if conclusive {
		request = append([]byte{conclusiveFlag}, request[1:]...)
	}
	answer, err := j.c.call(ctx, node, methodJoint, request)
	if err != nil {
		return nil, err
	}
	outcomes := make([]any, len(j.calls))
	for i := range outcomes {
		var piece []byte
		if piece, answer, err = takePiece(answer); err != nil {
			return nil, err
		}
		if outcomes[i], err = command.DecodeOutcome(piece); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

// appendPiece appends bytes with their length.
func appendPiece(dst, piece []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(piece))), piece...)
}

func takePiece(b []byte) (piece, rest []byte, err error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, errMalformed
	}
	end := n + int(size)
	return b[n:end:end], b[end:], nil
}

// jointCommand is a participant's command.
type jointCommand struct {
	partition object.PartitionID
	encoded   []byte
	body      command.Body
}

func (s *Service) handleJoint(ctx context.Context, from object.NodeID, req []byte) ([]byte, error) {
	if len(req) == 0 || req[0] > conclusiveFlag {
		return nil, errMalformed
	}
	var commands []jointCommand
	for rest := req[1:]; len(rest) > 0; {
		p, b, err := decodePartition(rest)
		if err != nil {
			return nil, err
		}
		piece, b, err := takePiece(b)
		if err != nil {
			return nil, err
		}
		rest = b
		c, err := command.DecodeCommand(piece)
		if err != nil {
			return nil, err
		}
		commands = append(commands, jointCommand{p, piece, c.Body})
	}
	outcomes, err := s.executeJointly(ctx, from, commands, req[0]&conclusiveFlag != 0)
	if err != nil {
		return nil, err
	}
	var answer, piece []byte
	for _, o := range outcomes {
		piece = command.AppendOutcome(piece[:0], o)
		answer = appendPiece(answer, piece)
	}
	return answer, nil
}

// executeJointly has commands executed by this node's replicas of their partitions, in
// one entry of the group that these share. See replica.execute.
func (s *Service) executeJointly(ctx context.Context, from object.NodeID, commands []jointCommand, conclusive bool) ([]any, error) {
	if len(commands) == 0 {
		return nil, errMalformed
	}
	started := s.cfg.Clock.Now()
	replicas, addressed := make([]*replica, len(commands)), make([]replication.Addressed, len(commands))
	for i, c := range commands {
		r, err := s.replica(c.partition)
		if err != nil {
			return nil, err
		}
		if i > 0 && r.group.ID() != replicas[0].group.ID() || !state.CanBeJoint(c.body) {
			return nil, errMalformed
		}
		replicas[i], addressed[i] = r, replication.Addressed{To: c.partition.Machine(), Command: c.encoded}
	}
	if !replicas[0].group.IsLeader() {
		return nil, replicas[0].notLeader()
	}
	replicas[0].origins.note(from)
	for i, r := range replicas {
		if ready, err := r.ready(ctx, commands[i].body); err != nil {
			return nil, err
		} else if !ready && !conclusive {
			return jointRefusal(commands, i, command.Awaited), nil
		}
	}
	outcomes, err := replicas[0].group.ProposeJointly(ctx, addressed)
	if errors.Is(err, replication.ErrTooLarge) {
		return jointRefusal(commands, 0, command.Aborted), nil
	}
	if err != nil {
		return nil, err
	}
	for i, r := range replicas {
		r.executed(outcomes[i], started)
	}
	return outcomes, nil
}

// jointRefusal is the answer to commands of which one is refused before it gets into
// the log.
func jointRefusal(commands []jointCommand, at int, reason command.Reason) []any {
	outcomes := make([]any, len(commands))
	for i, c := range commands {
		outcomes[i] = refused(c.body, &command.Refusal{Reason: command.Aborted})
	}
	outcomes[at] = refused(commands[at].body, &command.Refusal{Reason: reason})
	return outcomes
}
