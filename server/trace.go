package server

import (
	"fmt"

	"github.com/ssmr/ssmr/internal/trace"
	"github.com/ssmr/ssmr/planner/execute"
)

// tracer fits a recorder to the executor.
type tracer struct{ recorder *trace.Recorder }

// Touched records a command.
func (t tracer) Touched(touches []execute.Touch) {
	t.recorder.Record(len(touches), func(i int) trace.Touch {
		touch := &touches[i]
		return trace.Touch{
			Table: touch.Table, ID: touch.ID, Start: touch.Span.Start, End: touch.Span.End,
			Kind: traced[touch.Kind], Values: touch.Values, Set: touch.Set,
		}
	})
}

var traced = [...]trace.Kind{
	execute.TouchRead: trace.Read, execute.TouchCreate: trace.Create, execute.TouchUpdate: trace.Update, execute.TouchDelete: trace.Delete,
}

// trace begins to record what commands touch, where the configuration says so; nil where
// it does not.
func (n *Node) trace() (execute.Trace, error) {
	if n.cfg.Trace.File == "" {
		return nil, nil
	}
	r, err := trace.NewRecorder(trace.Config{
		File: n.cfg.Trace.File, Size: n.cfg.Trace.SizeBytes, Node: n.cfg.Node, Catalog: n.cache.Catalog, Logger: n.log.With("part", "trace"),
	})
	if err != nil {
		return nil, fmt.Errorf("trace (key \"trace.file\"): %w", err)
	}
	n.onClose("trace", func() error {
		if dropped := r.Dropped(); dropped > 0 {
			n.log.Warn("commands are missing in the trace", "file", n.cfg.Trace.File, "commands", dropped)
		}
		return r.Close()
	})
	return tracer{r}, nil
}
