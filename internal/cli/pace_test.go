package cli

import (
	"testing"

	"github.com/larder-store/larder/internal/device"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// most is more than any of the limits lets through in a test's time.
const most = 100_000

func TestNoncesAndRequestIDsShareALimit(t *testing.T) {
	h := testHouse(t)
	var err error
	n := 0
	for ; err == nil && n < most; n++ {
		ask := h.device.Nonce
		if n%2 == 1 {
			ask = h.device.RequestID
		}
		_, err = ask(t.Context())
	}
	if store.CodeOf(err) != reply.CodeRateLimit || n <= 1000 {
		t.Errorf("the %dth is answered with error %v", n, err)
	}
}

func TestFirstSerialsAreGivenAtAPaceAndOnlyWhereAllowed(t *testing.T) {
	h := testHouse(t)
	if ok, err := h.approve(t.Context(), device.Applicant{}); ok || store.CodeOf(err) != "device-service-disallowed" {
		t.Fatalf("not allowed by the operator: %t, %v", ok, err)
	}
	allow := map[string]string{"proxy.device-auth.register-devices": "True"}
	if _, err := h.settings.Set(t.Context(), h.who, allow); err != nil {
		t.Fatal(err)
	}
	ok, n := true, 0
	for ; ok && n < most; n++ {
		var err error
		if ok, err = h.approve(t.Context(), device.Applicant{}); err != nil {
			t.Fatal(err) // the device is to wait, not to give up
		}
	}
	if ok || n <= 20 {
		t.Errorf("the %dth may: %t", n, ok)
	}
}

func testHouse(t *testing.T) *house {
	t.Helper()
	h, err := (&options{data: t.TempDir()}).build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}
