package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/configs"
)

func testConfig(t *testing.T, args ...string) *configs.Config {
	t.Helper()
	cfg, err := configs.Load(args, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestDataDirCountsStarts(t *testing.T) {
	cfg := testConfig(t, "--data-dir", filepath.Join(t.TempDir(), "data"))
	for want := uint64(1); want <= 3; want++ {
		d, err := openDataDir(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if d.identity.Incarnation != want {
			t.Errorf("start %d has incarnation %d", want, d.identity.Incarnation)
		}
		if err := d.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDataDirRefusals(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	cfg := testConfig(t, "--data-dir", dir)
	d, err := openDataDir(cfg)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(cfg *configs.Config, want string) {
		t.Helper()
		got, err := openDataDir(cfg)
		if err == nil {
			got.close()
			t.Errorf("no error, want %q", want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q", err, want)
		}
	}
	refused(cfg, "in use by another ssmr-server")
	d.close()
	refused(testConfig(t, "--data-dir", dir, "--node", "other"), `belongs to node "n1"`)
	refused(testConfig(t, "--data-dir", dir, "--cluster-name", "other"), `belongs to cluster "ssmr"`)

	identity := filepath.Join(dir, identityFile)
	for content, want := range map[string]string{
		`{"format": 99}`: "newer ssmr-server",
		`{"format": 1}`:  "older ssmr-server",
		`{"format": `:    "damaged",
		`{}`:             "damaged",
	} {
		if err := os.WriteFile(identity, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(cfg, want)
	}

	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(testConfig(t, "--data-dir", foreign), "not empty")
}
