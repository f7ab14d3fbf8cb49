package host

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// newPluginLog passes on what a policy writes to its standard error, and what
// go-plugin says of it: at most so many lines in a second.
func newPluginLog(log *slog.Logger, lines int) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "plugin", Output: io.Discard, Level: hclog.Debug})
	l.RegisterSink(&logSink{log: log, limit: lines})
	return l
}

// logSink is where the lines go.
type logSink struct {
	log   *slog.Logger
	limit int

	mu      sync.Mutex // guards what follows
	second  time.Time
	lines   int
	dropped int
}

// maxLogLine bounds a line.
const maxLogLine = 2 << 10

// Accept takes one line.
func (s *logSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	if level < hclog.Info && len(args) > 0 {
		return // go-plugin's own talk
	}
	dropped, pass := s.admit(time.Now())
	if dropped > 0 {
		s.log.Warn("the policy logs too much; lines were dropped", "lines", dropped)
	}
	if !pass {
		return
	}
	if len(msg) > maxLogLine {
		msg = msg[:maxLogLine] + "..."
	}
	attrs := make([]any, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		key, value := fmt.Sprint(args[i]), fmt.Sprint(args[i+1])
		if key == "timestamp" {
			continue
		}
		if len(value) > maxLogLine {
			value = value[:maxLogLine] + "..."
		}
		attrs = append(attrs, key, value)
	}
	s.log.Log(context.Background(), slogLevel(level), msg, attrs...)
}

// admit counts a line. dropped is what the seconds before have dropped.
func (s *logSink) admit(now time.Time) (dropped int, pass bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.second) >= time.Second {
		s.second, s.lines = now, 0
		dropped, s.dropped = s.dropped, 0
	}
	s.lines++
	if s.lines > s.limit {
		s.dropped++
		return dropped, false
	}
	return dropped, true
}

func slogLevel(l hclog.Level) slog.Level {
	switch {
	case l >= hclog.Error:
		return slog.LevelError
	case l == hclog.Warn:
		return slog.LevelWarn
	case l == hclog.Info:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
