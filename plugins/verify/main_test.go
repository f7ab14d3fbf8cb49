package verify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/plugins/host/hosttest"
	"github.com/ssmr/ssmr/plugins/placement"
)

// The test binary is the policies' program as well: its name says what is wrong with it.
func TestMain(m *testing.M) {
	if fault, ok := hosttest.Program(); ok {
		placement.Serve(faulty(fault))
		return
	}
	os.Exit(m.Run())
}

// faulty is a policy with one fault.
type faulty string

func (f faulty) Name() string { return string(f) }

func (f faulty) Version() string {
	if f == "nameless" {
		return ""
	}
	return "1"
}

func (faulty) Deterministic() bool { return true }

func (f faulty) Configure(options placement.Options, _ placement.Table) (placement.Policy, error) {
	for name := range options {
		if f != "lax" {
			return nil, &placement.OptionError{Option: name, Allowed: "nothing"}
		}
	}
	return f, nil
}

func (f faulty) ReplaceColumns(placement.Table) []string {
	if f == "elsewhere" {
		return []string{"no_such_column"}
	}
	return []string{"country"}
}

func (f faulty) Replace(ctx context.Context, b *placement.Batch) ([]placement.Placement, error) {
	placed, err := f.Place(ctx, b)
	for i := range placed {
		if f == "restless" {
			placed[i].Partition = b.Objects[i].Current%uint32(len(b.Partitions)) + 1
		}
	}
	return placed, err
}

// copyOf tells the copies of a program apart.
var copyOf = os.Getpid()

func (f faulty) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	placed := make([]placement.Placement, len(b.Objects))
	for i, o := range b.Objects {
		placed[i] = placement.Placement{Partition: o.Home, Reason: "home"}
		switch f {
		case "nowhere":
			placed[i].Partition = 77
		case "random":
			placed[i].Partition = b.Partitions[rand.IntN(len(b.Partitions))].ID
		case "copies":
			placed[i].Reason = fmt.Sprint("home, says ", copyOf)
		case "ping_pong":
			if o.Current != 0 {
				placed[i].Partition = o.Current%uint32(len(b.Partitions)) + 1
			}
		case "fragile":
			if len(o.Values) > 0 && o.Values[0].Null {
				os.Exit(2)
			}
		}
	}
	if f == "slow" && len(b.Objects) == 10 {
		time.Sleep(time.Second)
	}
	return placed, nil
}

// TestFaultsAreFound guards that checks fail for what they look for.
func TestFaultsAreFound(t *testing.T) {
	for fault, check := range map[string]string{
		"none":      "",
		"nameless":  "starts and says who it is",
		"elsewhere": "accepts the table's options",
		"lax":       "refuses an option that it does not know",
		"nowhere":   "places one object",
		"slow":      "keeps the deadline",
		"random":    "is deterministic, if it says so",
		"copies":    "is deterministic, if it says so",
		"ping_pong": "is content with what it has chosen",
		"restless":  "says where changed objects are to live",
		"fragile":   "nulls everywhere",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			deadline := 5 * time.Second
			if fault == "slow" {
				deadline = 200 * time.Millisecond
			}
			report, err := Run(context.Background(), Config{Program: hosttest.Link(t, t.TempDir(), fault), Deadline: deadline})
			if err != nil {
				t.Fatal(err)
			}
			first := ""
			for _, c := range report.Checks {
				if !c.OK {
					first = c.Name
					break
				}
			}
			if first != check || report.OK() != (check == "") {
				var b strings.Builder
				report.Print(&b)
				t.Errorf("%q fails first, want %q:\n%s", first, check, b.String())
			}
		})
	}
}

func TestParseTable(t *testing.T) {
	table, err := ParseTable("id bigint, total numeric(12,2),name character varying(20)", "name, id")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(table); got != "{verify [{id bigint} {total numeric(12,2)} {name character varying(20)}] [name id]}" {
		t.Errorf("%s", got)
	}
	if first, err := ParseTable("a text", ""); err != nil || first.Key[0] != "a" {
		t.Errorf("%v %v", first, err)
	}
	for _, c := range [][2]string{{"id", ""}, {"", ""}, {"id bigint", "name"}} {
		if _, err := ParseTable(c[0], c[1]); err == nil {
			t.Errorf("%q, key %q: no error", c[0], c[1])
		}
	}
}
