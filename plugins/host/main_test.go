package host

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/proto"

	"github.com/ssmr/ssmr/plugins/host/hosttest"
	"github.com/ssmr/ssmr/plugins/placement"
	"github.com/ssmr/ssmr/plugins/placement/placementpb"
)

// The test binary is the policies' program as well: its name says how it behaves.
func TestMain(m *testing.M) {
	if how, ok := hosttest.Program(); ok {
		behave(how)
		return
	}
	if dir := os.Getenv("HOST_TEST_DIR"); dir != "" {
		hostUntilKilled(dir)
		return
	}
	os.Exit(m.Run())
}

// behave is a policy that behaves in one way.
func behave(how string) {
	switch how {
	case "ends":
		os.Exit(3)
	case "silent":
		select {}
	case "babbles":
		fmt.Println("hello, I am not a plugin")
		select {}
	case "garbage":
		plugin.Serve(&plugin.ServeConfig{
			HandshakeConfig: placement.Handshake,
			Plugins:         plugin.PluginSet{placement.ServiceName: &placement.Service{Policy: &policy{how: how}}},
			GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
				return grpc.NewServer(append(opts, grpc.ForceServerCodec(garbage{encoding.GetCodec("proto")}))...)
			},
		})
		return
	}
	placement.Serve(&policy{how: how})
}

// garbage encodes answers of Place as no protobuf.
type garbage struct{ encoding.Codec }

func (g garbage) Marshal(v any) ([]byte, error) {
	if _, ok := v.(*placementpb.PlaceResponse); ok {
		return []byte{0xff, 0xff, 0xff, 0xff, 0x01, 0x02}, nil
	}
	return proto.Marshal(v.(proto.Message))
}

func (garbage) Name() string { return "proto" }

func (garbage) Unmarshal(b []byte, v any) error { return proto.Unmarshal(b, v.(proto.Message)) }

// policy places everything at home, after it has behaved.
type policy struct {
	how   string
	color string // an option of the table
}

func (p *policy) Name() string { return p.how }

func (p *policy) Version() string {
	switch p.how {
	case "second":
		return "2"
	case "verbose":
		return strings.Repeat("v", 1000)
	}
	return "1"
}

func (p *policy) Deterministic() bool { return true }

func (p *policy) Configure(options placement.Options, _ placement.Table) (placement.Policy, error) {
	if v, ok := options["wrong"]; ok {
		return nil, &placement.OptionError{Option: "wrong", Value: v, Allowed: "nothing"}
	}
	return &policy{how: p.how, color: options["color"]}, nil
}

func (p *policy) ReplaceColumns(placement.Table) []string { return []string{"country"} }

func (p *policy) Replace(ctx context.Context, b *placement.Batch) ([]placement.Placement, error) {
	return p.Place(ctx, b)
}

// slowTime is what an answer of the slow takes.
const slowTime = 200 * time.Millisecond

func (p *policy) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	placed := make([]placement.Placement, len(b.Objects))
	for i := range placed {
		placed[i] = placement.Placement{Partition: b.Objects[i].Home, Reason: "home"}
	}
	if p.how == "hinted" {
		switch b.Hint {
		case "slow":
			time.Sleep(slowTime)
		case "refuse":
			return nil, fmt.Errorf("not today")
		case "short":
			return placed[:0], nil
		}
	}
	switch p.how {
	case "tells":
		placed[0].Reason = fmt.Sprintf("%s %v of %s %v, %v", p.color, b.Table.Columns, b.Table.Name, b.Table.Key, b.Partitions)
		slices.Reverse(b.Partitions) // which is its own matter
		b.Table.Name = ""
	case "slow":
		time.Sleep(slowTime)
	case "hangs":
		time.Sleep(time.Hour)
	case "crashes":
		os.Exit(2)
	case "panics":
		panic("nonsense")
	case "short":
		placed = placed[:0]
	case "huge":
		placed[0].Reason = strings.Repeat("x", 100<<20)
	case "prints":
		for range 100 {
			fmt.Println(strings.Repeat("to stdout ", 10))
		}
	case "floods":
		for i := range 20000 {
			fmt.Fprintln(os.Stderr, "line", i)
		}
	case "raw": // not through the SDK, and no line
		for range 20 {
			_, _ = syscall.Write(1, bytes.Repeat([]byte("x"), 64<<10))
		}
		_, _ = syscall.Write(2, []byte("raw line\n"))
	case "env":
		for _, v := range os.Environ() {
			if !strings.HasPrefix(v, "PLUGIN_") {
				placed[0].Reason += v + "\n"
			}
		}
	case "verbose":
		placed[0].Reason = "\x00" + strings.Repeat("ä", 1000)
	case "leaves": // children behind: one in its group, one that holds its output and has left the group
		for _, setsid := range []bool{false, true} {
			c := exec.Command("/bin/sleep", "5")
			c.Stdout, c.Stderr = os.NewFile(1, "stdout"), os.NewFile(2, "stderr")
			c.SysProcAttr = &syscall.SysProcAttr{Setsid: setsid}
			if c.Start() == nil && !setsid {
				_ = os.WriteFile(fmt.Sprintf("child-%d", c.Process.Pid), nil, 0o600)
			}
		}
		os.Exit(2)
	case "refuses":
		return nil, fmt.Errorf("not today")
	}
	return placed, nil
}

// hostUntilKilled opens a policy, tells its process id and waits.
func hostUntilKilled(dir string) {
	h, err := New(Config{Dir: dir})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	p, err := h.Open(context.Background(), Spec{Name: "good", Program: "policy-good"})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	fmt.Println("pid", p.Status().PID)
	select {}
}
