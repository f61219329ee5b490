package server

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
)

// The formats of a log.
const (
	FormatAuto = "auto" // text on a terminal, JSON elsewhere
	FormatText = "text"
	FormatJSON = "json"
)

// NewLogger returns the logger that a process sets as slog's default: it adds
// the request's id to what is logged with a request's context, and masks
// secrets by the names of their attributes.
func NewLogger(w io.Writer, level slog.Leveler, format string) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	var handler slog.Handler
	switch {
	case format == FormatText, (format == FormatAuto || format == "") && isTerminal(w):
		handler = slog.NewTextHandler(w, options)
	case format == FormatJSON, format == FormatAuto, format == "":
		handler = slog.NewJSONHandler(w, options)
	default:
		return nil, fmt.Errorf("cannot log as %q: use %s, %s or %s", format, FormatAuto, FormatText, FormatJSON)
	}
	return slog.New(requestIDHandler{handler}), nil
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const redacted = "[redacted]"

// secretNames mark an attribute as secret wherever they stand in its key or
// in that of a group around it, whatever the case.
var secretNames = []string{
	"authorization", "cookie", "credential", "discharge", "macaroon", "nonce",
	"passphrase", "password", "secret", "signing-key", "signing_key", "token",
}

// shortSecretNames are too short to look for inside other words.
var shortSecretNames = []string{"otp", "pin", "did", "caveat_id"}

// redact masks attributes that are secret by name, and values that carry
// whatever a client sent.
func redact(groups []string, a slog.Attr) slog.Attr {
	if isSecretName(a.Key) || slices.ContainsFunc(groups, isSecretName) {
		return slog.String(a.Key, redacted)
	}
	if a.Value.Kind() == slog.KindAny {
		switch a.Value.Any().(type) {
		case http.Header, *http.Request, *http.Response, url.Values, *url.URL, url.URL:
			return slog.String(a.Key, redacted)
		}
	}
	return a
}

// knownNames remembers the answers of isSecretName: keys are words of the
// program, few, and asked about on every line.
var knownNames sync.Map // of string to bool

func isSecretName(key string) bool {
	if secret, known := knownNames.Load(key); known {
		return secret.(bool)
	}
	lower := strings.ToLower(key)
	secret := slices.Contains(shortSecretNames, lower) ||
		slices.ContainsFunc(secretNames, func(name string) bool { return strings.Contains(lower, name) })
	knownNames.Store(key, secret)
	return secret
}
