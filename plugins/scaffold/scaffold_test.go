package scaffold

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/plugins/host/hosttest"
	"github.com/ssmr/ssmr/plugins/verify"
)

// run runs a program of the author's in the folder; nothing is fetched.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// TestWrittenPolicyWorks is what the author of a policy sees first: it builds, its tests
// pass, it is formatted, and it does as a policy.
func TestWrittenPolicyWorks(t *testing.T) {
	hosttest.FetchGraph(t)
	t.Setenv("GOPROXY", "off")
	dir := filepath.Join(t.TempDir(), "My-Shop-policy")
	result, err := Write(context.Background(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if result.Name != "my_shop" || result.Program != "my-shop-policy" || result.Module != "example.com/my-shop-policy" {
		t.Errorf("%+v", result)
	}
	if want := ".gitignore README.md go.mod go.sum main.go policy.go policy_test.go"; strings.Join(result.Files, " ") != want {
		t.Errorf("files %v, want %s", result.Files, want)
	}
	for _, name := range result.Files {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "[[") || strings.Contains(string(text), "<no value>") {
			t.Errorf("%s is not filled in:\n%s", name, text)
		}
	}
	run(t, dir, "go", "build", "-o", result.Program, ".")
	run(t, dir, "go", "test", "./...")
	run(t, dir, "go", "vet", "./...")
	if out, err := exec.Command("gofmt", "-l", dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("not formatted: %s %v", out, err)
	}
	for _, options := range []map[string]string{nil, {"my_shop.column": "tenant"}} {
		report, err := verify.Run(context.Background(), verify.Config{
			Program: filepath.Join(dir, result.Program), TableOptions: options, Deadline: 5 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		if !report.OK() || report.Policy != "my_shop" {
			var b strings.Builder
			report.Print(&b)
			t.Errorf("the policy is not verified:\n%s", b.String())
		}
	}
}

func TestRefused(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "folder is missing"},
		{Config{Dir: full, Name: "shop"}, "is not empty"},
		{Config{Dir: filepath.Join(t.TempDir(), "1shop")}, `"1shop"`},
		{Config{Dir: t.TempDir(), Name: "no-minus"}, `"no-minus"`},
		{Config{Dir: t.TempDir(), Name: "hash"}, "built-in"},
		{Config{Dir: t.TempDir(), Name: "shop", Module: "two words"}, "path of a module"},
	} {
		if _, err := Write(context.Background(), c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one with %q", c.cfg, err, c.want)
		}
	}
	if entries, err := os.ReadDir(full); err != nil || len(entries) != 1 {
		t.Errorf("a folder that is not empty was written into: %v %v", entries, err)
	}
}

// TestVersionIsRequired guards what an author without a checkout gets.
func TestVersionIsRequired(t *testing.T) {
	files, err := render(&Result{Name: "shop", Program: "shop-policy", Module: "example.com/shop", Source: Source{Version: "v1.2.3", Go: "1.26.8"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(files["go.mod"]), "module example.com/shop\n\ngo 1.26.8\n\nrequire github.com/ssmr/ssmr v1.2.3\n"; got != want {
		t.Errorf("go.mod is\n%s\nwant\n%s", got, want)
	}
	for version, want := range map[string]bool{"v1.2.3": true, "v0.0.0-20260101000000-abcdefabcdef": true, "(devel)": false, "": false, "v1.2.3+dirty": false} {
		if published.MatchString(version) != want {
			t.Errorf("version %q can be fetched: %v, want %v", version, !want, want)
		}
	}
}

func TestCheckout(t *testing.T) {
	s, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.Checkout, "plugins", "scaffold", "source.go")); err != nil {
		t.Errorf("the checkout %q is none: %v", s.Checkout, err)
	}
	if _, err := Checkout(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder is a checkout: %v", err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "go.mod"), []byte("module example.com/other\n\ngo 1.26\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Checkout(other); err == nil {
		t.Error("another module is a checkout")
	}
}
