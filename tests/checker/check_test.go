package checker

import (
	"strings"
	"testing"
)

func ap(key string, value int64) Operation { return Operation{Kind: Append, Key: key, Value: value} }
func ls(key string, values ...int64) Operation {
	return Operation{Kind: List, Key: key, Values: values}
}
func wri(key string, value int64) Operation { return Operation{Kind: Write, Key: key, Value: value} }
func rea(key string, value int64) Operation { return Operation{Kind: Read, Key: key, Value: value} }
func none(key string) Operation             { return Operation{Kind: Read, Key: key, Absent: true} }

// tx is a committed transaction; each has a process of its own.
func tx(invoke, complete int64, operations ...Operation) Transaction {
	return Transaction{Invoke: invoke, Complete: complete, Operations: operations}
}

func failed(t Transaction) Transaction  { t.Outcome = Failed; return t }
func unknown(t Transaction) Transaction { t.Outcome, t.Complete = Unknown, 0; return t }

func history(list ...Transaction) *History {
	for i := range list {
		list[i].Process = i
	}
	return &History{Transactions: list}
}

// Each history shows one anomaly, and only the one that is named, with the names of
// Adya and of Kingsbury & Alvaro (Elle).
func TestAnomalies(t *testing.T) {
	for _, test := range []struct {
		name, want string
		words      string // of the explanation
		history    *History
	}{
		{"dirty write: two transactions overwrite each other", "G0", "T0 before T1: it appended 1 to x, and T1 appended 2 later", history(
			tx(0, 10, ap("x", 1), ap("y", 11)), tx(0, 10, ap("x", 2), ap("y", 12)),
			tx(20, 30, ls("x", 1, 2), ls("y", 12, 11)))},
		{"aborted read, list", "G1a", "T1 failed", history(
			tx(0, 10, ls("x", 1)), failed(tx(0, 10, ap("x", 1))))},
		{"aborted read, value", "G1a", "T1 failed", history(
			tx(0, 10, rea("x", 1)), failed(tx(0, 10, wri("x", 1))))},
		{"intermediate read, list", "G1b", "in the middle of T0", history(
			tx(0, 10, ap("x", 1), ap("x", 2)), tx(0, 10, ls("x", 1)), tx(20, 30, ls("x", 1, 2)))},
		{"intermediate read, value", "G1b", "in the middle of T0", history(
			tx(0, 10, wri("x", 1), wri("x", 2)), tx(0, 10, rea("x", 1)))},
		{"circular information, lists", "G1c", "T1 read x with its 1", history(
			tx(0, 10, ap("x", 1), ls("y", 11)), tx(0, 10, ap("y", 11), ls("x", 1)))},
		{"circular information, values", "G1c", "T1 read its x = 1", history(
			tx(0, 10, wri("x", 1), rea("y", 11)), tx(0, 10, wri("y", 11), rea("x", 1)))},
		{"read skew, lists", "G-single", "it read y without the 11 that T0 appended", history(
			tx(0, 10, ap("x", 1), ap("y", 11)), tx(0, 10, ls("x", 1), ls("y")),
			tx(20, 30, ls("x", 1), ls("y", 11)))},
		{"read skew, values", "G-single", "it read y = nothing, over which T0 wrote 11", history(
			tx(0, 10, wri("x", 1), wri("y", 11)), tx(0, 10, rea("x", 1), none("y")))},
		{"write skew, lists", "G2", "without the", history(
			tx(0, 10, ls("x"), ap("y", 11)), tx(0, 10, ls("y"), ap("x", 1)),
			tx(20, 30, ls("x", 1), ls("y", 11)))},
		{"write skew, values", "G2", "= nothing, over which", history(
			tx(0, 10, none("x"), wri("y", 11)), tx(0, 10, none("y"), wri("x", 1)))},
		{"long fork", "G2", "", history(
			tx(0, 10, ap("x", 1)), tx(0, 10, ap("y", 11)),
			tx(0, 10, ls("x", 1), ls("y")), tx(0, 10, ls("x"), ls("y", 11)))},
		{"stale read", "G-single by time", "it completed at 10, before T1 was invoked at 20", history(
			tx(0, 10, ap("x", 1)), tx(20, 30, ls("x")), tx(40, 50, ls("x", 1)))},
		{"stale read, value", "G-single by time", "", history(
			tx(0, 10, wri("x", 1)), tx(20, 30, none("x")))},
		{"a lost append", "G-single by time", "", history(
			tx(0, 10, ap("x", 1)), tx(20, 30, ls("x")))},
		{"writes against time", "G0 by time", "", history(
			tx(0, 10, ap("x", 1)), tx(20, 30, ap("x", 2)), tx(40, 50, ls("x", 2, 1)))},
		{"a read of the future", "G1c by time", "", history(
			tx(0, 10, ls("x", 1)), tx(20, 30, ap("x", 1)))},
		{"a read that goes back", "G-single by time", "", history(
			unknown(tx(0, 0, ap("x", 1))), tx(5, 10, ls("x", 1)), tx(20, 30, ls("x")))},
		{"a value that comes back", "G0 by time", "", history(
			tx(0, 10, wri("x", 1)), tx(20, 30, wri("x", 2)), tx(40, 50, rea("x", 1)))},
		{"values in the order of time, read across", "G-single by time", "which by time came before", history(
			tx(0, 10, wri("x", 1)), tx(20, 30, wri("x", 2), wri("y", 12)), tx(0, 40, rea("x", 1), rea("y", 12)))},
		{"lost update, lists", "lost update", "have read the same version of x", history(
			tx(0, 10, ls("x"), ap("x", 1)), tx(0, 10, ls("x"), ap("x", 2)), tx(20, 30, ls("x", 1, 2)))},
		{"lost update, values", "lost update", "have read the same version of x", history(
			tx(0, 10, wri("x", 1)), tx(20, 30, rea("x", 1), wri("x", 2)), tx(20, 30, rea("x", 1), wri("x", 3)))},
		{"lost update of lists that nobody reads", "lost update", "", history(
			tx(0, 10, ls("x"), ap("x", 1)), tx(0, 10, ls("x"), ap("x", 2)))},
		{"own append is missing", "internal", "without what it had appended", history(
			tx(0, 10, ap("x", 1), ls("x")))},
		{"not repeatable", "internal", "others changed it meanwhile", history(
			tx(0, 10, ls("x"), ls("x", 1)), tx(0, 10, ap("x", 1)))},
		{"own write is missing", "internal", "which is not what it read or wrote before", history(
			tx(0, 10, wri("x", 1), none("x")))},
		{"two orders", "incompatible orders", "x was [2] for T3 and [1 2] for T2", history(
			tx(0, 10, ap("x", 1)), tx(0, 10, ap("x", 2)), tx(0, 10, ls("x", 1, 2)), tx(0, 10, ls("x", 2)))},
		{"executed twice", "duplicate", "read 1 in x twice", history(
			tx(0, 10, ap("x", 1)), tx(0, 10, ls("x", 1, 1)))},
		{"out of nowhere", "unwritten value", "which nobody has written", history(
			tx(0, 10, ls("x", 7)))},
	} {
		t.Run(test.name, func(t *testing.T) {
			report := Check(test.history, Options{})
			if report.OK() {
				t.Fatal("it passes")
			}
			found := false
			for i := range report.Anomalies {
				found = found || report.Anomalies[i].Title() == test.want
			}
			if !found || !strings.Contains(report.String(), test.words) {
				t.Fatalf("want %s, %q; got:\n%s", test.want, test.words, report)
			}
			// What needs time to be wrong is serializable, and the other way round.
			if plain := Check(test.history, Options{Level: Serializable}); plain.OK() != strings.HasSuffix(test.want, "by time") {
				t.Fatalf("without time: %s", plain)
			}
		})
	}
}

// Histories that a strictly serializable database shows.
func TestPasses(t *testing.T) {
	for _, test := range []struct {
		name    string
		history *History
	}{
		{"nothing", history()},
		{"one after the other", history(
			tx(0, 10, ls("x"), ap("x", 1)), tx(20, 30, ls("x", 1), ap("x", 2), ls("x", 1, 2)), tx(40, 50, ls("x", 1, 2)))},
		{"concurrent, any order", history(
			tx(0, 100, ap("x", 2)), tx(0, 100, ap("x", 1)), tx(50, 60, ls("x", 1)), tx(70, 80, ls("x", 1, 2)))},
		{"unknown, seen late", history(
			unknown(tx(0, 0, ap("x", 1))), tx(20, 30, ls("x")), tx(40, 50, ls("x", 1)))},
		{"unknown, never seen", history(
			unknown(tx(0, 0, ls("x", 99), ap("x", 1))), tx(20, 30, ls("x")))},
		{"failed, never seen", history(
			failed(tx(0, 10, ap("x", 1))), tx(20, 30, ls("x")))},
		{"reads and appends that nobody reads", history(
			tx(0, 10, ls("x"), ap("x", 1)), tx(0, 10, ap("x", 2)), tx(0, 10, ls("x")))},
		{"values", history(
			tx(0, 10, none("x"), wri("x", 1)), tx(20, 30, rea("x", 1), wri("x", 2), rea("x", 2)), tx(15, 40, rea("x", 1)))},
		{"values, concurrent", history(
			tx(0, 100, wri("x", 1)), tx(0, 100, wri("x", 2)), tx(0, 100, rea("x", 1)), tx(0, 100, rea("x", 2)), tx(0, 100, none("x")))},
		{"touching times are no order", history(
			tx(0, 10, ap("x", 1)), tx(10, 20, ls("x")))},
		{"a read of an own value in the middle", history(
			tx(0, 10, wri("x", 1), rea("x", 1), wri("x", 2)), tx(20, 30, rea("x", 2)))},
	} {
		t.Run(test.name, func(t *testing.T) {
			if report := Check(test.history, Options{}); !report.OK() {
				t.Fatal(report)
			}
		})
	}
}

func TestMalformedHistoriesAreRefused(t *testing.T) {
	for _, h := range []*History{
		history(tx(10, 0, ap("x", 1))),
		history(tx(0, 10, ap("x", 1)), failed(tx(0, 10, ap("x", 1)))),
		history(tx(0, 10, ap("x", 1), rea("x", 1))),
		history(tx(0, 10, Operation{Kind: 9, Key: "x"})),
	} {
		if report := Check(h, Options{}); !report.Has("malformed") {
			t.Errorf("%v: %s", h, report)
		}
	}
}

// The cycle that is told is the shortest one.
func TestShortestCycleIsTold(t *testing.T) {
	// T0 -> T1 -> T2 -> T0 over x, y, z, and T0 -> T2 -> T0 over w and z.
	h := history(
		tx(0, 10, ap("x", 1), ap("z", 32), ap("w", 41)),
		tx(0, 10, ap("x", 2), ap("y", 21)),
		tx(0, 10, ap("y", 22), ap("z", 31), ap("w", 42)),
		tx(20, 30, ls("x", 1, 2), ls("y", 21, 22), ls("z", 31, 32), ls("w", 41, 42)))
	report := Check(h, Options{})
	if len(report.Anomalies) != 1 || len(report.Anomalies[0].Transactions) != 2 {
		t.Fatal(report)
	}
}

func TestReportIsBounded(t *testing.T) {
	h := history()
	for i := range int64(100) {
		h.Transactions = append(h.Transactions, tx(0, 10, ls("x", i)))
	}
	report := Check(h, Options{Limit: 3})
	if len(report.Anomalies) != 3 || report.Total < 100 || !strings.Contains(report.String(), "more") {
		t.Fatal(report)
	}
}
