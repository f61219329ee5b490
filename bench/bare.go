package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// The bare peer is the least that a Go program can do for the same bytes: no
// routes, no limits, no metrics, no log. It runs as a process of its own, which
// is this program with bareVariable set.

// bareVariable names the file that holds a bareSpec.
const bareVariable = "LARDER_BENCH_BARE"

// bareSpec is one answer, and how it comes about.
type bareSpec struct {
	ContentType string `json:"content-type"`
	Body        []byte `json:"body"`
	// Refresh decodes each request and encodes the answer anew, Charms does so for
	// a refresh of charms; else the bytes of Body are sent as they are.
	Refresh bool `json:"refresh"`
	Charms  bool `json:"charms"`
	// Token is a macaroon that is decoded and verified with its key for each
	// request, before the bytes are sent; "" is none.
	Token    string `json:"token"`
	TokenKey []byte `json:"token-key"`
	// Sign makes an ES256 signature of so many bytes for each request, before the
	// bytes of Body are sent; 0 makes none.
	Sign int `json:"sign"`
}

func (s bareSpec) handler() (http.Handler, error) {
	switch {
	case s.Token != "":
		return http.HandlerFunc(s.verifyThenSend), nil
	case s.Sign > 0:
		return s.signThenSend()
	case s.Refresh:
		return anew[refreshRequest, refreshAnswer](s)
	case s.Charms:
		return anew[charmRequest, charmAnswer](s)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { s.send(w, s.Body) }), nil
}

// anew decodes every request and encodes the answer each time.
func anew[Request, Answer any](s bareSpec) (http.Handler, error) {
	var answer Answer
	if err := json.Unmarshal(s.Body, &answer); err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request Request
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body, err := json.Marshal(answer)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		s.send(w, body)
	}), nil
}

// signThenSend makes a signature for each request, as a token has one.
func (s bareSpec) signThenSend() (http.Handler, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	text := make([]byte, s.Sign)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		digest := sha256.Sum256(text)
		if _, err := ecdsa.SignASN1(rand.Reader, key, digest[:]); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		s.send(w, s.Body)
	}), nil
}

func (s bareSpec) verifyThenSend(w http.ResponseWriter, _ *http.Request) {
	m, err := decodeMacaroon(s.Token)
	if err == nil {
		err = m.Verify(s.TokenKey, func(string) error { return nil }, nil)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	s.send(w, s.Body)
}

func (s bareSpec) send(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", s.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// serveBare is the main function of the bare peer.
func serveBare(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var spec bareSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return err
	}
	handler, err := spec.handler()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	return http.Serve(listener, handler)
}

var bareListening = regexp.MustCompile(`^http://(.+)$`)

// startBare starts the bare peer.
func (b *lab) startBare(ctx context.Context, spec bareSpec) (*server, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.dir, "bare-")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, address, err := startListener(ctx, bareListening, b.cores.serving, filepath.Join(dir, "log"),
		[]string{bareVariable + "=" + file}, self)
	if err != nil {
		return nil, err
	}
	return &server{p, address}, nil
}
