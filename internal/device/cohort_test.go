package device

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/store"
)

func TestCohortKeyTellsWhenItWasMade(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 30, 0, 123456000, time.UTC)
	d := newDevices(Config{}, textOf(secretA))
	node := newDevices(Config{}, textOf(secretB+","+secretA)) // rotated meanwhile
	key, err := d.CohortKey(t.Context(), "snapid", at)
	if err != nil {
		t.Fatal(err)
	}
	for _, on := range []*Devices{d, node} {
		c, err := on.ParseCohort(t.Context(), key, "snapid")
		if err != nil || !c.Created.Equal(at) || c.Latest {
			t.Errorf("%+v, %v; want %v", c, err, at)
		}
	}
	if c, err := d.ParseCohort(t.Context(), "+", "snapid"); err != nil || !c.Latest {
		t.Errorf("+: %+v, %v", c, err)
	}
}

func TestForgedCohortKeysAreRefused(t *testing.T) {
	d := newDevices(Config{}, textOf(secretA))
	other := newDevices(Config{}, textOf(secretB))
	now := time.Date(2026, 5, 1, 12, 30, 0, 0, time.UTC)
	key, _ := d.CohortKey(t.Context(), "snapid", now)
	foreign, _ := other.CohortKey(t.Context(), "snapid", now)
	raw, _ := base64.RawURLEncoding.DecodeString(key)
	for i := range raw {
		raw[i] ^= 1
		if _, err := d.ParseCohort(t.Context(), base64.RawURLEncoding.EncodeToString(raw), "snapid"); store.CodeOf(err) != codeCohort {
			t.Errorf("byte %d altered: %v", i, err)
		}
		raw[i] ^= 1
	}
	for name, k := range map[string]string{
		"another store's": foreign, "empty": "", "text": "MSB2RzNQ", "long": key + key, "no base64": key[:43] + "%",
	} {
		if _, err := d.ParseCohort(t.Context(), k, "snapid"); store.CodeOf(err) != codeCohort {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.ParseCohort(t.Context(), key, "othersnap"); store.CodeOf(err) != codeCohort {
		t.Errorf("for another snap: %v", err)
	}
}
