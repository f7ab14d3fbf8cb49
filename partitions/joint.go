package partitions

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
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
	assign  []byte // the oracle's command; nil: it takes no part
	calls   []call // in the order of the transaction's shares
	request []byte // of methodJoint
}

// ErrApart is returned by Found where the parts cannot be executed in an entry of the
// oracle's log. Nothing was done.
var ErrApart = errors.New("the partitions do not share the oracle's log, or the parts are too large")

// Found has parts executed that create objects whose ids have no location yet: assign,
// a command of the oracle, gives them one in the same entry of the log. It is committed
// where all votes are yes; else nothing took effect, and nothing will. Then the ids may
// have been assigned before, and are to be asked about. It is one attempt, which does
// not wait for locks. version is that of the new locations; 0 where it is not known.
// Errors are ErrApart and those of Transact.
func (c *Client) Found(ctx context.Context, t *command.Transaction, assign []byte) (version object.LocationVersion, votes []*command.Vote, err error) {
	participants, err := participantsOf(t)
	if err != nil {
		return 0, nil, err
	}
	if len(participants) == 0 || c.cfg.Group == nil || !fitJointly(t.Parts) {
		return 0, nil, ErrApart
	}
	for _, p := range participants {
		if g, known := c.cfg.Group(p); !known || g != object.OracleGroup {
			return 0, nil, ErrApart
		}
	}
	x := c.newTransaction(ctx, participants, t.Parts)
	assigned, votes, err := x.jointly(ctx, assign)
	if err != nil {
		return 0, nil, err
	}
	if len(participants) == 1 {
		c.counters.onePartition.Add(1)
	} else {
		c.counters.severalPartitions.Add(1)
	}
	return assigned.Version, votes, nil
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

// jointly makes one attempt in one entry, with the oracle where assign is not nil. The
// votes are in the order of the parts. It takes effect if all are yes; one that is
// refused as Withdrawn says that it cannot be done in one entry.
func (x *transaction) jointly(ctx context.Context, assign []byte) (*command.Assigned, []*command.Vote, error) {
	j := joint{c: x.c, assign: assign, calls: make([]call, 0, len(x.shares))}
	defer j.end()
	for i := range x.shares {
		s := &x.shares[i]
		if err := j.add(ctx, s.partition, &command.Prepare{
			Transaction: x.id, Participants: x.participants, Owner: x.owner, Placed: assign != nil, Part: *s.part,
		}); err != nil {
			return nil, nil, err
		}
	}
	outcomes, err := j.send(ctx)
	if err != nil {
		return nil, nil, err
	}
	assigned := new(command.Assigned)
	if assign != nil {
		var ok bool
		if assigned, ok = outcomes[0].(*command.Assigned); !ok {
			return nil, nil, pgerror.New(pgerror.InternalError, "the oracle answered an assignment with %T", outcomes[0])
		}
		outcomes = outcomes[1:]
	}
	votes, committed := make([]*command.Vote, len(x.shares)), true
	for i := range x.shares {
		s := &x.shares[i]
		vote, err := asVote(s.partition, outcomes[i])
		if err != nil {
			return nil, nil, err
		}
		if vote.Refusal != nil && vote.Refusal.Reason == command.Expired {
			return nil, nil, &Unanswered{Partition: s.partition, Unknown: true, Cause: errForgotten}
		}
		votes[s.index], committed = vote, committed && vote.Yes()
	}
	if committed {
		x.c.counters.oneEntry.Add(1)
	}
	return assigned, votes, nil
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

func (j *joint) try(ctx context.Context, r *route) ([]any, error) {
	return reach(ctx, r, func(node object.NodeID) ([]any, error) {
		outcomes, err := j.ask(ctx, node, r.unknown)
		if err == nil {
			for i := range j.calls[1:] {
				j.c.lane(j.calls[i+1].p).learn(node)
			}
		}
		return outcomes, err
	})
}

// ask asks one node; see Client.ask.
func (j *joint) ask(ctx context.Context, node object.NodeID, conclusive bool) ([]any, error) {
	if node == j.c.node && j.c.service != nil {
		commands := make([]jointCommand, len(j.calls))
		for i := range j.calls {
			commands[i] = jointCommand{j.calls[i].p, j.calls[i].request, j.calls[i].body}
		}
		return j.c.service.executeJointly(ctx, node, j.assign, commands, conclusive)
	}
	if j.request == nil {
		j.request = []byte{0}
		if j.assign != nil {
			j.request = appendPiece([]byte{assignFlag}, j.assign)
		}
		for i := range j.calls {
			j.request = binary.AppendUvarint(j.request, uint64(j.calls[i].p))
			j.request = appendPiece(j.request, j.calls[i].request)
		}
	}
	request := j.request
	if conclusive {
		request = append([]byte{request[0] | conclusiveFlag}, request[1:]...)
	}
	answer, err := j.c.call(ctx, node, methodJoint, request)
	if err != nil {
		return nil, err
	}
	count := len(j.calls)
	if j.assign != nil {
		count++
	}
	outcomes := make([]any, count)
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

// assignFlag is the bit of the first byte of a call of methodJoint that says that the
// oracle's command comes before those of the partitions. On the wire: append only.
const assignFlag byte = 2

// jointCommand is a participant's command.
type jointCommand struct {
	partition object.PartitionID
	encoded   []byte
	body      command.Body
}

func (s *Service) handleJoint(ctx context.Context, from object.NodeID, req []byte) ([]byte, error) {
	if len(req) == 0 || req[0] > conclusiveFlag|assignFlag {
		return nil, errMalformed
	}
	var assign []byte
	rest := req[1:]
	if req[0]&assignFlag != 0 {
		var err error
		if assign, rest, err = takePiece(rest); err != nil {
			return nil, err
		}
		if s.cfg.CheckAssign == nil {
			return nil, errMalformed
		}
		if err := s.cfg.CheckAssign(assign); err != nil {
			return nil, err
		}
	}
	var commands []jointCommand
	for len(rest) > 0 {
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
	outcomes, err := s.executeJointly(ctx, from, assign, commands, req[0]&conclusiveFlag != 0)
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
// one entry of the group that these share. assign is the oracle's command, whose outcome
// comes first then; nil where it takes no part. See replica.execute.
func (s *Service) executeJointly(ctx context.Context, from object.NodeID, assign []byte, commands []jointCommand, conclusive bool) ([]any, error) {
	if len(commands) == 0 {
		return nil, errMalformed
	}
	started := s.cfg.Clock.Now()
	replicas, addressed := make([]*replica, len(commands)), make([]replication.Addressed, 0, len(commands)+1)
	if assign != nil {
		addressed = append(addressed, replication.Addressed{To: object.OracleMachine, Command: assign})
	}
	for i, c := range commands {
		r, err := s.replica(c.partition)
		if err != nil {
			return nil, err
		}
		if i > 0 && r.group.ID() != replicas[0].group.ID() || !state.CanBeJoint(c.body) {
			return nil, errMalformed
		}
		replicas[i] = r
		addressed = append(addressed, replication.Addressed{To: c.partition.Machine(), Command: c.encoded})
	}
	if assign != nil && replicas[0].group.ID() != object.OracleGroup {
		return nil, errMalformed
	}
	if !replicas[0].group.IsLeader() {
		return nil, replicas[0].notLeader()
	}
	replicas[0].origins.note(from)
	for i, r := range replicas {
		if ready, err := r.ready(ctx, commands[i].body); err != nil {
			return nil, err
		} else if !ready && !conclusive {
			r.note(command.Awaited)
			return jointRefusal(assign, commands, i, command.Awaited), nil
		}
	}
	outcomes, err := replicas[0].group.ProposeJointly(ctx, addressed)
	if errors.Is(err, replication.ErrTooLarge) {
		return jointRefusal(assign, commands, 0, command.Withdrawn), nil
	}
	if err != nil {
		return nil, err
	}
	first := len(outcomes) - len(replicas)
	for i, r := range replicas {
		r.executed(outcomes[first+i], started)
	}
	return outcomes, nil
}

// jointRefusal is the answer to commands of which one is refused before it gets into
// the log.
func jointRefusal(assign []byte, commands []jointCommand, at int, reason command.Reason) []any {
	outcomes := make([]any, 0, len(commands)+1)
	if assign != nil {
		outcomes = append(outcomes, new(command.Assigned))
	}
	for i, c := range commands {
		why := command.Aborted
		if i == at {
			why = reason
		}
		outcomes = append(outcomes, refused(c.body, &command.Refusal{Reason: why}))
	}
	return outcomes
}
