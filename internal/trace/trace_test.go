package trace

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var orders = &catalog.Table{
	ID: 7, Version: 1, Name: "orders",
	Columns: []catalog.Column{
		{Name: "tenant", Type: datum.Text}, {Name: "id", Type: datum.Int8}, {Name: "old", Type: datum.Bool, Dropped: true}, {Name: "total", Type: datum.Numeric},
	},
	PrimaryKey: []int{0, 1},
	Placement:  catalog.Placement{Policy: "column", Options: map[string]string{"placement.columns": "tenant"}, Static: true, Columns: []int{0}},
	Rules:      catalog.Rules{Require: map[string]string{"region": "eu"}},
}

func snapshot() *catalog.Snapshot {
	return &catalog.Snapshot{Partitions: []catalog.Partition{
		{ID: 1, PartitionLimits: catalog.PartitionLimits{Labels: map[string]string{"region": "eu"}}}, {ID: 2, PartitionLimits: catalog.PartitionLimits{Closed: true}},
	}}
}

// id is the id of an order, or the beginning of those of a tenant.
func id(t *testing.T, parts ...datum.Datum) object.ID {
	t.Helper()
	var key []byte
	for i, d := range parts {
		var err error
		if key, err = datum.AppendKey(key, d, orders.KeyTypes()[i]); err != nil {
			t.Fatal(err)
		}
	}
	return object.NewID(orders.ID, key)
}

func record(t *testing.T, cfg Config, commands ...[]Touch) *Recorder {
	t.Helper()
	snap := snapshot()
	cfg.Catalog, cfg.Clock = func() *catalog.Snapshot { return snap }, func() time.Time { return noon }
	r, err := NewRecorder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, touches := range commands {
		r.Record(len(touches), func(i int) Touch { return touches[i] })
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return r
}

func read(t *testing.T, file string) []*Line {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []*Line
	for in := NewReader(f); ; {
		l, err := in.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
}

func ptr(s string) *string { return &s }

func TestRecordedIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.trace")
	acme := datum.NewText("acme")
	first := id(t, acme, datum.NewInt(1))
	prefix := id(t, acme)
	long := strings.Repeat("é", 1000)
	record(t, Config{File: file, Node: "n1"},
		[]Touch{{Table: orders, ID: first, Kind: Create, Values: []datum.Datum{acme, datum.NewInt(1), {}, {}}}},
		[]Touch{
			{Table: orders},
			{Table: orders, Start: prefix, End: object.ID(datum.PrefixEnd([]byte(prefix)))},
			{Table: orders, Start: prefix, End: object.NewID(orders.ID+1, nil)},
			{Table: orders, ID: first, Kind: Update, Set: []int{0}, Values: []datum.Datum{datum.NewText(long)}},
			{Table: orders, ID: first, Kind: Delete},
		})
	table := &Table{
		ID: 7, Name: "orders", Columns: []Column{{"tenant", "text"}, {"id", "bigint"}, {"", "boolean"}, {"total", "numeric"}}, Key: []string{"tenant", "id"},
		Placement: Placement{Policy: "column", Options: map[string]string{"placement.columns": "tenant"}, Static: true, Columns: []string{"tenant"}},
		Require:   map[string]string{"region": "eu"},
	}
	key := []string{"acme", "1"}
	want := []*Line{
		{Trace: &Header{Version: 1, Node: "n1", At: noon}},
		{Partitions: []Partition{{ID: 1, Labels: map[string]string{"region": "eu"}}, {ID: 2, Closed: true}}},
		{Table: table},
		{At: noon, Touches: []Touched{{Table: 7, Kind: Create, Key: key, Values: []*string{ptr("acme"), ptr("1"), nil, nil}, Bytes: 69}}},
		{At: noon, Touches: []Touched{
			{Table: 7}, {Table: 7, Range: []string{"acme"}}, {Table: 7},
			{Table: 7, Kind: Update, Key: key, Set: map[string]*string{"tenant": ptr(long[:1024])}}, {Table: 7, Kind: Delete, Key: key},
		}},
	}
	got := read(t, file)
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("line %d:\n got %+v\nwant %+v", i+1, got[i], want[i])
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the trace: %v %v", info.Mode(), err)
	}
}

// TestRecordDoesNotBlock guards that a slow disk costs commands of the trace, which are
// counted, and never time of a statement.
func TestRecordDoesNotBlock(t *testing.T) {
	t.Run("commands", func(t *testing.T) { slowDisk(t, Config{Queue: 4}) })
	t.Run("bytes", func(t *testing.T) { slowDisk(t, Config{QueueBytes: 400}) }) // a line has about 90
}

func slowDisk(t *testing.T, cfg Config) {
	held := make(chan struct{})
	snap := snapshot()
	file := filepath.Join(t.TempDir(), "a.trace")
	cfg.File, cfg.Catalog = file, func() *catalog.Snapshot { <-held; return snap }
	r, err := NewRecorder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		r.Record(1, func(int) Touch { return Touch{Table: orders} })
	}
	dropped := r.Dropped()
	if dropped < 90 {
		t.Errorf("%d of 100 commands are dropped where about 4 fit in the queue", dropped)
	}
	close(held)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	commands, told := int64(0), int64(0)
	for _, l := range read(t, file) {
		if told += l.Dropped; l.Touches != nil {
			commands++
		}
	}
	if told != dropped || commands+told != 100 {
		t.Errorf("%d commands are in the trace, it tells of %d dropped; %d were", commands, told, dropped)
	}
}

func TestSizeIsBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.trace")
	touches := []Touch{{Table: orders, ID: id(t, datum.NewText("acme"), datum.NewInt(1))}}
	commands := make([][]Touch, 1000)
	for i := range commands {
		commands[i] = touches
	}
	const size = 20_000
	record(t, Config{File: file, Size: size, Queue: len(commands)}, commands...)
	total := int64(0)
	for _, name := range []string{file, previous(file)} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
		lines := read(t, name)
		if lines[0].Trace == nil || lines[1].Partitions == nil || lines[2].Table == nil {
			t.Errorf("%s cannot be read alone", name)
		}
	}
	if total > size+1000 {
		t.Errorf("%d bytes are kept, %d are allowed", total, size)
	}
}

func TestLineIsBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.trace")
	touches := make([]Touch, 1000)
	for i := range touches {
		touches[i] = Touch{Table: orders, ID: id(t, datum.NewText("acme"), datum.NewInt(int64(i)))}
	}
	record(t, Config{File: file, LineBytes: 2000}, touches)
	lines := read(t, file)
	last := lines[len(lines)-1]
	if len(last.Touches) == 0 || last.More == 0 || len(last.Touches)+last.More != len(touches) {
		t.Errorf("%d touches, %d left out", len(last.Touches), last.More)
	}
}

// TestTornLine guards that a trace can be read, and gone on with, after a crash; and that
// any other line that is none is told.
func TestTornLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.trace")
	record(t, Config{File: file}, []Touch{{Table: orders}})
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, whole[:len(whole)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	if n := len(read(t, file)); n != 3 {
		t.Errorf("%d lines, want 3", n)
	}
	record(t, Config{File: file}, []Touch{{Table: orders}})
	if n := len(read(t, file)); n != 7 {
		t.Errorf("%d lines, want 7", n)
	}
	in := NewReader(bufio.NewReader(strings.NewReader("{\"dropped\":1}\nnonsense\n{\"dropped\":2}\n")))
	if _, err := in.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Next(); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v, want one about line 2", err)
	}
}

func TestNewerVersionIsRefused(t *testing.T) {
	if _, err := NewReader(strings.NewReader(`{"trace":{"version":2}}`)).Next(); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("error %v", err)
	}
}

// TestClosedRecorderIsHarmless guards that Record may be called while and after a node
// stops.
func TestClosedRecorderIsHarmless(t *testing.T) {
	r := record(t, Config{File: filepath.Join(t.TempDir(), "a.trace")})
	r.Record(1, func(int) Touch { return Touch{Table: orders} })
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// FuzzReader guards that whatever a file holds, reading it ends: with lines, or an error.
func FuzzReader(f *testing.F) {
	f.Add("{\"trace\":{\"version\":1}}\n{\"touches\":[{\"table\":7,\"kind\":\"create\",\"key\":[\"a\"],\"values\":[null]}]}\n")
	f.Add("{\"partitions\":[{\"id\":1}]}\n{\"touch")
	f.Add("\n\n[]\n{\"touches\":[{\"kind\":\"dance\"}]}")
	f.Fuzz(func(t *testing.T, text string) {
		in := NewReader(strings.NewReader(text))
		for range len(text) + 2 {
			if _, err := in.Next(); err != nil {
				return
			}
		}
		t.Error("there are more lines than bytes")
	})
}
