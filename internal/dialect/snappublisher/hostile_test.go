package snappublisher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

const boundary = "xxxxxxxx"

// raw sends a body as multipart/form-data and returns the status.
func (w *world) raw(body io.Reader) answer {
	return w.Do("", "POST", "/unscanned-upload/", body, "Content-Type", "multipart/form-data; boundary="+boundary)
}

func partHead(name string, more ...string) string {
	return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"f\"\r\n" + strings.Join(more, "") + "\r\n"
}

const partEnd = "\r\n--" + boundary + "--\r\n"

func TestMalformedUploadsLeaveNoTrace(t *testing.T) {
	w := newWorld(t)
	many := strings.Repeat(partHead("other")+"x\r\n", 100)
	for name, tt := range map[string]struct {
		body   string
		status int
	}{
		"nothing":                  {"", 400},
		"no part":                  {"--" + boundary + "--\r\n", 400},
		"another part":             {partHead("file") + "x" + partEnd, 400},
		"many parts":               {many + partHead("binary") + "x" + partEnd, 400},
		"many parts behind":        {partHead("binary") + "x\r\n" + many + "--" + boundary + "--\r\n", 400},
		"a second file":            {partHead("binary") + "x\r\n" + partHead("binary") + "x" + partEnd, 400},
		"a huge header":            {partHead("binary", "X-Large: "+strings.Repeat("x", 1<<20)+"\r\n") + "x" + partEnd, 413},
		"many headers":             {partHead("binary", strings.Repeat("X-A: b\r\n", 100_000)) + "x" + partEnd, 400},
		"a huge part before":       {partHead("other") + strings.Repeat("x", 1<<20) + "\r\n" + partHead("binary") + "x" + partEnd, 413},
		"a huge part behind":       {partHead("binary") + "x\r\n" + partHead("other") + strings.Repeat("x", 1<<20) + partEnd, 413},
		"cut off in the file":      {partHead("binary") + strings.Repeat("x", 100_000), 400},
		"cut off in the head":      {partHead("binary")[:30], 400},
		"cut off behind the file":  {partHead("binary") + "x\r\n--" + boundary, 400},
		"a field and no file name": {"--" + boundary + "\r\nContent-Disposition: form-data\r\n\r\nx" + partEnd, 400},
	} {
		t.Run(name, func(t *testing.T) {
			if got := w.raw(strings.NewReader(tt.body)); got.Code != tt.status {
				t.Errorf("%d %s, want %d", got.Code, got.Body, tt.status)
			} else {
				got.ErrorCode(tt.status)
			}
			w.noTrace()
		})
	}
	for _, contentType := range []string{"", "application/json", "multipart/form-data", "multipart/form-data; boundary=" + strings.Repeat("x", 100)} {
		if got := w.Do("", "POST", "/unscanned-upload/", "x", "Content-Type", contentType); got.Code != 400 {
			t.Errorf("%q: %d %s", contentType, got.Code, got.Body)
		}
	}
}

// noTrace fails the test if anything of an upload is left.
func (w *world) noTrace() {
	w.T.Helper()
	for info, err := range w.Blobs.List(context.WithoutCancel(w.T.Context())) {
		w.Must(err)
		w.T.Errorf("the blob %s is left", info.Digest)
	}
	w.Must(w.DB.View(w.T.Context(), func(tx *db.Tx) error {
		if n, _, err := tx.UnclaimedBytes(""); err != nil || n != 0 {
			w.T.Errorf("%d uploads are left, %v", n, err)
		}
		return nil
	}))
	w.Must(filepath.Walk(filepath.Join(w.Dir, "blobs"), func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > 0 && strings.Contains(path, "tmp") {
			w.T.Errorf("%s is left", path)
		}
		return err
	}))
}

// broken ends with an error, as a connection does whose client goes away.
type broken struct {
	r io.Reader
}

func (b broken) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestAnUploadWhoseClientGoesAwayLeavesNoTrace(t *testing.T) {
	w := newWorld(t)
	for _, length := range []int{0, 10, 1 << 10, 1 << 20} {
		got := w.raw(broken{strings.NewReader(partHead("binary") + strings.Repeat("x", length))})
		if got.Code != 400 {
			t.Errorf("%d bytes: %d %s", length, got.Code, got.Body)
		}
		w.noTrace()
	}
}

func TestUploadsAreBoundedBySizeAndByWhatWaits(t *testing.T) {
	w := newWorld(t)
	w.Settings["larder.uploads.max-size"] = "1"
	send := func(address string, size int) answer {
		body, contentType := uploadForm(t, bytes.Repeat([]byte{byte(size)}, size))
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/unscanned-upload/", bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.RemoteAddr = address + ":1"
		rec := httptest.NewRecorder()
		w.API.ServeHTTP(rec, r)
		return answer{ResponseRecorder: rec, T: t}
	}
	send("192.0.2.1", 1_000_001).ErrorCode(http.StatusRequestEntityTooLarge)
	send("192.0.2.1", 1_100_000).ErrorCode(http.StatusRequestEntityTooLarge)
	w.noTrace()
	send("192.0.2.1", 999_999).Object(200)

	w.Settings["larder.uploads.unclaimed-per-address"] = "1"
	if code := send("192.0.2.1", 500_000).ErrorCode(429); code != "too-many-uploads" {
		t.Errorf("the same address: %s", code)
	}
	send("192.0.2.2", 700_001).Object(200)
	if code := send("[::ffff:192.0.2.1]", 500_000).ErrorCode(429); code != "too-many-uploads" {
		t.Errorf("the same address in other words: %s", code)
	}
	w.Settings["larder.uploads.unclaimed-total"] = "2"
	send("192.0.2.3", 500_000).ErrorCode(429)
	w.Now = w.Now.Add(store.UploadLife)
	w.Update(func(tx *db.Tx) error {
		n, err := tx.DropUploads(w.Now.AddDate(0, 0, -1))
		if n != 2 {
			t.Errorf("%d uploads were dropped", n)
		}
		return err
	})
	send("192.0.2.3", 500_000).Object(200)
}

func TestAHostWithManyAddressesHasOneQuota(t *testing.T) {
	w := newWorld(t)
	w.Settings["larder.uploads.unclaimed-per-address"] = "1"
	send := func(address string) answer {
		t.Helper()
		body, contentType := uploadForm(t, bytes.Repeat([]byte(address[len(address)-3:]), 250_000))
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/unscanned-upload/", bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.RemoteAddr = address + ":1"
		rec := httptest.NewRecorder()
		w.API.ServeHTTP(rec, r)
		return answer{ResponseRecorder: rec, T: t}
	}
	send("[2001:db8::1]").Object(200)
	send("[2001:db8::2]").ErrorCode(http.StatusTooManyRequests)
	send("[2001:db8:0:1::1]").Object(200)
}

func TestWhatIsOnlyPromisedKeepsNobodyOut(t *testing.T) {
	w := newWorld(t)
	w.Settings["larder.uploads.unclaimed-per-address"] = "1"
	w.Settings["larder.uploads.unclaimed-total"] = "1"
	slow, sender := io.Pipe()
	done := make(chan answer)
	go func() { done <- w.raw(slow) }()
	if _, err := io.WriteString(sender, partHead("binary")+strings.Repeat("x", 1<<10)); err != nil {
		t.Fatal(err)
	}
	w.upload(bytes.Repeat([]byte("y"), 900_000))
	// Now there is no room for the slow one's rest.
	_, err := io.WriteString(sender, strings.Repeat("x", 900_000)+partEnd)
	sender.CloseWithError(io.ErrUnexpectedEOF)
	if got := <-done; got.Code != http.StatusTooManyRequests {
		t.Errorf("%d %s, %v", got.Code, got.Body, err)
	}
	begun := 0
	for range 100 {
		if got := w.Do("", "POST", "/unscanned-upload/resumable", map[string]any{"size": 1}); got.Code == 201 {
			begun++
		} else {
			got.ErrorCode(http.StatusTooManyRequests)
		}
	}
	if begun != 64 {
		t.Errorf("one address has begun %d uploads", begun)
	}
}

func TestAnUploadIsClaimedOnceAndInTime(t *testing.T) {
	w := newWorld(t)
	w.register("hello")
	w.Do("bob", "POST", "/v1/snap", map[string]any{"name": "theirs"}).Object(200)
	id := w.upload(w.snapFile(snapYAML("hello", "1", "")))
	claim := func(token, name, id string) answer {
		return w.Do(token, "POST", "/dev/api/snap-push/", map[string]any{"name": name, "updown_id": id})
	}
	// A charm's resource may have no bytes, but no snap.
	if code := claim("alice", "hello", w.upload(nil)).ErrorCode(400); code != "empty-upload" {
		t.Errorf("a claim of nothing: %s", code)
	}
	claim("bob", "hello", id).ErrorCode(403)
	claim("", "hello", id).ErrorCode(401)
	first := claim("alice", "hello", id).Object(202)
	if again := claim("alice", "hello", id).Object(202); again["status_details_url"] != first["status_details_url"] {
		t.Errorf("the same claim again answers %v", again)
	}
	if code := claim("bob", "theirs", id).ErrorCode(409); code != "upload-claimed" {
		t.Errorf("another's claim: %s", code)
	}
	late := w.upload(w.snapFile(snapYAML("hello", "2", "")))
	w.Now = w.Now.Add(store.UploadLife)
	claim("alice", "hello", late).ErrorCode(409)
	for name, body := range map[string]map[string]any{
		"no channel":     {"channels": []string{"a/b/c/d"}},
		"many channels":  {"channels": strings.Fields(strings.Repeat("edge ", 1000))},
		"a wrong size":   {"binary_filesize": 1},
		"itself as part": {"components": map[string]string{"x": "ID"}},
		"no upload":      {"components": map[string]string{"x": "nothing"}},
	} {
		id := w.upload(w.snapFile(snapYAML("hello", name[:1], "")))
		body["name"], body["updown_id"] = "hello", id
		if parts, ok := body["components"].(map[string]string); ok && parts["x"] == "ID" {
			parts["x"] = id
		}
		if got := w.Do("alice", "POST", "/dev/api/snap-push/", body); got.Code < 400 || got.Code > 413 {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
}

func TestAnUploadGoesOnWhereItWasCutOff(t *testing.T) {
	w := newWorld(t)
	w.register("hello")
	content := w.snapFile(snapYAML("hello", "1", ""))
	options := w.Do("", "OPTIONS", "/unscanned-upload/", nil)
	if options.Header().Get("Larder-Upload") != "resume" || options.Code != http.StatusNoContent {
		t.Errorf("options: %d %v", options.Code, options.Header())
	}
	id := w.Do("", "POST", "/unscanned-upload/resumable", map[string]any{"filename": "a.snap", "size": len(content)}).Object(201)["upload_id"].(string)
	path := "/unscanned-upload/resumable/" + id
	patch := func(offset int, piece []byte) answer {
		return w.Do("", "PATCH", path, piece, "Upload-Offset", strconv.Itoa(offset), "Content-Type", "application/offset+octet-stream")
	}
	offset := func() string { return w.Do("", "HEAD", path, nil).Header().Get("Upload-Offset") }
	if got := offset(); got != "0" {
		t.Errorf("it begins at %s", got)
	}
	if got := patch(0, content[:100]); got.Code != 204 || got.Header().Get("Upload-Offset") != "100" {
		t.Errorf("a piece: %d %v", got.Code, got.Header())
	}
	patch(0, content[:100]).ErrorCode(409)
	patch(101, content[101:]).ErrorCode(409)
	w.Do("", "PATCH", path, content[100:], "Upload-Offset", "100").ErrorCode(400)
	w.Do("", "PATCH", path, content[100:], "Content-Type", "application/offset+octet-stream").ErrorCode(400)
	w.Do("", "PATCH", path, broken{bytes.NewReader(content[100:150])}, "Upload-Offset", "100", "Content-Type", "application/offset+octet-stream").ErrorCode(400)
	if got := offset(); got != "150" {
		t.Errorf("after an interruption it is at %s", got)
	}
	last := patch(150, content[150:]).Object(200)
	if last["successful"] != true || last["upload_id"] != id {
		t.Errorf("the last piece answers %v", last)
	}
	if got := offset(); got != strconv.Itoa(len(content)) {
		t.Errorf("complete it is at %s", got)
	}
	if again := patch(len(content), nil).Object(200); again["upload_id"] != id {
		t.Errorf("the end again answers %v", again)
	}
	if got := w.pushed(map[string]any{"name": "hello", "updown_id": id}); got["revision"] != 1.0 {
		t.Errorf("the claim answers %v", got)
	}
	w.Do("", "PATCH", "/unscanned-upload/resumable/nothing", "x", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream").ErrorCode(404)
	w.Do("", "POST", "/unscanned-upload/resumable", map[string]any{"size": -1}).ErrorCode(400)
	w.Do("", "POST", "/unscanned-upload/resumable", map[string]any{"size": int64(1) << 60}).ErrorCode(413)
}

func TestSquashfsBombsEndQuickly(t *testing.T) {
	w := newWorld(t)
	w.register("hello")
	sound := w.snapFile(snapYAML("hello", "1", ""))
	for _, at := range []int{8, 12, 40, 48, 56, 64, 72, 80} {
		bomb := append([]byte{}, sound...)
		for i := range 8 {
			bomb[at+i] = 0xff
		}
		begun := time.Now()
		got := w.pushed(map[string]any{"name": "hello", "updown_id": w.upload(bomb)})
		if got["processed"] != true {
			t.Errorf("damaged at %d: %v", at, got)
		}
		if spent := time.Since(begun); spent > 20*time.Second {
			t.Errorf("damaged at %d it took %s", at, spent)
		}
	}
}

func TestFilenamesAreHarmless(t *testing.T) {
	w := newWorld(t)
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	part, err := m.CreateFormFile("binary", "../../\r\nevil"+strings.Repeat("x", 5000))
	w.Must(err)
	fmt.Fprint(part, "content")
	w.Must(m.Close())
	id := w.Do("", "POST", "/unscanned-upload/", b.Bytes(), "Content-Type", m.FormDataContentType()).Object(200)["upload_id"].(string)
	w.Must(w.DB.View(t.Context(), func(tx *db.Tx) error {
		u, err := tx.Upload(id)
		if len(u.Filename) > 255 || strings.ContainsAny(u.Filename, "/\x00\r\n") {
			t.Errorf("the name is %q", u.Filename)
		}
		return err
	}))
}
