package dialect

import "testing"

// BenchmarkParse measures the whole way of a statement to its tree.
func BenchmarkParse(b *testing.B) {
	for _, bench := range []struct{ name, sql string }{
		{"point read", "SELECT c FROM t WHERE id = $1"},
		{"point update", "UPDATE t SET n = n + $1 WHERE id = $2"},
		{"insert", "INSERT INTO t (a, b, c, d) VALUES ($1, $2, $3, $4)"},
		{"aggregate", "SELECT a, count(*), sum(b) FROM t WHERE c BETWEEN $1 AND $2 GROUP BY a ORDER BY 2 DESC LIMIT 10"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(bench.sql); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLexer measures the words alone, to compare with BenchmarkParse.
func BenchmarkLexer(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := scanAll("SELECT c FROM t WHERE id = $1"); err != nil {
			b.Fatal(err)
		}
	}
}
