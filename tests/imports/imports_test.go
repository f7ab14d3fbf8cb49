// Package imports holds the rules of who may import whom.
package imports

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ssmr/ssmr/"

// owners names, for each heavy dependency, the packages that may import it.
var owners = map[string][]string{
	"github.com/hashicorp/raft":           {"internal/replication"},
	"github.com/cockroachdb/pebble/v2":    {"internal/storage"},
	"vitess.io/vitess":                    {"planner/dialect"},
	"github.com/spf13/viper":              {"configs"},
	"github.com/spf13/pflag":              {"configs"},
	"github.com/jackc/pgproto3/v2":        {"pgwire"},
	"github.com/hashicorp/go-plugin":      {"plugins"},
	"github.com/prometheus/client_golang": {"server"},
}

// siblings are the components that only server plugs together.
var siblings = []string{"pgwire", "planner", "oracle", "partitions", "plugins", "configs"}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	return all
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// component returns the sibling that a package of this module belongs to.
func component(path string) string {
	for _, s := range siblings {
		if within(strings.TrimPrefix(path, module), s) {
			return s
		}
	}
	return ""
}

func TestHeavyDependenciesHaveOneImporter(t *testing.T) {
	for _, p := range packages(t) {
		self := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			for dependency, allowed := range owners {
				if within(imported, dependency) && !slices.ContainsFunc(allowed, func(o string) bool { return within(self, o) }) {
					t.Errorf("%s imports %s, which belongs to %s", self, imported, strings.Join(allowed, ", "))
				}
			}
		}
	}
}

func TestSiblingsDoNotKnowEachOther(t *testing.T) {
	for _, p := range packages(t) {
		self := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			from, to := component(p.ImportPath), component(imported)
			if !strings.HasPrefix(imported, module) || to == "" || from == to {
				continue
			}
			if within(self, "server") || within(self, "tests") {
				continue
			}
			// The contract of policies is for everybody who asks them.
			if imported == module+"plugins/placement" {
				continue
			}
			t.Errorf("%s imports %s; only server plugs components together", self, strings.TrimPrefix(imported, module))
		}
	}
}

func TestSharedPackagesAreLeaves(t *testing.T) {
	for _, p := range packages(t) {
		self := strings.TrimPrefix(p.ImportPath, module)
		if !within(self, "internal") {
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, module) && !within(strings.TrimPrefix(imported, module), "internal") {
				t.Errorf("%s imports %s", self, strings.TrimPrefix(imported, module))
			}
		}
	}
}
