package main

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// at makes a result that was acknowledged.
func at(client int, call, returned int64) result {
	return result{outcome: done, client: client, call: call, returned: returned}
}

// lost makes one of an unknown outcome, no one of which nothing took effect.
func lost(client int, call int64) result {
	return result{outcome: unknown, client: client, call: call, err: errors.New("connection lost")}
}

func no(client int, call, returned int64) result {
	return result{outcome: refused, client: client, call: call, returned: returned, err: errors.New("refused")}
}

// finds holds that a checker finds what is wrong, and nothing where want is "".
func finds(t *testing.T, name string, found []violation, want string) {
	t.Helper()
	switch {
	case want == "" && len(found) > 0:
		t.Errorf("%s: found %+v in a history that is right", name, found)
	case want != "" && len(found) == 0:
		t.Errorf("%s: found nothing, want %q", name, want)
	case want != "" && !strings.Contains(found[0].what, want):
		t.Errorf("%s: found %q, want %q", name, found[0].what, want)
	}
}

func TestCounterCheckerFindsWrongHistories(t *testing.T) {
	count := func(r result, key, value int64) counted {
		return counted{result: r, keys: []int64{key}, values: map[int64]int64{key: value}}
	}
	final := func(n int64) []counted {
		values := make(map[int64]int64)
		for key := range int64(counterKeys) {
			values[key] = 0
		}
		values[3] = n
		return []counted{{result: at(9, 100, 101), values: values}}
	}
	for _, c := range []struct {
		name   string
		counts []counted
		final  int64
		want   string
	}{
		{"right", []counted{count(at(0, 1, 2), 3, 1), count(at(1, 1, 4), 3, 2)}, 2, ""},
		{"unknown, executed", []counted{count(at(0, 1, 2), 3, 1), count(lost(1, 1), 3, 0)}, 2, ""},
		{"unknown, not executed", []counted{count(at(0, 1, 2), 3, 1), count(lost(1, 1), 3, 0)}, 1, ""},
		{"refused, executed", []counted{count(at(0, 1, 2), 3, 1), count(no(1, 1, 2), 3, 0)}, 2, "row 3 is 2 in the end"},
		{"lost", []counted{count(at(0, 1, 2), 3, 1), count(at(1, 3, 4), 3, 2)}, 1, "row 3 is 1 in the end"},
		{"executed twice", []counted{count(at(0, 1, 2), 3, 2)}, 2, "row 3 is 2 in the end"},
		{"same value twice", []counted{count(at(0, 1, 2), 3, 1), count(at(1, 1, 2), 3, 1)}, 2, "two updates"},
		{"against time", []counted{count(at(0, 1, 2), 3, 2), count(at(1, 3, 4), 3, 1)}, 2, "row 3 was 2 before it was 1"},
		{"not found", []counted{{result: at(0, 1, 2), keys: []int64{3}}}, 1, "did not find it"},
	} {
		finds(t, c.name, checkCounts(c.counts, final(c.final)), c.want)
	}
}

func TestSetCheckerFindsWrongHistories(t *testing.T) {
	insert := func(r result, ids ...int64) setInsert { return setInsert{r, ids} }
	scan := func(r result, ids ...int64) setScan { return setScan{r, 0, 100, ids} }
	for _, c := range []struct {
		name    string
		inserts []setInsert
		scans   []setScan
		want    string
	}{
		{"right", []setInsert{insert(at(0, 1, 2), 1, 2), insert(at(1, 3, 9), 3)}, []setScan{scan(at(2, 4, 5), 1, 2), scan(at(2, 6, 7), 1, 2, 3)}, ""},
		{"lost", []setInsert{insert(at(0, 1, 2), 1)}, []setScan{scan(at(2, 4, 5))}, "acknowledged and are missing"},
		{"half", []setInsert{insert(at(0, 1, 9), 1, 2)}, []setScan{scan(at(2, 4, 5), 1)}, "of one statement"},
		{"gone again", []setInsert{insert(at(0, 1, 90), 1)}, []setScan{scan(at(2, 4, 5), 1), scan(at(3, 6, 7))}, "by an earlier scan"},
		{"twice", []setInsert{insert(at(0, 1, 2), 1)}, []setScan{scan(at(2, 4, 5), 1, 1)}, "twice"},
		{"from nowhere", nil, []setScan{scan(at(2, 4, 5), 7)}, "never inserted"},
		{"refused", []setInsert{insert(no(0, 1, 2), 1)}, []setScan{scan(at(2, 4, 5), 1)}, "was refused"},
		{"unknown may be there", []setInsert{insert(lost(0, 1), 1)}, []setScan{scan(at(2, 4, 5), 1)}, ""},
		{"unknown may be missing", []setInsert{insert(lost(0, 1), 1)}, []setScan{scan(at(2, 4, 5))}, ""},
		{"from the future", []setInsert{insert(at(0, 8, 9), 1)}, []setScan{scan(at(2, 4, 5), 1)}, "before it was inserted"},
	} {
		finds(t, c.name, checkSet(c.inserts, c.scans), c.want)
	}
}

func TestLongForkCheckerFindsWrongHistories(t *testing.T) {
	read := func(r result, found ...int64) forkRead { return forkRead{r, found} }
	inserts := map[int64]result{0: at(0, 1, 20), 1: at(1, 1, 20), 2: at(1, 1, 2)}
	for _, c := range []struct {
		name  string
		reads []forkRead
		want  string
	}{
		{"right", []forkRead{read(at(2, 3, 4), 2), read(at(2, 5, 6), 0, 2), read(at(3, 5, 7), 0, 1, 2)}, ""},
		{"fork", []forkRead{read(at(2, 3, 4), 0, 2), read(at(3, 3, 4), 1, 2)}, "different orders"},
		{"acknowledged", []forkRead{read(at(2, 3, 4), 0)}, "acknowledged and is missing"},
		{"nothing", []forkRead{read(at(2, 3, 4))}, "acknowledged and is missing"},
		{"back", []forkRead{read(at(2, 3, 4), 0, 2), read(at(3, 5, 6), 2)}, "earlier one"},
	} {
		finds(t, c.name, checkForks(0, c.reads, inserts), c.want)
	}
}

func TestBankCheckerFindsWrongHistories(t *testing.T) {
	read := func(changes map[int64]int64) []bankRead {
		r := bankRead{result: at(9, 50, 60), balances: make(map[int64]int64)}
		for id := range int64(bankAccounts) {
			r.balances[id] = bankBalance + changes[id]
		}
		return []bankRead{r}
	}
	transfer := func(r result) []bankTransfer { return []bankTransfer{{result: r, from: 1, to: 2, amount: 30}} }
	finds(t, "right", checkSums(read(map[int64]int64{1: -30, 2: 30}), nil), "")
	finds(t, "torn", checkSums(read(map[int64]int64{1: -30}), nil), "the sum of 12 accounts is 1170")
	finds(t, "overdrawn", checkSums(read(map[int64]int64{1: -130, 2: 130}), nil), "none below zero")
	finds(t, "right in the end", checkBalances(transfer(at(0, 1, 2)), read(map[int64]int64{1: -30, 2: 30})), "")
	finds(t, "lost", checkBalances(transfer(at(0, 1, 2)), read(nil)), "account")
	finds(t, "refused", checkBalances(transfer(no(0, 1, 2)), read(map[int64]int64{1: -30, 2: 30})), "account")
	finds(t, "unknown", checkBalances(transfer(lost(0, 1)), read(map[int64]int64{1: -30, 2: 30})), "")
	finds(t, "unknown, not executed", checkBalances(transfer(lost(0, 1)), read(nil)), "")
}

func TestMonotonicCheckerFindsWrongHistories(t *testing.T) {
	value := func(r result, v int64) monotone { return monotone{result: r, value: v} }
	for _, c := range []struct {
		name            string
		inserted, reads []monotone
		want            string
	}{
		{"right", []monotone{value(at(0, 1, 2), 1), value(at(1, 1, 4), 2)}, []monotone{value(at(2, 3, 5), 1), value(at(2, 6, 7), 2)}, ""},
		{"twice", []monotone{value(at(0, 1, 3), 1), value(at(1, 2, 4), 1)}, nil, "inserted twice"},
		{"against time", []monotone{value(at(0, 1, 2), 2), value(at(1, 3, 4), 1)}, nil, "1 comes after 2"},
		{"stale read", []monotone{value(at(0, 1, 2), 1)}, []monotone{value(at(2, 3, 5), 0)}, "0 comes after 1"},
		{"read back", nil, []monotone{value(at(2, 3, 5), 3), value(at(1, 6, 7), 2)}, "2 comes after 3"},
	} {
		finds(t, c.name, checkMonotonic(c.inserted, c.reads), c.want)
	}
}

func TestQueueCheckerFindsWrongHistories(t *testing.T) {
	take := func(r result, id int64) queueTake { return queueTake{r, id} }
	put := map[int64]result{1: at(0, 1, 2), 2: no(0, 1, 2), 3: lost(0, 1)}
	for _, c := range []struct {
		name  string
		taken []queueTake
		left  []int64
		want  string
	}{
		{"right", []queueTake{take(at(1, 3, 4), 1)}, nil, ""},
		{"left", nil, []int64{1}, ""},
		{"perhaps", []queueTake{take(lost(1, 3), 1)}, nil, ""},
		{"twice", []queueTake{take(at(1, 3, 4), 1), take(at(2, 3, 4), 1)}, nil, "taken twice"},
		{"lost", nil, nil, "item 1 is lost"},
		{"still there", []queueTake{take(at(1, 3, 4), 1)}, []int64{1}, "there still"},
		{"refused", []queueTake{take(at(1, 3, 4), 1)}, []int64{2}, "was refused"},
		{"never put", []queueTake{take(at(1, 3, 4), 1), take(at(1, 3, 4), 7)}, nil, "never put"},
	} {
		finds(t, c.name, checkQueue(put, c.taken, []queueLeft{{at(9, 50, 51), c.left}}), c.want)
	}
}

// TestTornLogs holds that tearing a log changes its end only.
func TestTornLogs(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		content := make([]byte, 1+rnd.IntN(10_000))
		for i := range content {
			content[i] = byte(i)
		}
		before := string(content)
		torn, what := tear(rnd, content)
		same := 0
		for same < min(len(before), len(torn)) && before[same] == torn[same] {
			same++
		}
		if len(before)-same > 3000 {
			t.Errorf("seed %d: %s changes %d bytes of %d", seed, what, len(before)-same, len(before))
		}
	}
}
