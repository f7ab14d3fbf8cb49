package expr_test

import (
	"bytes"
	"testing"

	"github.com/ssmr/ssmr/internal/datum"
	. "github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// TestEncodingRoundTrip holds for every expression of the tables: it comes back
// equal, and computes the same.
func TestEncodingRoundTrip(t *testing.T) {
	golden(t, func(sql, want string) {
		e, err := parse(sql, nil, NewParamTypes(nil))
		if err != nil {
			return
		}
		b := Append(nil, e)
		d, err := Decode(b)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			return
		}
		if !Equal(e, d) || !bytes.Equal(b, Append(nil, d)) {
			t.Errorf("%s: another expression came back", sql)
		}
		if a, b := runExpr(e, goldenEnv()), runExpr(d, goldenEnv()); a != b {
			t.Errorf("%s: %s, decoded %s", sql, a, b)
		}
	})
}

// TestFormatParsesAgain: the text of an expression means the same.
func TestFormatParsesAgain(t *testing.T) {
	golden(t, func(sql, want string) {
		e, err := parse(sql, nil, NewParamTypes(nil))
		if err != nil || e.Type() == datum.Unknown {
			return
		}
		text := Format(e)
		again, err := parse(text, nil, NewParamTypes(nil))
		if err != nil {
			t.Errorf("%s: %s: %v", sql, text, err)
			return
		}
		if a, b := runExpr(e, goldenEnv()), runExpr(again, goldenEnv()); a != b {
			t.Errorf("%s: %s\n   %s\n   %s", sql, text, a, b)
		}
	})
}

// TestFold: what is folded computes the same, errors included.
func TestFold(t *testing.T) {
	golden(t, func(sql, want string) {
		e, err := parse(sql, nil, NewParamTypes(nil))
		if err != nil {
			return
		}
		f, err := Fold(e)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			return
		}
		if a, b := runExpr(e, goldenEnv()), runExpr(f, goldenEnv()); a != b {
			t.Errorf("%s: %s, folded %s", sql, a, b)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	good := Append(nil, mustParse(t, "1+2 in (3,4) and 'a' like 'b'"))
	for i := range good {
		if _, err := Decode(good[:i]); i > 0 && err == nil {
			t.Errorf("cut at %d is accepted", i)
		}
	}
	if _, err := Decode(append(good, 0)); err == nil {
		t.Error("rest is accepted")
	}
	deep := bytes.Repeat([]byte{7, 1}, 100000) // NOT NOT NOT ...
	if _, err := Decode(deep); pgerror.As(err) == nil {
		t.Error("depth:", err)
	}
}

func mustParse(t testing.TB, sql string) Expr {
	t.Helper()
	e, err := parse(sql, nil, NewParamTypes(nil))
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return e
}

// FuzzDecode: bytes are refused or decoded, and what is decoded can be written,
// encoded and evaluated without a panic.
func FuzzDecode(f *testing.F) {
	for _, sql := range []string{
		"1+2", "'a'||1", "case 1 when 2 then 'x' end", "1 in (1,2,3,4,5,6,7)", "array[1,2] @> array[1]",
		"1 = any(array[1])", "(1,2)<(3,4)", "coalesce(null,1)", "greatest(1,2)", "nullif(1,2)", "'a' ~ 'b'",
		"jsonb_set('{}','{a}','1')", "to_char(1.5,'999D9')", "(array[1])[1]", "1 is distinct from null",
		"date '2020-01-01' + interval '1 day'", "null is unknown", "concat_ws(',',1,'a')", "now()",
	} {
		f.Add(Append(nil, mustParse(f, sql)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Decode(b)
		if err != nil || e == nil {
			return
		}
		if len(b) > 4096 {
			return
		}
		again, err := Decode(Append(nil, e))
		if err != nil || !Equal(e, again) {
			t.Fatalf("does not round-trip: %v", err)
		}
		_ = Format(e)
		env := goldenEnv()
		env.Row = []datum.Datum{datum.NewInt(1), datum.NewText("x"), datum.NewArray(datum.Text, []datum.Datum{datum.NewInt(1)}), {}}
		env.Params = env.Row
		v, err := e.Eval(env)
		if err == nil && e.Type().Kind() != datum.KindNull {
			datum.AppendText(nil, v, e.Type(), env.Format)
		}
	})
}
