package protocol

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ssmr/ssmr/tests/harness"
)

var (
	seed    = flag.Uint64("seed", 0, "of the random messages; 0: a new one")
	scripts = flag.Int("scripts", 60, "how many random scripts are sent")
)

// TestRandomMessages sends random messages about transactions to ssmr and to a real
// PostgreSQL, and holds that the answers are the same, message for message.
func TestRandomMessages(t *testing.T) {
	if *postgres {
		t.Skip("compares with PostgreSQL anyway")
	}
	if !harness.HavePostgres() {
		t.Skip("no PostgreSQL server is installed to compare with (Debian: postgresql)")
	}
	ours, theirs := harness.Start(t, 1).Nodes[0].SQL, harness.StartPostgres(t, 1)
	from := *seed
	if from == 0 {
		from = rand.Uint64() >> 1
	}
	for i := range uint64(*scripts) {
		if !sameAnswers(t, from+i, ours, theirs) {
			t.Fatalf("see the script again with -seed=%d -scripts=1", from+i)
		}
	}
	t.Logf("the first seed was %d", from)
}

// sameAnswers sends one script, exchange by exchange.
func sameAnswers(t *testing.T, seed uint64, ours, theirs string) bool {
	t.Helper()
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	a, b := connect(t, ours, "test", "test"), connect(t, theirs, "postgres", "postgres")
	defer closing(a)
	defer closing(b)
	setup := []string{"Query DROP TABLE IF EXISTS r", "Query CREATE TABLE r (id int PRIMARY KEY, n int)",
		"Query INSERT INTO r SELECT g, g FROM generate_series(1, 8) AS g"}
	exchange(t, a, setup)
	exchange(t, b, setup)
	var history []string
	for range 40 {
		lines := g.exchange()
		history = append(history, lines...)
		got, want := exchange(t, a, lines), exchange(t, b, lines)
		g.failed = strings.HasSuffix(want, "ZE\n")
		if got != want {
			t.Errorf("%s\n  ssmr:\n%s\n  PostgreSQL:\n%s", strings.Join(history, "\n"), got, want)
			return false
		}
	}
	return true
}

func closing(p *pgproto3.Frontend) {
	p.Send(&pgproto3.Terminate{})
	_ = p.Flush()
}

// exchange sends lines of a script and returns the answers.
func exchange(t *testing.T, p *pgproto3.Frontend, lines []string) string {
	t.Helper()
	ready := 0
	for _, line := range lines {
		m := message(t, line)
		switch m.(type) {
		case *pgproto3.Query, *pgproto3.Sync:
			ready++
		}
		p.Send(m)
	}
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	return receive(t, p, ready)
}

// generator makes messages.
type generator struct {
	*rand.Rand
	// failed says that a transaction has failed: PostgreSQL keeps its portals then as
	// something that is like an empty query.
	failed bool
}

func (g *generator) one(list ...string) string { return list[g.IntN(len(list))] }

// chain is AND CHAIN. Of a transaction that has failed PostgreSQL keeps the modes if
// they were chained to it, and not if it was begun with them: ssmr always does.
func (g *generator) chain() string {
	if g.failed {
		return ""
	}
	return " AND CHAIN"
}

// statement is any statement that both systems understand in the same way, wherever
// it stands.
func (g *generator) statement() string {
	id, n := g.IntN(12)+1, g.IntN(5)
	switch g.IntN(26) {
	case 0, 1:
		return g.one("BEGIN", "BEGIN", "START TRANSACTION", "BEGIN READ ONLY", "BEGIN ISOLATION LEVEL SERIALIZABLE")
	case 2, 3:
		return g.one("COMMIT", "COMMIT", "END", "COMMIT"+g.chain())
	case 4:
		return g.one("ROLLBACK", "ROLLBACK", "ABORT", "ROLLBACK"+g.chain())
	case 5, 6:
		return "SAVEPOINT " + g.one("a", "b")
	case 7, 8:
		return "ROLLBACK TO " + g.one("a", "b")
	case 9:
		return "RELEASE " + g.one("a", "b")
	case 10, 11:
		return fmt.Sprintf("INSERT INTO r VALUES (%d, %d)", id, n)
	case 12:
		return fmt.Sprintf("UPDATE r SET n = n + %d WHERE id <= %d", n, id)
	case 13:
		return fmt.Sprintf("DELETE FROM r WHERE id = %d", id)
	case 14:
		return fmt.Sprintf("INSERT INTO r VALUES (%d, 1) ON CONFLICT (id) DO UPDATE SET n = r.n * 2 RETURNING n", id)
	case 15, 16:
		return g.one("SELECT id, n FROM r ORDER BY id", "SELECT count(*), sum(n) FROM r", fmt.Sprintf("SELECT n FROM r WHERE id = %d", id))
	case 17:
		return g.one("SELECT 1 / (g - 1) FROM generate_series(1, 1) AS g", "SELECT nothing", "SELEC 1", "SELECT 1 / 0")
	case 18:
		return fmt.Sprintf("SET %s application_name = 'n%d'", g.one("", "LOCAL", "SESSION"), n)
	case 19:
		return g.one("SHOW application_name", "SHOW transaction_read_only", "RESET application_name")
	case 20:
		return "SET TRANSACTION " + g.one("READ ONLY", "READ WRITE", "READ ONLY")
	case 21:
		return fmt.Sprintf("DECLARE %s NO SCROLL CURSOR FOR SELECT id, n FROM r ORDER BY id", g.one("c", "d"))
	case 22, 23:
		return g.one("FETCH", "FETCH", "MOVE") + " " + g.one("1", "2", "ALL", "NEXT", "RELATIVE 2") + " FROM " + g.one("c", "d", "p", "q")
	case 24:
		return g.one("CLOSE c", "CLOSE d", "CLOSE ALL", "DEALLOCATE ALL", "DISCARD PLANS")
	}
	return fmt.Sprintf("SELECT id FROM r WHERE id <= %d ORDER BY id FOR %s", n, g.one("UPDATE", "SHARE"))
}

// exchange is a simple query, or messages up to a Sync.
func (g *generator) exchange() []string {
	if g.IntN(5) < 2 {
		var list []string
		for range g.IntN(3) + 1 {
			list = append(list, g.statement())
		}
		return []string{"Query " + strings.Join(list, "; ")}
	}
	var lines []string
	for range g.IntN(4) + 1 {
		lines = append(lines, g.extended()...)
	}
	return append(lines, "Sync")
}

// extended is one step of the extended protocol.
func (g *generator) extended() []string {
	portal, named, rows := g.one("_", "_", "p", "q"), g.one("p", "q", "c"), g.one("0", "0", "1", "2")
	kind := g.IntN(8)
	if g.failed {
		kind = max(kind, 3)
	}
	switch kind {
	case 0:
		return []string{"Execute " + named + " " + rows}
	case 1:
		return []string{"Close P " + named}
	case 2:
		return []string{"Describe P " + named}
	case 3:
		return []string{"Parse s - " + g.statement(), "Describe S s", "Close S s"}
	}
	lines := []string{"Parse _ - " + g.statement(), "Bind " + portal + " _ - -"}
	if g.IntN(2) == 0 {
		lines = append(lines, "Describe P "+portal)
	}
	return append(lines, "Execute "+portal+" "+rows)
}
