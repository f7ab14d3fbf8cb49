package cluster

import (
	"testing"

	"github.com/anishathalye/porcupine"
)

// op makes an operation for the tests of the model.
func op(client int, call, ret int64, in input, out output) porcupine.Operation {
	return porcupine.Operation{ClientId: client, Input: in, Output: out, Call: call, Return: ret}
}

// TestModelFindsWrongHistories checks the checker: each wrong history is found,
// and the right one beside it is accepted.
func TestModelFindsWrongHistories(t *testing.T) {
	create := op(0, 0, 1, input{1, insert, 5}, output{exists: true})
	cases := []struct {
		name string
		ops  []porcupine.Operation
		ok   bool
	}{
		{"read after insert", []porcupine.Operation{create, op(1, 2, 3, input{1, read, 0}, output{exists: true, value: 5})}, true},
		{"stale read", []porcupine.Operation{create, op(1, 2, 3, input{1, read, 0}, output{})}, false},
		{"overlapping read may miss", []porcupine.Operation{create, op(1, 0, 3, input{1, read, 0}, output{})}, true},
		{"insert twice", []porcupine.Operation{create, op(1, 2, 3, input{1, insert, 6}, output{exists: true})}, false},
		{"second insert refused", []porcupine.Operation{create, op(1, 2, 3, input{1, insert, 6}, output{})}, true},
		{"lost update", []porcupine.Operation{create,
			op(1, 2, 5, input{1, add, 1}, output{exists: true, value: 6}),
			op(2, 2, 5, input{1, add, 1}, output{exists: true, value: 6})}, false},
		{"two updates", []porcupine.Operation{create,
			op(1, 2, 5, input{1, add, 1}, output{exists: true, value: 6}),
			op(2, 2, 5, input{1, add, 1}, output{exists: true, value: 7})}, true},
		{"unknown update is seen", []porcupine.Operation{create,
			op(1, 2, 1<<62, input{1, add, 1}, output{unknown: true}),
			op(2, 6, 7, input{1, read, 0}, output{exists: true, value: 6})}, true},
		{"unknown update is seen, then not", []porcupine.Operation{create,
			op(1, 2, 1<<62, input{1, add, 1}, output{unknown: true}),
			op(2, 6, 7, input{1, read, 0}, output{exists: true, value: 6}),
			op(2, 8, 9, input{1, read, 0}, output{exists: true, value: 5})}, false},
		{"update executed twice", []porcupine.Operation{create,
			op(1, 2, 5, input{1, add, 1}, output{exists: true, value: 7})}, false},
		{"deleted, then read", []porcupine.Operation{create,
			op(1, 2, 3, input{1, remove, 0}, output{exists: true, value: 5}),
			op(1, 4, 5, input{1, read, 0}, output{exists: true, value: 5})}, false},
	}
	for _, c := range cases {
		if got := porcupine.CheckOperations(model, c.ops); got != c.ok {
			t.Errorf("%s: linearizable %v, want %v", c.name, got, c.ok)
		}
	}
}
