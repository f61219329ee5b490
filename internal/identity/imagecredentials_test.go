package identity

import (
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// The text of a pull password stands in documents whose digests clients have been
// told: it must not change with the program.
func TestPullPasswordsAreTheSameForEver(t *testing.T) {
	key, repo := NewSecret(strings.Repeat("k", 32)), store.ImageRepo{PackageID: strings.Repeat("r", 32), Resource: "server"}
	for generation, want := range map[int64]string{
		0:   "lrdpull-AQAgcnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnJzZXJ2ZXLiT56_p35nkgLb58wHWbyTH0CDQFoys2zt3H-zjzTPBQ",
		300: "lrdpull-AawCIHJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnJyc2VydmVyMjKRYCL6B-ksgibbwPiQwEjFA3LnHM2S2IKUyR3GPyc",
	} {
		got := pullPassword(key, repo, generation).Reveal()
		if got != want {
			t.Errorf("generation %d: %s", generation, got)
		}
		back, n, ok := readPullPassword([]Secret{NewSecret("another"), key}, got)
		if !ok || back != repo || n != generation {
			t.Errorf("read back %v %d %t", back, n, ok)
		}
	}
}

// Anybody can name a key that there is not.
func TestAnUnknownKeyDoesNotOpenTheOthersAgain(t *testing.T) {
	w := newWorld(t)
	first, err := w.Identity.keysFor(t.Context(), PurposeRegistry)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := w.Identity.registryKey(t.Context(), "nobody's"); store.KindOf(err) != store.KindUnauthorised {
			t.Errorf("an unknown key: %v", err)
		}
		now, err := w.Identity.keysFor(t.Context(), PurposeRegistry)
		if err != nil || now.tokens[0].pair != first.tokens[0].pair {
			t.Errorf("the keys were opened again: %v", err)
		}
	}
	made, err := w.Identity.newKey(PurposeRegistry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Update(t.Context(), "another node", func(tx *db.Tx) error { return putKey(tx, made) }); err != nil {
		t.Fatal(err)
	}
	if key, err := w.Identity.registryKey(t.Context(), made.ID); err != nil || key.id != made.ID {
		t.Errorf("another node's key: %v, %v", key.id, err)
	}
}

func FuzzReadPullPassword(f *testing.F) {
	key := NewSecret(strings.Repeat("k", 32))
	f.Add(pullPassword(key, store.ImageRepo{PackageID: "id", Resource: "r"}, 3).Reveal())
	f.Add(pullPrefix)
	f.Fuzz(func(t *testing.T, text string) {
		repo, generation, ok := readPullPassword([]Secret{key}, text)
		if ok && pullPassword(key, repo, generation).Reveal() != text {
			t.Errorf("%q is read as %v %d", text, repo, generation)
		}
	})
}
