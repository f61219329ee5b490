package candid

import (
	"net/http"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
)

// words are the protocol's codes, which are few, by this store's.
var words = map[string]string{
	identity.CodeNotSatisfied: "permission denied",
	reply.CodeTooMany:         "too many requests",
}

// wordsByStatus are the codes of everything else.
var wordsByStatus = map[int]string{
	http.StatusBadRequest:            "bad request",
	http.StatusUnauthorized:          "unauthorized",
	http.StatusForbidden:             "forbidden",
	http.StatusNotFound:              "not found",
	http.StatusMethodNotAllowed:      "method not allowed",
	http.StatusConflict:              "already exists",
	http.StatusRequestEntityTooLarge: "bad request",
	http.StatusTooManyRequests:       "too many requests",
	http.StatusServiceUnavailable:    "service unavailable",
	http.StatusGatewayTimeout:        "timed out",
}

// statuses are those of codes whose kind says too little.
var statuses = map[string]int{
	// A client that waits comes back after this one, and after no 4xx.
	identity.CodeVisitPending: http.StatusGatewayTimeout,
	// Too many logins that wait are no failure of the service: clients retry those.
	identity.CodeTooManyVisits: http.StatusTooManyRequests,
}

// Errors is the shape of the bakery's errors.
var Errors reply.Shape = func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
	f = statused(f)
	reply.JSON(w, r, f.Status, map[string]string{"Code": word(f), "Message": f.Message})
}

func statused(f reply.Failure) reply.Failure {
	if status, ok := statuses[f.Code]; ok {
		f.Status = status
	}
	return f
}

func word(f reply.Failure) string {
	if w, ok := words[f.Code]; ok {
		return w
	}
	if w, ok := wordsByStatus[f.Status]; ok {
		return w
	}
	return "internal server error"
}

func fail(w http.ResponseWriter, r *http.Request, err error) { reply.Fail(w, r, Errors, err) }
