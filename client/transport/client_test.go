package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// waits is a Retry that only writes down how long it would wait.
func waits(times int) (*Retry, *[]time.Duration) {
	var waited []time.Duration
	return &Retry{Times: times, Factor: time.Second, Wait: func(ctx context.Context, d time.Duration) error {
		waited = append(waited, d)
		return ctx.Err()
	}}, &waited
}

func TestWhatIsSentAgain(t *testing.T) {
	tests := []struct {
		name       string
		method     string
		statuses   []int // answered in turn, the last for ever
		header     string
		repeatable bool
		times      int
		requests   int
		waited     string
		status     int // of the answer, 0 for a NetworkError
	}{
		{"success", "GET", []int{200}, "", false, 8, 1, "[]", 200},
		{"growing delays", "GET", []int{500, 502, 503, 504, 200}, "", false, 8, 5, "[0s 2s 4s 8s]", 200},
		{"until the tries are used up", "GET", []int{503}, "", false, 2, 3, "[0s 2s]", 0},
		{"never", "GET", []int{503}, "", false, 0, 1, "[]", 0},
		{"PUT and DELETE too", "DELETE", []int{502, 204}, "", false, 8, 2, "[0s]", 204},
		{"not POST", "POST", []int{503, 200}, "", false, 8, 1, "[]", 503},
		{"not PATCH", "PATCH", []int{503, 200}, "", false, 8, 1, "[]", 503},
		{"a POST that may be repeated", "POST", []int{503, 200}, "", true, 8, 2, "[0s]", 200},
		{"not 501", "GET", []int{501}, "", false, 8, 1, "[]", 501},
		{"not 404", "GET", []int{404}, "", false, 8, 1, "[]", 404},
		{"Retry-After", "GET", []int{503, 200}, "7", false, 8, 2, "[7s]", 200},
		{"too many requests", "GET", []int{429, 200}, "3", false, 8, 2, "[3s]", 200},
		{"too many requests, no time given", "GET", []int{429, 200}, "", false, 8, 1, "[]", 429},
		{"a wait that is too long", "GET", []int{503, 200}, "3600", false, 8, 1, "[]", 503},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			requests := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status := tt.statuses[min(requests, len(tt.statuses)-1)]
				requests++
				if body, _ := io.ReadAll(r.Body); tt.method == "POST" && string(body) != `{"a":1}` {
					t.Errorf("body of try %d is %q", requests, body)
				}
				if tt.header != "" && status != 200 {
					w.Header().Set("Retry-After", tt.header)
				}
				w.WriteHeader(status)
			}))
			defer s.Close()
			retry, waited := waits(tt.times)
			c := &Client{Retry: retry}
			call := Call{Method: tt.method, URL: s.URL, Repeatable: tt.repeatable}
			if tt.method == "POST" {
				call.In = map[string]int{"a": 1}
			}
			err := c.JSON(t.Context(), call)
			if requests != tt.requests || fmt.Sprint(*waited) != tt.waited {
				t.Errorf("%d requests, waited %v", requests, *waited)
			}
			var refused *StoreError
			var network *NetworkError
			switch {
			case tt.status >= 200 && tt.status < 300:
				if err != nil {
					t.Error(err)
				}
			case tt.status == 0:
				if !errors.As(err, &network) || network.Attempts != tt.requests || !errors.As(err, &refused) || refused.Status != tt.statuses[0] {
					t.Errorf("error %v", err)
				}
			default:
				if !errors.As(err, &refused) || refused.Status != tt.status || errors.As(err, &network) {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}

func TestDelaysHaveALimit(t *testing.T) {
	if d := (Retry{Factor: time.Second}).delay(40, 0); d != longestDelay {
		t.Errorf("waits %v", d)
	}
}

func TestPauseOfWhatIsTriedAgainAsAWhole(t *testing.T) {
	retry, waited := waits(8)
	for n, failure := range []error{nil, errors.New("x"), &StoreError{RetryAfter: 7 * time.Second}, &NetworkError{Err: &StoreError{RetryAfter: time.Hour}}} {
		if err := retry.PauseAfter(t.Context(), n+1, failure); err != nil {
			t.Fatal(err)
		}
	}
	if err := retry.Pause(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(*waited); got != "[0s 2s 7s 2m0s 4s]" {
		t.Errorf("waited %s", got)
	}
}

func TestRetryFromEnvironment(t *testing.T) {
	for _, tt := range []struct {
		retries, backoff string
		want             Retry
	}{
		{"", "", Retry{Times: 8, Factor: time.Second}},
		{"0", "0", Retry{}},
		{"3", "2", Retry{Times: 3, Factor: 2 * time.Second}},
		{"-1", "-1", Retry{Times: 8, Factor: time.Second}},
		{"many", "1.5", Retry{Times: 8, Factor: time.Second}},
	} {
		t.Setenv(EnvRetries, tt.retries)
		t.Setenv(EnvBackoff, tt.backoff)
		if got := RetryFromEnvironment(); got.Times != tt.want.Times || got.Factor != tt.want.Factor {
			t.Errorf("%q, %q: %+v", tt.retries, tt.backoff, got)
		}
	}
}

func TestNoServer(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	retry, waited := waits(2)
	err := (&Client{Retry: retry}).JSON(t.Context(), Call{Method: "POST", URL: s.URL + "/x?token=s3cret", In: 1})
	var network *NetworkError
	if !errors.As(err, &network) || network.Attempts != 3 || len(*waited) != 2 {
		t.Errorf("error %v after %v: what never left may be sent again", err, *waited)
	}
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error holds the query: %v", err)
	}
}

// TestAPostWhoseFateIsUnknown is not sent again: the store may have acted.
func TestAPostWhoseFateIsUnknown(t *testing.T) {
	var requests atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		panic(http.ErrAbortHandler)
	}))
	defer s.Close()
	retry, _ := waits(3)
	c := &Client{Retry: retry}
	var network *NetworkError
	if err := c.JSON(t.Context(), Call{Method: "POST", URL: s.URL, In: 1}); !errors.As(err, &network) || requests.Load() != 1 {
		t.Errorf("%d requests, %v", requests.Load(), err)
	}
	requests.Store(0)
	if err := c.JSON(t.Context(), Call{URL: s.URL}); !errors.As(err, &network) || network.Attempts != 4 {
		t.Errorf("GET: %d requests, %v", requests.Load(), err)
	}
}

func TestContextEndsTheTries(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }))
	defer s.Close()
	c := &Client{Retry: &Retry{Times: 8, Factor: time.Hour, Wait: func(ctx context.Context, d time.Duration) error {
		cancel()
		return Wait(ctx, d)
	}}}
	err := c.JSON(ctx, Call{URL: s.URL})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestErrorsOfEveryFamily(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		codes      []string
		has        string
		is         error
		text       string
	}{
		{"dashboard", `{"error_list":[{"code":"already_owned","message":"You own it."}]}`, 409, []string{"already_owned"}, "already-owned", ErrConflict, "409 Conflict: already_owned: You own it."},
		{"gateway", `{"error-list":[{"code":"resource-not-found","message":"No."}]}`, 404, []string{"resource-not-found"}, "resource-not-found", ErrNotFound, "404 Not Found: resource-not-found: No."},
		{"several", `{"error-list":[{"code":"a","message":"x"},{"code":"b","message":"y"}]}`, 400, []string{"a", "b"}, "b", nil, "- a: x\n- b: y"},
		{"both spellings", `{"error-list":[{"code":"a","message":"x"}],"error_list":[{"code":"a","message":"x"}]}`, 403, []string{"a"}, "a", ErrForbidden, "a: x"},
		{"identity service", `{"code":"TWOFACTOR_REQUIRED","message":"m","extra":{},"error_list":[{"code":"twofactor-required","message":"m"}]}`, 401, []string{"twofactor-required"}, "TWOFACTOR_REQUIRED", ErrUnauthorized, "twofactor-required: m"},
		{"identity service, top only", `{"code":"TOO_MANY_REQUESTS","message":"wait"}`, 429, []string{"TOO_MANY_REQUESTS"}, "too-many-requests", ErrTooManyRequests, "wait"},
		{"bakery", `{"Code":"unauthorized","Message":"who"}`, 401, []string{"unauthorized"}, "unauthorized", ErrUnauthorized, "unauthorized: who"},
		{"old dashboard", `{"error_code":"resource-not-found","status":404}`, 404, []string{}, "resource-not-found", ErrNotFound, "404 Not Found"},
		{"no list", `{}`, 404, []string{}, "", ErrNotFound, "404 Not Found"},
		{"HTML", `<html>`, 502, []string{}, "", nil, "502 Bad Gateway"},
		{"a list of texts", `{"error-list":["x"]}`, 400, []string{}, "", nil, "400 Bad Request"},
		{"a JSON list", `[{"code":"x"}]`, 400, []string{}, "", nil, "400 Bad Request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Request-Id", "req-1")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer s.Close()
			err := (&Client{Retry: &Retry{}}).JSON(t.Context(), Call{Method: "POST", URL: s.URL + "/p?token=s3cret", In: 1})
			var e *StoreError
			if !errors.As(err, &e) || e.Status != tt.status || e.RequestID != "req-1" || !slices.Equal(e.Codes(), tt.codes) {
				t.Fatalf("error %#v", err)
			}
			if tt.has != "" && !e.HasCode(tt.has) || e.HasCode("other") {
				t.Errorf("codes %v, extra %v", e.Codes(), e.Extra)
			}
			for _, sentinel := range []error{ErrUnauthorized, ErrForbidden, ErrNotFound, ErrConflict, ErrTooManyRequests} {
				if errors.Is(err, sentinel) != (sentinel == tt.is) {
					t.Errorf("is %v: %v", sentinel, errors.Is(err, sentinel))
				}
			}
			if text := err.Error(); !strings.Contains(text, tt.text) || strings.Contains(text, "s3cret") || !strings.Contains(text, "req-1") {
				t.Errorf("text %q", text)
			}
		})
	}
}

func TestNeedsRefreshBySeveralSigns(t *testing.T) {
	for _, tt := range []struct {
		status       int
		header, body string
		want         bool
	}{
		{401, "Macaroon needs_refresh=1", "", true},
		{401, "", `{"error_list":[{"code":"macaroon-needs-refresh","message":"m"}]}`, true},
		{401, "Macaroon realm=\"x\"", `{"error_list":[{"code":"unauthorized","message":"m"}]}`, false},
		{403, "Macaroon needs_refresh=1", "", false},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", tt.header)
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
		}))
		var e *StoreError
		if err := (&Client{}).JSON(t.Context(), Call{URL: s.URL}); !errors.As(err, &e) || e.NeedsRefresh != tt.want {
			t.Errorf("%+v: %v", tt, err)
		}
		s.Close()
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for _, tt := range []struct{ body, kind string }{
		{"", "application/json"}, {"<html>", "text/html; charset=utf-8"}, {"{", "application/json"}, {`"text"`, "application/json"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", tt.kind)
			_, _ = io.WriteString(w, tt.body)
		}))
		var out struct{}
		var invalid *InvalidResponseError
		if err := (&Client{}).JSON(t.Context(), Call{URL: s.URL, Out: &out}); !errors.As(err, &invalid) || invalid.Status != 200 {
			t.Errorf("%q: %v", tt.body, err)
		}
		s.Close()
	}
}

func TestDebugLogHoldsNoSecret(t *testing.T) {
	var log bytes.Buffer
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "session=s3cret")
		w.WriteHeader(204)
	}))
	defer s.Close()
	c := &Client{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	h := http.Header{}
	for _, name := range secretHeaders {
		h.Set(name, "s3cret")
	}
	at := strings.Replace(s.URL, "http://", "http://user:s3cret@", 1) + "/p?did=s3cret&page=2"
	if err := c.JSON(t.Context(), Call{Method: "POST", URL: at, Header: h, In: map[string]string{"password": "s3cret"}}); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); strings.Contains(text, "s3cret") || !strings.Contains(text, "page=2") || !strings.Contains(text, "status=204") || !strings.Contains(text, redacted) {
		t.Errorf("log %s", text)
	}
}

// TestRedirectsKeepSecretsAtHome: to the same host they go on, to another they
// do not, and a body never leaves.
func TestRedirectsKeepSecretsAtHome(t *testing.T) {
	seen := map[string]http.Header{}
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen["other"] = r.Header.Clone() }))
	defer other.Close()
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/near":
			http.Redirect(w, r, "/end", http.StatusTemporaryRedirect)
		default:
			seen["home"] = r.Header.Clone()
		}
	}))
	defer home.Close()
	h := http.Header{"X-Ubuntu-Series": {"16"}}
	for _, name := range secretHeaders {
		if name != "Set-Cookie" && name != "Proxy-Authorization" {
			h.Set(name, "s3cret")
		}
	}
	asked := 0
	c := &Client{Retry: &Retry{}, HTTP: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { asked++; return nil }}}
	for _, p := range []string{"/near", "/away"} {
		if err := c.JSON(t.Context(), Call{URL: home.URL + p, Header: h.Clone()}); err != nil {
			t.Fatal(err)
		}
	}
	for name := range h {
		kept, left := seen["home"].Get(name) != "", seen["other"].Get(name) != ""
		if !kept || left != (name == "X-Ubuntu-Series") {
			t.Errorf("%s: kept at home %v, sent away %v", name, kept, left)
		}
	}
	if asked != 2 {
		t.Errorf("the caller's own rule was asked %d times", asked)
	}
	seen = map[string]http.Header{}
	if err := c.JSON(t.Context(), Call{Method: "POST", URL: home.URL + "/away", In: map[string]string{"password": "s3cret"}}); err == nil || seen["other"] != nil {
		t.Errorf("a body went to another host: %v", err)
	}
}

func TestOnlyWebAddresses(t *testing.T) {
	for _, bad := range []string{"file:///etc/passwd", "/relative", "ftp://x.example", "://"} {
		if err := (&Client{}).JSON(t.Context(), Call{URL: bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestRetryAfterForms(t *testing.T) {
	at := time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)
	for value, want := range map[string]time.Duration{"5": 5 * time.Second, "-5": 0, "x": 0, "": 0, strconv.Itoa(1 << 40): 24 * time.Hour, at: 30 * time.Second} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); (got - want).Abs() > 2*time.Second {
			t.Errorf("%q: %v", value, got)
		}
	}
}
