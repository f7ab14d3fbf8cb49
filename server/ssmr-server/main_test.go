package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/plugins/host/hosttest"
	"github.com/ssmr/ssmr/server"
)

// outcome is what a call of the program leaves behind.
type outcome struct {
	code           int
	stdout, stderr string
	files          []string
}

// call runs the program in an empty folder.
func call(t *testing.T, environ []string, args ...string) outcome {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	var stdout, stderr bytes.Buffer
	o := outcome{code: run(args, environ, &stdout, &stderr)}
	o.stdout, o.stderr = stdout.String(), stderr.String()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		o.files = append(o.files, e.Name())
	}
	return o
}

func TestCommandsThatPrint(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"version"}, []string{"ssmr-server " + server.Version() + "\n"}},
		{[]string{"help"}, []string{"ssmr-server config", "--data-dir", "--limits-connections", "127.0.0.1:5433"}},
		{[]string{"--help"}, []string{"ssmr-server config", "--data-dir"}},
		{[]string{"config", "--help"}, []string{"--data-dir"}},
		{[]string{"config"}, []string{"node: n1\n", "partitions: 4", "heartbeat: 700ms"}},
		{[]string{"config", "--partitions", "7", "--timing-drain=1m"}, []string{"partitions: 7\n", "drain: 1m0s"}},
	} {
		o := call(t, []string{"HOME=/", "SSMR_LISTEN=127.0.0.1:7"}, c.args...)
		if o.code != 0 || o.stderr != "" || len(o.files) > 0 {
			t.Errorf("%v: %+v", c.args, o)
		}
		for _, want := range c.want {
			if !strings.Contains(o.stdout, want) {
				t.Errorf("%v: no %q in %q", c.args, want, o.stdout)
			}
		}
	}
}

// TestConfigCanBeReadAgain: what config prints is a configuration file that means
// the same.
func TestConfigCanBeReadAgain(t *testing.T) {
	first := call(t, []string{"SSMR_LOG_LEVEL=warn"}, "config", "--node", "n2", "--cluster-nodes", "n1=127.0.0.1:1,n2=127.0.0.1:2")
	file := filepath.Join(t.TempDir(), "ssmr.yaml")
	if err := os.WriteFile(file, []byte(first.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	if second := call(t, nil, "config", "--config", file); second.stdout != first.stdout || second.code != 0 {
		t.Errorf("got %+v\nwant %s", second, first.stdout)
	}
}

// TestMistakesAreOneLine: exit code 2 and one line that names the mistake, before
// anything is opened or made.
func TestMistakesAreOneLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ssmr.yaml")
	if err := os.WriteFile(file, []byte("partitions: 4\nlimits: {conections: 3}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		env  string
		args []string
		want []string
	}{
		{"", []string{"start"}, []string{`unknown command "start"`, "ssmr-server help"}},
		{"", []string{"--colour"}, []string{"colour"}},
		{"", []string{"--partitions"}, []string{"partitions"}},
		{"", []string{"--partitions", "0"}, []string{"partitions", "1 to 1024"}},
		{"", []string{"--node", "a b"}, []string{"node", "letters"}},
		{"", []string{"--listen", "5433"}, []string{"listen", "host:port"}},
		{"", []string{"stray", "--partitions", "1"}, []string{`"stray"`}},
		{"", []string{"--partitions", "1", "stray"}, []string{`"stray"`}},
		{"", []string{"config", "--log-level", "loud"}, []string{"log.level", "debug, info, warn or error"}},
		{"SSMR_PARTITION=4", nil, []string{"SSMR_PARTITION", "SSMR_PARTITIONS"}},
		{"SSMR_TIMING_DRAIN=soon", nil, []string{"timing.drain", "soon", "duration"}},
		{"", []string{"--config", file}, []string{"limits.conections", file}},
		{"", []string{"--config", file + ".not"}, []string{file + ".not"}},
		{"", []string{"--cluster-nodes", "n2=127.0.0.1:1,n3=127.0.0.1:2"}, []string{"n1", "cluster.nodes"}},
	} {
		o := call(t, []string{c.env}, c.args...)
		if o.code != 2 || o.stdout != "" || strings.Count(o.stderr, "\n") != 1 || !strings.HasPrefix(o.stderr, "ssmr-server: ") || len(o.files) > 0 {
			t.Errorf("%s %v: %+v", c.env, c.args, o)
		}
		for _, want := range c.want {
			if !strings.Contains(o.stderr, want) {
				t.Errorf("%s %v: no %q in %q", c.env, c.args, want, o.stderr)
			}
		}
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := call(t, nil, "--listen", l.Addr().String())
	if o.code != 1 || o.stdout != "" || strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, l.Addr().String()) {
		t.Errorf("%+v", o)
	}
}

// TestPluginInit is the way of a policy's author: init, build, verify.
func TestPluginInit(t *testing.T) {
	hosttest.FetchGraph(t)
	t.Setenv("GOPROXY", "off")
	dir := filepath.Join(t.TempDir(), "shop")
	o := call(t, nil, "plugin", "init", dir)
	if o.code != 0 || o.stderr != "" || !strings.Contains(o.stdout, "policy shop") {
		t.Fatalf("%+v", o)
	}
	cmd := exec.Command("go", "build", "-o", "shop-policy", ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	o = call(t, nil, "plugin", "verify", "-deadline", "5s", filepath.Join(dir, "shop-policy"), "-table-option", "shop.column=tenant")
	if o.code != 0 || !strings.Contains(o.stdout, "checks passed") {
		t.Errorf("%+v", o)
	}
	if o = call(t, nil, "plugin", "init", dir); o.code != 1 || !strings.Contains(o.stderr, "not empty") {
		t.Errorf("a folder that is not empty: %+v", o)
	}
}

func TestPluginSimulate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.trace")
	text := `{"partitions":[{"id":1},{"id":2}]}
{"table":{"id":1,"name":"t","columns":[{"name":"tenant","type":"text"},{"name":"id","type":"bigint"}],"key":["tenant","id"],"placement":{"policy":"hash","static":true}}}
{"touches":[{"table":1,"kind":"create","key":["a","1"],"values":["a","1"]},{"table":1,"kind":"read","range":["a"]}]}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"plugin", "simulate", "column", "--trace", file, "--table-option", "placement.columns=tenant", "--label", "1:region=eu"}
	if o := call(t, nil, args...); o.code != 0 || o.stderr != "" || !strings.Contains(o.stdout, "1 command in 0s, 2 partitions; 1 table: t") {
		t.Errorf("%+v", o)
	}
	args = append(args, "--json", "--against", "column", "--against-table-option", "placement.columns=id", "--table", "t", "--partitions", "8")
	o := call(t, nil, args...)
	if o.code != 0 || !strings.Contains(o.stdout, `"share_one_partition": 0`) || !strings.Contains(o.stdout, `"share_one_partition": 1`) {
		t.Errorf("%+v", o)
	}
	if o := call(t, nil, "plugin", "simulate", "--trace", file, "column"); o.code != 1 || !strings.Contains(o.stderr, "placement.columns") {
		t.Errorf("without its option: %+v", o)
	}
}

func TestPluginWrongArguments(t *testing.T) {
	for _, args := range [][]string{
		{"init"}, {"init", "a", "b"}, {"init", "--colour", "a"}, {"verify"}, {"verify", "a", "b"}, {"verify", "-option", "x", "a"}, {"dance"},
		{"simulate", "hash"}, {"simulate", "--trace", "x"}, {"simulate", "--trace", "x", "--label", "region=eu", "hash"},
	} {
		o := call(t, nil, append([]string{"plugin"}, args...)...)
		if o.code != 2 || o.stderr == "" || o.stdout != "" || len(o.files) > 0 {
			t.Errorf("%v: %+v", args, o)
		}
	}
	for _, args := range [][]string{{"init", "--help"}, {"verify", "-h"}, {"simulate", "-h"}, {"help"}, {}} {
		if o := call(t, nil, append([]string{"plugin"}, args...)...); o.code != 0 {
			t.Errorf("%v: %+v", args, o)
		}
	}
}
