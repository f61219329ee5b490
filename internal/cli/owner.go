package cli

import (
	"os"
	"os/user"
	"strconv"
	"syscall"

	"github.com/larder-store/larder/internal/store"
)

// checkOwner refuses root in a data directory that belongs to somebody else.
// Blobs are readable by their owner only: what root pushes, the service that
// runs as that user could not serve. A directory that is not there is nobody's.
func (o *options) checkOwner(euid int) error {
	info, err := os.Stat(o.data)
	if err != nil {
		return nil // opening it says what is wrong
	}
	stat, known := info.Sys().(*syscall.Stat_t)
	if euid != 0 || !known || stat.Uid == 0 {
		return nil
	}
	name := "#" + strconv.FormatUint(uint64(stat.Uid), 10)
	if u, err := user.LookupId(name[1:]); err == nil {
		name = u.Username
	}
	return store.Forbiddenf("wrong-user", "cannot work in %s as root: it belongs to %s, who could not read what root writes", o.data, name).
		Try("run it as that user: sudo -u '" + name + "' " + o.t.program + " --data " + o.data + " …")
}
