package catalog

import (
	"reflect"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func TestTheOpenChannelsAreThoseOfTheWholeHistory(t *testing.T) {
	h := releasing(t)
	for range 3 { // a history that does not count any more
		h.release(t, 2, Pointing{Channel: channel(t, "stable")}, Pointing{Channel: channel(t, "beta")})
		h.release(t, 1, Pointing{Channel: channel(t, "stable")}, Pointing{Channel: channel(t, "beta")})
	}
	h.release(t, 2, Pointing{Channel: channel(t, "stable"), Percentage: 25})
	h.release(t, 2, Pointing{Channel: channel(t, "2.0/edge"), Architecture: "arm64"})
	h.release(t, 1, Pointing{Channel: channel(t, "stable/fix")})
	if _, err := h.Close(t.Context(), operator, store.Snap, "hello", channelsOf(t, "beta"), "amd64"); err != nil {
		t.Fatal(err)
	}
	for name, revision := range map[string]int{"candidate": 2, "2.0/edge": 1} {
		_, err := h.Override(t.Context(), operator, store.Snap, "hello", []OverrideTo{{channel(t, name), revision}}, "", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
	}
	err := h.db.View(t.Context(), func(tx *db.Tx) error {
		facts, err := tx.Facts(store.Snap, []store.Ref{{Name: "hello"}}, db.FactsOptions{})
		if err != nil {
			return err
		}
		want := store.ChannelList(facts[0], store.Fold(facts[0].Releases, tx.Now()), "", tx.Now())
		got, err := openChannels(tx, &facts[0].Package)
		if err != nil {
			return err
		}
		if len(want) != 7 || !reflect.DeepEqual(got, want) {
			t.Errorf("%d channels are open, want %d:\n%+v\n%+v", len(got), len(want), got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
