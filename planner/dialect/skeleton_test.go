package dialect

import (
	"testing"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// TestSkeleton shows what the Vitess grammar gets to see: words of ours and
// numbered placeholders, never a word of the client.
func TestSkeleton(t *testing.T) {
	for _, test := range []struct{ sql, want string }{
		{"select c from t where id = $1",
			"select :i0 from `t0` where :e0 limit :q0"},
		{`SELECT "x;" AS a, 'b''\' FROM "s"."t" -- c`,
			"select :i0,:i1 from `t0` limit :q0"},
		{"select distinct on (a) a, count(*) from t group by a, b having true order by a, b limit 3",
			"select distinct :i0,:i1 from `t0` group by :e0,:e1 having :e2 order by :s0,:s1 limit :q0"},
		{"select 1 union select 2 intersect select 3 order by 1",
			"(select :i0 limit :q0) union all ((select :i1 limit :q1) union all (select :i2 limit :q2) limit :q3) order by :s0 limit :q4"},
		{"select * from a join b cross join c on x, (select 1) d",
			"select :i0 from `t0` left join `t1` left join `t2` on :j0 on :j1,(select :i1 limit :q0) as `t3` limit :q1"},
		{"values (1, 2), (3, 4)",
			"values row(:e0,:e1),row(:e2,:e3) limit :q0"},
	} {
		p, err := newParser(test.sql)
		if err != nil {
			t.Fatal(err)
		}
		s := newSkeleton(p)
		if _, err := s.query(queryParts{}, false); err != nil {
			t.Fatal(err)
		}
		if got := string(s.text); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.sql, got, test.want)
		}
	}
}

// TestGrammarError: an error of the Vitess grammar is about the client's word.
func TestGrammarError(t *testing.T) {
	p, err := newParser("select ü from t limit 5")
	if err != nil {
		t.Fatal(err)
	}
	s := newSkeleton(p)
	s.emit("select ")
	p.i = 2
	s.emit("from from ")
	p.i = 4
	s.emit("limit")
	_, err = s.parse()
	if e := pgerror.As(err); e == nil || e.Code != pgerror.SyntaxError || e.Position != 10 ||
		e.Message != `syntax error at or near "from"` {
		t.Errorf("%v", err)
	}
	s.text = []byte("update t set a = 1")
	if _, err := s.liftSelect(); pgerror.As(err) == nil || pgerror.As(err).Code != pgerror.InternalError {
		t.Errorf("a tree of another kind: %v", err)
	}
}
