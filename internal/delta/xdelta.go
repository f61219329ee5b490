package delta

import (
	"bytes"
	"context"
	"crypto/sha3"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/store"
)

// xdelta runs the program for one pair of revisions. It reads the source as a
// file, since it seeks there, and everything else through pipes: so nothing but
// what this process writes takes disk, and the limits stand before the first
// byte goes in.
type xdelta struct {
	program    string
	memory     uint64 // bytes of address space
	time       time.Duration
	source     string // absolute path
	sourceSize int64
	target     store.Digest
	targetSize int64
}

// The program looks for copies within a window of the source. It takes about
// 1.7 times as much memory; beyond the largest window, what has moved by more is
// not found.
const (
	minWindow = 1 << 20
	maxWindow = 256 << 20
)

func (x *xdelta) window() string {
	return strconv.Itoa(min(maxWindow, max(minWindow, 1<<bits.Len64(uint64(x.sourceSize)))))
}

// encode hands the delta from the source to target over as it is made.
//
//	-3       the level that snapd takes
//	-S none  no compression on top, which RFC 3284 has no names for
//	-A       no header with names of files, so that the same files give the same delta
//	-D       no other programs, whatever target looks like
func (x *xdelta) encode(ctx context.Context, target io.Reader, delta func(io.Reader) error) error {
	sum := sha3.New384()
	err := x.run(ctx, io.TeeReader(target, sum), delta,
		"-e", "-3", "-c", "-D", "-A", "-S", "none", "-B", x.window(), "-s", x.source)
	if err == nil && store.Digest(sum.Sum(nil)) != x.target {
		err = fmt.Errorf("%w: it has not the bytes of %s", blob.ErrCorrupt, x.target)
	}
	return err
}

// check applies the delta and refuses one that does not make the target.
func (x *xdelta) check(ctx context.Context, delta io.Reader) error {
	sum, n := sha3.New384(), int64(0)
	err := x.run(ctx, delta, func(made io.Reader) (err error) {
		n, err = io.Copy(sum, io.LimitReader(made, x.targetSize+1))
		if n > x.targetSize {
			return errOther
		}
		return err
	}, "-d", "-c", "-D", "-R", "-B", x.window(), "-s", x.source)
	if err == nil && store.Digest(sum.Sum(nil)) != x.target {
		err = errOther
	}
	return err
}

// errOther: the delta makes something else.
var errOther error = &refusal{"applied, it made other bytes than the revision's"}

// run runs the program with in as its input and gives its output to out. What
// is the program's fault, by failing or by reaching a limit, is a refusal.
func (x *xdelta) run(ctx context.Context, in io.Reader, out func(io.Reader) error, args ...string) error {
	limited, cancel := context.WithTimeoutCause(ctx, x.time, &refusal{fmt.Sprintf("it took longer than %s", x.time)})
	defer cancel()
	cmd := exec.CommandContext(limited, x.program, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"LC_ALL=C"} // XDELTA would add options
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	said := &excerpt{most: 1 << 10}
	cmd.Stderr = said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start %s: %w", x.program, err)
	}
	if err := limit(cmd.Process.Pid, x.memory, x.time); err != nil {
		_ = cmd.Cancel() // it may have ended by itself
		_ = cmd.Wait()
		return fmt.Errorf("cannot limit %s: %w", x.program, err)
	}
	fed := make(chan error, 1)
	go func() {
		defer stdin.Close()
		fed <- feed(stdin, in)
	}()
	outErr := out(stdout)
	if outErr != nil {
		cancel() // or it would wait for somebody to read the rest
	}
	inErr := <-fed
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case inErr != nil:
		return inErr
	case outErr != nil && limited.Err() != nil && errors.As(context.Cause(limited), new(*refusal)):
		return context.Cause(limited)
	case outErr != nil:
		return outErr
	case limited.Err() != nil:
		return context.Cause(limited)
	case err != nil:
		return &refusal{strings.TrimSpace(fmt.Sprintf("%s ended with %s: %s", Program, cmd.ProcessState, said))}
	}
	return nil
}

// feed copies in to the program. That the program wants no more is no failure
// here: its exit code tells.
func feed(stdin io.Writer, in io.Reader) error {
	buf := make([]byte, 256<<10)
	for {
		n, err := in.Read(buf)
		if _, writeErr := stdin.Write(buf[:n]); writeErr != nil {
			return nil
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// excerpt keeps the beginning of what a program says.
type excerpt struct {
	text bytes.Buffer
	most int
}

func (e *excerpt) Write(p []byte) (int, error) {
	e.text.Write(p[:min(len(p), e.most-e.text.Len())])
	return len(p), nil
}

func (e *excerpt) String() string { return strings.ToValidUTF8(e.text.String(), "?") }
