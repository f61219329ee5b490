package blob

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestMoreDigestsAreThoseOfTheBytes(t *testing.T) {
	for _, size := range []int{0, 1, chunkSize, 3*chunkSize + 1} {
		content := bytes.Repeat([]byte("x"), size)
		long, longest := sha512.Sum384(content), sha512.Sum512(content)
		want := Further{hex.EncodeToString(long[:]), hex.EncodeToString(longest[:])}
		if got, err := MoreDigests(t.Context(), bytes.NewReader(content)); got != want || err != nil {
			t.Errorf("%d bytes: %v, %v", size, got, err)
		}
	}
	broken := errors.New("broken")
	if _, err := MoreDigests(t.Context(), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := MoreDigests(cancelled, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("a pass that is cancelled: %v", err)
	}
}
