package partitions

import (
	"context"
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// under runs pin on the newest state, under the leader's lease or on a replica that
// is known to hold the same.
func (r *replica) under(ctx context.Context, following bool, pin func() error) error {
	if following {
		return r.group.ReadFollowing(ctx, pin)
	}
	return r.group.Read(ctx, pin)
}

// asking is something that is computed of a pinned state, outside the log.
type asking[T any] interface {
	Pin() error
	Run(ctx context.Context) (*T, error)
	Close()
}

// outside computes something of the newest state: begin makes it ready. Where it is
// refused as Awaited it is computed again when something has come.
func outside[T any](ctx context.Context, r *replica, following bool, begin func() asking[T], refusal func(*T) *command.Refusal) (out *T, err error) {
	compute := func() (awaited bool, err error) {
		q := begin()
		defer q.Close()
		if err := r.under(ctx, following, q.Pin); err != nil {
			return false, err
		}
		if out, err = q.Run(ctx); err != nil {
			return false, err
		}
		refused := refusal(out)
		return refused != nil && refused.Reason == command.Awaited, nil
	}
	awaited, err := compute()
	if err == nil && awaited {
		_, err = r.park(ctx, compute)
	}
	if err != nil {
		return nil, err
	}
	r.answered.Add(1)
	return out, nil
}

// evaluate computes what a Write would do.
func (r *replica) evaluate(ctx context.Context, e *command.Evaluate, following bool) (*command.Evaluation, error) {
	return outside(ctx, r, following, func() asking[command.Evaluation] { return r.machine.Evaluate(e) },
		func(out *command.Evaluation) *command.Refusal { return out.Refusal })
}

// validate compares what a transaction has read.
func (r *replica) validate(ctx context.Context, part *command.Part, following bool) (*command.Vote, error) {
	return outside(ctx, r, following, func() asking[command.Vote] { return r.machine.Validate(part) },
		func(out *command.Vote) *command.Refusal { return out.Refusal })
}

func (s *Service) evaluate(ctx context.Context, p object.PartitionID, e *command.Evaluate, following bool) (*command.Evaluation, error) {
	r, err := s.replica(p)
	if err != nil {
		return nil, err
	}
	return r.evaluate(ctx, e, following)
}

func (s *Service) validate(ctx context.Context, p object.PartitionID, part *command.Part, following bool) (*command.Vote, error) {
	r, err := s.replica(p)
	if err != nil {
		return nil, err
	}
	return r.validate(ctx, part, following)
}

func (s *Service) handleEvaluate(ctx context.Context, _ object.NodeID, req []byte) ([]byte, error) {
	p, encoded, err := decodePartition(req)
	if err != nil {
		return nil, err
	}
	e, err := command.DecodeEvaluate(encoded)
	if err != nil {
		return nil, err
	}
	var out *command.Evaluation
	if e.View.Pin != (command.Pin{}) {
		out, err = s.evaluatePinned(ctx, p, e)
	} else {
		out, err = s.evaluate(ctx, p, e, false)
	}
	if err != nil {
		return nil, err
	}
	return command.AppendEvaluation(nil, out), nil
}

func (s *Service) handleValidate(ctx context.Context, _ object.NodeID, req []byte) ([]byte, error) {
	p, encoded, err := decodePartition(req)
	if err != nil {
		return nil, err
	}
	part, err := command.DecodePart(encoded)
	if err != nil {
		return nil, err
	}
	out, err := s.validate(ctx, p, part, false)
	if err != nil {
		return nil, err
	}
	return command.AppendVote(nil, out), nil
}

// question is something that is asked outside the log.
type question[T any] struct {
	method uint16
	local  func(following bool) (*T, error)
	encode func(dst []byte) []byte
	decode func([]byte) (*T, error)
}

// answer asks this node's replica, if it knows what the leader knows, else the leader.
func answer[T any](ctx context.Context, c *Client, p object.PartitionID, q question[T]) (*T, error) {
	l := c.lane(p)
	if c.service != nil {
		leads := l.hint() == c.node
		out, err := q.local(!leads)
		if err == nil {
			return out, nil
		}
		if leads && ctx.Err() == nil {
			l.learn("")
		}
	}
	r := route{c: c, p: p, l: l, harmless: true}
	var request []byte
	return reach(ctx, &r, func(node object.NodeID) (*T, error) {
		if r.here(node) {
			return q.local(false)
		}
		if request == nil {
			request = q.encode(binary.AppendUvarint(make([]byte, 0, 256), uint64(p)))
		}
		b, err := c.call(ctx, node, q.method, request)
		if err != nil {
			return nil, err
		}
		return q.decode(b)
	})
}

// Evaluate computes what a Write would do in the newest state, with the View's own
// objects, and changes nothing. It waits for transactions that have staged changes of
// its objects; where that takes long it is refused as Awaited.
func (c *Client) Evaluate(ctx context.Context, p object.PartitionID, e *command.Evaluate) (*command.Evaluation, error) {
	if !validWrite(e.Write) {
		return nil, errMalformed
	}
	return answer(ctx, c, p, question[command.Evaluation]{
		method: methodEvaluate,
		local: func(following bool) (*command.Evaluation, error) {
			return c.service.evaluate(ctx, p, e, following)
		},
		encode: func(dst []byte) []byte { return command.AppendEvaluate(dst, e) },
		decode: command.DecodeEvaluation,
	})
}

// Validate compares what a transaction has read, the part's Ranges and Effects, with
// the newest state. It changes and locks nothing.
func (c *Client) Validate(ctx context.Context, p object.PartitionID, part *command.Part) (*command.Vote, error) {
	if !validPart(part) {
		return nil, errMalformed
	}
	return answer(ctx, c, p, question[command.Vote]{
		method: methodValidate,
		local: func(following bool) (*command.Vote, error) {
			return c.service.validate(ctx, p, part, following)
		},
		encode: func(dst []byte) []byte { return command.AppendPart(dst, part) },
		decode: command.DecodeVote,
	})
}
