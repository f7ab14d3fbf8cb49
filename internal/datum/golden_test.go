package datum

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// rewrite asks a real PostgreSQL 15 (psql, by its environment variables) for the
// golden files' answers: PGHOST=... go test -run Golden -rewrite
var rewrite = flag.Bool("rewrite", false, "write golden files anew from a PostgreSQL 15")

// TestGolden compares with what PostgreSQL 15 answered: each line holds a type,
// an input, and, after tabs, the output in text and in binary, or the error. The
// file's first line holds settings.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
			if *rewrite {
				lines = askPostgres(t, lines)
				if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			f := goldenFormat(t, lines[0])
			for i, line := range lines[1:] {
				checkGolden(t, fmt.Sprintf("%s:%d", filepath.Base(name), i+2), line, f)
			}
		})
	}
}

func goldenFormat(t *testing.T, line string) *Format {
	f := &Format{}
	for _, set := range strings.Fields(strings.TrimPrefix(line, "#")) {
		name, value, _ := strings.Cut(set, "=")
		var err error
		switch name {
		case "timezone":
			f.Location, err = ParseTimeZone(value)
		case "intervalstyle":
			f.IntervalStyle = map[string]IntervalStyle{"postgres": IntervalPostgres, "postgres_verbose": IntervalPostgresVerbose,
				"sql_standard": IntervalSQLStandard, "iso_8601": IntervalISO8601}[value]
		case "datestyle":
			f.DateOrder = map[string]DateOrder{"iso,mdy": MDY, "iso,dmy": DMY, "iso,ymd": YMD}[value]
		case "bytea_output":
			f.ByteaEscape = value == "escape"
		case "extra_float_digits":
			f.RoundFloats = true
			_, err = fmt.Sscan(value, &f.ExtraFloatDigits)
		default:
			t.Fatalf("unknown setting %q", set)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func goldenType(t *testing.T, s string) Type {
	name, rest, found := strings.Cut(s, "(")
	var mods []int32
	if found {
		args, tail, _ := strings.Cut(rest, ")")
		for _, a := range strings.Split(args, ",") {
			var n int32
			if _, err := fmt.Sscan(a, &n); err != nil {
				t.Fatal(err)
			}
			mods = append(mods, n)
		}
		name += tail
	}
	typ, err := ByName(name, mods)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func checkGolden(t *testing.T, where, line string, f *Format) {
	part := strings.Split(line, "\t")
	if len(part) < 3 {
		t.Errorf("%s: %q has no answer", where, line)
		return
	}
	typ := goldenType(t, part[0])
	input := strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(part[1])
	d, err := ParseText(input, typ.WithMod(-1), f)
	if err == nil {
		d, err = ApplyMod(d, typ, true)
	}
	if err != nil {
		e := pgerror.As(err)
		if e == nil {
			t.Errorf("%s: %s %q: error without code: %v", where, part[0], part[1], err)
			return
		}
		got := "ERROR " + e.Code + " " + e.Message
		if e.Detail != "" {
			got += " / " + e.Detail
		}
		if e.Hint != "" {
			got += " / " + e.Hint
		}
		if got = oneLine(got); got != part[2] {
			t.Errorf("%s: %s %q\n got %s\nwant %s", where, part[0], part[1], got, part[2])
		}
		return
	}
	text := AppendText(nil, d, typ, f)
	if oneLine(string(text)) != part[2] {
		t.Errorf("%s: %s %q\n got %s\nwant %s", where, part[0], part[1], text, part[2])
		return
	}
	binary := AppendBinary(nil, d, typ)
	if got := hex.EncodeToString(binary); len(part) < 4 || got != part[3] {
		t.Errorf("%s: %s %q binary\n got %s\nwant %s", where, part[0], part[1], got, strings.Join(part[3:], ""))
	}
	back, err := ParseBinary(binary, typ)
	if err != nil || !bytes.Equal(AppendText(nil, back, typ, f), text) {
		t.Errorf("%s: %s %q: from binary %s, %v", where, part[0], part[1], AppendText(nil, back, typ, f), err)
	}
	if typ.OID != Unknown.OID {
		again, err := ParseText(string(text), typ, f)
		if err != nil || !bytes.Equal(AppendText(nil, again, typ, f), text) {
			t.Errorf("%s: %s %q: from output %s, %v", where, part[0], part[1], AppendText(nil, again, typ, f), err)
		}
	}
}

func oneLine(s string) string { return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(s) }

// askPostgres fills in the answers of all lines.
func askPostgres(t *testing.T, lines []string) []string {
	var sql strings.Builder
	sql.WriteString(`create or replace function pg_temp.try(t text, base text, i text) returns text language plpgsql as $f$
declare r text; o text; s text; d text; h text; m text;
begin
  select p.typoutput::text, p.typsend::text into o, s from pg_type p where p.oid = base::regtype;
  execute format('select replace(replace(textin(%s(x)), E''\n'', ''\n''), E''\t'', ''\t'') || E''\t'' || encode(%s(x), ''hex'') from (select %L::%s as x) q', o, s, i, t) into r;
  return r;
exception when others then
  get stacked diagnostics d = pg_exception_detail, h = pg_exception_hint, m = message_text;
  return replace(replace('ERROR ' || sqlstate || ' ' || m || case when d <> '' then ' / ' || d else '' end || case when h <> '' then ' / ' || h else '' end, E'\n', '\n'), E'\t', '\t');
end $f$;
`)
	for _, set := range strings.Fields(strings.TrimPrefix(lines[0], "#")) {
		name, value, _ := strings.Cut(set, "=")
		fmt.Fprintf(&sql, "set %s = '%s';\n", name, value)
	}
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	for _, line := range lines[1:] {
		part := strings.Split(line, "\t")
		if len(part) < 2 {
			t.Fatalf("no input in %q", line)
		}
		base, rest, _ := strings.Cut(part[0], "(")
		if _, tail, ok := strings.Cut(rest, ")"); ok {
			base += tail
		}
		input := strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(part[1])
		fmt.Fprintf(&sql, "select pg_temp.try(%s, %s, %s);\n", quote(part[0]), quote(base), quote(input))
	}
	cmd := exec.Command("psql", "-XAtq", "-f", "-")
	cmd.Stdin = strings.NewReader(sql.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if len(answers) != len(lines)-1 {
		t.Fatalf("%d answers to %d lines", len(answers), len(lines)-1)
	}
	result := []string{lines[0]}
	for i, line := range lines[1:] {
		part := strings.Split(line, "\t")
		result = append(result, part[0]+"\t"+part[1]+"\t"+answers[i])
	}
	return result
}

var _ = time.UTC
