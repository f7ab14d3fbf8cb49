package registry

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/host/hosttest"
	"github.com/ssmr/ssmr/plugins/placement"
)

// The test binary is the policies' program as well: its name is its version.
func TestMain(m *testing.M) {
	if version, ok := hosttest.Program(); ok {
		if version == "ends" {
			os.Exit(3)
		}
		if version == "country" {
			placement.Serve(byCountry{})
			return
		}
		if version == "all" {
			placement.Serve(struct{ placement.Policy }{byCountry{}}) // it does not say what it reads
			return
		}
		if strings.HasPrefix(version, "counting") {
			placement.Serve(&counting{policy{name: "remote", version: version}, new(atomic.Int64)})
			return
		}
		if version == "objectwise" {
			placement.Serve(objectwise{})
			return
		}
		if column, ok := strings.CutPrefix(version, "reads-"); ok {
			placement.Serve(&reader{policy{name: "remote", version: version}, column})
			return
		}
		serve(&policy{name: "remote", version: version})
		return
	}
	os.Exit(m.Run())
}

func serve(p *policy) {
	if p.version == "plain" {
		placement.Serve(struct{ placement.Policy }{p}) // without further abilities
		return
	}
	placement.Serve(p)
}

// policy does what the hint says. It is a program, or built in.
type policy struct {
	name, version string
	never         bool // that it is to be asked again
}

func (p *policy) Name() string    { return p.name }
func (p *policy) Version() string { return p.version }

func (p *policy) Initialize(options placement.Options) error {
	if _, ok := options["hang"]; ok {
		time.Sleep(time.Minute)
	}
	if v, ok := options["bad"]; ok {
		return &placement.OptionError{Option: "bad", Value: v, Allowed: "nothing"}
	}
	return nil
}

func (p *policy) Configure(options placement.Options, _ placement.Table) (placement.Policy, error) {
	if _, ok := options["remote.hang"]; ok {
		time.Sleep(time.Minute)
	}
	if v, ok := options["remote.refuse"]; ok && v == p.version {
		return nil, &placement.OptionError{Option: "remote.refuse", Value: v, Allowed: "another version"}
	}
	_, never := options["remote.never"]
	return &policy{name: p.name, version: p.version, never: never}, nil
}

func (p *policy) ReplaceColumns(placement.Table) []string {
	if p.never {
		return nil
	}
	return []string{"country"}
}

func (p *policy) Replace(ctx context.Context, b *placement.Batch) ([]placement.Placement, error) {
	return p.Place(ctx, b)
}

func (p *policy) Place(ctx context.Context, b *placement.Batch) ([]placement.Placement, error) {
	out := make([]placement.Placement, len(b.Objects))
	for i := range out {
		out[i] = placement.Placement{Partition: 2, Reason: "two"}
	}
	switch b.Hint {
	case "short":
		return out[:0], nil
	case "error":
		return nil, errors.New("not today")
	case "hang":
		<-ctx.Done()
		time.Sleep(time.Minute)
	case "none":
		out[0].Partition = 0
	case "unknown":
		out[0].Partition = 99
	case "open":
		for _, part := range b.Partitions {
			if !part.Closed {
				out[0].Partition = part.ID
			}
		}
	case "long":
		out[0].Reason = "\xff\x00" + strings.Repeat("ä", host.MaxReason)
	}
	return out, nil
}
