package pgwire

import (
	"strings"
	"testing"

	"github.com/jackc/pgproto3/v2"
)

// TestLastExecute holds that the session is told which Execute is the only one up
// to its Sync as far as is known: it need not open a transaction then.
func TestLastExecute(t *testing.T) {
	parse := func(text string) pgproto3.FrontendMessage { return &pgproto3.Parse{Query: text} }
	bind, execute, sync := &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{}
	closing := &pgproto3.Close{ObjectType: 'P', Name: "p"}
	type list = []pgproto3.FrontendMessage
	for _, c := range []struct {
		name string
		msgs list
		want string
	}{
		{"Sync follows", list{parse("last"), bind, execute, sync}, "ParseComplete BindComplete C(LAST true) ZI"},
		{"others follow", list{parse("last"), bind, execute, bind, execute, sync},
			"ParseComplete BindComplete C(LAST false) BindComplete C(LAST true) ZI"},
		{"what executes nothing may stand between", list{parse("last"), bind, execute, closing, &pgproto3.Flush{}, sync},
			"ParseComplete BindComplete C(LAST true) CloseComplete ZI"},
		{"a description may want the rows of another", list{parse("last"), bind, execute, &pgproto3.Describe{ObjectType: 'P'}, sync},
			"ParseComplete BindComplete C(LAST false) NoData ZI"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := exchange(t, 1, c.msgs...); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	t.Run("Sync comes later", func(t *testing.T) {
		_, _, addr := start(t, Config{})
		p := dial(t, addr)
		p.login()
		p.send(parse("last"), bind, execute, &pgproto3.Flush{})
		var got []string
		for range 3 {
			got = append(got, short(p.receive()))
		}
		p.send(sync)
		got = append(got, p.until(1))
		if want := "ParseComplete BindComplete C(LAST false) ZI"; strings.Join(got, " ") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}

// TestCommitError holds that an error of the commit at Sync comes before
// ReadyForQuery, which there is one of.
func TestCommitError(t *testing.T) {
	got := exchange(t, 2, &pgproto3.Parse{Query: "conflict"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{}, &pgproto3.Query{String: "insert"})
	if want := `ParseComplete BindComplete C(UPDATE 1) E(ERROR 40001 "conflict") ZI C(INSERT 0 1) ZI`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestErrorsFailTheTransaction holds that the session hears of errors that the
// protocol itself finds: a transaction has failed by them, too.
func TestErrorsFailTheTransaction(t *testing.T) {
	for name, msgs := range map[string][]pgproto3.FrontendMessage{
		"a message without meaning": {&pgproto3.Describe{ObjectType: 'Q'}, &pgproto3.Sync{}},
		"a function call":           {&pgproto3.FunctionCall{Function: 1}},
		"a bad parameter":           {&pgproto3.Parse{Query: "echo"}, &pgproto3.Bind{}, &pgproto3.Sync{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := exchange(t, 2, append([]pgproto3.FrontendMessage{&pgproto3.Query{String: "begin"}}, msgs...)...); !strings.HasSuffix(got, "ZE") {
				t.Errorf("got %s", got)
			}
		})
	}
	t.Run("a malformed query", func(t *testing.T) {
		_, _, addr := start(t, Config{})
		p := dial(t, addr)
		p.login()
		p.send(&pgproto3.Query{String: "begin"})
		p.until(1)
		if _, err := p.conn.Write([]byte{'Q', 0, 0, 0, 5, 'x'}); err != nil { // no terminator
			t.Fatal(err)
		}
		if got := p.until(1); !strings.HasSuffix(got, "ZE") {
			t.Errorf("got %s", got)
		}
	})
}

// TestIdleLimit holds that a client that is silent for longer than its session
// allows is told so, and that one within the limit is not.
func TestIdleLimit(t *testing.T) {
	_, _, addr := start(t, Config{})
	p := dial(t, addr)
	p.login()
	p.send(&pgproto3.Query{String: "idle 1h"}, &pgproto3.Query{String: "rows 1"}, &pgproto3.Query{String: "idle 10ms"})
	p.until(3)
	if got, want := short(p.receive()), `E(FATAL 57P05 "terminating connection due to idle-session timeout")`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := p.in.Receive(); err == nil {
		t.Error("the connection is still open")
	}
}
