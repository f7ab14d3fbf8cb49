package dialect

import (
	"reflect"
	"testing"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
)

func TestSplit(t *testing.T) {
	for query, want := range map[string][]session.Text{
		"":                     nil,
		" \n ":                 nil,
		";":                    nil,
		";; /* a; b */ ; -- c": nil,
		"-- ping":              nil,
		"select 1":             {{SQL: "select 1"}},
		"  select 1 ":          {{SQL: "select 1 ", Offset: 2}},
		"/*;*/select 1;":       {{SQL: "select 1;", Offset: 5}},
		"select 1; select 2":   {{SQL: "select 1;"}, {SQL: "select 2", Offset: 10}},
		"select 'ä;' ; ;b ;c; ": {{SQL: "select 'ä;' ;"}, {SQL: "b ;", Offset: 15},
			{SQL: "c;", Offset: 18}},
		`a $x$;$$;$x$ "b;" E'\';' /* /* ; */ ; */ ; d`: {{SQL: `a $x$;$$;$x$ "b;" E'\';' /* /* ; */ ; */ ;`},
			{SQL: "d", Offset: 43}},
		"ö; ü ;": {{SQL: "ö;"}, {SQL: "ü ;", Offset: 3}},
	} {
		got, err := Split(query)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %#v, %v", query, got, err)
		}
	}
}

func TestSplitErrors(t *testing.T) {
	for query, want := range map[string]struct {
		code     string
		position int
	}{
		"select 'ä; select 1":         {pgerror.SyntaxError, 8},
		"ä; select \"b; c":            {pgerror.SyntaxError, 11},
		"select 1; /* /* */ select 2": {pgerror.SyntaxError, 11},
		"select $a$; $b$":             {pgerror.SyntaxError, 8},
		"select \xff":                 {pgerror.CharacterNotInRepertoire, 0},
		"select 1\x00; select 2":      {pgerror.CharacterNotInRepertoire, 0},
	} {
		_, err := Split(query)
		if e := pgerror.As(err); e == nil || e.Code != want.code || e.Position != want.position {
			t.Errorf("%q: %#v", query, e)
		}
	}
}
