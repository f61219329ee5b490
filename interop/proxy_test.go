// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"context"
	"net/http"
	"testing"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/store"

	"github.com/larder-store/larder/interop/harness"
)

// nowhere is where a device would ask if it did not obey its proxy.store.
const nowhere = "http://127.0.0.1:1"

// What an administrator does: acknowledge the stream, set proxy.store to the
// id in the header. From then on the device asks where the assertion says.
func proxyStore(t *testing.T, s *shop) {
	resp, err := http.Get(s.URL + "/v2/auth/store/assertions")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("got %s", resp.Status)
	}
	db := harness.OpenDatabase(t)
	batch := asserts.NewBatch(nil)
	if _, err := batch.AddStream(resp.Body); err != nil {
		t.Fatal(err)
	}
	if err := batch.CommitTo(db, nil); err != nil {
		t.Fatalf("the device does not accept the stream: %v", err)
	}
	found, err := db.Find(asserts.StoreType, map[string]string{"store": resp.Header.Get("X-Assertion-Store-Id")})
	if err != nil {
		t.Fatalf("store %q: %v", resp.Header.Get("X-Assertion-Store-Id"), err)
	}
	proxy := found.(*asserts.Store)
	if proxy.URL() == nil || proxy.URL().String() != s.URL {
		t.Fatalf("the store assertion names %v, the server is at %s", proxy.URL(), s.URL)
	}
	if proxy.OperatorID() != harness.Root().ID {
		t.Errorf("got operator %s", proxy.OperatorID())
	}

	device := s.brand.NewDevice(s.public.Model, "behind-proxy-1")
	device.Proxy = proxy
	client := device.Client(t, nowhere)
	info := act(t, client, nil, install(tool, "stable"))[0].Info
	verify(t, client, db, download(t, client, info, nil), info)
	if device.Session() == "" {
		t.Error("the device has no session with its proxy")
	}
	if _, err := s.public.Client(t, nowhere).SnapInfo(context.Background(), store.SnapSpec{Name: tool}, nil); err == nil {
		t.Error("a device without the proxy was answered too")
	}
}
