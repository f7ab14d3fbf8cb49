package execute_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute"
)

// newTenants is a bank with a table of tenants' objects beside its own.
func newTenants(t *testing.T) *bank {
	b := newBank(t, "hash")
	b.run("CREATE TABLE c (tenant int, id int, n int, PRIMARY KEY (tenant, id)) WITH (placement = 'column', column.columns = 'tenant')")
	b.run("INSERT INTO c SELECT g % 5, g, 100 FROM generate_series(0, 29) AS g")
	return b
}

func (b *bank) tenantID(tenant, id int64) object.ID {
	var key []byte
	for _, v := range []int64{tenant, id} {
		key, _ = datum.AppendKey(key, datum.NewInt(v), datum.Int4)
	}
	return object.NewID(b.w.Catalog().ByName["c"].ID, key)
}

// moveOn moves an object to the next partition.
func (b *bank) moveOn(tenant, id int64) {
	b.w.Depart(b.tenantID(tenant, id), b.next(tenant, id))
	b.w.Arrive(b.tenantID(tenant, id))
}

func (b *bank) next(tenant, id int64) object.PartitionID {
	if at := b.w.Where(b.tenantID(tenant, id)); len(at) > 0 {
		return at[0]%3 + 1
	}
	return 1
}

// TestHomeOfPrefix: the home of a prefix is asked alone, unless an object of the range lives
// elsewhere.
func TestHomeOfPrefix(t *testing.T) {
	b := newTenants(t)
	var reads, snapshots, transacts atomic.Int64
	b.w.Hook = func(step string, _ object.PartitionID) error {
		switch step {
		case "read":
			reads.Add(1)
		case "snapshot":
			snapshots.Add(1)
		case "transact":
			transacts.Add(1)
		}
		return nil
	}
	expect := func(sql, want string) {
		t.Helper()
		reads.Store(0)
		snapshots.Store(0)
		transacts.Store(0)
		out, tag, err := b.rows(context.Background(), sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if !strings.HasPrefix(sql, "SELECT") {
			out = []string{tag}
		}
		if got := fmt.Sprintf("%s: %d %d %d", strings.Join(out, " "), reads.Load(), snapshots.Load(), transacts.Load()); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	alone, everywhere := "1 0 0", "4 1 0"
	expect("SELECT id FROM c WHERE tenant = 1 ORDER BY id DESC LIMIT 3", "26 21 16: "+alone)
	expect("SELECT sum(n) FROM c WHERE tenant = 1 AND id > 10", "400: "+alone)
	expect("SELECT count(*), n FROM c WHERE tenant = 1 AND id < 12 AND id > 1 GROUP BY n", "2,100: "+alone)
	expect("SELECT id FROM c WHERE tenant = 7", ": "+alone)
	expect("SELECT count(*) FROM c WHERE tenant IN (1, 2)", "12: 3 1 0")
	expect("SELECT count(*) FROM c WHERE tenant > 1", "18: 3 1 0")
	expect("SELECT count(*) FROM c WHERE id = 1", "1: 3 1 0")
	expect("UPDATE c SET n = n + 1 WHERE tenant = 1", "UPDATE 6: 0 0 1")
	b.moveOn(1, 16)
	expect("SELECT id FROM c WHERE tenant = 1 ORDER BY id DESC LIMIT 3", "26 21 16: "+everywhere)
	expect("SELECT count(*) FROM c WHERE tenant = 1 AND id > 16", "2: "+alone)
	expect("SELECT count(*) FROM c WHERE tenant = 2", "6: "+alone)
	expect("UPDATE c SET n = n - 1 WHERE tenant = 1 AND id < 20", "UPDATE 4: 0 0 2")
	expect("DELETE FROM c WHERE tenant = 1 AND id > 20", "DELETE 2: 0 0 1")
	b.moveOn(1, 16)
	expect("SELECT sum(n) FROM c WHERE tenant = 1", "400: "+everywhere)
	b.moveOn(1, 16) // home
	expect("SELECT sum(n) FROM c WHERE tenant = 1", "400: "+alone)

	tx := b.x.Begin(execute.TransactionOptions{})
	if got := b.must(tx, "SELECT sum(n) FROM c WHERE tenant = 1"); got != "400" {
		t.Error(got)
	}
	b.must(tx, "UPDATE c SET n = n + 1 WHERE tenant = 1")
	b.commit(tx)
	expect("SELECT sum(n) FROM c WHERE tenant = 1", "404: "+alone)
}

// TestRacesOfPrefixes steps moves through statements that are for the home of a prefix.
func TestRacesOfPrefixes(t *testing.T) {
	happenings := map[string][2]func(b *bank){
		"move":       {func(b *bank) { b.moveOn(1, 16) }},
		"slow move":  {func(b *bank) { b.w.Depart(b.tenantID(1, 16), b.next(1, 16)) }, func(b *bank) { b.w.Arrive(b.tenantID(1, 16)) }},
		"two moves":  {func(b *bank) { b.moveOn(1, 16); b.moveOn(1, 21) }, func(b *bank) { b.moveOn(1, 16) }},
		"to and fro": {func(b *bank) { b.moveOn(1, 16); b.moveOn(1, 16); b.moveOn(1, 16) }, func(b *bank) { b.moveOn(1, 16) }},
		"another":    {func(b *bank) { b.do("UPDATE c SET n = 5 WHERE tenant = 2"); b.moveOn(2, 2) }},
	}
	for _, c := range []struct{ sql, out, tag, sum string }{
		{"SELECT sum(n) FROM c WHERE tenant = 1", "600", "SELECT 1", "600"},
		{"SELECT id FROM c WHERE tenant = 1 AND id >= 11 ORDER BY id", "11 16 21 26", "SELECT 4", "600"},
		{"UPDATE c SET n = n + 1 WHERE tenant = 1", "", "UPDATE 6", "606"},
		{"DELETE FROM c WHERE tenant = 1 AND id >= 16", "", "DELETE 3", "300"},
	} {
		for name, h := range happenings {
			for away := range 3 { // moves before
				for k := 0; ; k++ {
					b := newTenants(t)
					for range away {
						b.moveOn(1, 16)
					}
					s := &stepped{b: b, k: k, act: func() { h[0](b) }}
					if h[1] != nil {
						s.later = func() { h[1](b) }
					}
					s.start()
					out, tag, err := b.in(nil, c.sql)
					s.stop()
					if !s.reached {
						break
					}
					if got := strings.Join(out, " "); err != nil || got != c.out || tag != c.tag {
						t.Errorf("%s, %s at step %d: %q %s %v", c.sql, name, k, got, tag, err)
					}
					if got := b.must(nil, "SELECT sum(n) FROM c WHERE tenant = 1"); got != c.sum {
						t.Errorf("%s, %s at step %d: the sum is %s", c.sql, name, k, got)
					}
					b.clean()
				}
			}
		}
	}
}
