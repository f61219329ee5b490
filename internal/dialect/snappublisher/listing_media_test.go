package snappublisher

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/store"
)

const helloMedia = helloPath + "/binary-metadata"

// picture is a PNG of one colour.
func picture(t *testing.T, width, height int, shade uint8) []byte {
	t.Helper()
	im := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Gray{shade}})
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bomb is a PNG whose header claims far more pixels than the file has bytes for.
func bomb(t *testing.T) []byte {
	b := picture(t, 64, 64, 1)
	copy(b[16:], []byte{0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff}) // width and height
	sum := crc32.ChecksumIEEE(b[12:29])
	copy(b[29:], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	return b
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// entry is one element of the part info.
type entry struct {
	Type     string `json:"type"`
	Hash     string `json:"hash,omitempty"`
	Filename string `json:"filename,omitempty"`
	Key      string `json:"key,omitempty"`
}

// form is a multipart request under way.
type form struct {
	t *testing.T
	b bytes.Buffer
	w *multipart.Writer
}

func newForm(t *testing.T) *form {
	f := &form{t: t}
	f.w = multipart.NewWriter(&f.b)
	return f
}

func (f *form) field(name, text string) *form {
	if err := f.w.WriteField(name, text); err != nil {
		f.t.Fatal(err)
	}
	return f
}

func (f *form) info(entries ...entry) *form {
	text, _ := json.Marshal(append([]entry{}, entries...))
	return f.field("info", string(text))
}

// infoFile is info as clients send it that have no new files: a file without a name.
func (f *form) infoFile(entries ...entry) *form {
	text, _ := json.Marshal(append([]entry{}, entries...))
	part, err := f.w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="info"; filename=""`}})
	if err == nil {
		_, err = part.Write(text)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return f
}

func (f *form) file(key string, content []byte) *form {
	part, err := f.w.CreateFormFile(key, key)
	if err == nil {
		_, err = part.Write(content)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return f
}

func (f *form) send(w *world, token, method, path string) pictured {
	f.t.Helper()
	if err := f.w.Close(); err != nil {
		f.t.Fatal(err)
	}
	a := w.Do(token, method, path, f.b.Bytes(), "Content-Type", f.w.FormDataContentType())
	a.T = f.t
	return pictured{a}
}

// pictured is an answer that lists pictures.
type pictured struct{ answer }

func (a pictured) kinds(status int) []string {
	a.T.Helper()
	var list []wirePicture
	a.Into(status, &list)
	var kinds []string
	for _, p := range list {
		kinds = append(kinds, p.Type+" "+p.Hash[:4])
	}
	return kinds
}

func short(kind string, content []byte) string { return kind + " " + sha(content)[:4] }

var seenPictures = []any{map[string]any{"type": "", "hash": "", "filename": "", "url": "", "width": 1.0, "height": 1.0}}

func TestPicturesAreReplacedKeptAndOrdered(t *testing.T) {
	w := newWorld(t)
	pkg := w.listed(1, "hello", "alice")
	w.published(pkg, 1, store.Meta{Type: "app"}, "stable")
	icon, one, two, banner := picture(t, 64, 64, 1), picture(t, 480, 480, 2), picture(t, 640, 480, 3), picture(t, 720, 240, 4)
	if got := (pictured{w.Do("alice", "GET", helloMedia, nil)}).kinds(200); len(got) > 0 {
		t.Errorf("pictures %v at first", got)
	}
	got := newForm(t).file("icon", icon).file("a.png", one).info(
		entry{"icon", sha(icon), "icon.png", "icon"}, entry{"screenshot", "", "a.png", "a.png"}, entry{"banner", sha(banner), "b.png", "b.png"},
		entry{"screenshot", sha(two), "c.png", "c.png"},
	).file("b.png", banner).file("c.png", two).send(w, "alice", "PUT", helloMedia).kinds(200)
	if want := []string{short("icon", icon), short("screenshot", one), short("banner", banner), short("screenshot", two)}; !slices.Equal(got, want) {
		t.Errorf("pictures %v, want %v", got, want)
	}
	// Order changes, one goes, one comes, and what has no key is kept.
	next := picture(t, 128, 128, 5)
	got = newForm(t).info(entry{"screenshot", sha(two), "x", ""}, entry{"screenshot", sha(one), "x", ""}, entry{"icon", sha(next), "i", "icon"}).
		file("icon", next).send(w, "alice", "PUT", helloMedia).kinds(200)
	want := []string{short("screenshot", two), short("screenshot", one), short("icon", next)}
	if !slices.Equal(got, want) {
		t.Errorf("pictures %v, want %v", got, want)
	}
	a := w.Do("alice", "GET", helloMedia, nil)
	var list []any
	a.Into(200, &list)
	sameShape(t, "pictures", list, seenPictures)
	if got := (pictured{a}).kinds(200); !slices.Equal(got, want) {
		t.Errorf("read back %v, want %v", got, want)
	}
	last := list[2].(map[string]any)
	if last["filename"] != "icon.png" || last["width"] != 128.0 || !strings.HasPrefix(last["url"].(string), publishertest.BaseURL+"/api/v1/snaps/media/"+pkg.ID+"/") {
		t.Errorf("the icon is %v", last)
	}
	// Devices fetch it, and info and the gateway name it.
	m := w.stored(pkg.ID).Media[2]
	f, err := w.Catalog.Medium(t.Context(), pkg.ID, m.Blob)
	w.Must(err)
	defer f.Close()
	if served, err := io.ReadAll(f); err != nil || !bytes.Equal(served, next) || f.Type != "image/png" {
		t.Errorf("the icon is served as %s, %v", f.Type, err)
	}
	info := w.Do("alice", "GET", helloInfo, nil).Object(200)
	sameShape(t, "info", info, seenInfo)
	if media := info["media"].([]any); len(media) != 3 || media[2].(map[string]any)["url"] != last["url"] {
		t.Errorf("info has the media %v", media)
	}
	icons := w.Do("alice", "GET", "/v1/snap/hello", nil).Object(200)["metadata"].(map[string]any)["media"].([]any)
	if len(icons) != 1 || icons[0].(map[string]any)["type"] != "icon" {
		t.Errorf("the gateway has the media %v, and clients refuse all but icons", icons)
	}
}

func TestTrap17InfoComesAsFieldOrAsFile(t *testing.T) {
	w := newWorld(t)
	w.listed(1, "hello", "alice")
	icon := picture(t, 64, 64, 1)
	newForm(t).info(entry{"icon", "", "i", "icon"}).file("icon", icon).send(w, "alice", "POST", helloMedia).kinds(200)
	if got := newForm(t).infoFile(entry{"icon", sha(icon), "icon.png", ""}).send(w, "alice", "PUT", helloMedia).kinds(200); len(got) != 1 {
		t.Errorf("kept %v", got)
	}
	if got := newForm(t).infoFile().send(w, "alice", "PUT", helloMedia).kinds(200); len(got) != 0 {
		t.Errorf("emptied %v", got)
	}
}

func TestUploadedIconsDoNotOverwriteChosenOnes(t *testing.T) {
	w := newWorld(t)
	pkg := w.listed(1, "hello", "alice")
	a, b, c := picture(t, 64, 64, 1), picture(t, 64, 64, 2), picture(t, 64, 64, 3)
	send := func(method, query string, content []byte) pictured {
		return newForm(t).info(entry{"icon", sha(content), "icon.png", "icon"}).file("icon", content).send(w, "alice", method, helloMedia+query)
	}
	send("POST", "", a).kinds(200)
	send("POST", "", b).kinds(200)
	send("PUT", "?conflict_on_update=true", a).kinds(200)
	send("POST", "", a).kinds(200) // no change
	var refused struct {
		Errors []struct {
			Code  string
			Extra map[string]any
		} `json:"error_list"`
	}
	send("POST", "", c).Into(409, &refused)
	if e := refused.Errors[0]; e.Code != "conflict" || e.Extra["name"] != "icon" || e.Extra["current"] == nil {
		t.Errorf("refused with %+v", e)
	}
	if media := w.stored(pkg.ID).Media; len(media) != 1 || media[0].Size != int64(len(a)) {
		t.Errorf("a refused icon changed %v", media)
	}
	send("PUT", "", c).kinds(200)
}

func TestPicturesThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.listed(1, "hello", "alice")
	icon := picture(t, 64, 64, 1)
	svg := func(inside string) []byte {
		return []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">` + inside + `</svg>`)
	}
	big := bytes.Repeat([]byte{'x'}, store.MaxMediumBytes+1)
	as := func(kind string, content []byte) *form {
		return newForm(t).info(entry{kind, "", "x", "x"}).file("x", content)
	}
	many := newForm(t)
	for i := range 6 {
		shot := picture(t, 480, 480, uint8(i))
		many.file(fmt.Sprint(i), shot)
	}
	var shots []entry
	for i := range 6 {
		shots = append(shots, entry{"screenshot", "", "x", fmt.Sprint(i)})
	}
	many.info(shots...)
	parts := newForm(t)
	for i := range maxMediaParts + 1 {
		parts.field("info", fmt.Sprint("[]", i)[:2])
	}
	files := newForm(t)
	for i := range 12 {
		files.file(fmt.Sprint(i), icon)
	}
	before := w.blobCount()
	for _, tt := range []struct {
		why    string
		f      *form
		status int
		code   string
	}{
		{"no info", newForm(t).file("icon", icon), 400, "required"},
		{"info that is no JSON", newForm(t).field("info", "icon"), 400, "invalid-request"},
		{"info that is an object", newForm(t).field("info", "{}"), 400, "invalid-request"},
		{"info that is null", newForm(t).field("info", "null"), 400, "invalid-request"},
		{"much info", newForm(t).field("info", strings.Repeat(" ", maxMediaInfo)+"[]"), 413, "request-too-large"},
		{"many entries", newForm(t).info(make([]entry, 100)...), 400, "media-too-many-items"},
		{"a file that is not there", newForm(t).info(entry{"icon", "", "x", "x"}), 400, "invalid-request"},
		{"another file than it says", newForm(t).info(entry{"icon", sha([]byte("x")), "x", "x"}).file("x", icon), 400, "invalid-request"},
		{"a file twice", newForm(t).info(entry{"icon", "", "x", "x"}).file("x", icon).file("x", icon), 400, "invalid-request"},
		{"a picture that was never there", newForm(t).info(entry{"icon", sha(icon), "x", ""}), 409, "media-modified"},
		{"another kind", as("poster", icon), 400, "media-unsupported-type"},
		{"no picture", as("icon", []byte("hello")), 400, "media-unsupported-type"},
		{"an empty file", as("icon", nil), 400, "media-unsupported-type"},
		{"half a picture", as("icon", icon[:20]), 400, "media-unsupported-type"},
		{"a picture that claims four billion pixels", as("icon", bomb(t)), 400, "media-invalid-resolution"},
		{"a script", as("icon", svg("<script>alert(1)</script>")), 400, "media-unsupported-type"},
		{"a handler", as("icon", svg(`<rect onload="alert(1)"/>`)), 400, "media-unsupported-type"},
		{"a page within", as("icon", svg(`<foreignObject/>`)), 400, "media-unsupported-type"},
		{"a picture from elsewhere", as("icon", svg(`<image href="https://elsewhere.example/x.png"/>`)), 400, "media-unsupported-type"},
		{"an entity", as("icon", append([]byte(`<!DOCTYPE svg [<!ENTITY a "b">]>`), svg("&a;")...)), 400, "media-unsupported-type"},
		{"too many pixels", as("icon", picture(t, 1024, 1024, 1)), 400, "media-invalid-resolution"},
		{"an icon that is not square", as("icon", picture(t, 64, 128, 1)), 400, "media-invalid-aspect-ratio"},
		{"too many bytes", as("icon", big), 400, "media-file-size-too-big"},
		{"too many screenshots", many, 400, "media-too-many-items"},
		{"many parts", parts, 400, "invalid-request"},
		{"many files", files, 400, "media-too-many-items"},
	} {
		a := tt.f.send(w, "alice", "PUT", helloMedia)
		if got := a.ErrorCode(tt.status); got != tt.code {
			t.Errorf("%s: code %q, want %q: %s", tt.why, got, tt.code, a.Body)
		}
	}
	if got := w.stored(assertiontest.SnapID(1)).Media; len(got) > 0 {
		t.Errorf("refused pictures are there: %v", got)
	}
	if after := w.blobCount(); after != before {
		t.Errorf("refused pictures left %d blobs", after-before)
	}
}

// blobCount is how many blobs are stored, named by a row or not.
func (w *world) blobCount() (n int) {
	for _, err := range w.Blobs.List(w.T.Context()) {
		w.Must(err)
		n++
	}
	return n
}

func TestWhoMayChangePictures(t *testing.T) {
	w := newWorld(t)
	w.listed(1, "hello", "alice")
	w.Token("uploader", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package_push"})})
	w.Token("elsewhere", "alice", store.Limits{Packages: []store.PackageLimit{{Name: "other"}}})
	w.refuses(t, []refusal{
		{"nobody reads", "", "GET", helloMedia, nil, 401, "macaroon-authorization-required"},
		{"a stranger reads", "bob", "GET", helloMedia, nil, 403, "resource-forbidden"},
		{"no multipart", "alice", "PUT", helloMedia, `{}`, 400, "invalid-request"},
		// Whoever may not is told so before any part is read.
		{"nobody", "", "PUT", helloMedia, `x`, 401, "macaroon-authorization-required"},
		{"a stranger", "bob", "PUT", helloMedia, `x`, 403, "resource-forbidden"},
		{"a viewer", "vera", "PUT", helloMedia, `x`, 403, "macaroon-permission-required"},
		{"a token that only uploads", "uploader", "PUT", helloMedia, `x`, 403, "macaroon-permission-required"},
		{"a token for another snap", "elsewhere", "PUT", helloMedia, `x`, 403, "resource-forbidden"},
	})
	torn := "--b\r\nContent-Disposition: form-data; name=\"icon\"; filename=\"i\"\r\n\r\n\x89PNG"
	if code := w.Do("alice", "PUT", helloMedia, torn, "Content-Type", "multipart/form-data; boundary=b").ErrorCode(400); code != "invalid-request" {
		t.Errorf("a torn request: %s", code)
	}
	var large bytes.Buffer
	for range 3 {
		fmt.Fprintf(&large, "--b\r\nContent-Disposition: form-data; name=\"info\"\r\nX: %s\r\n\r\n[]\r\n", strings.Repeat("x", 11<<20))
	}
	if a := w.Do("alice", "PUT", helloMedia, &large, "Content-Type", "multipart/form-data; boundary=b"); a.Code != 400 && a.Code != 413 {
		t.Errorf("headers of megabytes: %d %s", a.Code, a.Body)
	}
	if len(w.stored(assertiontest.SnapID(1)).Media) > 0 {
		t.Error("pictures are there")
	}
}

func TestASnapsOwnIconStaysWhateverTheRules(t *testing.T) {
	w := newWorld(t)
	pkg := w.listed(1, "hello", "alice")
	own := store.Medium{Kind: "icon", Blob: store.Digest{7}, Size: 5 << 20, ContentType: "image/gif", Width: 2000, Height: 30}
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.PackageUpdated, "package/"+pkg.ID, nil)
		if _, err := tx.AddBlob(store.Blob{Digest: own.Blob, SHA256: strings.Repeat("7", 64), Size: own.Size}); err != nil {
			return err
		}
		return tx.SetMedia(pkg.ID, []store.Medium{own})
	})
	shot, bad := picture(t, 480, 480, 2), picture(t, 48, 48, 2)
	keep := entry{"icon", strings.Repeat("7", 64), "icon.gif", ""}
	newForm(t).info(keep, entry{"screenshot", "", "x", "x"}).file("x", shot).send(w, "alice", "PUT", helloMedia).kinds(200)
	if code := newForm(t).info(keep, entry{"screenshot", "", "x", "x"}).file("x", bad).send(w, "alice", "PUT", helloMedia).ErrorCode(400); code != "media-invalid-resolution" {
		t.Errorf("a small screenshot: %s", code)
	}
	_, list, err := w.Catalog.Media(t.Context(), publishertest.Operator, store.Snap, store.Ref{ID: pkg.ID})
	if err != nil || len(list) != 2 || list[0].Medium != own {
		t.Errorf("pictures %v, %v", list, err)
	}
}
