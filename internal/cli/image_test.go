package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func TestImagesOfACharmAreListedDeletedAndTheirPullsRevoked(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	larder := func(exit int, args ...string) []byte {
		t.Helper()
		var out, errOut bytes.Buffer
		args = append([]string{"larder", "--data", dir, "--format", "json"}, args...)
		if code := Main(args, strings.NewReader(""), &out, &errOut); code != exit {
			t.Fatalf("%v exits with %d, not %d: %s", args, code, exit, errOut.String())
		}
		return out.Bytes()
	}
	larder(exitOK, "init")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	repo := store.ImageRepo{PackageID: strings.Repeat("r", 32), Resource: "redis-image"}
	h, err := (&options{t: &terminal{program: "larder"}, data: dir}).open(ctx)
	must(err)
	_, err = h.db.Update(ctx, "tester", func(tx *db.Tx) error {
		if err := tx.PutAccount(store.Account{ID: "alice", Username: "alice", DisplayName: "alice", Validation: "unproven", CreatedAt: tx.Now()}); err != nil {
			return err
		}
		tx.Record(store.PackageRegistered, "package/"+repo.PackageID, nil)
		return tx.InsertPackage(&store.Package{
			ID: repo.PackageID, Namespace: store.Charm, Name: "redis-k8s", PublisherID: "alice", StoreID: store.GlobalStore, CreatedAt: tx.Now(),
		})
	})
	must(err)
	config := []byte("{}")
	sum := sha256.Sum256(config)
	digest := store.ImageDigest(hex.EncodeToString(sum[:]))
	must(h.catalog.PutImageBlob(ctx, h.who, repo, digest, catalog.Piece{Size: 2, Bytes: bytes.NewReader(config)}))
	m, err := h.catalog.PushImage(ctx, h.who, repo, "latest", store.MediaOCIManifest, []byte(
		`{"schemaVersion":2,"config":{"mediaType":"x/y","digest":"`+digest+`","size":2},"layers":[],"annotations":{"a":"b"},`+
			`"subject":{"digest":"`+digest+`"}}`))
	must(err)
	_, before, err := h.identity.PullCredentials(ctx, repo)
	must(err)

	tables := jsonTables(t)
	list := larder(exitOK, "image", "list", "redis-k8s")
	asDocumented(t, tables["larder image list"], "image list", list)
	if !strings.Contains(string(list), m.Digest) || !strings.Contains(string(list), "latest") {
		t.Errorf("listed: %s", list)
	}
	asDocumented(t, tables["larder image revoke-pulls"], "image revoke-pulls", larder(exitOK, "image", "revoke-pulls", "charm/redis-k8s"))
	_, after, err := h.identity.PullCredentials(ctx, repo)
	must(err)
	if before.Reveal() == after.Reveal() {
		t.Error("the pull credentials are the same")
	}
	asDocumented(t, tables["larder image delete"], "image delete", larder(exitOK, "image", "delete", "redis-k8s", "redis-image", "latest"))
	larder(exitNotFound, "image", "delete", "redis-k8s", "redis-image", "latest")
	larder(exitOK, "image", "delete", "redis-k8s", "redis-image", m.Digest)
	var empty struct{ Images []any }
	must(json.Unmarshal(larder(exitOK, "image", "list", "redis-k8s"), &empty))
	if len(empty.Images) != 0 {
		t.Errorf("left: %v", empty.Images)
	}
	for _, args := range [][]string{{"list", "charm/nothing"}, {"revoke-pulls", "nothing"}, {"delete", "nothing", "a", "b"}} {
		larder(exitNotFound, append([]string{"image"}, args...)...)
	}
	h.close()
}
