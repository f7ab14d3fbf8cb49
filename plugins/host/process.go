package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/hashicorp/go-hclog"

	"github.com/ssmr/ssmr/plugins/placement"
	"github.com/ssmr/ssmr/plugins/placement/placementpb"
)

// killPatience is how long go-plugin may take to tidy up behind a process that was
// killed.
const killPatience = 5 * time.Second

// process is a running policy.
type process struct {
	id      ProgramID
	spec    Spec
	sum     string
	started time.Time
	about   *placementpb.DescribeResponse
	policy  placementpb.PolicyClient
	talks   conversations
	health  grpc_health_v1.HealthClient
	child   *child
	client  *plugin.Client
	killed  sync.Once
}

// start starts a program and asks it who it is.
func (h *Host) start(ctx context.Context, spec Spec, log *slog.Logger) (*process, error) {
	path, sum, err := h.Check(spec)
	if err != nil {
		return nil, err
	}
	sockets, err := h.socketFolder()
	if err != nil {
		return nil, err
	}
	output, sink := new(pace), &logSink{log: log, limit: h.cfg.LogLines}
	p := &process{id: ProgramID(h.started.Add(1)), spec: spec, sum: sum, started: time.Now(), child: h.newChild(path, output)}
	p.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: placement.Handshake,
		Plugins:         plugin.PluginSet{placement.ServiceName: &placement.Service{}},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			p.child.cmd.Env = append(cmd.Env, p.child.cmd.Env...)
			return p.child, nil
		},
		StartTimeout:        h.cfg.StartTimeout,
		AllowedProtocols:    []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:            !spec.PlainText,
		SkipHostEnv:         true,
		Logger:              newPluginLog(sink),
		PluginLogBufferSize: 8 << 10,
		SyncStdout:          &lineWriter{pace: output, line: sink.line},
		SyncStderr:          &lineWriter{pace: output, line: sink.line},
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithInitialWindowSize(placement.WindowBytes), grpc.WithInitialConnWindowSize(placement.WindowBytes),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(h.cfg.AnswerBytes)),
		},
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: sockets},
	})
	connected := make(chan error, 1)
	go func() { connected <- p.connect(ctx, h.cfg.StartTimeout) }()
	select {
	case err = <-connected:
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(2 * h.cfg.StartTimeout):
		err = errors.New("it did not start in time")
	}
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("policy %q (%s): %w", spec.Name, filepath.Base(path), err)
	}
	return p, nil
}

// Refusal is the error of a program that does not accept the policy's own options.
type Refusal struct{ Why string }

// Error says what the program says.
func (r *Refusal) Error() string { return r.Why }

// SQLState is 22023, invalid_parameter_value.
func (r *Refusal) SQLState() string { return "22023" }

// connect does the handshake and the first call.
func (p *process) connect(ctx context.Context, limit time.Duration) error {
	rpc, err := p.client.Client()
	if err != nil {
		return err
	}
	g, ok := rpc.(*plugin.GRPCClient)
	if !ok {
		return errors.New("it does not speak gRPC")
	}
	p.policy, p.health = placementpb.NewPolicyClient(g.Conn), grpc_health_v1.NewHealthClient(g.Conn)
	p.talks.policy = p.policy
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	about, err := p.policy.Describe(ctx, &placementpb.DescribeRequest{Name: p.spec.Name, Options: p.spec.Options})
	if err != nil {
		return fmt.Errorf("it does not say who it is: %w", err)
	}
	if about.GetError() != "" {
		return &Refusal{Clip(about.GetError(), maxText)}
	}
	about.Name, about.Version = Clip(about.GetName(), maxName), Clip(about.GetVersion(), maxName)
	p.about = about
	return nil
}

// alive asks for the policy's health, within ctx.
func (p *process) alive(ctx context.Context) error {
	answer, err := p.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: plugin.GRPCServiceName})
	if err == nil && answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("its health is %s", answer.GetStatus())
	}
	return err
}

// configure checks the options of a table.
func (p *process) configure(ctx context.Context, options placement.Options, table placement.Table) (Accepted, error) {
	answer, err := p.policy.Configure(ctx, &placementpb.ConfigureRequest{Table: table.Message(), Options: options})
	if err != nil {
		return Accepted{}, err
	}
	if e := answer.GetError(); e != nil {
		return Accepted{}, &placement.OptionError{Option: Clip(e.GetOption(), maxText), Value: Clip(e.GetValue(), maxText), Allowed: Clip(e.GetAllowed(), maxText)}
	}
	accepted := Accepted{ReplaceColumns: answer.GetReplaceColumns(), Objectwise: answer.GetObjectwise(), By: p.id}
	if answer.GetReadColumns() != nil {
		accepted.ReadColumns = append([]string{}, answer.ReadColumns.GetNames()...)
	}
	return accepted, nil
}

func (p *process) replace(ctx context.Context, q *Question) (*placementpb.PlaceResponse, error) {
	return p.policy.Replace(ctx, q.Batch.Message(q.Options, q.Columns))
}

// exited is closed when the process has ended.
func (p *process) exited() <-chan struct{} { return p.child.ended }

// kill ends the process and what it has started, at once, and tidies up.
func (p *process) kill() {
	p.killed.Do(func() {
		p.child.killNow()
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.client.Kill() // the process is dead: this only tidies up
		}()
		select {
		case <-done:
		case <-time.After(killPatience):
		}
	})
}
