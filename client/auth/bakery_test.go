package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/client/transport"
	"golang.org/x/crypto/nacl/box"
	"gopkg.in/macaroon.v2"
)

type ctxt = context.Context

// bakeryStore adds to the fake store an identity manager under /identity and the
// tokens that are discharged there.
type bakeryStore struct {
	*fakeStore
	methods  map[string]any
	waits    int  // how many long polls end with 504 first
	external bool // caveat data beside the id, as version 3 does
	proved   string
	values   map[string]any
}

func newBakeryStore(t testing.TB) *bakeryStore {
	s := &bakeryStore{fakeStore: newFakeStore(t)}
	tokens := func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]string{"macaroon": s.rootJSON()})
	}
	s.mux.HandleFunc("POST /v1/tokens", tokens)
	s.mux.HandleFunc("POST /api/v2/tokens", tokens)
	s.mux.HandleFunc("POST /v1/tokens/exchange", s.exchangeSlice)
	s.mux.HandleFunc("POST /api/v2/tokens/exchange", s.exchangeSlice)
	s.mux.HandleFunc("POST /identity/discharge", s.dischargeForm)
	s.mux.HandleFunc("GET /identity/wait", func(w http.ResponseWriter, _ *http.Request) {
		if s.waits > 0 {
			s.waits--
			answer(w, 504, map[string]string{"Code": "timeout", "Message": "still waiting"})
			return
		}
		answer(w, 200, map[string]string{"kind": "macaroon", "token64": base64.StdEncoding.EncodeToString([]byte("proof"))})
	})
	s.mux.HandleFunc("GET /identity/wait-legacy", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"Macaroon": s.identityMacaroon()})
	})
	s.mux.HandleFunc("GET /identity/form", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"schema": map[string]any{
			"a-password": map[string]any{"type": "string", "secret": true, "mandatory": true},
			"username":   map[string]any{"type": "string", "mandatory": true, "description": "who you are"},
		}})
	})
	s.mux.HandleFunc("POST /identity/form", func(w http.ResponseWriter, _ *http.Request) {
		form, _ := s.last().Body["form"].(map[string]any)
		s.values = form
		if form["a-password"] != "right" {
			answer(w, 401, map[string]string{"Code": "unauthorized", "Message": "invalid username or password"})
			return
		}
		answer(w, 200, map[string]any{"token": map[string]string{"kind": "macaroon", "value": base64.StdEncoding.EncodeToString([]byte("proof"))}})
	})
	return s
}

// rootJSON is a root as the public store gives it: JSON of version 2, with one
// caveat whose id is no text.
func (s *bakeryStore) rootJSON() string {
	m, err := macaroon.New(rootKey, []byte("\x03root"), "store.example", macaroon.V2)
	must(s.t, err)
	must(s.t, m.AddFirstPartyCaveat([]byte("time-before 2030-01-01T00:00:00Z")))
	must(s.t, m.AddThirdPartyCaveat(caveatKey, []byte("\x02sealed"), s.URL+"/identity"))
	text, err := json.Marshal(m)
	must(s.t, err)
	if s.external {
		id64 := base64.RawURLEncoding.EncodeToString([]byte("\x02sealed"))
		text = fmt.Appendf(nil, `{"m":%s,"v":3,"ns":"std:","cdata":{"%s":"%s"}}`, text, id64, base64.RawURLEncoding.EncodeToString([]byte("outside")))
	}
	return string(text)
}

func (s *bakeryStore) identityMacaroon() any {
	m, err := macaroon.New(caveatKey, []byte("\x02sealed"), "", macaroon.V2)
	must(s.t, err)
	must(s.t, m.AddFirstPartyCaveat([]byte("declared username ann")))
	return map[string]any{"m": m, "v": 3, "ns": "std:"}
}

func (s *bakeryStore) dischargeForm(w http.ResponseWriter, r *http.Request) {
	must(s.t, r.ParseForm())
	if id, err := macaroon.Base64Decode([]byte(r.Form.Get("id64"))); err != nil || string(id) != "\x02sealed" || r.Header.Get("Bakery-Protocol-Version") != "3" {
		answer(w, 400, map[string]string{"Code": "bad request", "Message": "unknown caveat"})
		return
	}
	if data, _ := macaroon.Base64Decode([]byte(r.Form.Get("caveat64"))); s.external && string(data) != "outside" {
		answer(w, 400, map[string]string{"Code": "bad request", "Message": "no caveat data"})
		return
	}
	if token, err := base64.StdEncoding.DecodeString(r.Form.Get("token64")); err == nil && len(token) > 0 {
		s.proved = r.Form.Get("token-kind") + " " + string(token)
		answer(w, 200, map[string]any{"Macaroon": s.identityMacaroon()})
		return
	}
	info := map[string]any{"VisitURL": s.URL + "/identity/login-legacy", "WaitURL": s.URL + "/identity/wait-legacy"}
	if s.methods != nil {
		info["InteractionMethods"] = s.methods
	}
	w.Header().Set("WWW-Authenticate", "Macaroon")
	answer(w, 401, map[string]any{"Code": "interaction required", "Message": "login needed", "Info": info})
}

func (s *bakeryStore) exchangeSlice(w http.ResponseWriter, r *http.Request) {
	data, err := macaroon.Base64Decode([]byte(r.Header.Get("Macaroons")))
	var slice macaroon.Slice
	if err == nil {
		err = json.Unmarshal(data, &slice)
	}
	if err == nil && len(slice) < 2 {
		err = errors.New("no discharge")
	}
	if err == nil {
		err = slice[0].Verify(rootKey, func(string) error { return nil }, slice[1:])
	}
	if err != nil {
		answer(w, 401, listOf("error-list", "unauthorized", err.Error()))
		return
	}
	answer(w, 200, map[string]string{"macaroon": "exchanged-token"})
}

func TestCandidLoginByEveryMethod(t *testing.T) {
	key, err := NewAgentKey()
	must(t, err)
	var opened []string
	browser := Browser{Open: func(_ ctxt, url string) error { opened = append(opened, url); return nil }}
	form := Form{Fill: func(_ ctxt, fields []FormField) (map[string]any, error) {
		if len(fields) != 2 || fields[0].Name != "username" || !fields[1].Secret {
			return nil, fmt.Errorf("asked for %+v", fields)
		}
		return map[string]any{"username": "ann", "a-password": "right"}, nil
	}}
	all := map[string]any{
		"browser-window": map[string]string{"VisitURL": "login?did=1", "WaitTokenURL": "wait"}, // relative to the caveat's location
		"form":           map[string]string{"url": "form"},
	}
	tests := []struct {
		name        string
		methods     map[string]any
		interactors []Interactor
		waits       int
		external    bool
		dashboard   bool
		proved      string
		opened      string
	}{
		{name: "browser", methods: all, interactors: []Interactor{browser}, proved: "macaroon proof", opened: "/identity/login?did=1"},
		{name: "long polls that end", methods: all, interactors: []Interactor{browser}, waits: 2, proved: "macaroon proof", opened: "/identity/login?did=1"},
		{name: "data outside of the caveat", methods: all, interactors: []Interactor{browser}, external: true, proved: "macaroon proof", opened: "/identity/login?did=1"},
		{name: "dashboard", methods: all, interactors: []Interactor{browser}, dashboard: true, proved: "macaroon proof", opened: "/identity/login?did=1"},
		{name: "form, preferred", methods: all, interactors: []Interactor{Agent{Key: key}, form, browser}, proved: "macaroon proof"},
		{name: "no methods: visit and wait", interactors: []Interactor{form, browser}, opened: "/identity/login-legacy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newBakeryStore(t)
			s.methods, s.waits, s.external = tt.methods, tt.waits, tt.external
			opened = nil
			login := CandidLogin{Dashboard: tt.dashboard, Discharger: Discharger{Interactors: tt.interactors}}
			c, err := login.Login(t.Context(), s.site(), Grant{Permissions: []string{"package-view"}, Description: "d", TTL: time.Hour})
			if err != nil || c.Kind != Macaroon || c.Token != "exchanged-token" {
				t.Fatalf("got %#v, %v", c, err)
			}
			if s.proved != tt.proved || strings.TrimPrefix(strings.Join(opened, " "), s.URL) != tt.opened {
				t.Errorf("proved %q, opened %q", s.proved, opened)
			}
			first := s.requests[0]
			if _, ttl := first.Body["ttl"]; ttl == tt.dashboard || first.Body["description"] != "d" {
				t.Errorf("asked %s for %v", first.Path, first.Body)
			}
		})
	}
}

func TestCandidLoginThatFails(t *testing.T) {
	browser := Browser{Open: func(ctxt, string) error { return nil }}
	wait := func(status int, body any) func(s *bakeryStore) {
		return func(s *bakeryStore) {
			s.mux.HandleFunc("GET /identity/other", func(w http.ResponseWriter, _ *http.Request) { answer(w, status, body) })
			s.methods = map[string]any{"browser-window": map[string]string{"VisitURL": "login", "WaitTokenURL": "other"}}
		}
	}
	tests := []struct {
		name        string
		setUp       func(*bakeryStore)
		interactors []Interactor
		want        error
	}{
		{"no way to log in", func(*bakeryStore) {}, nil, ErrInteractionRequired},
		{"expired", wait(404, map[string]string{"Code": "not found"}), []Interactor{browser}, ErrTokenTimeout},
		{"no kind", wait(200, map[string]string{"token": "x"}), []Interactor{browser}, ErrTokenKind},
		{"no token", wait(200, map[string]string{"kind": "x"}), []Interactor{browser}, ErrTokenValue},
		{"token is not base64", wait(200, map[string]string{"kind": "x", "token64": "!"}), []Interactor{browser}, ErrTokenValue},
		{"wrong password", func(s *bakeryStore) { s.methods = map[string]any{"form": map[string]string{"url": "form"}} },
			[]Interactor{Form{Fill: func(ctxt, []FormField) (map[string]any, error) { return map[string]any{"a-password": "x"}, nil }}}, transport.ErrUnauthorized},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newBakeryStore(t)
			tt.setUp(s)
			_, err := CandidLogin{Discharger: Discharger{Interactors: tt.interactors}}.Login(t.Context(), s.site(), Grant{})
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// TestVisitURLMustBeAWebPage: it goes to the browser of a person.
func TestVisitURLMustBeAWebPage(t *testing.T) {
	for _, bad := range []string{"file:///etc/passwd", "javascript:alert(1)", "", "mailto:a@b.example", "http:///x"} {
		s := newBakeryStore(t)
		s.methods = map[string]any{"browser-window": map[string]string{"VisitURL": bad, "WaitTokenURL": "wait"}}
		browser := Browser{Open: func(_ ctxt, url string) error { t.Errorf("opened %q", url); return nil }}
		if _, err := (CandidLogin{Discharger: Discharger{Interactors: []Interactor{browser}}}).Login(t.Context(), s.site(), Grant{}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestLoginInTheBrowserEndsWithItsContext(t *testing.T) {
	s := newBakeryStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.mux.HandleFunc("GET /identity/forever", func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	s.methods = map[string]any{"browser-window": map[string]string{"VisitURL": "login", "WaitTokenURL": "forever"}}
	login := CandidLogin{Discharger: Discharger{Interactors: []Interactor{Browser{Open: func(ctxt, string) error { return nil }}}}}
	if _, err := login.Login(ctx, s.site(), Grant{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// seal is what an identity manager does for an agent's key, in each format.
func seal(t testing.TB, version byte, public *[32]byte, key []byte, condition string) []byte {
	ours, private, err := box.GenerateKey(rand.Reader)
	must(t, err)
	var nonce [24]byte
	_, _ = rand.Read(nonce[:])
	if version == 1 {
		inner, err := json.Marshal(map[string]any{"RootKey": key, "Condition": condition})
		must(t, err)
		id := base64.StdEncoding.EncodeToString(box.Seal(nil, inner, &nonce, public, private))
		outer, err := json.Marshal(map[string]any{"ThirdPartyPublicKey": public[:], "FirstPartyPublicKey": ours[:], "Nonce": nonce[:], "Id": id})
		must(t, err)
		return []byte(base64.StdEncoding.EncodeToString(outer))
	}
	plain := append([]byte{version}, binary.AppendUvarint(nil, uint64(len(key)))...)
	plain = append(plain, key...)
	if version == 3 {
		plain = append(binary.AppendUvarint(plain, 4), "std:"...)
	}
	plain = append(plain, condition...)
	head := append([]byte{version}, public[:4]...)
	head = append(append(head, ours[:]...), nonce[:]...)
	return append(head, box.Seal(nil, plain, &nonce, public, private)...)
}

func TestAgentProvesItsKey(t *testing.T) {
	key, err := NewAgentKey()
	must(t, err)
	again, err := ParseAgentKey(key.Encode())
	if err != nil || again.Public() != key.Public() {
		t.Fatalf("the key does not survive its encoding: %v", err)
	}
	for _, version := range []byte{1, 2, 3} {
		t.Run(fmt.Sprintf("caveat version %d", version), func(t *testing.T) {
			s := newBakeryStore(t)
			s.methods = map[string]any{"agent": map[string]string{"login-url": "/identity/agent?did=7"}}
			s.mux.HandleFunc("GET /identity/agent", func(w http.ResponseWriter, r *http.Request) {
				if q := r.URL.Query(); q.Get("username") != "ci@agents" || q.Get("public-key") != key.Public() || q.Get("did") != "7" {
					answer(w, 401, map[string]string{"Code": "unauthorized", "Message": "who are you"})
					return
				}
				sealed := seal(t, version, key.public(), []byte("local key"), "true")
				m, err := macaroon.New([]byte("agent root"), []byte("agent"), "", macaroon.V2)
				must(t, err)
				if version == 3 {
					must(t, m.AddThirdPartyCaveat([]byte("local key"), []byte{3, 1}, "local"))
					data := map[string]string{base64.RawURLEncoding.EncodeToString([]byte{3, 1}): base64.RawURLEncoding.EncodeToString(sealed)}
					answer(w, 200, map[string]any{"macaroon": map[string]any{"m": m, "v": 3, "cdata": data, "ns": "std:"}})
					return
				}
				must(t, m.AddThirdPartyCaveat([]byte("local key"), sealed, "local"))
				answer(w, 200, map[string]any{"macaroon": m})
			})
			login := CandidLogin{Discharger: Discharger{Interactors: []Interactor{Agent{Username: "ci@agents", Key: key}}}}
			if _, err := login.Login(t.Context(), s.site(), Grant{}); err != nil {
				t.Fatal(err)
			}
			kind, value, _ := strings.Cut(s.proved, " ")
			var slice macaroon.Slice
			if err := slice.UnmarshalBinary([]byte(value)); err != nil || kind != "agent" || len(slice) != 2 {
				t.Fatalf("proved %q with %d macaroons, %v", kind, len(slice), err)
			}
			if err := slice[0].Verify([]byte("agent root"), func(string) error { return nil }, slice[1:]); err != nil {
				t.Errorf("the proof does not verify: %v", err)
			}
		})
	}
}

func TestAgentDischargesNothingElse(t *testing.T) {
	key, err := NewAgentKey()
	must(t, err)
	other, err := NewAgentKey()
	must(t, err)
	good := seal(t, 2, key.public(), []byte("k"), "true")
	for name, id := range map[string][]byte{
		"another condition": seal(t, 2, key.public(), []byte("k"), "is-authenticated-user"),
		"another key":       seal(t, 3, other.public(), []byte("k"), "true"),
		"another key, old":  seal(t, 1, other.public(), []byte("k"), "true"),
		"cut":               good[:len(good)-1],
		"cut to the head":   good[:40],
		"empty":             {},
		"unknown format":    []byte("zzz"),
		"old, not JSON":     []byte("eHh4"),
	} {
		if _, err := key.discharge(macaroon.Caveat{Id: id}, nil); err == nil {
			t.Errorf("%s: discharged", name)
		}
	}
}

func TestDischargesHaveALimit(t *testing.T) {
	root, err := macaroon.New(rootKey, []byte("root"), "", macaroon.V2)
	must(t, err)
	must(t, root.AddThirdPartyCaveat(caveatKey, []byte("again"), "http://x.example"))
	asked := 0
	_, err = dischargeAll(bakeryMacaroon{macaroon: root}, func(c macaroon.Caveat, _ []byte) (bakeryMacaroon, error) {
		asked++
		m, err := macaroon.New(caveatKey, c.Id, "", macaroon.V2)
		must(t, err)
		must(t, m.AddThirdPartyCaveat(caveatKey, []byte("again"), "http://x.example"))
		return bakeryMacaroon{macaroon: m}, nil
	})
	if err == nil || asked > maxDischarges {
		t.Errorf("asked %d times, %v", asked, err)
	}
}
