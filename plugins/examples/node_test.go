package examples

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
	"github.com/ssmr/ssmr/plugins/verify"
)

// nodePolicy installs the policy that is written in JavaScript, as its README says, and
// returns its program.
func nodePolicy(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
	dir := t.TempDir()
	for _, file := range []string{"node-least-busy/policy.js", "node-least-busy/package.json", "../placement/placementpb/placement.proto"} {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install what the policy needs: %v\n%s", err, out)
	}
	program := filepath.Join(t.TempDir(), "least-busy-policy")
	if err := os.Symlink(filepath.Join(dir, "policy.js"), program); err != nil {
		t.Fatal(err)
	}
	return program
}

// The contract is public: a program that knows only placement.proto passes all trials.
func TestNode(t *testing.T) {
	program := nodePolicy(t)
	r := passes(t, verify.Config{Program: program, PlainText: true, TableOptions: map[string]string{"busy.label": "region=us"}})
	if r.Policy != "least-busy" {
		t.Errorf("it calls itself %q", r.Policy)
	}

	h, err := host.New(host.Config{Dir: filepath.Dir(program), Sockets: t.TempDir(), CallTimeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	ctx := context.Background()
	if _, err := h.Open(ctx, host.Spec{Name: "busy", Program: filepath.Base(program), PlainText: true, Options: map[string]string{"speed": "high"}}); err == nil || !strings.Contains(err.Error(), "no options of its own") {
		t.Errorf("with a wrong option it starts with error %v", err)
	}
	p, err := h.Open(ctx, host.Spec{Name: "busy", Program: filepath.Base(program), PlainText: true})
	if err != nil {
		t.Fatal(err)
	}
	b := &placement.Batch{
		Table:   &placement.Table{Name: "t", Key: []string{"id"}, Columns: []placement.Column{{Name: "id", Type: "bigint"}}},
		Objects: []placement.Object{{Values: []placement.Value{{Text: "1"}}, Home: 1}, {Values: []placement.Value{{Null: true}}, Home: 2}},
		Partitions: []placement.Partition{
			{ID: 1, CommandsPerSecond: 1, Closed: true}, {ID: 2, CommandsPerSecond: 5, Labels: map[string]string{"disk": "ssd"}},
			{ID: 3, CommandsPerSecond: 2}, {ID: 4, CommandsPerSecond: 3, Labels: map[string]string{"disk": "ssd"}},
		},
	}
	for _, c := range []struct {
		options placement.Options
		want    []uint32
	}{
		{nil, []uint32{3, 3}},
		{placement.Options{"busy.label": "disk=ssd"}, []uint32{4, 4}},
		{placement.Options{"busy.label": "disk=tape"}, []uint32{1, 2}}, // their homes
	} {
		if accepted, err := p.Configure(ctx, c.options, *b.Table); err != nil || len(accepted.ReplaceColumns) > 0 {
			t.Fatalf("%v: accepted as %+v, error %v", c.options, accepted, err)
		}
		placed, err := p.PlaceWith(ctx, c.options, b)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range placed {
			if got.Partition != c.want[i] || got.Reason == "" {
				t.Errorf("%v: object %d is placed %+v, want partition %d", c.options, i, got, c.want[i])
			}
		}
	}
	var wrong *placement.OptionError
	if _, err := p.Configure(ctx, placement.Options{"busy.label": "ssd"}, *b.Table); !errors.As(err, &wrong) || wrong.Option != "busy.label" {
		t.Errorf("a wrong option of a table: error %v", err)
	}
	pid := p.Status().PID
	if _, err := p.Replace(ctx, nil, b); err == nil {
		t.Error("it answers a question that it does not know")
	}
	if _, err := p.Place(ctx, b); err != nil || p.Status().PID != pid {
		t.Errorf("after a question that it does not know: error %v, process %d, was %d", err, p.Status().PID, pid)
	}
}
