package bind_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/bind"
	"github.com/ssmr/ssmr/planner/dialect"
	"github.com/ssmr/ssmr/planner/plan"
)

// TestGolden binds the statements of testdata/statements, one a line. "ddl" applies schema
// changes to the catalog of the file and prints the descriptors; "plan" prints
// plans, with params=(types) as the client declared them; errors are printed
// with SQLSTATE and position.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata/statements", func(t *testing.T, path string) {
		c := newTestCatalog()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for _, line := range strings.Split(d.Input, "\n") {
				if strings.TrimSpace(line) == "" {
					continue
				}
				fmt.Fprintf(&out, "> %s\n", line)
				var params []datum.Type
				for _, a := range d.CmdArgs {
					if a.Key == "params" {
						for _, v := range a.Vals {
							params = append(params, typeNamed(t, v))
						}
					}
				}
				lines, err := c.run(line, params)
				if err != nil {
					lines = []string{describeError(err)}
				}
				for _, l := range lines {
					fmt.Fprintf(&out, "  %s\n", l)
				}
			}
			return out.String()
		})
	})
}

func typeNamed(t *testing.T, name string) datum.Type {
	if name == "-" {
		return datum.Type{}
	}
	typ, err := datum.ByName(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func describeError(err error) string {
	e := pgerror.As(err)
	if e == nil {
		return "not a client's error: " + err.Error()
	}
	s := fmt.Sprintf("ERROR %s %s", e.Code, e.Message)
	if e.Position > 0 {
		s += fmt.Sprintf(" (at %d)", e.Position)
	}
	if e.Detail != "" {
		s += "; detail: " + e.Detail
	}
	if e.Hint != "" {
		s += "; hint: " + e.Hint
	}
	return s
}

// testCatalog is a catalog that schema changes are applied to at once.
type testCatalog struct {
	snapshot *catalog.Snapshot
	next     object.TableID
}

func newTestCatalog() *testCatalog {
	return &testCatalog{next: 100, snapshot: &catalog.Snapshot{
		Tables: map[object.TableID]*catalog.Table{}, ByName: map[string]*catalog.Table{},
		Partitions: []catalog.Partition{{ID: 1}, {ID: 2}},
	}}
}

func (c *testCatalog) config(params []datum.Type) bind.Config {
	return bind.Config{Catalog: c.snapshot, Policies: testPolicies{c.snapshot}, Params: params, Database: "app",
		Session: &expr.Session{TransactionTime: 86400_000_000}}
}

func (c *testCatalog) bind(sql string, params []datum.Type) (*plan.Plan, error) {
	stmt, err := dialect.Parse(sql)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return nil, pgerror.New(pgerror.SyntaxError, "an empty statement is not bound")
	}
	return bind.Statement(context.Background(), stmt, c.config(params))
}

func (c *testCatalog) run(sql string, params []datum.Type) ([]string, error) {
	p, err := c.bind(sql, params)
	if err != nil {
		return nil, err
	}
	switch r := p.Root.(type) {
	case *plan.CreateTable:
		if r.Exists {
			return []string{plan.ExistsNotice(r.Spec.Table.Name).Message}, nil
		}
		r.Spec.Table.ID = c.next
		c.next++
		c.put(r.Spec.Table, "")
		return describeTable(r.Spec.Table), nil
	case *plan.AlterTable:
		var lines []string
		for _, n := range r.Notices {
			lines = append(lines, "NOTICE "+n.Code+" "+n.Message)
		}
		if r.None {
			return append(lines, "nothing to do"), nil
		}
		c.put(r.Spec.Table, r.Spec.Base.Name)
		lines = append(lines, describeTable(r.Spec.Table)...)
		if s := r.Spec; len(s.NotNull)+len(s.Checks)+len(s.Empty) > 0 {
			lines = append(lines, fmt.Sprintf("verify: not null %v, checks %v, empty %v", s.NotNull, s.Checks, s.Empty))
		}
		return lines, nil
	case *plan.DropTable:
		var lines []string
		for _, n := range r.Missing {
			lines = append(lines, "NOTICE "+plan.MissingNotice(n).Message)
		}
		for _, ref := range r.Spec.Tables {
			lines = append(lines, fmt.Sprintf("drop %s %d", ref.Name, ref.ID))
			delete(c.snapshot.ByName, ref.Name)
			delete(c.snapshot.Tables, ref.ID)
		}
		return lines, nil
	case *plan.Truncate:
		return []string{fmt.Sprintf("truncate %v, restart %v", r.Spec.Tables, r.Spec.RestartIdentity)}, nil
	case *plan.ChangePolicy:
		return c.changePolicy(r), nil
	case *plan.ChangePartition:
		c.snapshot.Partition(r.Change.Partition).PartitionLimits = r.Change.Limits
		l := r.Change.Limits
		return []string{fmt.Sprintf("partition %d labels %v capacity %d closed %v", r.Change.Partition, l.Labels, l.Capacity, l.Closed)}, nil
	case *plan.Utility:
		return []string{fmt.Sprintf("utility %T", r.Statement)}, nil
	}
	return p.Text(nil, true), nil
}

func (c *testCatalog) changePolicy(r *plan.ChangePolicy) []string {
	if r.Missing {
		return []string{"NOTICE " + plan.MissingPolicyNotice(r.Change.Policy.Name).Message}
	}
	p := r.Change.Policy
	line := fmt.Sprintf("policy %s from %d: %s sha256 %q plain text %v options %v drop %v",
		p.Name, r.Change.Base, p.Program, p.SHA256, p.PlainText, p.Options, r.Change.Drop)
	c.snapshot.Policies = slices.DeleteFunc(c.snapshot.Policies, func(have catalog.Policy) bool { return have.Name == p.Name })
	if !r.Change.Drop {
		p.Version = r.Change.Base + 1
		c.snapshot.Policies = append(c.snapshot.Policies, p)
	}
	return []string{line}
}

func (c *testCatalog) put(t *catalog.Table, oldName string) {
	t.Version++
	delete(c.snapshot.ByName, oldName)
	c.snapshot.ByName[t.Name] = t
	c.snapshot.Tables[t.ID] = t
}

func describeTable(t *catalog.Table) []string {
	lines := []string{fmt.Sprintf("table %s %d, key %s %v", t.Name, t.ID, t.KeyName, t.PrimaryKey)}
	for i, c := range t.Columns {
		s := fmt.Sprintf("%d %s %s", i, c.Name, c.Type)
		for _, f := range []struct {
			on   bool
			name string
		}{{c.NotNull, "not null"}, {c.Serial, "serial"}, {c.Identity, "identity"}, {c.Always, "always"}, {c.Hidden, "hidden"}, {c.Dropped, "dropped"}} {
			if f.on {
				s += ", " + f.name
			}
		}
		if c.Default != nil {
			s += ", default " + c.Default.Text + " = " + formatEncoded(c.Default.Expr)
		}
		if c.Missing != nil {
			v, _, err := datum.DecodeDatum(c.Missing)
			s += fmt.Sprintf(", missing %s %v", datum.AppendText(nil, v, c.Type, nil), err)
		}
		lines = append(lines, s)
	}
	for _, k := range t.Checks {
		lines = append(lines, "check "+k.Name+": "+k.Text+" = "+formatEncoded(k.Expr))
	}
	lines = append(lines, fmt.Sprintf("placement %s %v static %v columns %v", t.Placement.Policy, t.Placement.Options, t.Placement.Static, t.Placement.Columns))
	if r := t.Rules; len(r.Require) > 0 || r.Fallback != "" || r.Budget != (catalog.Budget{}) {
		lines = append(lines, fmt.Sprintf("require %v fallback %q budget %+v", r.Require, r.Fallback, r.Budget))
	}
	return lines
}

func formatEncoded(b []byte) string {
	e, err := expr.Decode(b)
	if err != nil {
		return err.Error()
	}
	return expr.Format(e)
}

// testPolicies knows hash, column and list, as far as binding needs them, and the
// catalog's.
type testPolicies struct{ snapshot *catalog.Snapshot }

func (testPolicies) Builtin(policy string) bool {
	return policy == "hash" || policy == "column" || policy == "list"
}

func (testPolicies) Fallback(_ *catalog.Table, policy string) error {
	if policy != "hash" {
		return pgerror.New(pgerror.InvalidParameterValue, "policy %q cannot be a fall-back", policy)
	}
	return nil
}

func (ps testPolicies) Placement(_ context.Context, t *catalog.Table, policy string, options map[string]string) (catalog.Placement, error) {
	p := catalog.Placement{Policy: policy, Options: options}
	switch policy {
	case "hash":
		p.Static = true
	case "list":
	case "column":
		p.Static = true
		for _, name := range strings.Split(options["column.names"], ",") {
			at := -1
			for k, i := range t.PrimaryKey {
				if t.Columns[i].Name == name {
					at = k
				}
			}
			if at < 0 {
				return p, pgerror.New(pgerror.InvalidParameterValue, "placement option %q names no column of the key: %q", "column.names", name)
			}
			p.Columns = append(p.Columns, at)
		}
	default:
		p.Program = true
		if !slices.ContainsFunc(ps.snapshot.Policies, func(have catalog.Policy) bool { return have.Name == policy }) {
			return p, pgerror.New(pgerror.UndefinedObject, "placement policy %q does not exist", policy)
		}
	}
	return p, nil
}
