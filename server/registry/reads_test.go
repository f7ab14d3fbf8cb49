package registry

import (
	"context"
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/plugins/placement"
)

// reader looks at one column, and tells as its reason which columns it has got.
type reader struct {
	policy
	column string
}

func (r *reader) Configure(placement.Options, placement.Table) (placement.Policy, error) {
	return r, nil
}

func (r *reader) ReadColumns(placement.Table) []string { return []string{r.column} }

func (r *reader) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	out := make([]placement.Placement, len(b.Objects))
	for i, o := range b.Objects {
		var got []string
		for c, v := range o.Values {
			if !v.Null {
				got = append(got, b.Table.Columns[c].Name)
			}
		}
		out[i] = placement.Placement{Partition: 1, Reason: strings.Join(got, " ")}
	}
	return out, nil
}

// TestReadColumns: a program gets the columns that it reads, also right after it has taken
// another's place, which reads others, and when it is started again.
func TestReadColumns(t *testing.T) {
	f := newFixture(t, nil)
	of := table("remote", nil)
	f.catalog.change(func(s *catalog.Snapshot) { s.Tables = map[object.TableID]*catalog.Table{of.ID: of} })
	programs := map[string]string{"reads-country": f.program("reads-country"), "reads-id": f.program("reads-id")}
	use := func(version string) {
		f.catalog.policies(catalog.Policy{Name: "remote", Program: programs[version]})
		until(t, version+" is ready", func() bool { return f.status("remote").Version == version })
	}
	reasons := func() (version, got string) {
		places, err := f.Place(context.Background(), request(of, "", 1))
		if err != nil {
			t.Error(err)
			return "", ""
		}
		return places.Version, places.Reasons[0]
	}
	only := func(column string) {
		t.Helper()
		until(t, "it gets nothing but "+column, func() bool { _, got := reasons(); return got == column })
	}
	use("reads-country")
	only("country")

	stop := make(chan struct{})
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				version, got := reasons()
				if column, ok := strings.CutPrefix(version, "reads-"); ok && !strings.Contains(got, column) {
					t.Errorf("%s has got %q", version, got)
				}
			}
		})
	}
	for _, column := range []string{"id", "country", "id"} {
		use("reads-" + column)
		only(column)
	}
	close(stop)
	asking.Wait()
	if s := f.status("remote"); s.Errors != 0 || s.FallBacks != 0 {
		t.Errorf("status %+v", s)
	}

	pid := f.status("remote").PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "it is started again", func() bool { s := f.status("remote"); return s.PID != 0 && s.PID != pid })
	if _, got := reasons(); got != "id country" {
		t.Errorf("started again it gets %q", got)
	}
	only("id")
}

// TestReadsNoSuchColumn: a table is not accepted by a program that reads what is not there.
func TestReadsNoSuchColumn(t *testing.T) {
	f := newFixture(t, nil)
	f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program("reads-colour")})
	f.Settle(context.Background())
	_, err := f.Placement(t.Context(), table("remote", nil), "remote", nil)
	var told *pgerror.Error
	if !errors.As(err, &told) || !strings.Contains(told.Detail, `it reads column "colour"`) {
		t.Errorf("error %v", err)
	}
}
