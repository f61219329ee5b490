package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// deviceHeader is what snapd sends along.
var deviceHeader = []string{
	"User-Agent: snapd/2.70 (series 16) ubuntu/24.04 (amd64) linux/6.8.0",
	"Accept: application/json",
	"Snap-Device-Series: 16",
	"Snap-Device-Architecture: amd64",
	"Snap-Device-Capabilities: default-tracks",
	"Snap-Classic: false",
	"Snap-Accept-Delta-Format: xdelta3",
}

// answer is what fetch got.
type answer struct {
	contentType string
	body        []byte
}

const (
	fetchTimeout = 30 * time.Second
	maxAnswer    = 16 << 20
)

// fetch asks once, as a device does, and wants a 200.
func (s *server) fetch(ctx context.Context, method, path string, body []byte) (answer, error) {
	return s.ask(ctx, method, path, body, deviceHeader...)
}

// ask sends once what httpRequest makes, and wants a 200.
func (s *server) ask(ctx context.Context, method, path string, body []byte, header ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Host = requestHost
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return read(request)
}

// read sends a request and reads what must be a 200.
func read(request *http.Request) (answer, error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, err
	}
	if response.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("%s %s: %s: %.300s", request.Method, request.URL.Path, response.Status, text)
	}
	return answer{response.Header.Get("Content-Type"), text}, nil
}

// snapIDs looks up the ids of snaps by their names.
func (s *server) snapIDs(ctx context.Context, names []string) ([]string, error) {
	var ids []string
	for _, name := range names {
		a, err := s.fetch(ctx, "GET", "/v2/snaps/info/"+name+"?fields=snap-id", nil)
		if err != nil {
			return nil, err
		}
		var info struct {
			SnapID string `json:"snap-id"`
		}
		if err := json.Unmarshal(a.body, &info); err != nil {
			return nil, err
		}
		ids = append(ids, info.SnapID)
	}
	return ids, nil
}
