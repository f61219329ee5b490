package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

func TestRootIsRefusedInADirectoryOfAnotherUser(t *testing.T) {
	const nobody = 65534
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, nobody, -1); err != nil {
			t.Fatal(err)
		}
	}
	o := &options{t: &terminal{program: "larder"}, data: dir}
	if err := o.checkOwner(0); store.CodeOf(err) != "wrong-user" {
		t.Errorf("root in a directory of another user gets %v, want wrong-user", err)
	}
	if err := o.checkOwner(nobody); err != nil {
		t.Errorf("a user gets %v", err)
	}
	o.data = filepath.Join(dir, "new")
	if err := o.checkOwner(0); err != nil {
		t.Errorf("root in a directory that is not there gets %v", err)
	}
}
