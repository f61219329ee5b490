package delta

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// limit bounds a process that has just started, and puts it behind all others.
// The limit of processor time ends it also when nobody is left to stop it.
func limit(pid int, memory uint64, most time.Duration) error {
	seconds := uint64(most/time.Second) + 1
	return errors.Join(
		unix.Prlimit(pid, unix.RLIMIT_AS, &unix.Rlimit{Cur: memory, Max: memory}, nil),
		unix.Prlimit(pid, unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: seconds}, nil),
		unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{}, nil), // it writes to a pipe
		unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil),
		unix.Setpriority(unix.PRIO_PROCESS, pid, 19),
	)
}
