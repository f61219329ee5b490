package snapstore

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/larder-store/larder/client/transport"
)

// A Review is where the store is with an upload.
type Review struct {
	// Status is the store's word: on gateways "approved", "rejected",
	// "need_manual_review" or anything else meanwhile; on dashboards "being_processed",
	// "ready_to_release", "need_manual_review", "processing_error" and others.
	Status string
	// Done says that the store will not change it by itself any more.
	Done bool
	// Held says that a person must look at the upload first; it may have a
	// revision already.
	Held bool
	// Revision is the number it got, 0 for none.
	Revision int
	// CanRelease says that it may be released now (dashboards only).
	CanRelease bool
	// URL is a page for people, or empty.
	URL string
	// Errors say why it was not accepted.
	Errors ErrorList
}

// Accepted reports whether the upload became a revision.
func (r Review) Accepted() bool { return r.Done && len(r.Errors) == 0 && r.Status != "rejected" }

// gatewayReview and dashboardReview are the two shapes of an answer.
type gatewayReview struct {
	Revisions []struct {
		Status   string    `json:"status"`
		Revision *int      `json:"revision"`
		Errors   ErrorList `json:"errors"`
	} `json:"revisions"`
}

type dashboardReview struct {
	Code       string      `json:"code"`
	Processed  bool        `json:"processed"`
	CanRelease bool        `json:"can_release"`
	Revision   flexibleInt `json:"revision"`
	URL        string      `json:"url"`
	Errors     ErrorList   `json:"errors"`
}

// ReviewStatus asks once. The URL is the status-url of NotifyRevision or
// PushResource, or the StatusURL of Dashboard.Push.
func (c *Client) ReviewStatus(ctx context.Context, statusURL string) (Review, error) {
	c.setUp()
	if strings.HasPrefix(statusURL, "/") && !strings.HasPrefix(statusURL, "//") {
		statusURL = c.endpoints.GatewayURL + statusURL
	}
	if u, err := url.Parse(statusURL); err != nil || u.Host == "" {
		return Review{}, invalidf("%.200q is no address of a review", statusURL)
	}
	var raw json.RawMessage
	if err := c.call(ctx, transport.Call{URL: statusURL, Out: &raw}); err != nil {
		return Review{}, err
	}
	review, err := parseReview(raw)
	if err != nil {
		return Review{}, &InvalidResponseError{Method: "GET", URL: withoutQuery(statusURL), Status: 200, Err: err}
	}
	return review, nil
}

func withoutQuery(u string) string {
	before, _, _ := strings.Cut(u, "?")
	return before
}

// heldWord is what dashboards call an upload that waits for a person, and larder
// on gateways too.
const heldWord = "need_manual_review"

func parseReview(raw json.RawMessage) (Review, error) {
	var gateway gatewayReview
	if err := json.Unmarshal(raw, &gateway); err != nil {
		return Review{}, err
	}
	switch len(gateway.Revisions) {
	case 0:
	case 1:
		entry := gateway.Revisions[0]
		r := Review{Status: entry.Status, Errors: entry.Errors, Held: entry.Status == heldWord}
		r.Done = r.Held || entry.Status == "approved" || entry.Status == "rejected"
		if entry.Revision != nil {
			r.Revision = *entry.Revision
		}
		r.CanRelease = r.Accepted() && !r.Held
		return r, nil
	default:
		return Review{}, fmt.Errorf("it tells of %d revisions, not of one", len(gateway.Revisions))
	}
	var dashboard dashboardReview
	if err := json.Unmarshal(raw, &dashboard); err != nil {
		return Review{}, err
	}
	if dashboard.Code == "" {
		return Review{}, fmt.Errorf("it tells of no revision and has no code")
	}
	return Review{
		Status: dashboard.Code, Done: dashboard.Processed, Held: dashboard.Code == heldWord,
		Revision: int(dashboard.Revision), CanRelease: dashboard.CanRelease, URL: dashboard.URL, Errors: dashboard.Errors,
	}, nil
}

// WaitForReview asks every PollInterval until the review is done or the context
// ends, and calls progress (which may be nil) with every answer. It returns the
// last answer, with an error too. The error is a
// *ReviewError if the store did not accept the upload. An upload that is held
// for a person counts as accepted when the store gave it no errors; see
// Review.Held.
func (c *Client) WaitForReview(ctx context.Context, statusURL string, progress func(Review)) (Review, error) {
	interval := c.PollInterval
	if interval <= 0 {
		interval = time.Second
	}
	var review Review
	for {
		latest, err := c.ReviewStatus(ctx, statusURL)
		if err != nil {
			return review, err
		}
		review = latest
		if progress != nil {
			progress(review)
		}
		switch {
		case review.Done && !review.Accepted():
			return review, &ReviewError{Review: review}
		case review.Done:
			return review, nil
		}
		if err := transport.Wait(ctx, interval); err != nil {
			return review, fmt.Errorf("cannot wait for the review, which is at %q: %w", review.Status, err)
		}
	}
}
