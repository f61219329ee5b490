// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/asserts/snapasserts"
	"github.com/snapcore/snapd/snap"
	"github.com/snapcore/snapd/snap/naming"
	"github.com/snapcore/snapd/store/tooling"

	"github.com/larder-store/larder/interop/harness"
)

// snapDownload is `snap download` pointed at a store: it leaves NAME_REV.snap
// and NAME_REV.assert in a new directory, after checking one by the other.
func snapDownload(t *testing.T, url, name, channel string) (snapPath, assertPath string) {
	t.Helper()
	t.Setenv("UBUNTU_STORE_URL", url)
	t.Setenv("UBUNTU_STORE_ARCH", harness.Architecture)
	tool, err := tooling.NewToolingStore()
	if err != nil {
		t.Fatal(err)
	}
	tool.Stdout = io.Discard
	got, err := tool.DownloadSnap(name, tooling.DownloadSnapOptions{TargetDir: t.TempDir(), Channel: channel})
	if err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	enc := asserts.NewEncoder(&stream)
	db := harness.OpenDatabase(t)
	fetcher := tool.AssertionFetcher(db, func(a asserts.Assertion) error { return enc.Encode(a) })
	digest, size, err := asserts.SnapFileSHA3_384(got.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := snapasserts.FetchSnapAssertions(fetcher, digest, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := snapasserts.CrossCheck(name, digest, "", size, &got.Info.SideInfo, nil, db); err != nil {
		t.Fatal(err)
	}
	assertPath = strings.TrimSuffix(got.Path, ".snap") + ".assert"
	if err := os.WriteFile(assertPath, stream.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return got.Path, assertPath
}

// What `snap download` takes out of one store goes over a gap into another
// one, and comes out of it again byte for byte.
func TestSnapDownloadCarriesSnapsBetweenStores(t *testing.T) {
	origin := &shop{Larder: harness.Start(t, harness.Place{}, harness.Root())}
	origin.push(t, harness.Snap{Name: tool, Version: "1.0"}, "stable")
	origin.push(t, harness.Snap{Name: tool, Version: "2.0", Ballast: 300_000}, "edge")

	gapped := &shop{Larder: harness.New(t, harness.Place{}, "--trust", harness.Root().WriteRoot(t))}
	gapped.Serve()
	for _, channel := range []string{"edge", "stable"} {
		snapPath, assertPath := snapDownload(t, origin.URL, tool, channel)
		gapped.Run("push-snap", snapPath, "--channel", channel)
		snapAgain, assertAgain := snapDownload(t, gapped.URL, tool, channel)
		if filepath.Base(snapAgain) != filepath.Base(snapPath) {
			t.Errorf("%s: %s became %s", channel, filepath.Base(snapPath), filepath.Base(snapAgain))
		}
		for before, after := range map[string]string{snapPath: snapAgain, assertPath: assertAgain} {
			if !bytes.Equal(readFile(t, before), readFile(t, after)) {
				t.Errorf("%s: %s changed on its way", channel, filepath.Base(before))
			}
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// This is how `snap prepare-image` fills an image: all snaps of a model in one
// request, from the store that the model names, without a device.
func TestPrepareImageDownloadsAModelsSnaps(t *testing.T) {
	s := &shop{Larder: harness.Start(t, harness.Place{}, harness.Root())}
	s.push(t, harness.Snap{Name: tool, Version: "1.0"}, "stable")
	s.push(t, harness.Snap{Name: tool, Version: "2.0"}, "edge")
	s.push(t, harness.Snap{Name: heavy, Ballast: 100_000}, "stable")

	t.Setenv("UBUNTU_STORE_URL", s.URL)
	image, err := tooling.NewToolingStoreFromModel(acme().Model("desk", ""), harness.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	image.Stdout = io.Discard
	dir := t.TempDir()
	got, err := image.DownloadMany([]tooling.SnapToDownload{
		{Snap: naming.Snap(tool), Channel: "latest/edge"},
		{Snap: naming.Snap(heavy), Channel: "latest/stable"},
	}, nil, tooling.DownloadManyOptions{BeforeDownloadFunc: func(info *snap.Info) (string, error) {
		return filepath.Join(dir, info.Filename()), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, revision := range map[string]int{tool: 2, heavy: 1} {
		if got[name] == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		wantRevision(t, got[name].Info, revision)
		verify(t, s.anonymous(t), harness.OpenDatabase(t), got[name].Path, got[name].Info)
	}
}
