package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
)

// refreshRequest is what a device sends to ask what it should have.
type refreshRequest struct {
	Context          []installed    `json:"context"`
	Actions          []action       `json:"actions"`
	Fields           []string       `json:"fields"`
	AssertionFormats map[string]int `json:"assertion-max-formats,omitempty"`
}

type installed struct {
	SnapID          string `json:"snap-id"`
	InstanceKey     string `json:"instance-key"`
	Revision        int    `json:"revision"`
	TrackingChannel string `json:"tracking-channel"`
	Epoch           epoch  `json:"epoch"`
	RefreshedDate   string `json:"refreshed-date"`
}

type action struct {
	Action      string `json:"action"`
	InstanceKey string `json:"instance-key"`
	SnapID      string `json:"snap-id"`
}

type epoch struct {
	Read  []uint32 `json:"read"`
	Write []uint32 `json:"write"`
}

// refreshAnswer has every member of larder's answer, in its order.
type refreshAnswer struct {
	Results   []refreshResult `json:"results"`
	ErrorList []any           `json:"error-list"`
}

type refreshResult struct {
	Result           string  `json:"result"`
	InstanceKey      string  `json:"instance-key"`
	SnapID           string  `json:"snap-id"`
	Name             string  `json:"name"`
	Snap             snap    `json:"snap"`
	EffectiveChannel string  `json:"effective-channel"`
	RedirectChannel  *string `json:"redirect-channel,omitempty"`
}

type snap struct {
	Categories    []any               `json:"categories"`
	Contact       *string             `json:"contact"`
	Description   string              `json:"description"`
	License       *string             `json:"license"`
	Links         map[string][]string `json:"links"`
	Media         []any               `json:"media"`
	Name          string              `json:"name"`
	Prices        map[string]string   `json:"prices"`
	Private       bool                `json:"private"`
	Publisher     publisher           `json:"publisher"`
	SnapID        string              `json:"snap-id"`
	StoreURL      *string             `json:"store-url"`
	Summary       string              `json:"summary"`
	Title         string              `json:"title"`
	Website       *string             `json:"website"`
	Architectures []string            `json:"architectures"`
	Base          *string             `json:"base"`
	CommonIDs     []string            `json:"common-ids"`
	Confinement   string              `json:"confinement"`
	CreatedAt     string              `json:"created-at"`
	Epoch         epoch               `json:"epoch"`
	Integrity     []any               `json:"integrity"`
	Revision      int                 `json:"revision"`
	SnapYAML      string              `json:"snap-yaml"`
	Type          string              `json:"type"`
	Version       string              `json:"version"`
	Download      download            `json:"download"`
}

type publisher struct {
	ID          string `json:"id"`
	Username    string `json:"username"`
	DisplayName string `json:"display-name"`
	Validation  string `json:"validation"`
}

type download struct {
	URL    string `json:"url"`
	Size   int64  `json:"size"`
	SHA3   string `json:"sha3-384"`
	Deltas []any  `json:"deltas"`
}

// refreshFields are what snapd asks for.
var refreshFields = []string{
	"architectures", "base", "categories", "common-ids", "confinement", "contact", "created-at", "description",
	"download", "epoch", "integrity", "license", "links", "media", "name", "prices", "private", "publisher",
	"revision", "snap-id", "snap-yaml", "store-url", "summary", "title", "type", "version", "website",
}

// refreshOf is the body of a request that asks about snaps of which a device
// has the first revision.
func refreshOf(ids []string) []byte {
	r := refreshRequest{Fields: refreshFields}
	for _, id := range ids {
		r.Context = append(r.Context, installed{
			SnapID: id, InstanceKey: id, Revision: 1, TrackingChannel: "latest/stable",
			Epoch: epoch{Read: []uint32{0}, Write: []uint32{0}}, RefreshedDate: "2026-01-02T03:04:05.678901Z",
		})
		r.Actions = append(r.Actions, action{Action: "refresh", InstanceKey: id, SnapID: id})
	}
	body, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return body
}

func refreshHTTP(body []byte) []byte {
	return httpRequest("POST", "/v2/snaps/refresh", body, deviceHeader...)
}

// benchRefresh sets refreshes of snaps that are in memory beside decoding and
// encoding the same JSON and nothing else.
func benchRefresh(ctx context.Context, b *lab) ([]row, error) {
	l, err := b.store(ctx)
	if err != nil {
		return nil, err
	}
	names, err := l.push(ctx, "sample", 10, 4096)
	if err != nil {
		return nil, err
	}
	srv, err := l.serve(ctx, b.cores.serving)
	if err != nil {
		return nil, err
	}
	defer srv.stop()
	ids, err := srv.snapIDs(ctx, names)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, n := range []int{1, 10} {
		r, err := b.refreshBesideBare(ctx, srv, ids[:n])
		if err != nil {
			return rows, err
		}
		r.what = fmt.Sprintf("refresh, %d snaps in memory", n)
		rows = append(rows, r)
	}
	return rows, nil
}

func (b *lab) refreshBesideBare(ctx context.Context, srv *server, ids []string) (row, error) {
	request := refreshOf(ids)
	answer, err := srv.fetch(ctx, "POST", "/v2/snaps/refresh", request)
	if err != nil {
		return row{}, err
	}
	if err := encodesAlike(answer.body, len(ids)); err != nil {
		return row{}, err
	}
	bare, err := b.startBare(ctx, bareSpec{ContentType: answer.contentType, Body: answer.body, Refresh: true})
	if err != nil {
		return row{}, err
	}
	defer bare.stop()
	return b.besideBare(ctx, srv, bare, refreshHTTP(request), "bare Go, decode and encode", goal{atLeast: 0.6})
}

// encodesAlike makes sure that the bare peer encodes everything that larder
// answered, so that it moves the same bytes.
func encodesAlike(body []byte, results int) error {
	var answer refreshAnswer
	if err := sameEncoded(body, &answer); err != nil {
		return err
	}
	return allResults(len(answer.Results), results, body)
}

func allResults(got, want int, body []byte) error {
	if got != want {
		return fmt.Errorf("%d results, want %d: %.300s", got, want, body)
	}
	return nil
}

// sameEncoded decodes an answer, which must encode to the same again.
func sameEncoded(body []byte, answer any) error {
	if err := json.Unmarshal(body, answer); err != nil {
		return err
	}
	again, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	var want, got any
	if err := json.Unmarshal(body, &want); err != nil {
		return err
	}
	if err := json.Unmarshal(again, &got); err != nil {
		return err
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("the peer would encode something else than larder: the type %T lacks a field\nlarder: %s\npeer:   %s", answer, body, again)
	}
	return nil
}

// besideBare measures the same request, again and again, against both.
func (b *lab) besideBare(ctx context.Context, srv, bare *server, request []byte, name string, g goal) (row, error) {
	side := func(s *server) func() (sample, error) {
		l := load{address: s.address, request: always(request), conns: b.sizes.conns, during: b.sizes.turn, status: http.StatusOK}
		return func() (sample, error) { return charged(ctx, s.process, l) }
	}
	r, err := b.onOneCore(func() (rounds, error) { return alternate(b.sizes.rounds, side(srv), side(bare)) })
	if err != nil {
		return row{}, err
	}
	return row{
		larder: perSecond(typical(r.larder, sample.requestsPerSecond)),
		peer:   perSecond(typical(r.peer, sample.requestsPerSecond)),
		beside: name,
		ratio:  r.ratio(sample.requestsPerSecond),
		cpu:    r.ratio(sample.cpuPerRequest),
		goal:   g,
	}, nil
}
