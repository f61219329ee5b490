package reply

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

func TestJSONHasTheExactContentTypeAndItsLength(t *testing.T) {
	w := httptest.NewRecorder()
	JSON(w, httptest.NewRequest("GET", "/", nil), http.StatusCreated, map[string]string{"url": "https://a/?b&c"})
	if got := w.Result().Header["Content-Type"]; len(got) != 1 || got[0] != "application/json" {
		t.Errorf("Content-Type is %q", got)
	}
	if want := "{\"url\":\"https://a/?b&c\"}\n"; w.Body.String() != want {
		t.Errorf("body is %q, want %q", w.Body, want)
	}
	if got := w.Header().Get("Content-Length"); got != "25" || w.Code != http.StatusCreated {
		t.Errorf("length %s, status %d", got, w.Code)
	}
}

func TestJSONKeepsAContentTypeThatIsSet(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/hal+json")
	JSON(w, httptest.NewRequest("GET", "/", nil), http.StatusOK, []int{})
	if got := w.Header().Get("Content-Type"); got != "application/hal+json" {
		t.Errorf("Content-Type is %q", got)
	}
}

func TestJSONAnswersAValueThatCannotBeEncoded(t *testing.T) {
	w := httptest.NewRecorder()
	JSON(w, httptest.NewRequest("GET", "/", nil), http.StatusOK, map[string]any{"f": func() {}})
	if w.Code != http.StatusInternalServerError || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("status %d, type %q, want a 500 of JSON", w.Code, w.Header().Get("Content-Type"))
	}
}

func TestDescribeHidesWhatIsInternal(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.7: refused")
	tests := []struct {
		err  error
		want Failure
	}{
		{cause, Failure{Status: 500, Code: "internal-error", Message: "internal error"}},
		{nil, Failure{Status: 500, Code: "internal-error", Message: "internal error"}},
		{&store.Error{Code: "x", Message: "the secret plan"}, Failure{Status: 500, Code: "internal-error", Message: "internal error"}},
		{store.NotFoundf("name-not-found", "no snap %q", "a").Because(cause), Failure{Status: 404, Code: "name-not-found", Message: `no snap "a"`}},
		{store.Conflictf("", "it exists"), Failure{Status: 409, Code: "conflict", Message: "it exists"}},
		{store.Invalidf("bad-argument", "no").Try("say yes"), Failure{Status: 400, Code: "bad-argument", Message: "no (say yes)"}},
		{store.Unauthorisedf("", "log in"), Failure{Status: 401, Code: "user-authentication-error", Message: "log in"}},
		{store.Forbiddenf("", "not you"), Failure{Status: 403, Code: "forbidden", Message: "not you"}},
		{store.Unavailablef("", "later").Because(cause), Failure{Status: 503, Code: "remote-service-unavailable", Message: "later"}},
		{store.Unavailablef(CodeRateLimit, "not now"), Failure{Status: 429, Code: "rate-limit-exceeded", Message: "not now"}},
		{store.Unavailablef(CodeTooMany, "not now"), Failure{Status: 429, Code: "too-many-requests", Message: "not now"}},
		{store.TooLargef("", "too much"), Failure{Status: 413, Code: "request-too-large", Message: "too much"}},
	}
	for _, tt := range tests {
		if got := Describe(tt.err); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Describe(%v) = %+v, want %+v", tt.err, got, tt.want)
		}
	}
}

func TestEachFamilyHasItsShapeOfError(t *testing.T) {
	tests := []struct {
		name  string
		shape Shape
		want  string
	}{
		{"v2", ErrorList, `{"error-list":[{"code":"name-not-found","message":"no such snap"}]}`},
		{"dashboard", DashboardErrorList, `{"error_list":[{"code":"name-not-found","message":"no such snap"}]}`},
		{"charm store", CharmStoreError, `{"Code":"name not found","Message":"no such snap"}`},
		{"registry", RegistryErrors, `{"errors":[{"code":"NAME_NOT_FOUND","message":"no such snap"}]}`},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		Fail(w, httptest.NewRequest("GET", "/", nil), tt.shape, store.NotFoundf("name-not-found", "no such snap"))
		if got := strings.TrimSpace(w.Body.String()); got != tt.want || w.Code != 404 {
			t.Errorf("%s: %d %s, want 404 %s", tt.name, w.Code, got, tt.want)
		}
		if got := w.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: Content-Type is %q", tt.name, got)
		}
	}
}

func TestWhoAsksTooOftenIsToldWhenToAskAgain(t *testing.T) {
	for err, want := range map[error]string{
		store.Unavailablef(CodeRateLimit, "not now"):                           "5",
		store.Unavailablef(CodeTooMany, "not now").With(ExtraRetryAfter, "17"): "17",
		store.NotFoundf("name-not-found", "no such snap"):                      "",
	} {
		w := httptest.NewRecorder()
		Fail(w, httptest.NewRequest("GET", "/", nil), ErrorList, err)
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("%v: Retry-After is %q, want %q", err, got, want)
		}
	}
}

func TestRoutesAnswerWhatTheyDoNotKnowInTheirShape(t *testing.T) {
	named := func(w http.ResponseWriter, r *http.Request) { Bytes(w, 200, "text/plain", []byte(r.PathValue("name"))) }
	routes := Routes(ErrorList, []Route{
		{"GET /v2/snaps/info/{name}", named},
		{"POST /v2/snaps/refresh", named},
		{"PUT /v2/states/{name}", named},
		{"GET /v2/states/{name}", named},
		{"GET /v2/files/{$}", named},
	})
	tests := []struct {
		method, path string
		status       int
		allow, body  string
	}{
		{"GET", "/v2/snaps/info/hello", 200, "", "hello"},
		{"HEAD", "/v2/snaps/info/hello", 200, "", "hello"},
		{"GET", "/v2/snaps/info/a%2Fb", 200, "", "a/b"},
		{"GET", "/v2/snaps/nothing", 404, "", `"not-found"`},
		{"POST", "/v2/snaps/info/hello", 405, "GET, HEAD", `"method-not-allowed"`},
		{"GET", "/v2/snaps/refresh", 405, "POST", `"method-not-allowed"`},
		{"DELETE", "/v2/states/x", 405, "GET, HEAD, PUT", `"method-not-allowed"`},
		{"BREW", "/v2/states/x", 405, "GET, HEAD, PUT", `"method-not-allowed"`},

		// What the mux would redirect.
		{"GET", "/v2//states/x", 404, "", `"not-found"`},
		{"PUT", "//v2/states/x", 404, "", `"not-found"`},
		{"GET", "/v2/snaps/../states/x", 404, "", `"not-found"`},
		{"GET", "/v2/./states/x", 404, "", `"not-found"`},
		{"GET", "/v2/states/x//", 404, "", `"not-found"`},
		{"GET", "/v2/files//", 404, "", `"not-found"`},
		{"GET", "/v2/files/", 200, "", ""},
		{"GET", "/v2/snaps/info/%2e%2e", 200, "", ".."},
		{"GET", "/", 404, "", `"not-found"`},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		routes.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.status || w.Header().Get("Allow") != tt.allow || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%s %s: %d, Allow %q, %s; want %d, %q, %s",
				tt.method, tt.path, w.Code, w.Header().Get("Allow"), w.Body, tt.status, tt.allow, tt.body)
		}
	}
}
