//go:build cluster

package policies

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/proto"

	"github.com/ssmr/ssmr/plugins/placement"
	"github.com/ssmr/ssmr/plugins/placement/placementpb"
	"github.com/ssmr/ssmr/tests/harness"
)

// The test binary is the policies' program as well: its name is its version, and says
// how it behaves.
func TestMain(m *testing.M) {
	if os.Getenv(placement.Handshake.MagicCookieKey) != "" {
		serve(filepath.Base(os.Args[0]))
		return
	}
	code := m.Run()
	harness.Cleanup()
	os.Exit(code)
}

func serve(version string) {
	if version == "ends" {
		fmt.Fprintln(os.Stderr, "this program ends")
		os.Exit(3)
	}
	p := &broken{version: version}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: placement.Handshake,
		Plugins:         plugin.PluginSet{placement.ServiceName: &placement.Service{Policy: p}},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.ForceServerCodec(codec{encoding.GetCodec("proto"), p}))...)
		},
	})
}

// broken places everything in partition 2, after it has behaved as its mode says.
type broken struct {
	version string // and mode
	mark    string // of the children that it starts
}

func (p *broken) Name() string    { return "broken" }
func (p *broken) Version() string { return p.version }

func (p *broken) Initialize(options placement.Options) error {
	p.mark = options["mark"]
	return nil
}

// Configure accepts any table, except that it answers nothing where that is the mode.
func (p *broken) Configure(placement.Options, placement.Table) (placement.Policy, error) {
	if p.version == "deaf" {
		select {}
	}
	return p, nil
}

func (p *broken) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	out := make([]placement.Placement, len(b.Objects))
	for i := range out {
		out[i] = placement.Placement{Partition: 2, Reason: "two"}
	}
	switch p.version {
	case "crash":
		os.Exit(2)
	case "panic":
		panic("nonsense")
	case "hang":
		select {}
	case "stop":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "slow":
		time.Sleep(3 * time.Second)
	case "unknown":
		for i := range out {
			out[i].Partition = 4711
		}
	case "count":
		return out[1:], nil
	case "status":
		return nil, errors.New("not today")
	case "huge":
		out[0].Reason = strings.Repeat("x", 100<<20)
	case "prints":
		for range 100 {
			fmt.Println("printed", strings.Repeat("x", 1000))
		}
	case "flood":
		for range 1_000_000 {
			_, _ = os.Stderr.WriteString("flood\n")
		}
	case "fork":
		for range 5 {
			_ = exec.Command("/bin/sh", "-c", "sleep 1000 && echo "+p.mark).Start()
		}
		os.Exit(2)
	}
	return out, nil
}

// codec encodes answers of Place as no protobuf, where that is the mode.
type codec struct {
	encoding.Codec
	policy *broken
}

func (c codec) Marshal(v any) ([]byte, error) {
	if _, ok := v.(*placementpb.PlaceResponse); ok && c.policy.version == "garbage" {
		return []byte{0xff, 0xff, 0xff, 0xff, 0x01, 0x02}, nil
	}
	return proto.Marshal(v.(proto.Message))
}

func (codec) Name() string { return "proto" }

func (codec) Unmarshal(b []byte, v any) error { return proto.Unmarshal(b, v.(proto.Message)) }

// install puts programs into a folder.
func install(t *testing.T, dir string, names ...string) {
	t.Helper()
	self, err := os.Executable()
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	for _, name := range names {
		if err == nil {
			err = os.Symlink(self, filepath.Join(dir, name))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
