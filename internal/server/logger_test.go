package server

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestSecretsAreMaskedByName(t *testing.T) {
	const secret = "s3cr3t"
	header := http.Header{"X-Device-Authorization": {secret}}
	tests := []struct {
		name   string
		attr   slog.Attr
		masked bool
	}{
		{"authorization", slog.String("Authorization", secret), true},
		{"device authorization", slog.String("X-Device-Authorization", secret), true},
		{"macaroon", slog.String("root_macaroon", secret), true},
		{"password", slog.String("password", secret), true},
		{"S3 secret", slog.String("SecretKey", secret), true},
		{"token", slog.String("token", secret), true},
		{"one-time password", slog.String("otp", secret), true},
		{"cookie", slog.Any("set-cookie", []string{secret}), true},
		{"in a group", slog.Group("login", slog.String("password", secret)), true},
		{"in a secret group", slog.Group("credentials", slog.String("value", secret)), true},
		{"a whole header", slog.Any("header", header), true},
		{"a whole URL", slog.Any("url", &url.URL{Path: "/", RawQuery: "token=" + secret}), true},
		{"a whole form", slog.Any("form", url.Values{"x": {secret}}), true},
		{"an ordinary one", slog.String("path", secret), false},
		{"one that has a short name inside", slog.String("laptop", secret), false},
	}
	for _, tt := range tests {
		for _, format := range []string{FormatText, FormatJSON} {
			var out bytes.Buffer
			log, err := NewLogger(&out, slog.LevelInfo, format)
			if err != nil {
				t.Fatal(err)
			}
			log.Info("said", tt.attr)
			if got := !strings.Contains(out.String(), secret); got != tt.masked {
				t.Errorf("%s as %s: masked %t, want %t: %s", tt.name, format, got, tt.masked, out.String())
			}
			out.Reset()
			log.With(tt.attr).Info("said")
			if got := !strings.Contains(out.String(), secret); got != tt.masked {
				t.Errorf("%s as %s, by With: masked %t, want %t: %s", tt.name, format, got, tt.masked, out.String())
			}
		}
	}
}

func TestTheFormatOfALog(t *testing.T) {
	tests := []struct{ format, begins string }{
		{FormatText, "time="},
		{FormatJSON, "{"},
		{FormatAuto, "{"}, // a buffer is no terminal
		{"", "{"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		log, err := NewLogger(&out, slog.LevelInfo, tt.format)
		if err != nil {
			t.Fatal(err)
		}
		log.Debug("not said")
		log.Info("said")
		if !strings.HasPrefix(out.String(), tt.begins) || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%q: %s, want one line that begins with %s", tt.format, out.String(), tt.begins)
		}
	}
	if _, err := NewLogger(&bytes.Buffer{}, slog.LevelInfo, "xml"); err == nil || !strings.Contains(err.Error(), "use auto, text or json") {
		t.Errorf("xml: error %v, want the formats that there are", err)
	}
}

func TestARecordCarriesTheRequestItBelongsTo(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, slog.LevelInfo, FormatText)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(t.Context(), requestIDKey{}, "abcd1234")
	log.With("a", 1).WithGroup("g").InfoContext(ctx, "said")
	withRequestID(log).InfoContext(ctx, "said")
	if strings.Count(out.String(), "request_id=abcd1234") != 2 {
		t.Errorf("want the request's id once in each line: %s", out.String())
	}
}
