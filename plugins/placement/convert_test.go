package placement

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/ssmr/ssmr/plugins/placement/placementpb"
)

var people = Table{Name: "people", Key: []string{"id"}, Columns: []Column{{"id", "bigint"}, {"country", "text"}, {"payload", "text"}}}

func sample(objects int, living bool) *Batch {
	b := &Batch{
		Table: &people, Hint: "hint", DryRun: true,
		Partitions: []Partition{{ID: 1, Objects: 2, Bytes: 3, CommandsPerSecond: 4.5, Labels: map[string]string{"region": "eu"}}, {ID: 7, Closed: true}},
	}
	for i := range objects {
		o := Object{Values: []Value{{Text: fmt.Sprint(i)}, {Text: "de"}, {Text: "ä"}}, Home: uint32(i%2*6 + 1)}
		if i%3 == 1 {
			o.Values[1] = Value{Null: true}
		}
		if living && i > 0 {
			o.Current, o.Bytes = 7, int64(i)
		}
		b.Objects = append(b.Objects, o)
	}
	return b
}

// sent is what a program gets of a batch.
func sent(t *testing.T, b *Batch, columns []int) *Batch {
	t.Helper()
	text, err := proto.Marshal(b.Message(Options{"a": "b"}, columns))
	if err != nil {
		t.Fatal(err)
	}
	var r placementpb.PlaceRequest
	if err := proto.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if r.Options["a"] != "b" {
		t.Errorf("options %v", r.Options)
	}
	return BatchOf(&r)
}

// A batch arrives as it was sent; columns that were not are NULL.
func TestBatch(t *testing.T) {
	for _, objects := range []int{0, 1, 7} {
		for _, living := range []bool{false, true} {
			for _, columns := range [][]int{nil, {}, {1}, {0, 2}} {
				b := sample(objects, living)
				got := sent(t, b, columns)
				for i := range b.Objects {
					for c := range b.Objects[i].Values {
						if columns != nil && !slices.Contains(columns, c) {
							b.Objects[i].Values[c] = Value{Null: true}
						}
					}
				}
				if len(got.Objects) == 0 {
					got.Objects = b.Objects
				}
				if !reflect.DeepEqual(got, b) {
					t.Errorf("%d objects, columns %v: %+v\nsent %+v", objects, columns, got, b)
				}
			}
		}
	}
}

// What does not fit its table or its objects does no harm.
func TestStrangeBatch(t *testing.T) {
	r := sample(2, true).Message(nil, nil)
	r.Objects.Current, r.Objects.Bytes = r.Objects.Current[:1], nil
	r.Objects.Values = []*placementpb.Values{
		{Column: 99, Texts: []string{"a", "b"}}, {Column: 1<<32 - 1, Texts: []string{"a"}}, {Column: 0, Texts: []string{"a", "b", "c"}},
		{Column: 1, Texts: []string{"a"}, Nulls: []bool{false, true, true}}, {},
	}
	b := BatchOf(r)
	if len(b.Objects) != 2 || !b.Objects[0].Values[0].Null || b.Objects[0].Values[1].Text != "a" || !b.Objects[1].Values[1].Null {
		t.Errorf("objects %+v", b.Objects)
	}
	if b := BatchOf(nil); len(b.Objects) != 0 || len(b.Partitions) != 0 {
		t.Errorf("of nothing: %+v", b)
	}
}

// An answer arrives as it was given, and reasons that are shared are sent once.
func TestAnswer(t *testing.T) {
	placed := []Placement{{1, "de"}, {2, "us"}, {2, "us"}, {3, "de"}, {4, ""}}
	m := answerOf(placed)
	if len(m.Reasons) != 3 {
		t.Errorf("the reasons are sent as %q", m.Reasons)
	}
	got, ok := PlacementsOf(m, len(placed), func(s string) string { return s })
	if !ok || !slices.Equal(got, placed) {
		t.Errorf("got %v", got)
	}
}

func TestAnswersThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		m  *placementpb.PlaceResponse
		ok bool
	}{
		"too few":              {&placementpb.PlaceResponse{Partitions: []uint32{1}}, false},
		"too many":             {&placementpb.PlaceResponse{Partitions: []uint32{1, 2, 3}}, false},
		"no reasons":           {&placementpb.PlaceResponse{Partitions: []uint32{1, 2}}, true},
		"a reason each":        {&placementpb.PlaceResponse{Partitions: []uint32{1, 2}, Reasons: []string{"a", "b"}}, true},
		"a reason too few":     {&placementpb.PlaceResponse{Partitions: []uint32{1, 2}, Reasons: []string{"a"}}, false},
		"a reason shared":      {&placementpb.PlaceResponse{Partitions: []uint32{1, 2}, Reasons: []string{"a"}, ReasonOf: []uint32{0, 0}}, true},
		"no such reason":       {&placementpb.PlaceResponse{Partitions: []uint32{1, 2}, Reasons: []string{"a"}, ReasonOf: []uint32{0, 1}}, false},
		"of too few":           {&placementpb.PlaceResponse{Partitions: []uint32{1, 2}, Reasons: []string{"a"}, ReasonOf: []uint32{0}}, false},
		"a reason that is far": {&placementpb.PlaceResponse{Partitions: []uint32{1, 2}, Reasons: []string{"a"}, ReasonOf: []uint32{0, 1<<32 - 1}}, false},
		"nothing":              {nil, false},
	} {
		if placed, ok := PlacementsOf(c.m, 2, func(s string) string { return s }); ok != c.ok || ok && (placed[0].Partition != 1 || placed[1].Partition != 2) {
			t.Errorf("%s: %v, %t", name, placed, ok)
		}
	}
}
