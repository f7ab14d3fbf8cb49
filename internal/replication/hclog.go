package replication

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// raftLogger gives raft's messages to slog. What raft calls information is detail
// here, since changes of role are logged by the Group; failures to reach a peer
// repeat with every attempt and are detail too.
type raftLogger struct {
	hclog.Logger // discards; serves the methods that raft does not use
	log          *slog.Logger
}

func newRaftLogger(log *slog.Logger) hclog.Logger {
	return raftLogger{Logger: hclog.NewNullLogger(), log: log}
}

// Trace logs a detail.
func (l raftLogger) Trace(msg string, args ...any) { l.log.Debug("raft: "+msg, values(args)...) }

// Debug logs a detail.
func (l raftLogger) Debug(msg string, args ...any) { l.log.Debug("raft: "+msg, values(args)...) }

// Info logs a detail.
func (l raftLogger) Info(msg string, args ...any) { l.log.Debug("raft: "+msg, values(args)...) }

// Warn logs what raft warns of, as a detail.
func (l raftLogger) Warn(msg string, args ...any) { l.log.Debug("raft: "+msg, values(args)...) }

// Error logs an error, or a detail if it is about an unreachable peer.
func (l raftLogger) Error(msg string, args ...any) {
	for _, s := range []string{"failed to heartbeat", "failed to appendEntries", "failed to make requestVote", "peer has newer term"} {
		if strings.HasPrefix(msg, s) {
			l.log.Debug("raft: "+msg, values(args)...)
			return
		}
	}
	l.log.Warn("raft: "+msg, values(args)...)
}

// With returns a logger that adds these values.
func (l raftLogger) With(args ...any) hclog.Logger {
	return raftLogger{Logger: l.Logger, log: l.log.With(values(args)...)}
}

// Named returns the same logger.
func (l raftLogger) Named(string) hclog.Logger { return l }

// values turns hclog's formatted values into text.
func values(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 {
			if format, ok := f[0].(string); ok {
				a = fmt.Sprintf(format, f[1:]...)
			}
		}
		out[i] = a
	}
	return out
}
