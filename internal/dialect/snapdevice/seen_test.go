package snapdevice

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

func TestOnlyDevicesThatProveWhoTheyAreAreSeen(t *testing.T) {
	w := newWorld(t)
	var seen []string
	w.serve(Options{Seen: func(d store.DeviceID, architecture, agent string, has []store.Installed) {
		seen = append(seen, fmt.Sprint(d.Serial, " ", architecture, " ", agent, " ", has))
	}})
	session := w.session()
	id := strings.Repeat("x", 32)
	body := `{"context":[` + have(id, 7, "") + `],"actions":[]}`
	w.refresh(body)
	if len(seen) > 0 {
		t.Errorf("an anonymous device is seen: %q", seen)
	}
	w.refresh(body, headerAuthorization.v2, session, "User-Agent", "snapd/2.63")
	device, err := w.devices.Authenticate(t.Context(), session)
	w.must(err)
	want := fmt.Sprintf("%s amd64 snapd/2.63 [{%s 7 stable}]", device.Device.Serial, id)
	if !slices.Equal(seen, []string{want}) {
		t.Errorf("seen %q, want %q", seen, want)
	}
	// What is refused tells nothing.
	w.post("/v2/snaps/refresh", `{"context":[`+have(id, 7, "")+`,`+have(id, 8, "")+`],"actions":[]}`, headerAuthorization.v2, session)
	if len(seen) != 1 {
		t.Errorf("a refused request was seen: %q", seen)
	}
}

// proven takes every session for one device's.
type proven struct{ Devices }

func (proven) Authenticate(context.Context, string) (store.Principal, error) {
	return store.Principal{Device: store.DeviceID{Brand: "acme", Model: "pc", Serial: "1"}}, nil
}

// BenchmarkRefreshSeen measures what counting adds to a refresh: bare is one that
// nobody counts.
func BenchmarkRefreshSeen(b *testing.B) {
	body := benchRequest()
	serve := func(h http.Handler) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/v2/snaps/refresh", strings.NewReader(body))
		for i := 0; i < len(deviceHeaders); i += 2 {
			r.Header.Set(deviceHeaders[i], deviceHeaders[i+1])
		}
		r.Header.Set(headerAuthorization.v2, "Macaroon root=x")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	warm := newWarm()
	usage := catalog.NewUsage(catalog.UsageOptions{})
	without := New(Options{Catalog: warm, Devices: proven{}})
	with := New(Options{Catalog: warm, Devices: proven{}, Seen: usage.Seen})
	if got := serve(with); got.Code != 200 {
		b.Fatal(got.Code, got.Body)
	}
	beside(b, serve, without, with)
}
