// Package hosttest is for tests of policies. It has a test binary be policies' programs as
// well, which its name tells apart.
//
//	func TestMain(m *testing.M) {
//		if name, ok := hosttest.Program(); ok {
//			placement.Serve(policy(name))
//			return
//		}
//		os.Exit(m.Run())
//	}
package hosttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/plugins/placement"
)

// Prefix is what the file names of programs begin with.
const Prefix = "policy-"

// Program returns the name that Link gave this program, behind the Prefix; ok is false
// where it was started to run tests.
func Program() (name string, ok bool) {
	name, ok = strings.CutPrefix(filepath.Base(os.Args[0]), Prefix)
	return name, ok && os.Getenv(placement.Handshake.MagicCookieKey) != ""
}

// Link puts the test binary into a folder as the program of a name, and returns its path.
func Link(t testing.TB, dir, name string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, Prefix+name)
	if os.Link(self, path) == nil {
		return path
	}
	text, err := os.ReadFile(self) // the folder is on another file system
	if err == nil {
		err = os.WriteFile(path, text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// FetchGraph has the go command fetch what it has to know of all modules that ssmr's own
// depend on. After that a module beside it, as plugin init writes one, is completed and built
// without fetching anything.
func FetchGraph(t testing.TB) {
	t.Helper()
	if out, err := exec.Command("go", "list", "-m", "all").CombinedOutput(); err != nil {
		t.Fatalf("go list -m all: %v\n%s", err, out)
	}
}
