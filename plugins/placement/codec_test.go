package placement

import (
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"github.com/ssmr/ssmr/plugins/placement/placementpb"
)

// FuzzQuestion: a question is what protobuf reads of it, apart from what nobody knows and
// from texts that are no UTF-8; and nothing panics.
func FuzzQuestion(f *testing.F) {
	whole := &placementpb.PlaceRequest{
		Table:   &placementpb.Table{Name: "t", Columns: []*placementpb.Column{{Name: "id", Type: "bigint"}}, Key: []string{"id"}},
		Options: map[string]string{"a": "b"}, Hint: "h", DryRun: true,
		Partitions: []*placementpb.Partition{{Id: 1, Objects: 2, Bytes: 3, CommandsPerSecond: 1.5, Labels: map[string]string{"x": "y"}, Closed: true}},
		Objects: &placementpb.Objects{
			Homes: []uint32{1, 2, 1 << 31}, Current: []uint32{3, 2, 1}, Bytes: []int64{-1, 0, 1 << 40},
			Values: []*placementpb.Values{{Column: 0, Texts: []string{"1", "", "é"}, Nulls: []bool{false, true, false}}, {Column: 7, Texts: []string{"x"}}},
		},
	}
	for _, m := range []*placementpb.PlaceRequest{whole, {}, {Objects: &placementpb.Objects{}}, {Objects: whole.Objects},
		{Objects: &placementpb.Objects{Values: []*placementpb.Values{{Texts: []string{"a", strings.Repeat("b", 3*pieceBytes), strings.Repeat("c", pieceBytes), "d"}}}}},
	} {
		b, err := protobuf.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(append(b, b...))                            // two messages are read as one
		f.Add(append(b, 0x98, 0x06, 0x01))                // a field that nobody knows
		f.Add(append(b, 0x1a, 0x04, 0x08, 0x05, 0x08))    // objects that end too early
		f.Add(append(b, 0x1a, 0x04, 0x08, 5, 0x10, 6))    // numbers that are not packed
		f.Add(append(b, 0x18, 0x01))                      // objects that are a number
		f.Add(append(b, 0x1a, 0x05, 0x22, 3, 0x12, 1))    // a text that ends too early
		f.Add(append(b, 0x1a, 0x05, 0x22, 3, 0x0d, 1, 1)) // a column that is no number
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var want, got placementpb.PlaceRequest
		wrong := protobuf.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(b, &want)
		err := unmarshalQuestion(b, &got)
		switch {
		case wrong != nil: // a text may be no UTF-8
			return
		case err != nil:
			t.Fatalf("%x: %v", b, err)
		}
		if !protobuf.Equal(&got, &want) {
			t.Fatalf("%x is\n%v, not\n%v", b, &got, &want)
		}
	})
}
