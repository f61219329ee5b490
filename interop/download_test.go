// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/asserts/snapasserts"
	"github.com/snapcore/snapd/snap"
	"github.com/snapcore/snapd/store"

	"github.com/larder-store/larder/interop/harness"
)

// download fetches a snap to a new path. What is given as partial lies there
// as the rest of an earlier attempt.
func download(t *testing.T, client *store.Store, info *snap.Info, partial []byte) string {
	t.Helper()
	target := filepath.Join(t.TempDir(), info.SnapName()+".snap")
	if partial != nil {
		if err := os.WriteFile(target+".partial", partial, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Download(context.Background(), info.SnapName(), target, &info.DownloadInfo, nil, nil, nil); err != nil {
		t.Fatalf("download of %s: %v", info.SnapName(), err)
	}
	return target
}

// This is what snapd does to install: ask, download, fetch the assertions that
// the digest leads to, and let them agree with the store's answer.
func downloadVerified(t *testing.T, s *shop) {
	client := s.public.Client(t, s.URL)
	action := install(tool, "edge")
	action.Action = "download"
	info := act(t, client, nil, action)[0].Info
	path := download(t, client, info, nil)

	db := harness.OpenDatabase(t)
	verify(t, client, db, path, info)

	derived, err := snapasserts.DeriveSideInfo(path, s.public.Model, db)
	if err != nil {
		t.Fatal(err)
	}
	if derived.SnapID != info.SnapID || derived.Revision != info.Revision || derived.RealName != tool {
		t.Errorf("the assertions say %+v, the store %+v", derived, info.SideInfo)
	}
}

// verify fetches the closure of a downloaded snap's assertions into db and
// checks the file against it.
func verify(t *testing.T, client *store.Store, db *asserts.Database, path string, info *snap.Info) {
	t.Helper()
	digest, size, err := asserts.SnapFileSHA3_384(path)
	if err != nil {
		t.Fatal(err)
	}
	fetcher := asserts.NewFetcher(db, retrieve(client), db.Add)
	if err := snapasserts.FetchSnapAssertions(fetcher, digest, ""); err != nil {
		t.Fatalf("assertions of %s: %v", info.SnapName(), err)
	}
	if _, err := snapasserts.CrossCheck(info.SnapName(), digest, "", size, &info.SideInfo, nil, db); err != nil {
		t.Error(err)
	}
}

func downloadResume(t *testing.T, s *shop) {
	client := s.anonymous(t)
	info := act(t, client, nil, install(heavy, "stable"))[0].Info
	whole, err := os.ReadFile(download(t, client, info, nil))
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(whole)) != info.Size || len(whole) < heavyBytes {
		t.Fatalf("got %d bytes, the store said %d", len(whole), info.Size)
	}
	for _, have := range []int{1, len(whole) / 2, len(whole) - 1, len(whole)} {
		again, err := os.ReadFile(download(t, client, info, whole[:have]))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, whole) {
			t.Errorf("resumed after %d bytes: the result differs", have)
		}
	}
}

func downloadRestart(t *testing.T, s *shop) {
	client := s.anonymous(t)
	info := act(t, client, nil, install(heavy, "stable"))[0].Info
	// snapd checks the digest of the whole, so that this ends well is the
	// proof that it started again.
	download(t, client, info, bytes.Repeat([]byte("wrong"), 1000))
	download(t, client, info, bytes.Repeat([]byte("wrong"), heavyBytes))
}

func downloadRange(t *testing.T, s *shop) {
	client := s.anonymous(t)
	info := act(t, client, nil, install(heavy, "stable"))[0].Info
	whole, err := os.ReadFile(download(t, client, info, nil))
	if err != nil {
		t.Fatal(err)
	}
	const offset = heavyBytes / 3
	body, status, err := client.DownloadStream(context.Background(), heavy, &info.DownloadInfo, offset, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	rest, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if status != http.StatusPartialContent || !bytes.Equal(rest, whole[offset:]) {
		t.Errorf("got status %d and %d bytes, want 206 and %d", status, len(rest), len(whole)-offset)
	}
}

// wantNoDownload asks for a known URL with a client that must not have it.
func wantNoDownload(t *testing.T, client *store.Store, info *snap.Info) {
	t.Helper()
	target := filepath.Join(t.TempDir(), "stolen.snap")
	err := client.Download(context.Background(), info.SnapName(), target, &info.DownloadInfo, nil, nil, nil)
	var refused *store.DownloadError
	if !errors.As(err, &refused) || refused.Code < 400 || refused.Code >= 500 {
		t.Errorf("got %v, want a client error", err)
	}
}
