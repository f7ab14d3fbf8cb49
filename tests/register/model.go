package register

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// state is a row as the model has it.
type state struct {
	exists bool
	value  int64
}

// model is the sequential specification of a row.
var model = porcupine.Model{
	Partition: func(ops []porcupine.Operation) [][]porcupine.Operation {
		byKey := make(map[int64][]porcupine.Operation)
		for _, op := range ops {
			key := op.Input.(Input).Key
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, ops := range byKey {
			parts = append(parts, ops)
		}
		return parts
	},
	Init:              func() any { return state{} },
	Step:              func(s, in, out any) (bool, any) { return step(s.(state), in.(Input), out.(Output)) },
	DescribeOperation: func(in, out any) string { return in.(Input).Describe(out.(Output)) },
	DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s) },
}

func step(s state, in Input, out Output) (bool, state) {
	next := s
	same := out.Unknown || out.Exists == s.exists && (!s.exists || out.Value == s.value)
	switch in.Kind {
	case Read:
		return same, s
	case Upsert:
		return true, state{exists: true, value: in.Value}
	case Add:
		if s.exists {
			next.value += in.Value
		}
		return out.Unknown || out.Exists == s.exists && (!s.exists || out.Value == next.value), next
	case Insert:
		if !s.exists {
			next = state{exists: true, value: in.Value}
		}
		return out.Unknown || out.Exists == !s.exists, next
	case Delete:
		return same, state{}
	}
	return false, s
}
