package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Transfers move money between two accounts. An account belongs to a branch, and
// in ssmr a branch lives in one partition: so a script chooses how many partitions
// its commands need, and both systems run the same script.

const (
	accountsPerBranch = 10_000
	contended         = 10 // accounts
)

const createAccounts = "CREATE TABLE account (branch integer, id integer, balance bigint NOT NULL, payload text NOT NULL, PRIMARY KEY (branch, id))"

// loadAccounts makes one branch for each partition, and returns their numbers.
// Where branches are not given, it looks for them.
func loadAccounts(s system, branches []int) ([]int, error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.dsn())
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	create := createAccounts
	if branches == nil {
		create += " WITH (placement = 'column', placement.columns = 'branch')"
	}
	for _, ddl := range []string{"DROP TABLE IF EXISTS account", create} {
		if _, err := conn.Exec(ctx, ddl); err != nil {
			return nil, fmt.Errorf("%s: %w", ddl, err)
		}
	}
	if branches == nil {
		if branches, err = findBranches(ctx, conn); err != nil {
			return nil, err
		}
	}
	payload := strings.Repeat("x", 80)
	for _, b := range branches {
		for first := 1; first <= accountsPerBranch; first += 1000 {
			_, err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO account SELECT %d, g, 1000, '%s' FROM generate_series(%d, %d) AS s(g)",
				b, payload, first, first+999))
			if err != nil {
				return nil, err
			}
		}
	}
	return branches, nil
}

// findBranches returns a branch for each partition.
func findBranches(ctx context.Context, conn *pgx.Conn) ([]int, error) {
	var partitions int
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM ssmr.partitions").Scan(&partitions); err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "INSERT INTO account SELECT g, 0, 0, '' FROM generate_series(1, 200) AS s(g)"); err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, "SELECT _partition, min(branch) FROM account GROUP BY _partition ORDER BY _partition")
	if err != nil {
		return nil, err
	}
	var branches []int
	var partition, branch int
	if _, err := pgx.ForEachRow(rows, []any{&partition, &branch}, func() error {
		branches = append(branches, branch)
		return nil
	}); err != nil {
		return nil, err
	}
	if len(branches) != partitions {
		return nil, fmt.Errorf("200 branches are in %d of %d partitions", len(branches), partitions)
	}
	_, err = conn.Exec(ctx, "DELETE FROM account WHERE id = 0")
	return branches, err
}

// choose is the part of a script that chooses accounts a and b of branches ba and bb:
// of two branches in share of 100 commands, of one in the others.
func choose(branches []int, share int, accounts int) string {
	n := len(branches)
	var b strings.Builder
	fmt.Fprintf(&b, "\\set p random(0, %d)\n", n-1)
	fmt.Fprintf(&b, "\\set d random(1, %d)\n", max(1, n-1))
	fmt.Fprintf(&b, "\\set q case when random(1, 100) <= %d then mod(:p + :d, %d) else :p end\n", share, n)
	pick := func(from string) string {
		var c strings.Builder
		c.WriteString("case")
		for i, branch := range branches {
			fmt.Fprintf(&c, " when :%s = %d then %d", from, i, branch)
		}
		return c.String() + " end"
	}
	fmt.Fprintf(&b, "\\set ba %s\n\\set bb %s\n", pick("p"), pick("q"))
	// Never the same account twice.
	fmt.Fprintf(&b, "\\set a random(1, %d)\n\\set b 1 + mod(:a + random(0, %d), %d)\n", accounts, accounts-2, accounts)
	return b.String()
}

// inTransaction transfers by an explicit transaction of two updates.
const inTransaction = `BEGIN;
UPDATE account SET balance = balance - 1 WHERE branch = :ba AND id = :a;
UPDATE account SET balance = balance + 1 WHERE branch = :bb AND id = :b;
END;
`

// inStatement transfers by one statement.
const inStatement = `UPDATE account SET balance = balance + CASE WHEN branch = :ba AND id = :a THEN -1 ELSE 1 END WHERE (branch, id) IN ((:ba, :a), (:bb, :b));
`

// transfers are the scripts about accounts, by name.
func transfers(branches []int) []script {
	return []script{
		{name: "transfer1", text: choose(branches, 0, accountsPerBranch) + inTransaction},
		{name: "transfer2", text: choose(branches, 100, accountsPerBranch) + inTransaction},
		{name: "transfer1s", text: choose(branches, 0, accountsPerBranch) + inStatement},
		{name: "transfer2s", text: choose(branches, 100, accountsPerBranch) + inStatement},
		{name: "contended", text: choose(branches[:1], 0, contended) + inTransaction},
		{name: "contendeds", text: choose(branches[:1], 0, contended) + inStatement},
	}
}

// shares are the shares of commands over two partitions that -shares compares.
var shares = []int{0, 1, 5, 10, 50, 100}

// runShares prints how throughput falls with the share of commands over two
// partitions.
func runShares(r *reporter, s system, branches []int, o options) {
	fmt.Printf("\n# share of transfers over two partitions (one statement each) against throughput, %s\n", s.name)
	fmt.Printf("%8s %8s %14s %14s\n", "clients", "share %", "tps", "of share 0")
	for _, n := range o.clients {
		var alone float64
		for _, share := range shares {
			sc := script{name: fmt.Sprintf("share%d", share), text: choose(branches, share, accountsPerBranch) + inStatement}
			var best result
			for range o.rounds {
				got, err := pgbench(r, s, sc, n, o.time)
				if err != nil {
					r.Fatalf("%s, share %d, %d clients: %v", s.name, share, n, err)
				}
				if got.tps > best.tps {
					best = got
				}
			}
			if share == 0 {
				alone = best.tps
			}
			fmt.Printf("%8d %8d %14.0f %14.2f\n", n, share, best.tps, best.tps/alone)
		}
	}
}

// wantsAccounts reports whether some of the traffic is about accounts.
func wantsAccounts(only []string) bool {
	return slices.ContainsFunc(only, func(name string) bool {
		return name == "shares" || strings.HasPrefix(name, "transfer") || strings.HasPrefix(name, "contended")
	})
}
