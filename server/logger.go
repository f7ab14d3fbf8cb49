package server

import (
	"io"
	"log/slog"

	"github.com/ssmr/ssmr/configs"
)

// NewLogger makes the logger that a configuration asks for.
func NewLogger(w io.Writer, cfg configs.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Level)) // validated by configs
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
