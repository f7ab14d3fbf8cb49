// Package protocol holds, message for message, what a client of the PostgreSQL
// protocol gets. The cases were taken from PostgreSQL 15; with -postgres the same
// scripts run against a real one, which must agree where the script does not say
// "ssmr only".
package protocol

import (
	"encoding/hex"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ssmr/ssmr/tests/harness"
)

var postgres = flag.Bool("postgres", false, "run the scripts against a PostgreSQL server instead")

func TestMain(m *testing.M) {
	code := m.Run()
	harness.Cleanup()
	os.Exit(code)
}

// TestMessages runs the scripts. A directive "send" lists messages to the server,
// one a line; what comes back is printed up to the last ReadyForQuery:
//
//	Query <text>
//	Parse <name> <oid,oid|-> <text>
//	Bind <portal> <statement> <format,..|-> <result format,..|-> <parameter> ...
//	Describe S|P <name>, Execute <portal> <rows>, Close S|P <name>, Sync, Flush
//
// "_" is the empty name; a parameter is a word, NULL, or x'..' for bytes. The
// directive "closed" does the same and waits then until the server ends the
// connection; the next one has a new connection.
func TestMessages(t *testing.T) {
	address, user, database := target(t)
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		p := connect(t, address, user, database)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.HasArg("ssmr-only") && *postgres {
				return d.Expected
			}
			var ready int
			for line := range strings.SplitSeq(d.Input, "\n") {
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
			out := receive(t, p, ready)
			if d.Cmd == "closed" {
				out += rest(p)
				p = connect(t, address, user, database)
			}
			return out
		})
	})
}

// rest prints messages up to the end of the connection.
func rest(p *pgproto3.Frontend) string {
	var out strings.Builder
	for {
		m, err := p.Receive()
		if err != nil {
			return out.String() + "closed\n"
		}
		out.WriteString(printed(m) + " ")
	}
}

func target(t *testing.T) (address, user, database string) {
	if !*postgres {
		return harness.Start(t, 1).Nodes[0].SQL, "test", "test"
	}
	if !harness.HavePostgres() {
		t.Skip("no PostgreSQL server is installed (Debian: postgresql)")
	}
	return harness.StartPostgres(t, 1), "postgres", "postgres"
}

func connect(t *testing.T, address, user, database string) *pgproto3.Frontend {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
	p := pgproto3.NewFrontend(conn, conn)
	p.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber,
		Parameters: map[string]string{"user": user, "database": database, "TimeZone": "UTC"}})
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	receive(t, p, 1)
	return p
}

// message understands one line of a script.
func message(t *testing.T, line string) pgproto3.FrontendMessage {
	t.Helper()
	kind, rest, _ := strings.Cut(line, " ")
	word := func() string {
		var w string
		w, rest, _ = strings.Cut(rest, " ")
		if w == "_" {
			return ""
		}
		return w
	}
	switch kind {
	case "Query":
		return &pgproto3.Query{String: rest}
	case "Parse":
		m := &pgproto3.Parse{Name: word()}
		for _, oid := range numbers(t, word()) {
			m.ParameterOIDs = append(m.ParameterOIDs, uint32(oid))
		}
		m.Query = rest
		return m
	case "Bind":
		m := &pgproto3.Bind{DestinationPortal: word(), PreparedStatement: word()}
		for _, f := range numbers(t, word()) {
			m.ParameterFormatCodes = append(m.ParameterFormatCodes, int16(f))
		}
		for _, f := range numbers(t, word()) {
			m.ResultFormatCodes = append(m.ResultFormatCodes, int16(f))
		}
		for rest != "" {
			m.Parameters = append(m.Parameters, parameter(t, word()))
		}
		return m
	case "Describe":
		return &pgproto3.Describe{ObjectType: word()[0], Name: word()}
	case "Execute":
		m := &pgproto3.Execute{Portal: word()}
		for _, n := range numbers(t, word()) {
			m.MaxRows = uint32(n)
		}
		return m
	case "Close":
		return &pgproto3.Close{ObjectType: word()[0], Name: word()}
	case "Sync":
		return &pgproto3.Sync{}
	case "Flush":
		return &pgproto3.Flush{}
	}
	t.Fatalf("no message %q", line)
	return nil
}

func numbers(t *testing.T, list string) []int {
	t.Helper()
	if list == "-" || list == "" {
		return nil
	}
	var out []int
	for part := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(part)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

func parameter(t *testing.T, word string) []byte {
	t.Helper()
	if word == "NULL" {
		return nil
	}
	if digits, ok := strings.CutPrefix(word, "x'"); ok {
		b, err := hex.DecodeString(strings.TrimSuffix(digits, "'"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return []byte(word)
}

// receive prints messages, a line for each ReadyForQuery.
func receive(t *testing.T, p *pgproto3.Frontend, ready int) string {
	t.Helper()
	var out strings.Builder
	for ready > 0 {
		m, err := p.Receive()
		if err != nil {
			t.Fatalf("receive: %v\nso far: %s", err, out.String())
		}
		out.WriteString(printed(m))
		if _, ok := m.(*pgproto3.ReadyForQuery); ok {
			ready--
			out.WriteByte('\n')
		} else {
			out.WriteByte(' ')
		}
	}
	return out.String()
}

func printed(m pgproto3.BackendMessage) string {
	switch m := m.(type) {
	case *pgproto3.ReadyForQuery:
		return "Z" + string(m.TxStatus)
	case *pgproto3.CommandComplete:
		return fmt.Sprintf("C(%s)", m.CommandTag)
	case *pgproto3.ErrorResponse:
		return fmt.Sprintf("E(%s %s %q hint=%q det=%q pos=%d)", m.Severity, m.Code, m.Message, m.Hint, m.Detail, m.Position)
	case *pgproto3.NoticeResponse:
		return fmt.Sprintf("N(%s %s %q)", m.Severity, m.Code, m.Message)
	case *pgproto3.ParameterStatus:
		return fmt.Sprintf("S(%s=%s)", m.Name, m.Value)
	case *pgproto3.ParameterDescription:
		return fmt.Sprintf("t%v", m.ParameterOIDs)
	case *pgproto3.RowDescription:
		var fields []string
		for _, f := range m.Fields {
			fields = append(fields, fmt.Sprintf("%s:%d:len%d:mod%d:f%d", f.Name, f.DataTypeOID, f.DataTypeSize, f.TypeModifier, f.Format))
		}
		return "T[" + strings.Join(fields, ",") + "]"
	case *pgproto3.DataRow:
		var values []string
		for _, v := range m.Values {
			if v == nil {
				values = append(values, "NULL")
			} else {
				values = append(values, strconv.Quote(string(v)))
			}
		}
		return "D[" + strings.Join(values, " ") + "]"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", m), "*pgproto3.")
}
