package server

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/trace"
	"github.com/ssmr/ssmr/planner/execute"
)

// TestTracer guards that what the executor tells of a command is what stands in the trace.
func TestTracer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.trace")
	r, err := trace.NewRecorder(trace.Config{File: file, Catalog: func() *catalog.Snapshot { return new(catalog.Snapshot) }})
	if err != nil {
		t.Fatal(err)
	}
	table := &catalog.Table{ID: 3, Version: 1, Name: "t", Columns: []catalog.Column{{Name: "a", Type: datum.Text}, {Name: "b", Type: datum.Text}}, PrimaryKey: []int{0, 1}}
	key := func(values ...string) object.ID {
		var b []byte
		for _, v := range values {
			if b, err = datum.AppendKey(b, datum.NewText(v), datum.Text); err != nil {
				t.Fatal(err)
			}
		}
		return object.NewID(3, b)
	}
	prefix := key("x")
	x, y := datum.NewText("x"), datum.NewText("y")
	tracer{r}.Touched([]execute.Touch{
		{Table: table, Kind: execute.TouchRead, Span: command.Span{Start: prefix, End: object.ID(datum.PrefixEnd([]byte(prefix)))}},
		{Table: table, Kind: execute.TouchCreate, ID: key("x", "y"), Values: []datum.Datum{x, y}},
		{Table: table, Kind: execute.TouchUpdate, ID: key("x", "y"), Values: []datum.Datum{x}, Set: []int{1}},
		{Table: table, Kind: execute.TouchDelete, ID: key("x", "y")},
	})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var touches []trace.Touched
	for in := trace.NewReader(f); ; {
		l, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		touches = append(touches, l.Touches...)
	}
	if len(touches) != 4 {
		t.Fatalf("%d touches", len(touches))
	}
	for i, want := range []trace.Kind{trace.Read, trace.Create, trace.Update, trace.Delete} {
		if touches[i].Kind != want || touches[i].Table != 3 {
			t.Errorf("touch %d: %+v", i, touches[i])
		}
	}
	if r, c, u := touches[0], touches[1], touches[2]; len(r.Range) != 1 || r.Range[0] != "x" || r.Key != nil ||
		len(c.Key) != 2 || *c.Values[1] != "y" || len(u.Set) != 1 || *u.Set["b"] != "x" {
		t.Errorf("%+v", touches)
	}
}
