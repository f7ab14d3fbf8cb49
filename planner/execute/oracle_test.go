package execute_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// TestOracleSilent has the oracle not answer: nothing took effect, and the error
// says so without details of the inside.
func TestOracleSilent(t *testing.T) {
	f := newFixture(t)
	f.run("INSERT INTO d VALUES (1, 1)")
	table := f.w.Catalog().ByName["d"]
	for _, id := range f.w.IDs(table.ID) {
		f.w.SetCached(id, object.Location{})
	}
	secret := errors.New("too many calls to 10.0.0.7 are waiting")
	f.w.Hook = func(step string, _ object.PartitionID) error {
		if step == "locate" || step == "assign" || step == "confirm" {
			return secret
		}
		return nil
	}
	for _, sql := range []string{"SELECT a FROM d WHERE id = 1", "UPDATE d SET a = 2 WHERE id = 1", "INSERT INTO d VALUES (2, 2)"} {
		_, _, err := f.rows(context.Background(), sql)
		if code(err) != pgerror.SerializationFailure || strings.Contains(pgerror.As(err).Error(), "10.0.0.7") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	f.w.Hook = nil
	if got := f.run("SELECT id, a FROM d"); len(got) != 1 || got[0] != "1,1" {
		t.Errorf("after that: %v", got)
	}
}
