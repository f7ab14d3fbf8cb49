package datum

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestOrder: the files of testdata/order hold values in the order in which
// PostgreSQL 15 sorts them (collation C), with their ranks: equal values share one.
func TestOrder(t *testing.T) {
	files, err := filepath.Glob("testdata/order/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, name := range files {
		typ, err := ByName(strings.TrimSuffix(filepath.Base(name), ".txt"), nil)
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var values []Datum
		var ranks []int
		for line := range strings.Lines(string(content)) {
			i := strings.LastIndexByte(line, '\t')
			d, err := ParseText(line[:i], typ, nil)
			if err != nil {
				t.Fatal(err)
			}
			rank, err := strconv.Atoi(strings.TrimSpace(line[i+1:]))
			if err != nil {
				t.Fatal(err)
			}
			values, ranks = append(values, d), append(ranks, rank)
		}
		for i := range values {
			for j := range values {
				checkOrder(t, typ, values[i], values[j], cmpOrdered(ranks[i], ranks[j]))
			}
		}
	}
}

func checkOrder(t *testing.T, typ Type, a, b Datum, want int) {
	show := func(d Datum) string { return string(AppendText(nil, d, typ, nil)) }
	if got := Compare(a, b); got != want {
		t.Fatalf("%s: %s and %s compare as %d, want %d", typ, show(a), show(b), got, want)
	}
	if want == 0 && Hash(3, a) != Hash(3, b) {
		t.Fatalf("%s: %s and %s are equal and have different hashes", typ, show(a), show(b))
	}
	if typ.Is(JSONB) {
		return
	}
	ka, err := AppendKey(nil, a, typ)
	if err != nil {
		t.Fatal(err)
	}
	if kb, _ := AppendKey(nil, b, typ); bytes.Compare(ka, kb) != want {
		t.Fatalf("%s: the keys of %s and %s do not order as %d", typ, show(a), show(b), want)
	}
}
