package snapstore

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/internal/storetest"
)

func TestWaitForReview(t *testing.T) {
	tests := []struct {
		name    string
		answers []string
		path    bool // the status URL is a path, as gateways give it
		want    Review
		err     bool
		asked   int
	}{
		{"gateway, approved", []string{
			`{"revisions":[{"upload-id":"u","status":"new","revision":null,"errors":null}]}`,
			`{"revisions":[{"upload-id":"u","status":"approved","revision":3,"errors":null}]}`,
		}, true, Review{Status: "approved", Done: true, Revision: 3, CanRelease: true}, false, 2},
		{"gateway, rejected", []string{`{"revisions":[{"upload-id":"u","status":"rejected","revision":null,"errors":[{"code":"review-error","message":"bad plug"}]}]}`},
			true, Review{Status: "rejected", Done: true, Errors: ErrorList{{Code: "review-error", Message: "bad plug"}}}, true, 1},
		{"gateway, held", []string{`{"revisions":[{"upload-id":"u","status":"need_manual_review","revision":4,"errors":null}]}`},
			true, Review{Status: "need_manual_review", Done: true, Held: true, Revision: 4}, false, 1},
		{"dashboard, ready", []string{
			`{"code":"being_processed","processed":false,"can_release":false}`,
			`{"code":"ready_to_release","processed":true,"can_release":true,"revision":7,"url":"https://store.example/7"}`,
		}, false, Review{Status: "ready_to_release", Done: true, Revision: 7, CanRelease: true, URL: "https://store.example/7"}, false, 2},
		{"dashboard, held", []string{`{"code":"need_manual_review","processed":true,"can_release":false,"revision":"8","errors":[]}`},
			false, Review{Status: "need_manual_review", Done: true, Held: true, Revision: 8, Errors: ErrorList{}}, false, 1},
		{"dashboard, refused", []string{`{"code":"processing_error","processed":true,"errors":[{"code":null,"message":"a name that is not yours"}]}`},
			false, Review{Status: "processing_error", Done: true, Errors: ErrorList{{Message: "a name that is not yours"}}}, true, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newFakeStore(t)
			asked := 0
			s.Mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("upload-id") != "u" {
					t.Errorf("asked %s", r.URL)
				}
				storetest.Write(w, 200, tt.answers[asked])
				asked++
			})
			at := "/v1/status?upload-id=u"
			if !tt.path {
				at = s.URL + at
			}
			seen := 0
			got, err := s.client().WaitForReview(t.Context(), at, func(Review) { seen++ })
			var rejected *ReviewError
			if tt.err != errors.As(err, &rejected) || !tt.err && err != nil {
				t.Fatalf("error %v", err)
			}
			if tt.err && !strings.Contains(err.Error(), tt.want.Errors[0].Message) {
				t.Errorf("error %v", err)
			}
			if asked != tt.asked || seen != tt.asked || got.Accepted() == tt.err || got.Status != tt.want.Status || got.Revision != tt.want.Revision || got.Held != tt.want.Held ||
				got.CanRelease != tt.want.CanRelease || got.URL != tt.want.URL || len(got.Errors) != len(tt.want.Errors) {
				t.Errorf("got %+v after %d answers", got, asked)
			}
		})
	}
}

func TestWaitForReviewEndsWithItsContext(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("/", 200, `{"code":"being_processed","processed":false}`)
	ctx, cancel := context.WithCancel(t.Context())
	review, err := s.client().WaitForReview(ctx, s.URL+"/x", func(Review) { cancel() })
	if !errors.Is(err, context.Canceled) || review.Status != "being_processed" {
		t.Errorf("%+v, %v", review, err)
	}
}

func TestReviewsThatAreNone(t *testing.T) {
	for _, body := range []string{`{}`, `{"revisions":[]}`, `{"revisions":[{"status":"a"},{"status":"b"}]}`, `[]`, `{"code":5}`} {
		s := newFakeStore(t)
		s.Answer("/", 200, body)
		var invalid *InvalidResponseError
		if _, err := s.client().ReviewStatus(t.Context(), "/v1/x"); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestCredentialsStayAtTheStore: a status URL may lead anywhere.
func TestCredentialsStayAtTheStore(t *testing.T) {
	home, other := newFakeStore(t), newFakeStore(t)
	other.Answer("/", 200, `{"code":"ready_to_release","processed":true,"revision":1}`)
	c := home.client()
	_, err := c.ReviewStatus(t.Context(), other.URL+"/status")
	must(t, err)
	if got := other.Last().Header.Get("Authorization"); got != "" {
		t.Errorf("sent %s to another host", got)
	}
	anonymous := &Client{Endpoints: At(home.URL), HTTP: storetest.Quick(0)}
	if _, err := anonymous.Dashboard().Account(t.Context()); !errors.Is(err, auth.ErrCredentialsUnavailable) || home.Total() != 0 {
		t.Errorf("without a login: %v", err)
	}
}
