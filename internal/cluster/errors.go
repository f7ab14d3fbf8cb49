package cluster

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// ErrUnreachable is returned by Call and DialStream when the peer cannot be
// reached, or has not come so far in its start that it serves the method. Nothing
// happened there: trying again is safe.
var ErrUnreachable = errors.New("node is unreachable")

// ErrInterrupted is returned by Call when the connection was lost, or the
// context ended, after the request may have been sent. The peer may have acted
// on it.
var ErrInterrupted = errors.New("call was interrupted")

// ErrOverloaded is returned by Call when too many calls to the peer are waiting
// already. Nothing was sent.
var ErrOverloaded = errors.New("too many calls to the node are waiting")

// ErrClosed is returned after Close.
var ErrClosed = errors.New("cluster transport is closed")

// NotLeader is what a handler returns when its node does not lead the group
// that the call is for. It had no effect; Leader may be empty.
type NotLeader struct {
	Leader object.NodeID
}

// Error says who leads, as far as the node knows.
func (e *NotLeader) Error() string {
	if e.Leader == "" {
		return "node does not lead the group, and knows no leader"
	}
	return fmt.Sprintf("node does not lead the group; %s does", e.Leader)
}

// RemoteError is an error of a handler that has no type of its own on the wire.
type RemoteError struct {
	Node    object.NodeID
	Message string
}

// Error names the node and gives its message.
func (e *RemoteError) Error() string { return fmt.Sprintf("node %s: %s", e.Node, e.Message) }

// notServed is the answer to a method without a handler. It is ErrUnreachable. A
// handler's own ErrUnreachable, of a call that it made, is not: it may have done
// something before.
type notServed struct{ method uint16 }

func (e *notServed) Error() string {
	return fmt.Sprintf("method 0x%04x is not served (yet)", e.method)
}

func (e *notServed) Unwrap() error { return ErrUnreachable }

// Kinds of errors on the wire. Append only.
const (
	wireRemote byte = iota
	wireNotLeader
	wirePostgres
	wireOverloaded
	wireInterrupted
	wireNotServed
)

// appendError encodes a handler's error.
func appendError(dst []byte, err error) []byte {
	var notLeader *NotLeader
	switch {
	case errors.As(err, &notLeader):
		return append(append(dst, wireNotLeader), notLeader.Leader...)
	case errors.Is(err, ErrOverloaded):
		return append(dst, wireOverloaded)
	case errors.Is(err, ErrInterrupted):
		return append(append(dst, wireInterrupted), err.Error()...)
	case errors.As(err, new(*notServed)):
		return append(append(dst, wireNotServed), err.Error()...)
	}
	if pg := pgerror.As(err); pg != nil {
		if text, jsonErr := json.Marshal(pg); jsonErr == nil {
			return append(append(dst, wirePostgres), text...)
		}
	}
	return append(append(dst, wireRemote), err.Error()...)
}

// decodeError is the inverse of appendError.
func decodeError(from object.NodeID, b []byte) error {
	if len(b) == 0 {
		return &RemoteError{Node: from, Message: "empty error"}
	}
	text := b[1:]
	switch b[0] {
	case wireNotLeader:
		return &NotLeader{Leader: object.NodeID(text)}
	case wireOverloaded:
		return ErrOverloaded
	case wireInterrupted:
		return fmt.Errorf("node %s: %s: %w", from, text, ErrInterrupted)
	case wireNotServed:
		return fmt.Errorf("node %s: %s: %w", from, text, ErrUnreachable)
	case wirePostgres:
		e := new(pgerror.Error)
		if err := json.Unmarshal(text, e); err == nil {
			return e
		}
	}
	return &RemoteError{Node: from, Message: string(text)}
}
