package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

// TestSessionsAreForRealDevicesAndOpenBrandStores asks as a brand's device, and
// as those who would like to be one.
func TestSessionsAreForRealDevicesAndOpenBrandStores(t *testing.T) {
	n := newStore(t, place{})
	root := assertiontest.NewRoot(t, "acme", assertiontest.RootKey)
	brand := root.Certify(t, "brand", assertiontest.BrandKey)
	dir := t.TempDir()
	n.must("push-account-keys", write(t, dir, "brand.assert", encode(brand.Account, brand.Key)))
	n.must("store", "create", "brandstore", "--brand", "brand", "--private")
	file := makeSnap(t, dir, "kiosk-app", "1.0")
	n.must("push-snap", file, "--register", "--channel", "stable")
	n.must("package", "set", "kiosk-app", "--store", "brandstore")
	s := n.serve()

	model := brand.Sign(t, assertiontest.With(assertiontest.ModelHeaders("brand", "kiosk"), "store", "brandstore"), nil)
	serial := brand.Sign(t, assertiontest.SerialHeaders("brand", "kiosk", "s1", assertiontest.DeviceKey), nil)
	stranger := assertiontest.NewRoot(t, "stranger", assertiontest.StoreKey)
	device := func(nonce string) map[string]string {
		return map[string]string{
			"device-session-request": sessionRequest(t, assertiontest.DeviceKey, nonce),
			"serial-assertion":       string(serial.Encoded()),
			"model-assertion":        string(model.Encoded()),
		}
	}
	with := func(proof map[string]string, name string, text []byte) map[string]string {
		proof[name] = string(text)
		return proof
	}

	used := nonce(t, s)
	macaroon := openSession(t, s, device(used), http.StatusOK)
	for name, proof := range map[string]map[string]string{
		"a nonce that was used":          device(used),
		"a nonce that nobody gave":       device("nonce"),
		"a request by another key":       with(device("x"), "device-session-request", []byte(sessionRequest(t, assertiontest.StoreKey, nonce(t, s)))),
		"a serial with a changed word":   with(device(nonce(t, s)), "serial-assertion", bytes.Replace(serial.Encoded(), []byte("serial: s1"), []byte("serial: s2"), 1)),
		"a model with a changed store":   with(device(nonce(t, s)), "model-assertion", bytes.Replace(model.Encoded(), []byte("brandstore"), []byte("otherstore"), 1)),
		"a serial of a stranger":         with(device(nonce(t, s)), "serial-assertion", stranger.Sign(t, assertiontest.SerialHeaders("stranger", "kiosk", "s1", assertiontest.DeviceKey), nil).Encoded()),
		"a serial that is no assertion":  with(device(nonce(t, s)), "serial-assertion", []byte("hello")),
		"a model of ten million letters": with(device(nonce(t, s)), "model-assertion", bytes.Repeat([]byte("a"), 10_000_000)),
	} {
		t.Run(name, func(t *testing.T) { openSession(t, s, proof, 0) })
	}

	for _, tt := range []struct {
		name, macaroon string
		store          string
		want           int
	}{
		{"the device", macaroon, "brandstore", http.StatusOK},
		{"anyone without a session", "", "brandstore", http.StatusNotFound},
		{"anyone in the global store", "", "", http.StatusNotFound},
		{"a forged session", macaroon[:len(macaroon)-8] + "AAAAAAAA", "brandstore", http.StatusUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodGet, s.url+"/v2/snaps/info/kiosk-app", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Snap-Device-Series", "16")
			req.Header.Set("Snap-Device-Architecture", "amd64")
			if tt.store != "" {
				req.Header.Set("Snap-Device-Store", tt.store)
			}
			if tt.macaroon != "" {
				req.Header.Set("Snap-Device-Authorization", `Macaroon root="`+tt.macaroon+`"`)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != tt.want {
				body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
				t.Errorf("status %d, want %d: %s", resp.StatusCode, tt.want, body)
			}
		})
	}
	if strings.Contains(s.log.String(), macaroon[:40]) {
		t.Error("the session shows in the log")
	}
}

func sessionRequest(t *testing.T, key, nonce string) string {
	t.Helper()
	a, err := assertion.Sign(assertiontest.Headers{
		"type": "device-session-request", "brand-id": "brand", "model": "kiosk", "serial": "s1",
		"nonce": nonce, "timestamp": time.Now().UTC().Format(time.RFC3339),
	}, nil, assertiontest.Signer(key))
	if err != nil {
		t.Fatal(err)
	}
	return string(a.Encoded())
}

func nonce(t *testing.T, s *server) string {
	t.Helper()
	var answer struct {
		Nonce string `json:"nonce"`
	}
	if status := post(t, s, "/api/v1/snaps/auth/nonces", nil, &answer); status != http.StatusOK || answer.Nonce == "" {
		t.Fatalf("no nonce: status %d", status)
	}
	return answer.Nonce
}

// openSession wants the status, or any refusal if it is 0.
func openSession(t *testing.T, s *server, proof map[string]string, want int) string {
	t.Helper()
	body, err := json.Marshal(proof)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Macaroon string `json:"macaroon"`
	}
	status := post(t, s, "/api/v1/snaps/auth/sessions", body, &answer)
	if want == 0 && (status < 400 || status >= 500 || answer.Macaroon != "") || want != 0 && status != want {
		t.Errorf("status %d, want %d or a refusal", status, want)
	}
	return answer.Macaroon
}

func post(t *testing.T, s *server, path string, body []byte, into any) int {
	t.Helper()
	resp, err := client.Post(s.url+path, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(into); err != nil {
		t.Errorf("%s answered no JSON: %v", path, err)
	}
	return resp.StatusCode
}
