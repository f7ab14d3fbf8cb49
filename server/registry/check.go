package registry

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
)

// adoptionPatience is how long a program that Check has started waits for the catalog.
const adoptionPatience = 15 * time.Second

// checked is a program that Check has started.
type checked struct {
	policy    catalog.Policy
	candidate *host.Candidate
}

// Check starts the program of a policy that is to be made or changed, beside the one
// that runs, and has it accept the tables that are placed by it. It goes on running for
// a while, for when the catalog says that it shall.
func (r *Registry) Check(ctx context.Context, policy catalog.Policy) error {
	if r.builtin[policy.Name] != nil {
		return pgerror.New(pgerror.DuplicateObject, "placement policy %q is built in", policy.Name)
	}
	spec, err := r.spec(policy)
	if err != nil {
		return startError(policy, err)
	}
	c, err := r.deps.Host.Try(ctx, spec)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return startError(policy, err)
	}
	if err := r.acceptTables(ctx, policy, c); err != nil {
		c.Close()
		return err
	}
	r.mu.Lock()
	old := r.checked[policy.Name]
	mine := &checked{policy, c}
	r.checked[policy.Name] = mine
	r.mu.Unlock()
	if old != nil {
		old.candidate.Close()
	}
	time.AfterFunc(adoptionPatience, func() {
		r.mu.Lock()
		if r.checked[policy.Name] == mine {
			delete(r.checked, policy.Name)
		}
		r.mu.Unlock()
		c.Close() // unless it was adopted
	})
	return nil
}

// adopt returns the program that Check has started for a policy, once; nil where it
// has not.
func (r *Registry) adopt(policy catalog.Policy) *host.Candidate {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.checked[policy.Name]
	if c == nil || !sameProgram(c.policy, policy) {
		return nil
	}
	delete(r.checked, policy.Name)
	return c.candidate
}

// sameProgram compares policies but for their versions.
func sameProgram(a, b catalog.Policy) bool {
	return a.Name == b.Name && a.Program == b.Program && a.SHA256 == b.SHA256 && a.PlainText == b.PlainText && maps.Equal(a.Options, b.Options)
}

// acceptTables has a program check the options of all tables that its policy places.
func (r *Registry) acceptTables(ctx context.Context, policy catalog.Policy, c *host.Candidate) error {
	snap := r.deps.Catalog.Catalog()
	for _, t := range snap.Tables {
		if !t.Placement.Program || t.Placement.Policy != policy.Name {
			continue
		}
		if _, err := c.Configure(ctx, placement.Options(t.Placement.Options), describeTable(t)); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			code := pgerror.ObjectNotInPrerequisiteState
			if optionError(err) != nil {
				code = pgerror.InvalidParameterValue
			}
			return pgerror.New(code, "program %q does not accept table %q, which policy %q places", policy.Program, t.Name, policy.Name).
				WithDetail("%v", err)
		}
	}
	return nil
}

// startError tells a client why a program was not started.
func startError(policy catalog.Policy, err error) error {
	code := pgerror.ObjectNotInPrerequisiteState
	var refusal *host.Refusal
	switch {
	case errors.As(err, &refusal):
		return pgerror.New(pgerror.InvalidParameterValue, "placement policy %q: %s", policy.Name, refusal.Why)
	case errors.Is(err, fs.ErrNotExist):
		code = pgerror.UndefinedFile
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	e := pgerror.New(code, "program %q of placement policy %q cannot be started: %s", policy.Program, policy.Name, lines[0])
	if rest := slices.DeleteFunc(lines[1:], func(s string) bool { return strings.TrimSpace(s) == "" }); len(rest) > 0 {
		e = e.WithDetail("%s", strings.Join(rest, "\n"))
	}
	return e
}
