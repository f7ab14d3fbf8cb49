// Package cluster drives clusters of server processes under load and failures,
// and checks the histories that clients saw.
package cluster

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// kind is what an operation does to one object with one integer value.
type kind int

const (
	read   kind = iota // the value, or none
	upsert             // sets the value
	add                // adds to the value of an object that is there
	insert             // creates the object unless it is there
	remove             // deletes the object, and says what it was
)

func (k kind) String() string {
	return [...]string{"read", "upsert", "add", "insert", "delete"}[k]
}

// input is an operation on an object.
type input struct {
	object int
	kind   kind
	value  int64
}

// output is what the client was told.
type output struct {
	unknown bool // it was told nothing certain
	exists  bool // read, add, remove: the object was there; insert: it was created
	value   int64
}

// state is an object as the model has it.
type state struct {
	exists bool
	value  int64
}

// model is an object that clients read, write, create and delete, one at a time.
// It is the sequential specification that porcupine compares histories with
// (Herlihy and Wing 1990).
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byObject := make(map[int][]porcupine.Operation)
		for _, op := range history {
			object := op.Input.(input).object
			byObject[object] = append(byObject[object], op)
		}
		var parts [][]porcupine.Operation
		for _, ops := range byObject {
			parts = append(parts, ops)
		}
		return parts
	},
	Init: func() any { return state{} },
	Step: func(s, in, out any) (bool, any) { return step(s.(state), in.(input), out.(output)) },
	DescribeOperation: func(in, out any) string {
		i, o := in.(input), out.(output)
		return fmt.Sprintf("%s(%d, %d) -> %+v", i.kind, i.object, i.value, o)
	},
	DescribeState: func(s any) string { return fmt.Sprintf("%+v", s) },
}

func step(s state, in input, out output) (bool, any) {
	next := s
	switch in.kind {
	case read:
		return out.unknown || out.exists == s.exists && (!s.exists || out.value == s.value), s
	case upsert:
		return true, state{exists: true, value: in.value}
	case add:
		if s.exists {
			next.value += in.value
		}
		return out.unknown || out.exists == s.exists && (!s.exists || out.value == next.value), next
	case insert:
		if !s.exists {
			next = state{exists: true, value: in.value}
		}
		return out.unknown || out.exists == !s.exists, next
	case remove:
		return out.unknown || out.exists == s.exists && (!s.exists || out.value == s.value), state{}
	}
	return false, s
}
