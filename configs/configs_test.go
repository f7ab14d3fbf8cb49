package configs

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func load(t *testing.T, yaml string, env []string, args ...string) (*Config, error) {
	t.Helper()
	if yaml != "" {
		file := filepath.Join(t.TempDir(), "ssmr.yaml")
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"--config", file}, args...)
	}
	return Load(args, env)
}

func TestPrecedence(t *testing.T) {
	yaml := "partitions: 8\nlisten: 127.0.0.1:1\nlog: {format: json, level: warn}\n"
	c, err := load(t, yaml, []string{"SSMR_LISTEN=127.0.0.1:2", "SSMR_LOG_FORMAT=text", "HOME=/x"}, "--listen", "127.0.0.1:3")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.Log.Format != "text" || c.Log.Level != "warn" || c.Partitions != 8 {
		t.Errorf("flags over environment over file: got %+v", c)
	}
	if c.Timing.Heartbeat != 700*time.Millisecond || c.Storage.CacheBytes != 128<<20 || c.DataDir != "./ssmr-data" {
		t.Errorf("defaults: got %+v", c)
	}
}

func TestErrorsNameTheKeyAndWhatIsAllowed(t *testing.T) {
	nodes := "cluster: {nodes: [{name: n1, address: '127.0.0.1:1'}, {name: n2, address: '127.0.0.1:2'}]}\n"
	cases := []struct {
		yaml string
		env  []string
		args []string
		want []string
	}{
		{yaml: "partitons: 4\n", want: []string{`unknown key "partitons"`, "partitions"}},
		{yaml: "log: text\n", want: []string{`unknown key "log"`, "log.format"}},
		{yaml: "partitions: many\n", want: []string{`"partitions"`, `"many"`, "1 to 1024", "file "}},
		{yaml: "partitions: 0\n", want: []string{`"partitions"`, "0", "1 to 1024"}},
		{yaml: "partitions: 2.5\n", want: []string{`"partitions"`, "2.5"}},
		{yaml: "partitions: 4\ngroups: 5\n", want: []string{`"groups"`, "5", "partitions (4)"}},
		{yaml: "groups: -1\n", want: []string{`"groups"`, "-1", "from 0"}},
		{yaml: "cluster: {leadership: none}\n", want: []string{`"cluster.leadership"`, "follow or stay"}},
		{yaml: "partitions: [1]\n", want: []string{`"partitions"`, "whole number"}},
		{yaml: "storage: {cache: 12}\n", want: []string{`"storage.cache"`, "12", "size"}},
		{yaml: "node: 7\n", want: []string{`"node"`, "name"}},
		{yaml: "listen: here\n", want: []string{`"listen"`, "host:port"}},
		{yaml: "a: [\n", want: []string{"ssmr.yaml"}},
		{env: []string{"SSMR_PARTITION=4"}, want: []string{"SSMR_PARTITION;", "SSMR_PARTITIONS"}},
		{env: []string{"SSMR_TIMING_DRAIN=soon"}, want: []string{`"timing.drain"`, "SSMR_TIMING_DRAIN", "duration"}},
		{args: []string{"--log-level", "loud"}, want: []string{`"log.level"`, "--log-level", "debug, info, warn or error"}},
		{args: []string{"--colour"}, want: []string{"colour"}},
		{args: []string{"start"}, want: []string{`"start"`}},
		{yaml: nodes + "node: n9\n", want: []string{`"node"`, `"n9"`, "n1, n2"}},
		{yaml: nodes + "listen: 127.0.0.1:2\n", want: []string{`"listen"`, "cluster port"}},
		{yaml: "cluster: {nodes: [{name: n1}]}\n", want: []string{`"cluster.nodes"`, "address"}},
		{yaml: "cluster: {nodes: [{name: n1, address: 'a:1'}, {name: n1, address: 'a:2'}]}\n", want: []string{"twice"}},
		{yaml: "plugins: {sha256: {geo: abc}}\n", want: []string{`"plugins.sha256"`, "hexadecimal", "file "}},
		{yaml: "plugins: {options: {geo: 5}}\n", want: []string{`"plugins.options"`, "{policy: {option: value}}"}},
		{yaml: "plugins: {option: {geo: {a: b}}}\n", want: []string{`unknown key "plugins.option.geo.a"`}},
		{yaml: "plugins: {env: [A=B]}\n", want: []string{`"plugins.env"`, "NAME,NAME"}},
		{args: []string{"--plugins-start", "later"}, want: []string{`"plugins.start"`, "boot or use"}},
		{args: []string{"--plugins-sha256", "geo"}, want: []string{`"plugins.sha256"`, "--plugins-sha256"}},
		{args: []string{"--config", "/does/not/exist"}, want: []string{"/does/not/exist"}},
	}
	for _, c := range cases {
		_, err := load(t, c.yaml, c.env, c.args...)
		if err == nil {
			t.Errorf("%q %q %q: no error", c.yaml, c.env, c.args)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q %q %q: error %q does not say %q", c.yaml, c.env, c.args, err, want)
			}
		}
	}
}

func TestShippedFilesAreValid(t *testing.T) {
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) != 4 {
		t.Fatalf("found %q, %v", files, err)
	}
	for _, file := range files {
		c, err := Load([]string{"--config", file}, nil)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if want := map[bool]int{true: 0, false: 3}[file == "single.yaml"]; len(c.Cluster.Nodes) != want {
			t.Errorf("%s: %d nodes, want %d", file, len(c.Cluster.Nodes), want)
		}
	}
	defaults, err := Load(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	single, err := Load([]string{"--config", "single.yaml"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := printed(t, single), printed(t, defaults); got != want {
		t.Errorf("single.yaml says that it holds the defaults, but it gives\n%s\ninstead of\n%s", got, want)
	}
}

func TestPrintedConfigurationMeansTheSame(t *testing.T) {
	c, err := load(t, "", nil, "--cluster-nodes", "n1=10.0.0.1:7,n2=10.0.0.2:7", "--limits-message", "3MB", "--timing-drain", "1m")
	if err != nil {
		t.Fatal(err)
	}
	first := printed(t, c)
	again, err := load(t, first, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, first)
	}
	if second := printed(t, again); second != first {
		t.Errorf("got\n%s\nwant\n%s", second, first)
	}
}

// TestMapsKeepTheirSpelling: names and values of maps are what the user wrote.
func TestMapsKeepTheirSpelling(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	yaml := "data-dir: /srv/ssmr/n1\nplugins:\n  env: [PATH, HOME]\n  sha256: {Geo.bin: " + strings.ToUpper(sum) + "}\n  options: {geo: {Map.X: 1.10, b: 'x: y'}}\n"
	c, err := load(t, yaml, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := c.Plugins
	if p.SHA256["Geo.bin"] != sum || p.Options["geo"]["Map.X"] != "1.10" || p.Options["geo"]["b"] != "x: y" || strings.Join(p.Env, " ") != "PATH HOME" {
		t.Errorf("got %+v", p)
	}
	if c.PluginsDir() != "/srv/ssmr/plugins" {
		t.Errorf("the folder of plugins is %s", c.PluginsDir())
	}
	again, err := load(t, printed(t, c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := printed(t, again), printed(t, c); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	c, err = load(t, yaml, []string{`SSMR_PLUGINS_OPTIONS={"geo": {"Z": "1"}}`}, "--plugins-dir", "here")
	if err != nil || c.Plugins.Options["geo"]["Z"] != "1" || len(c.Plugins.Options["geo"]) != 1 || c.PluginsDir() != "here" {
		t.Errorf("environment over file: got %+v, %v", c, err)
	}
}

func printed(t *testing.T, c *Config) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
