package delta

import (
	"context"
	"errors"
	"io"

	"github.com/larder-store/larder/internal/store"
)

// Apply gives what a delta makes of a revision's bytes to into, at most so many.
// A delta that the program cannot apply is an error of kind invalid, and a host
// without the program one of kind unavailable.
func (m *Maker) Apply(ctx context.Context, source *store.Revision, delta io.Reader, most int64, into func(io.Reader) error) error {
	program := m.opts.Program
	if program == "" {
		var err error
		if program, err = Find(); err != nil {
			return err
		}
	}
	path, done, err := m.asFile(ctx, source)
	if err != nil {
		return err
	}
	defer done()
	x := xdelta{program: program, memory: m.opts.Memory, time: m.opts.Time, source: path, sourceSize: source.Size}
	err = x.run(ctx, delta, func(made io.Reader) error { return into(io.LimitReader(made, most+1)) },
		"-d", "-c", "-D", "-R", "-B", x.window(), "-s", x.source)
	var refused *refusal
	if errors.As(err, &refused) {
		return store.Invalidf("invalid-delta", "the delta cannot be applied: %s", refused.reason)
	}
	return err
}
