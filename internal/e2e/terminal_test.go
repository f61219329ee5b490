package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"
)

func TestProgressIsForTerminalsOnly(t *testing.T) {
	n := newStore(t, place{})
	dir := t.TempDir()
	plain := n.run("push-snap", makeSnap(t, dir, "plain", "1.0", noise(8<<20)), "--register")
	if plain.code != 0 || plain.errOut != "" {
		t.Errorf("without a terminal, want nothing on standard error: %s", plain)
	}

	file := makeSnap(t, dir, "watched", "1.0", noise(8<<20))
	for _, verb := range [][]string{{"push-snap", file, "--register"}, {"fsck"}, {"backup", dir + "/store.tar"}} {
		t.Run(verb[0], func(t *testing.T) {
			out, screen, code := n.onTerminal(verb...)
			if code != 0 || out == "" {
				t.Errorf("exit code %d, printed %q, showed %q", code, out, screen)
			}
			if !strings.Contains(screen, "\x1b[") || !strings.Contains(screen, "/") {
				t.Errorf("no progress on the terminal: %q", screen)
			}
			if strings.Contains(out, "\x1b") {
				t.Errorf("control characters in the answer: %q", out)
			}
		})
	}

	out, screen, code := n.onTerminal("push-snap", file, "--format", "json")
	if code != 0 || !strings.HasPrefix(out, "{") || screen != "" {
		t.Errorf("with --format json, want no progress: exit code %d, printed %q, showed %q", code, out, screen)
	}

	// An error ends the bars, and stands on a line of its own.
	broken := write(t, dir, "broken.snap", []byte("hsqs and no more"))
	out, screen, code = n.onTerminal("push-snap", broken, file)
	if code != 5 || !strings.Contains(screen, "\nerror: cannot read ") || !strings.Contains(out, "Already has watched revision 1") {
		t.Errorf("exit code %d, printed %q, showed %q", code, out, screen)
	}
}

// onTerminal runs a command whose standard error is a terminal.
func (n *node) onTerminal(args ...string) (out, screen string, code int) {
	n.t.Helper()
	keyboard, tty := terminal(n.t)
	cmd := n.command(args...)
	cmd.Env = append(cmd.Env, "TERM=xterm")
	var printed, shown bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, tty
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	tty.Close()
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = shown.ReadFrom(keyboard) }) // ends with EIO when nobody holds the other side
	_ = cmd.Wait()                                         // its state says how it ended
	reading.Wait()
	return printed.String(), shown.String(), cmd.ProcessState.ExitCode()
}

// terminal opens both sides of a pseudo-terminal of 80 by 25 characters.
func terminal(t testing.TB) (keyboard, tty *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	var number uint32
	var unlocked int32
	size := [4]uint16{25, 80}
	control(t, keyboard, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	control(t, keyboard, syscall.TIOCGPTN, unsafe.Pointer(&number))
	control(t, keyboard, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	tty, err = os.OpenFile("/dev/pts/"+strconv.Itoa(int(number)), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return keyboard, tty
}

// echoes reports whether what is typed shows on the terminal.
func echoes(t testing.TB, keyboard *os.File) bool {
	t.Helper()
	var settings syscall.Termios
	control(t, keyboard, syscall.TCGETS, unsafe.Pointer(&settings))
	return settings.Lflag&syscall.ECHO != 0
}

func control(t testing.TB, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(arg)); errno != 0 {
		t.Fatalf("ioctl %#x: %v", request, errno)
	}
}

// TestAnInterruptedPushLeavesNothingVisible presses Ctrl-C as soon as a push has
// begun to take its file in.
func TestAnInterruptedPushLeavesNothingVisible(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			n := newStore(t, p.make(t))
			s := n.serve()
			file := makeSnap(t, t.TempDir(), "hello", "1.0", noise(128<<20))
			cmd := n.command("push-snap", file, "--register", "--channel", "stable")
			poll(t, "a push to be caught in the act", func() error {
				cmd = n.command(cmd.Args[1:]...)
				return n.interrupt(cmd)
			})
			if _, err := info(s.url, "hello"); err == nil {
				t.Error("devices see the interrupted push")
			}
			n.fsckClean()
			n.must("push-snap", file, "--register", "--channel", "stable")
			soonServed(t, s.url, "hello", "stable", file)
		})
	}
}

// interrupt starts a push and interrupts it while bytes come in. It fails when
// the push was done before that.
func (n *node) interrupt(cmd *exec.Cmd) error {
	n.t.Helper()
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	poll(n.t, "bytes to come in", func() error {
		select {
		case <-ended:
			return nil
		default:
		}
		for _, place := range []string{"blobs/tmp", "spool"} {
			if incoming, _ := os.ReadDir(filepath.Join(n.dir, place)); len(incoming) > 0 {
				return nil
			}
		}
		return errors.New("nothing is there yet")
	})
	_ = cmd.Process.Signal(os.Interrupt) // it may have ended
	<-ended
	if cmd.ProcessState.Success() {
		return errors.New("the push was faster")
	}
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(errOut.String(), "interrupted: ") {
		n.t.Errorf("want exit code 130 and a word about it, got %d and %q", code, errOut.String())
	}
	return nil
}

// TestPasswordsStayOutOfProcessListsAndLogs looks at what other users of the
// machine, and readers of logs, can see of a server.
func TestPasswordsStayOutOfProcessListsAndLogs(t *testing.T) {
	n := newStore(t, places[1].make(t))
	s := n.serve("--verbose")
	file := makeSnap(t, t.TempDir(), "hello", "1.0")
	n.must("push-snap", file, "--register", "--channel", "stable")
	soonServed(t, s.url, "hello", "stable", file)
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(filepath.Join(n.dir, "secret"))
	if err != nil {
		t.Fatal(err)
	}
	// The S3 password of testservice, and the store's own secret.
	for _, word := range []string{"only-for-tests", strings.TrimSpace(string(secret))} {
		if strings.Contains(string(cmdline), word) {
			t.Error("a password shows in the process list")
		}
		if strings.Contains(s.log.String(), word) {
			t.Errorf("a password shows in the log:\n%s", s.log)
		}
	}
	if !strings.Contains(n.place.blobs, "only-for-tests") {
		t.Error("this test looks for a password that is no longer in use")
	}
}
