package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
)

// said is one thing that a store has against an upload.
type said struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// unregistered turns a refusal that is about the name into one that says what to
// do.
func (r *remote) unregistered(err error, name string) error {
	var refused *snapstore.StoreError
	if errors.As(err, &refused) && refused.HasCode("resource-not-found") {
		return withStep(r.told(err), r.step("register it first: PUBLISH register "+name))
	}
	return err
}

// send uploads one file: with a bar to a person, with lines otherwise.
func (r *remote) send(ctx context.Context, file, resume string) (id string, size int64, err error) {
	stat, err := os.Stat(file)
	if err != nil {
		return "", 0, store.NotFoundf("file-not-found", "cannot read %s", file).Because(errors.Unwrap(err))
	}
	base := filepath.Base(file)
	r.o.t.say("Uploading %s, %d bytes", base, stat.Size())
	meter := r.o.t.newMeter(base, "bytes")
	id, err = r.UploadFile(ctx, file, &snapstore.UploadOptions{
		ResumeID: resume, Progress: func(p snapstore.Progress) { meter.show(p.Done, p.Total) },
	})
	meter.done()
	return id, stat.Size(), err
}

// say prints a line about progress where no bar is shown.
func (t *terminal) say(format string, args ...any) {
	if !t.json && !t.interactive() {
		fmt.Fprintf(t.err, format+"\n", args...)
	}
}

// review waits for the review of an upload to the package of a name, and tells
// of each state. That the store does not take it is no error here.
func (r *remote) review(ctx context.Context, name, statusURL string, noWait bool) (review snapstore.Review, err error) {
	if noWait {
		review, err = r.ReviewStatus(ctx, statusURL)
	} else {
		meter := r.o.t.newSpinner("Review")
		last := ""
		review, err = r.WaitForReview(ctx, statusURL, func(now snapstore.Review) {
			if now.Status != last {
				r.o.t.say("Review: %s", now.Status)
				meter.show(now.Status)
			}
			last = now.Status
		})
		meter.done()
	}
	if err != nil && !errors.As(err, new(*snapstore.ReviewError)) {
		return review, withStep(r.told(err), r.step("PUBLISH revisions "+name+" shows how the review goes"))
	}
	return review, nil
}

func stateOf(review snapstore.Review) string {
	switch {
	case review.Done && !review.Accepted():
		return "rejected"
	case review.Held:
		return "held"
	case review.Done:
		return "accepted"
	}
	return "processing"
}

func saidIn(review snapstore.Review) (list []said) {
	for _, e := range review.Errors {
		list = append(list, said{Code: e.Code, Message: e.Message})
	}
	return list
}

// outcome is the error that an upload ends with, nil when it is accepted or
// still being looked at.
func (r *remote) outcome(name string, review snapstore.Review) error {
	switch stateOf(review) {
	case "rejected":
		reason := "it says no more"
		if len(review.Errors) > 0 {
			reason = review.Errors[0].Message
		}
		return outcome{store.Invalidf("rejected", "the store rejected %s: %s", name, reason).
			Try("correct it and upload it again"), exitRejected}
	case "held":
		return outcome{store.Forbiddenf("held", "%s revision %d is held for review", name, review.Revision).
			Try(r.step("the store's operator decides with larder review; see PUBLISH revisions " + name)), exitHeld}
	}
	return nil
}
