package register

import (
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// TestWrongHistoriesAreFound: each wrong history is found, and the right one beside it is
// accepted.
func TestWrongHistoriesAreFound(t *testing.T) {
	type op struct {
		client           int
		called, returned int64
		kind             Kind
		value            int64
		out              Output
	}
	there := func(v int64) Output { return Output{Exists: true, Value: v} }
	create := op{0, 0, 1, Insert, 5, Output{Exists: true}}
	for _, c := range []struct {
		name string
		ops  []op
		want porcupine.CheckResult
	}{
		{"read after insert", []op{create, {1, 2, 3, Read, 0, there(5)}}, porcupine.Ok},
		{"stale read", []op{create, {1, 2, 3, Read, 0, Output{}}}, porcupine.Illegal},
		{"overlapping read may miss", []op{create, {1, 0, 3, Read, 0, Output{}}}, porcupine.Ok},
		{"insert twice", []op{create, {1, 2, 3, Insert, 6, Output{Exists: true}}}, porcupine.Illegal},
		{"second insert refused", []op{create, {1, 2, 3, Insert, 6, Output{}}}, porcupine.Ok},
		{"lost update", []op{create, {1, 2, 5, Add, 1, there(6)}, {2, 2, 5, Add, 1, there(6)}}, porcupine.Illegal},
		{"two updates", []op{create, {1, 2, 5, Add, 1, there(6)}, {2, 2, 5, Add, 1, there(7)}}, porcupine.Ok},
		{"unknown update is seen", []op{create, {1, 2, 3, Add, 1, Output{Unknown: true}}, {2, 6, 7, Read, 0, there(6)}}, porcupine.Ok},
		{"unknown update is seen, then not", []op{create, {1, 2, 3, Add, 1, Output{Unknown: true}},
			{2, 6, 7, Read, 0, there(6)}, {2, 8, 9, Read, 0, there(5)}}, porcupine.Illegal},
		{"unknown read says nothing", []op{create, {1, 2, 3, Read, 0, Output{Unknown: true}}}, porcupine.Ok},
		{"update executed twice", []op{create, {1, 2, 5, Add, 1, there(7)}}, porcupine.Illegal},
		{"deleted, then read", []op{create, {1, 2, 3, Delete, 0, there(5)}, {1, 4, 5, Read, 0, there(5)}}, porcupine.Illegal},
	} {
		t.Setenv("TMPDIR", t.TempDir()) // for the pictures
		var h History
		for _, o := range c.ops {
			h.Add(o.client, Input{1, o.kind, o.value}, o.out, o.called, o.returned)
		}
		got, text := h.Check(time.Minute)
		if got != c.want || (text != "") != (c.want == porcupine.Illegal) {
			t.Errorf("%s: %s, want %s; text %q", c.name, got, c.want, text)
		}
	}
}

// TestSmallestHistory: an explanation has what is needed, and no more.
func TestSmallestHistory(t *testing.T) {
	var h History
	add := func(kind Kind, value int64, out Output) {
		now := int64(len(h.ops)) * 10
		h.Add(0, Input{3, kind, value}, out, now, now+5)
	}
	add(Upsert, 1, Output{})
	for range 50 {
		add(Read, 0, Output{Exists: true, Value: 1})
	}
	add(Upsert, 2, Output{})
	add(Read, 0, Output{Exists: true, Value: 1})
	for range 50 {
		add(Read, 0, Output{Exists: true, Value: 2})
	}
	if text := smallest(h.ops); strings.Count(text, "\n") != 2 || !strings.Contains(text, "read of row 3: 1") {
		t.Errorf("the explanation is\n%s", text)
	}
}
