package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cores says which processors what runs on, as taskset takes them. On a
// machine with only one they are the same.
type cores struct{ serving, asking, all string }

func availableCores() (cores, error) {
	list, err := statusField("self", "Cpus_allowed_list")
	if err != nil {
		return cores{}, err
	}
	var each []string
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if err == nil && isRange {
			last, err = strconv.Atoi(to)
		}
		if err != nil {
			return cores{}, fmt.Errorf("cannot read the list of processors %q", list)
		}
		for n := first; n <= last; n++ {
			each = append(each, strconv.Itoa(n))
		}
	}
	return cores{serving: each[0], asking: each[len(each)-1], all: list}, nil
}

// pin keeps this process on some processors.
func pin(cores string) error {
	out, err := exec.Command("taskset", "-a", "-c", "-p", cores, strconv.Itoa(os.Getpid())).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot choose processors: %w: %s", err, out)
	}
	return nil
}

// process is a server under test or beside it.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended and err is set
	err  error
}

// start runs a program on some processors. What it says on standard error goes
// to the file log. Each line of its standard output is given to say, which may
// be nil.
func start(cores, log string, env []string, say func(line string), args ...string) (*process, error) {
	errors, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer errors.Close()
	cmd := exec.Command("taskset", append([]string{"-c", cores}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = errors
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", args[0], err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if say != nil {
				say(lines.Text())
			}
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

const stopTimeout = 20 * time.Second

// stop ends the process and waits for it.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not stop within %s", p.cmd.Args[0], stopTimeout)
	}
	return nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// cpuTime is what the process and its children, which must not have any of
// their own, have spent so far. Threads that have ended are not counted; the
// servers here keep theirs.
func (p *process) cpuTime() (time.Duration, error) {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.pid()))
	if err != nil {
		return 0, err
	}
	var total time.Duration
	for _, pid := range append(strings.Fields(string(children)), strconv.Itoa(p.pid())) {
		threads, err := filepath.Glob("/proc/" + pid + "/task/*/schedstat")
		if err != nil || len(threads) == 0 {
			return 0, fmt.Errorf("the kernel does not tell the processor time of process %s", pid)
		}
		for _, thread := range threads {
			text, err := os.ReadFile(thread)
			if err != nil {
				continue // it has just ended
			}
			spent, _, _ := strings.Cut(string(text), " ")
			n, err := strconv.ParseInt(spent, 10, 64)
			if err != nil {
				return 0, err
			}
			total += time.Duration(n)
		}
	}
	return total, nil
}

// resident is the memory the process has now, peak the most it ever had.
func (p *process) resident() (int64, error) { return memory(p.pid(), "VmRSS") }
func (p *process) peak() (int64, error)     { return memory(p.pid(), "VmHWM") }

// forgetPeak makes the memory that the process has now its peak.
func (p *process) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.pid()), []byte("5"), 0)
}

func memory(pid int, field string) (int64, error) {
	text, err := statusField(strconv.Itoa(pid), field)
	if err != nil {
		return 0, err
	}
	kib, err := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	return kib << 10, err
}

func statusField(pid, field string) (string, error) {
	text, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return "", err
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("the kernel does not tell %s of process %s", field, pid)
}

// charged runs l and adds the processor time that p spent on it.
func charged(ctx context.Context, p *process, l load) (sample, error) {
	before, err := p.cpuTime()
	if err != nil {
		return sample{}, err
	}
	s, err := l.run(ctx)
	if err != nil {
		return s, err
	}
	after, err := p.cpuTime()
	s.cpu = after - before
	return s, err
}
