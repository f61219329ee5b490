package cli

import (
	"log/slog"

	"github.com/larder-store/larder/internal/server"
)

// logger writes to standard error: everything with --verbose, else what an
// operator should know.
func (o *options) logger() *slog.Logger {
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	log, err := server.NewLogger(o.t.err, level, server.FormatAuto)
	if err != nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}
