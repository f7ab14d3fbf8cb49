package partitions

import (
	"context"
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// pinAt has a node pin partitions. The answers are in their order.
func (c *Client) pinAt(ctx context.Context, node object.NodeID, list []object.PartitionID, held bool) ([]pinAnswer, error) {
	if node == c.node && c.service != nil {
		return c.service.pinLocally(ctx, list, held)
	}
	req := binary.AppendUvarint(appendFlag(nil, held), uint64(len(list)))
	for _, p := range list {
		req = binary.AppendUvarint(req, uint64(p))
	}
	b, err := c.call(ctx, node, methodPin, req)
	if err != nil {
		return nil, err
	}
	in := parser{b: b}
	answers := make([]pinAnswer, len(list))
	for i := range answers {
		a := &answers[i]
		if a.leads = in.flag(); a.leads {
			a.pin = in.pin()
		} else {
			a.leader = object.NodeID(in.bytes())
		}
	}
	return answers, in.err()
}

func (s *Service) handlePin(ctx context.Context, _ object.NodeID, req []byte) ([]byte, error) {
	in := parser{b: req}
	held := in.flag()
	list := make([]object.PartitionID, in.count())
	for i := range list {
		list[i] = in.partition()
	}
	if err := in.err(); err != nil || len(list) == 0 {
		return nil, errMalformed
	}
	answers, err := s.pinLocally(ctx, list, held)
	if err != nil {
		return nil, err
	}
	var out []byte
	for i := range answers {
		if out = appendFlag(out, answers[i].leads); answers[i].leads {
			out = appendPin(out, answers[i].pin)
		} else {
			out = appendBytes(out, answers[i].leader)
		}
	}
	return out, nil
}

// releaseAt has a node release pinned states, and describe them; nil where one was not
// held throughout.
func (c *Client) releaseAt(ctx context.Context, node object.NodeID, parts []object.PartitionID, pins []command.Pin) ([]*command.Pinned, error) {
	if node == c.node && c.service != nil {
		return c.service.releaseLocally(ctx, parts, pins), nil
	}
	req := binary.AppendUvarint(nil, uint64(len(parts)))
	for i, p := range parts {
		req = appendPin(binary.AppendUvarint(req, uint64(p)), pins[i])
	}
	b, err := c.call(ctx, node, methodRelease, req)
	if err != nil {
		return nil, err
	}
	in := parser{b: b}
	out := make([]*command.Pinned, len(parts))
	for i := range out {
		if !in.flag() {
			continue
		}
		if out[i], err = command.DecodePinned(in.bytes()); err != nil {
			return nil, err
		}
	}
	return out, in.err()
}

func (s *Service) handleRelease(ctx context.Context, _ object.NodeID, req []byte) ([]byte, error) {
	in := parser{b: req}
	n := in.count()
	parts, pins := make([]object.PartitionID, n), make([]command.Pin, n)
	for i := range parts {
		parts[i], pins[i] = in.partition(), in.pin()
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	var out []byte
	for _, p := range s.releaseLocally(ctx, parts, pins) {
		if out = appendFlag(out, p != nil); p != nil {
			out = appendBytes(out, command.AppendPinned(nil, p))
		}
	}
	return out, nil
}

// unpin has a node let pinned states go. It does not wait; what cannot be sent is left to
// their idle time.
func (c *Client) unpin(node object.NodeID, pins []command.Pin) {
	if node == c.node && c.service != nil {
		for _, p := range pins {
			c.service.pins.end(p)
		}
		return
	}
	req := binary.AppendUvarint(nil, uint64(len(pins)))
	for _, p := range pins {
		req = appendPin(req, p)
	}
	c.callLater(node, methodUnpin, req)
}

func (s *Service) handleUnpin(_ context.Context, _ object.NodeID, req []byte) ([]byte, error) {
	in := parser{b: req}
	for range in.count() {
		s.pins.end(in.pin())
	}
	return nil, in.err()
}

// arrivedIn asks whether objects of moves have come, in a pinned state.
func (c *Client) arrivedIn(ctx context.Context, p object.PartitionID, pin command.Pin, moves []object.LocationVersion) ([]bool, error) {
	if pin.Node == c.node && c.service != nil {
		return c.service.arrivedIn(p, pin, moves)
	}
	req := appendPin(partitionRequest(p), pin)
	req = binary.AppendUvarint(req, uint64(len(moves)))
	for _, m := range moves {
		req = binary.AppendUvarint(req, uint64(m))
	}
	b, err := c.call(ctx, pin.Node, methodArrived, req)
	if err != nil {
		return nil, err
	}
	in := parser{b: b}
	arrived := make([]bool, len(moves))
	for i := range arrived {
		arrived[i] = in.flag()
	}
	return arrived, in.err()
}

func (s *Service) handleArrived(_ context.Context, _ object.NodeID, req []byte) ([]byte, error) {
	in := parser{b: req}
	p, pin := in.partition(), in.pin()
	moves := make([]object.LocationVersion, in.count())
	for i := range moves {
		moves[i] = object.LocationVersion(in.uint())
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	arrived, err := s.arrivedIn(p, pin, moves)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, a := range arrived {
		out = appendFlag(out, a)
	}
	return out, nil
}
