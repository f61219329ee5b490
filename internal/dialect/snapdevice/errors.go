package snapdevice

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// Codes that this dialect itself raises, in the public gateway's spelling.
const (
	codeMissingHeader        = "missing-header"
	codeMissingContext       = "missing-context"
	codeMissingInstanceKey   = "missing-instance-key"
	codeInstanceKeyTwice     = "instance-key-not-unique"
	codeMissingAssertionsKey = "missing-fetch-assertions-key"
	codeAssertionsKeyTwice   = "duplicate-fetch-assertions-key"
	codeBadArgument          = "bad-argument"
	codeNotFound             = "not-found"
	codeDeviceService        = "device-service-disallowed"

	// codeSessionEnded comes from the device room: a new session helps.
	codeSessionEnded = "device-authorization-needs-refresh"
	// codeUserEnded: refreshing the user's discharge helps.
	codeUserEnded = "user-authorization-needs-refresh"
)

// challenges are the parameters of WWW-Authenticate that go with codes.
// Everything else about an error looks as package reply says.
var challenges = map[string]string{
	// snapd looks for the words in the challenge, renews what they are about and
	// asks again. Every other 401 is final to it.
	codeSessionEnded: "refresh_device_session=1",
	codeUserEnded:    "needs_refresh=1",
}

// special adds the challenges of the codes to a shape. snapd reads but one
// header, and looks there for either.
func special(shape reply.Shape) reply.Shape {
	return func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
		var wanted []string
		for _, one := range append([]reply.Failure{f}, f.Also...) {
			if challenge, ok := challenges[one.Code]; ok {
				wanted = append(wanted, challenge)
			}
		}
		if len(wanted) > 0 {
			w.Header().Set("WWW-Authenticate", "Macaroon "+strings.Join(wanted, ", "))
		}
		w.Header().Del("Cache-Control")
		shape(w, r, f)
	}
}

var (
	errorList = special(reply.ErrorList)
	// errorListV1 is that of registration and purchases, with an underscore.
	errorListV1 = special(reply.DashboardErrorList)
	problem     = special(writeProblem)
)

// fail answers with err as the v2 API does.
func fail(w http.ResponseWriter, r *http.Request, err error) { reply.Fail(w, r, errorList, err) }

// writeProblem is how the v1 assertion service says it.
func writeProblem(w http.ResponseWriter, _ *http.Request, f reply.Failure) {
	body, err := json.Marshal(map[string]any{
		"status": f.Status, "type": "about:blank", "title": strings.ReplaceAll(f.Code, "-", " "), "detail": f.Message,
	})
	if err != nil {
		body = []byte("{}")
	}
	reply.Bytes(w, f.Status, contentProblem, body)
}

// badArgument refuses a query parameter.
func badArgument(name, format string, args ...any) error {
	return store.Invalidf(codeBadArgument, "cannot use the parameter "+name+": "+format, args...)
}
