package bind_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/plan"
)

// FuzzStatement binds whatever parses: it must not panic, its errors must be for
// clients, and the programs of its plans must survive their encoding.
func FuzzStatement(f *testing.F) {
	files, err := filepath.Glob("testdata/statements/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if sql, ok := strings.CutPrefix(line, "> "); ok {
				f.Add(sql)
			}
		}
	}
	c := newTestCatalog()
	for _, sql := range []string{
		"create table t (id bigint primary key, n int not null default 5, name text, price numeric(10,2), ok boolean, at timestamptz default now(), tags text[], j jsonb, v varchar(10), check (n > 0))",
		"create table p (a int, b text, c int, x int, primary key (a, b, c))",
		"create table s (id serial primary key, x text)",
	} {
		if _, err := c.run(sql, nil); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, sql string) {
		p, err := c.bind(sql, nil)
		if err != nil {
			if pgerror.As(err) == nil {
				t.Errorf("not a client's error: %v", err)
			}
			return
		}
		p.Text(nil, true)
		for _, prog := range programs(p.Root) {
			decoded, err := command.DecodeProgram(prog.Encoded)
			if err != nil {
				t.Fatalf("program does not decode: %v", err)
			}
			if again := command.EncodeProgram(decoded); string(again) != string(prog.Encoded) {
				t.Errorf("program changes by its encoding")
			}
		}
		if n, ok := p.Root.(*plan.Modify); ok {
			env := &expr.Env{Params: make([]datum.Datum, len(p.Params))}
			if _, err := n.Access.Resolve(env); err != nil && pgerror.As(err) == nil {
				t.Errorf("not a client's error: %v", err)
			}
		}
	})
}

// programs are those of a plan.
func programs(r plan.Root) []*plan.Program {
	switch r := r.(type) {
	case *plan.Query:
		if s := leaf(r.Stage); s != nil {
			return []*plan.Program{&s.Program}
		}
	case *plan.Insert:
		return []*plan.Program{&r.Program}
	case *plan.Modify:
		return []*plan.Program{&r.Program}
	case *plan.Move:
		return []*plan.Program{&r.Program}
	case *plan.Explain:
		return programs(r.Plan.Root)
	}
	return nil
}

// leaf is the scan below a stage; nil if there is none.
func leaf(s plan.Stage) *plan.Scan {
	scan, _ := plan.ScanOf(s)
	return scan
}
