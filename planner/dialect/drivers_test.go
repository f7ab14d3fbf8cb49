package dialect

import (
	"os"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/planner/ast"
)

// TestDrivers: everything that drivers and tools are known to send is read, or
// refused by name.
func TestDrivers(t *testing.T) {
	file, err := os.ReadFile("testdata/drivers.sql")
	if err != nil {
		t.Fatal(err)
	}
	parsed, refused := 0, map[string]int{}
	for _, query := range strings.Split(string(file), "\n----\n")[1:] {
		texts, err := Split(query)
		if err != nil {
			t.Errorf("%s\n%v", query, err)
			continue
		}
		for _, text := range texts {
			stmt, err := Parse(text.SQL)
			if err != nil {
				t.Errorf("%s\n%s", text.SQL, describeError(t, err))
				continue
			}
			checkPositions(t, text.SQL, stmt)
			if u, ok := stmt.(*ast.Unsupported); ok {
				refused[u.What]++
				continue
			}
			parsed++
		}
	}
	if parsed < driversParsed {
		t.Errorf("%d statements are read, there were %d", parsed, driversParsed)
	}
	for what := range refused {
		if what != "COPY" && what != "LISTEN" && what != "CREATE INDEX" {
			t.Errorf("%s is refused", what)
		}
	}
	t.Logf("%d read, refused: %v", parsed, refused)
}

// driversParsed is how many statements of testdata/drivers.sql are read at least.
const driversParsed = 197
