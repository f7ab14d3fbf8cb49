package host

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// hostName is how go-plugin's own log lines are named; those of a policy have more
// behind it.
const hostName = "plugin"

// newPluginLog passes on to the sink what a policy writes to its standard error, and
// what go-plugin says of it.
func newPluginLog(sink *logSink) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: hostName, Output: io.Discard, Level: hclog.Debug})
	l.RegisterSink(sink)
	return l
}

// logSink is where the lines go: at most so many in a second.
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

// Accept takes one line. What go-plugin itself says is for who looks for a fault.
func (s *logSink) Accept(name string, level hclog.Level, msg string, args ...any) {
	if name == hostName || strings.HasPrefix(name, hostName+".stdio") {
		level = hclog.Debug
	} else if level == hclog.Debug && len(args) == 0 && !strings.HasPrefix(msg, "[") {
		level = hclog.Info // a line of text without a level
	}
	s.put(slogLevel(level), msg, args...)
}

// line takes a line of text.
func (s *logSink) line(text string) { s.put(slog.LevelInfo, text) }

func (s *logSink) put(level slog.Level, msg string, args ...any) {
	ctx := context.Background()
	if !s.log.Enabled(ctx, level) {
		return
	}
	if !s.admit(time.Now()) {
		return
	}
	attrs := make([]any, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		if key := fmt.Sprint(args[i]); key != "timestamp" {
			attrs = append(attrs, key, Clip(fmt.Sprint(args[i+1]), maxLogLine))
		}
	}
	s.log.Log(ctx, level, Clip(msg, maxLogLine), attrs...)
}

// admit counts a line, and says whether it is logged.
func (s *logSink) admit(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.second) >= time.Second {
		s.second, s.lines = now, 0
	}
	s.lines++
	if s.lines <= s.limit {
		return true
	}
	if s.dropped++; s.dropped == 1 {
		time.AfterFunc(time.Second, s.tellDropped)
	}
	return false
}

// tellDropped logs how many lines were not.
func (s *logSink) tellDropped() {
	s.mu.Lock()
	dropped := s.dropped
	s.dropped = 0
	s.mu.Unlock()
	s.log.Warn("the policy logs too much; lines were dropped", "lines", dropped)
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
