package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/transfer"
)

func TestAPushSaysWhatItHealedAndSkipped(t *testing.T) {
	edge := store.Channel{Risk: store.Edge}
	r := transfer.Result{Unit: "hello.tar.gz", Outcome: catalog.Outcome{
		Pushed: []catalog.Pushed{{Name: "hello", Revision: 2, Healed: true}},
	}}
	for n := range 4 {
		r.Skipped = append(r.Skipped, catalog.IncomingRelease{Name: "hello", Channel: edge, Revision: 10 + n})
	}
	r.Skipped = append(r.Skipped, catalog.IncomingRelease{Name: "core", Channel: edge, Revision: 7})
	var b bytes.Buffer
	printUnit(&b, r)
	for _, line := range []string{
		"[snap hello] Restored the blob of revision 2\n",
		"[snap hello] Skipped 4 of the channel map's lines, with revisions that are neither in the archive nor here: 10 in latest/edge, 11 in latest/edge, 12 in latest/edge, …\n",
		"[snap core] Skipped 1 of the channel map's lines, with revisions that are neither in the archive nor here: 7 in latest/edge\n",
	} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("no line %q in:\n%s", line, b.String())
		}
	}
	if strings.Contains(b.String(), "nothing changed") {
		t.Error("healing is no change")
	}
}
