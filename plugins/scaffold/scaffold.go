package scaffold

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/ssmr/ssmr/plugins/builtin"
)

// Config says what is to be written.
type Config struct {
	// Dir is the folder; it is made, or is empty. Required.
	Dir string
	// Name is the policy's name. Default: that of the folder, without "-policy".
	Name string
	// Module is the Go module's path. Default: example.com/<name>.
	Module string
	// Source is where the module of ssmr is found. Default: Detect.
	Source Source
}

// Result says what was written.
type Result struct {
	Name    string // of the policy
	Program string // a name for the program
	Module  string
	Source  Source
	Files   []string // in Dir
}

//go:embed template
var templates embed.FS

// templateFolder is the folder in templates. Its files carry a suffix, so that they are
// no Go files, and no module, of this repository.
const (
	templateFolder = "template"
	templateSuffix = ".tmpl"
)

// policyName is what a policy can be called: SQL needs no quotes around it.
var policyName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		return c, errors.New("the folder is missing")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return c, err
	}
	c.Dir = dir
	given := c.Name != ""
	if !given {
		c.Name = strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(filepath.Base(dir), "-policy")), "-", "_")
	}
	hint := ""
	if !given {
		hint = "; --name gives another"
	}
	if !policyName.MatchString(c.Name) {
		return c, fmt.Errorf("the policy cannot be called %q: a name is lower-case letters, digits and _, up to 63%s", c.Name, hint)
	}
	for _, p := range builtin.Policies() {
		if p.Name() == c.Name {
			return c, fmt.Errorf("the policy cannot be called %q: a built-in policy is%s", c.Name, hint)
		}
	}
	if c.Module == "" {
		c.Module = "example.com/" + strings.ReplaceAll(c.Name, "_", "-") + "-policy"
	}
	if strings.ContainsAny(c.Module, " \t\n\"'`\\") {
		return c, fmt.Errorf("%q is not the path of a module", c.Module)
	}
	if c.Source == (Source{}) {
		if c.Source, err = Detect(); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Write writes a policy into an empty folder, and has go complete its go.mod. Where that
// fails, which the error says, the files stay.
func Write(ctx context.Context, cfg Config) (*Result, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := empty(cfg.Dir); err != nil {
		return nil, err
	}
	result := &Result{
		Name: cfg.Name, Program: strings.ReplaceAll(cfg.Name, "_", "-") + "-policy", Module: cfg.Module, Source: cfg.Source,
	}
	files, err := render(result)
	if err != nil {
		return nil, err
	}
	if cfg.Source.Checkout != "" {
		// The checksums that the checkout has are those that its packages need.
		if files["go.sum"], err = os.ReadFile(filepath.Join(cfg.Source.Checkout, "go.sum")); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(cfg.Dir, name), text, 0o644); err != nil {
			return nil, err
		}
		result.Files = append(result.Files, name)
	}
	slices.Sort(result.Files)
	return result, complete(ctx, cfg.Dir)
}

// empty refuses a folder that holds something.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("the folder %s is not empty", dir)
	}
	return nil
}

// render makes the files, by their names.
func render(r *Result) (map[string][]byte, error) {
	entries, err := templates.ReadDir(templateFolder)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, e := range entries {
		t, err := template.New(e.Name()).Delims("[[", "]]").ParseFS(templates, templateFolder+"/"+e.Name())
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, r); err != nil {
			return nil, err
		}
		files[strings.TrimSuffix(e.Name(), templateSuffix)] = b.Bytes()
	}
	files[".gitignore"] = fmt.Appendf(nil, "/%s\n", r.Program)
	return files, nil
}

// complete has go write into go.mod what the module needs indirectly.
func complete(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-mod=mod", "-deps", "-test", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stdout = nil
	var complaint strings.Builder
	cmd.Stderr = &complaint
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the files are written, but go cannot complete go.mod (run \"go mod tidy\" in %s): %w\n%s", dir, err, complaint.String())
	}
	return nil
}
