package scaffold

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
)

// module is the path of the module that holds the SDK.
const module = "github.com/ssmr/ssmr"

// Source is where the module of ssmr is found: a folder, or a version to be fetched.
type Source struct {
	Checkout string // absolute path; empty: Version
	Version  string // "v0.1.0"
	Go       string // the least version of Go, "1.26.8"
}

// ErrNoSource says that the module of ssmr is found nowhere: a checkout has to be given.
var ErrNoSource = errors.New("this program does not know which version of ssmr it is: give a checkout with --ssmr")

// Detect finds the source that the running program was built from: its folder where it is
// there still, or else its version.
func Detect() (Source, error) {
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		root := filepath.Join(filepath.Dir(file), "..", "..")
		// A folder with a version in its name is Go's own copy of that version.
		if s, err := Checkout(root); err == nil && !strings.Contains(filepath.Base(root), "@") {
			return s, nil
		}
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != module || !published.MatchString(info.Main.Version) {
		return Source{}, ErrNoSource
	}
	return Source{Version: info.Main.Version, Go: strings.TrimPrefix(info.GoVersion, "go")}, nil
}

// published is a version that can be fetched; what is built in a checkout that has
// changed, or without a version, is none.
var published = regexp.MustCompile(`^v\d[^+]*$`)

// goLine is the line of a go.mod that tells the least version of Go.
var goLine = regexp.MustCompile(`(?m)^go (\S+)$`)

// Checkout uses a folder that holds the source of ssmr.
func Checkout(dir string) (Source, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Source{}, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return Source{}, fmt.Errorf("%s is not a checkout of ssmr: %w", dir, err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	version := goLine.FindSubmatch(text)
	if strings.TrimSpace(first) != "module "+module || version == nil {
		return Source{}, fmt.Errorf("%s is not a checkout of ssmr: its go.mod is of another module", dir)
	}
	return Source{Checkout: dir, Go: string(version[1])}, nil
}
