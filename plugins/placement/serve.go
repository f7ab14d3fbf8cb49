package placement

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ssmr/ssmr/plugins/placement/placementpb"
)

// Handshake is what ssmr-server and a policy must agree on before they talk. It is
// not a secret: it keeps people from starting a policy by hand.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion: 1, MagicCookieKey: "SSMR_PLACEMENT_POLICY", MagicCookieValue: "4f6d3b52-placement",
}

// ServiceName is the name of the only plugin that a policy serves.
const ServiceName = "policy"

// questionBytes bounds what a policy can be asked in one call: all rows of a statement.
const questionBytes = 128 << 20

// WindowBytes is what either side sends before the other has read it. That it is given spares
// each question a ping that measures the connection.
const WindowBytes = 1 << 20

// Serve serves a policy to ssmr-server; it is the whole main of a policy's program.
// It returns when the server ends the program, and exits when the server has died.
//
//	func main() { placement.Serve(byRegion{}) }
//
// What the program writes to its standard error is logged by the server, line by line,
// with the policy's name.
//
// The program then uses one processor, and collects garbage rarely, unless GOMAXPROCS and
// GOGC in its environment say otherwise. A policy whose answers take milliseconds may call
// runtime.GOMAXPROCS in Initialize.
func Serve(policy Policy) {
	if os.Getenv(Handshake.MagicCookieKey) == Handshake.MagicCookieValue {
		go exitWith(os.Stdin)
	}
	beSmall()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: Handshake,
		Plugins:         plugin.PluginSet{ServiceName: &Service{Policy: policy}},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, grpc.InitialWindowSize(WindowBytes), grpc.InitialConnWindowSize(WindowBytes), grpc.MaxRecvMsgSize(questionBytes), grpc.ForceServerCodecV2(newCodec()))...)
		},
	})
}

// garbagePercent is GOGC of a policy's program: a few megabytes more, and a fifth of the
// collections.
const garbagePercent = 500

// beSmall fits the runtime to a program that answers short questions, beside a server that
// needs the processors. On one of them a question is answered without waking others for it,
// which costs more than most answers.
func beSmall() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}

// exitWith ends the program when the server does, which holds the other end.
func exitWith(stdin io.Reader) {
	_, _ = io.Copy(io.Discard, stdin)
	os.Exit(0)
}

// Service makes a policy a plugin of go-plugin. Serve uses it; tests that serve a
// policy in their own process may.
type Service struct {
	plugin.NetRPCUnsupportedPlugin
	Policy Policy
}

// GRPCServer registers the policy.
func (s *Service) GRPCServer(_ *plugin.GRPCBroker, srv *grpc.Server) error {
	placementpb.RegisterPolicyServer(srv, &server{policy: s.Policy, tables: make(map[string]Policy)})
	return nil
}

// GRPCClient returns a placementpb.PolicyClient.
func (s *Service) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return placementpb.NewPolicyClient(conn), nil
}

// maxTables bounds the tables whose configured policies are kept; beyond it all are
// configured anew.
const maxTables = 1024

// server answers calls by a policy.
type server struct {
	placementpb.UnimplementedPolicyServer
	policy Policy

	mu     sync.Mutex        // guards tables
	tables map[string]Policy // configured, by table and options
}

// Describe tells who the policy is.
func (s *server) Describe(_ context.Context, r *placementpb.DescribeRequest) (*placementpb.DescribeResponse, error) {
	answer := &placementpb.DescribeResponse{Name: s.policy.Name(), Version: s.policy.Version()}
	switch i, ok := s.policy.(Initializer); {
	case ok:
		if err := i.Initialize(r.Options); err != nil {
			answer.Error = err.Error()
		}
	case len(r.Options) > 0:
		answer.Error = "the policy takes no options of its own"
	}
	if d, ok := s.policy.(Deterministic); ok { // which may depend on the options
		answer.Deterministic = d.Deterministic()
	}
	return answer, nil
}

// Configure checks the options of a table.
func (s *server) Configure(_ context.Context, r *placementpb.ConfigureRequest) (*placementpb.ConfigureResponse, error) {
	table := TableOf(r.Table)
	policy, err := s.configured(r.Options, table)
	var wrong *OptionError
	switch {
	case errors.As(err, &wrong):
		return &placementpb.ConfigureResponse{Error: &placementpb.OptionError{Option: wrong.Option, Value: wrong.Value, Allowed: wrong.Allowed}}, nil
	case err != nil:
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	answer := &placementpb.ConfigureResponse{}
	if replacer, ok := policy.(Replacer); ok {
		answer.ReplaceColumns = replacer.ReplaceColumns(table)
	}
	if reader, ok := policy.(Reader); ok {
		answer.ReadColumns = &placementpb.ColumnNames{Names: reader.ReadColumns(table)}
	}
	if o, ok := policy.(Objectwise); ok {
		answer.Objectwise = o.Objectwise()
	}
	return answer, nil
}

// configured returns the policy for a table with these options.
func (s *server) configured(options map[string]string, table Table) (Policy, error) {
	c, ok := s.policy.(Configurer)
	if !ok {
		for name, value := range options {
			return nil, &OptionError{Option: name, Value: value, Allowed: "the policy takes no options"}
		}
		return s.policy, nil
	}
	key := tableKey(options, table)
	s.mu.Lock()
	known := s.tables[key]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	policy, err := c.Configure(options, table)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tables) >= maxTables {
		clear(s.tables)
	}
	s.tables[key] = policy
	return policy, nil
}

func tableKey(options map[string]string, table Table) string {
	b := make([]byte, 0, 256)
	text := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	text(table.Name)
	b = binary.AppendUvarint(b, uint64(len(table.Columns)))
	for _, c := range table.Columns {
		text(c.Name)
		text(c.Type)
	}
	b = binary.AppendUvarint(b, uint64(len(table.Key)))
	for _, name := range table.Key {
		text(name)
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		text(name)
		text(options[name])
	}
	return string(b)
}

// Place chooses partitions for new objects.
func (s *server) Place(ctx context.Context, r *placementpb.PlaceRequest) (*placementpb.PlaceResponse, error) {
	batch := BatchOf(r)
	policy, err := s.toAsk(r.Options, *batch.Table)
	if err != nil {
		return nil, err
	}
	return answer(ctx, policy, batch, Policy.Place)
}

// PlaceMany answers one question after another.
func (s *server) PlaceMany(stream grpc.BidiStreamingServer[placementpb.PlaceRequest, placementpb.PlaceResponse]) error {
	var policy Policy          // nil before the first table
	var table Table            // of the question before
	var partitions []Partition // likewise
	for {
		r, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case r.GetTable() != nil || policy == nil:
			table = TableOf(r.GetTable())
			if policy, err = s.toAsk(r.Options, table); err != nil {
				return err
			}
		}
		if len(r.GetPartitions()) > 0 {
			partitions = partitionsOf(r)
		}
		now := table // each batch has its own, whatever the policy does with it
		answer, err := answer(stream.Context(), policy, batchOf(&now, slices.Clone(partitions), r), Policy.Place)
		if err != nil {
			return err
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

// Replace says where changed objects are to live.
func (s *server) Replace(ctx context.Context, r *placementpb.PlaceRequest) (*placementpb.PlaceResponse, error) {
	batch := BatchOf(r)
	policy, err := s.toAsk(r.Options, *batch.Table)
	if err != nil {
		return nil, err
	}
	return answer(ctx, policy, batch, func(p Policy, ctx context.Context, b *Batch) ([]Placement, error) {
		replacer, ok := p.(Replacer)
		if !ok {
			return nil, status.Error(codes.Unimplemented, "the policy does not replace objects")
		}
		return replacer.Replace(ctx, b)
	})
}

// toAsk is configured for a question.
func (s *server) toAsk(options map[string]string, table Table) (Policy, error) {
	policy, err := s.configured(options, table)
	if err != nil {
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	}
	return policy, nil
}

// answer asks the policy.
func answer(ctx context.Context, policy Policy, batch *Batch, ask func(Policy, context.Context, *Batch) ([]Placement, error)) (*placementpb.PlaceResponse, error) {
	placed, err := ask(policy, ctx, batch)
	if err != nil {
		if _, told := status.FromError(err); told {
			return nil, err
		}
		return nil, status.Error(codes.Unknown, err.Error())
	}
	return answerOf(placed), nil
}
