package snapdevice

import (
	"bytes"
	"context"
	"crypto/sha3"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/device"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// What a conforming server does, one test for each promise.

func TestAnonymousDevicesAreServedPublicSnaps(t *testing.T) {
	w := newWorld(t)
	if got := w.result("", install("hello")); revision(got) != 1 {
		t.Error(got)
	}
	if got := w.result("", install("branded")); errorCode(got) != "name-not-found" {
		t.Error("a private store's snap is not hidden: ", got)
	}
}

func TestEveryActionGetsOneResultInOrderWithItsKey(t *testing.T) {
	w := newWorld(t)
	parallel := helloID + ":c29tZSBkaWdlc3Qgb2YgYSBzYWx0ZWQga2V5"
	answer := w.refresh(`{"context":[` + have(helloID, 1, "") + `,` + strings.Replace(have(helloID, 1, ""), `"instance-key":"`+helloID, `"instance-key":"`+parallel, 1) + `],
		"actions":[{"action":"install","instance-key":"install-1","name":"nope"},` + refreshOf(helloID) + `,
		{"action":"fetch-assertions","key":"g","assertions":[]},
		{"action":"refresh","instance-key":"` + parallel + `","snap-id":"` + helloID + `"}],"fields":["snap-yaml","revision"]}`)
	results := answer["results"].([]any)
	var got []string
	for _, r := range results {
		m := r.(map[string]any)
		key, ok := m["instance-key"].(string)
		if !ok {
			key = m["key"].(string)
		}
		got = append(got, fmt.Sprint(m["result"], " ", key))
		if snap, ok := m["snap"].(map[string]any); ok && !strings.HasPrefix(snap["snap-yaml"].(string), "name: hello\n") {
			t.Error("no snap-yaml in ", snap)
		}
	}
	if want := fmt.Sprint([]string{"error install-1", "refresh " + helloID, "fetch-assertions g", "refresh " + parallel}); fmt.Sprint(got) != want {
		t.Errorf("results %v\nwant %v", got, want)
	}
}

func TestRiskFallsBackToSafetyWithinTheTrack(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name, channel string
		revision      int
		effective     string
	}{
		{"hello", "", 1, "stable"},
		{"hello", "edge", 2, "candidate"},
		{"hello", "latest/beta", 2, "candidate"},
		{"hello", "candidate/fix-1", 2, "candidate"},
		{"tracky", "2.0/edge", 2, "2.0/stable"},
		{"tracky", "latest/edge", 1, "stable"},
		{"devtool", "stable", 0, ""},
	} {
		got := w.result("", fmt.Sprintf(`{"action":"install","instance-key":"i","name":%q,"channel":%q,"epoch":null}`, tt.name, tt.channel))
		effective, _ := got["effective-channel"].(string)
		if revision(got) != tt.revision || effective != tt.effective {
			t.Errorf("%s from %q: revision %d from %q, want %d from %q", tt.name, tt.channel, revision(got), effective, tt.revision, tt.effective)
		}
	}
}

func TestDefaultTrackRedirectsOnlyWhoUnderstandsAndNamesNone(t *testing.T) {
	w := newWorld(t)
	capable := w.result("", install("tracky"))
	if capable["redirect-channel"] != "2.0/stable" || revision(capable) != 2 {
		t.Error(capable)
	}
	old := w.result("", install("tracky"), "Snap-Device-Capabilities", "")
	if old["redirect-channel"] != nil || revision(old) != 1 {
		t.Error("a client that did not say it understands was redirected: ", old)
	}
	refreshed := w.result(have(trackyID, 1, ""), refreshOf(trackyID))
	if refreshed["redirect-channel"] != nil || revision(refreshed) != 1 {
		t.Error("a refresh was redirected: ", refreshed)
	}
}

func TestByRevisionHasNoEffectiveChannel(t *testing.T) {
	w := newWorld(t)
	got := w.result("", `{"action":"install","instance-key":"i","name":"phased","revision":2,"channel":"edge"}`)
	if revision(got) != 2 || got["effective-channel"] != "" {
		t.Error(got)
	}
	// An approved revision that was never released is its publisher's own affair.
	w.push(phasedID, 9, simple("phased", "9", ""))
	got = w.result("", `{"action":"install","instance-key":"i","name":"phased","revision":9}`)
	if e, _ := got["error"].(map[string]any); e["code"] != "revision-not-found" {
		t.Error(got)
	}
}

func TestRevisionNotFoundOffersTheReleasesOfAllArchitectures(t *testing.T) {
	w := newWorld(t)
	got := w.result("", install("hello"), "Snap-Device-Architecture", "riscv64")
	releases := got["error"].(map[string]any)["extra"].(map[string]any)["releases"]
	want := "[map[architecture:amd64 channel:stable] map[architecture:amd64 channel:candidate] map[architecture:arm64 channel:edge]]"
	if errorCode(got) != "revision-not-found" || fmt.Sprint(releases) != want {
		t.Error(got)
	}
	for _, r := range releases.([]any) {
		if _, err := store.ParseChannel(r.(map[string]any)["channel"].(string)); err != nil {
			t.Error(err)
		}
	}
}

func TestEpochsAreSteppedThrough(t *testing.T) {
	w := newWorld(t)
	at := func(epoch string) string {
		return strings.Replace(have(epochalID, 1, ""), `{"read":[0],"write":[0]}`, epoch, 1)
	}
	for _, tt := range []struct {
		epoch string
		want  int
	}{{`{"read":[0],"write":[0]}`, 2}, {`{"read":[0,1],"write":[1]}`, 2}, {`{"read":[2],"write":[2]}`, 3}, {`"1*"`, 2}, {`null`, 2}, {`"2"`, 3}} {
		if got := w.result(at(tt.epoch), refreshOf(epochalID)); revision(got) != tt.want {
			t.Errorf("from epoch %s: revision %d, want %d", tt.epoch, revision(got), tt.want)
		}
	}
	if got := w.result("", install("epochal")); revision(got) != 3 {
		t.Error("a fresh install is bound by an epoch: ", got)
	}
	amend := `{"action":"install","instance-key":"i","name":"epochal","epoch":{"read":[0],"write":[0]}}`
	if got := w.result("", amend); revision(got) != 2 {
		t.Error("an amended local snap is not bound by its epoch: ", got)
	}
}

func TestProgressiveReleasesGoToAStableShareOfKnownDevices(t *testing.T) {
	w := newWorld(t)
	w.release("phased", 2, catalog.Pointing{Percentage: 99.99})
	session := w.session()
	known := w.result(have(phasedID, 1, ""), refreshOf(phasedID), "Snap-Device-Authorization", session, "Snap-Device-Store", brandStore)
	if revision(known) != 2 {
		t.Error("a device with a session is in no phase: ", known)
	}
	if got := w.result(have(phasedID, 1, ""), refreshOf(phasedID)); revision(got) != 1 {
		t.Error("an unknown device is in the phase: ", got)
	}
	if got := w.result("", install("phased")); revision(got) != 1 {
		t.Error("a fresh install is in the phase: ", got)
	}
}

func TestCohortKeepsItsViewForInstallsAndRefreshes(t *testing.T) {
	w := newWorld(t)
	keys := member[map[string]any](t, w.post("/v2/cohorts", `{"snaps":["hello","phased"]}`, "Snap-Device-Series", "16"), "cohort-keys")
	key := keys["hello"].(string)
	w.tick()
	w.push(helloID, 4, simple("hello", "1.2", ""), "stable")
	inCohort := fmt.Sprintf(`,"cohort-key":%q`, key)
	if got := w.result(have(helloID, 1, ""), refreshOf(helloID)); revision(got) != 4 {
		t.Error("outside: ", got)
	}
	if got := w.result(have(helloID, 1, inCohort), refreshOf(helloID)); revision(got) != 1 {
		t.Error("by the context's key: ", got)
	}
	if got := w.result(have(helloID, 1, ""), strings.Replace(refreshOf(helloID), "}", inCohort+"}", 1)); revision(got) != 1 {
		t.Error("by the action's key: ", got)
	}
	if got := w.result("", strings.Replace(install("hello"), "}", inCohort+"}", 1)); revision(got) != 1 {
		t.Error("an install by name: ", got)
	}
	if got := w.result("", strings.Replace(install("hello"), "}", `,"cohort-key":"+"}`, 1)); revision(got) != 4 {
		t.Error("the latest view: ", got)
	}
	if got := w.result("", strings.Replace(install("phased"), "}", inCohort+"}", 1)); errorCode(got) != "invalid-cohort-key" {
		t.Error("a key serves another snap: ", got)
	}
	w.now = w.now.Add(store.CohortWindow)
	if got := w.result(have(helloID, 1, inCohort), refreshOf(helloID)); revision(got) != 4 {
		t.Error("the next window: ", got)
	}
}

func TestOverridesDecideForDevices(t *testing.T) {
	w := newWorld(t)
	c, err := store.ParseChannel("stable")
	w.must(err)
	_, err = w.catalog.Override(t.Context(), operator, store.Snap, "hello", []catalog.OverrideTo{{Channel: c, Revision: 2}}, "", time.Time{})
	w.must(err)
	w.tick()
	if got := w.result(have(helloID, 1, ""), refreshOf(helloID)); revision(got) != 2 || got["effective-channel"] != "stable" {
		t.Error(got)
	}
}

// fetch sends one fetch-assertions action with one entry.
func (w *world) fetch(entry string) (urls []string, code string) {
	w.t.Helper()
	answer := w.refresh(`{"context":[],"actions":[{"action":"fetch-assertions","key":"k","assertions":[` + entry + `]}],
		"fields":[],"assertion-max-formats":{"snap-declaration":1}}`)
	result := answer["results"].([]any)[0].(map[string]any)
	for _, u := range result["assertion-stream-urls"].([]any) {
		urls = append(urls, u.(string))
	}
	if list, ok := result["error-list"].([]any); ok {
		code = list[0].(map[string]any)["code"].(string)
	}
	return urls, code
}

// validationSets enters the first members of a sequence, the last in two
// revisions.
func (w *world) validationSets() {
	w.t.Helper()
	for _, m := range []struct{ sequence, revision string }{{"1", "0"}, {"2", "0"}, {"2", "1"}} {
		w.add(w.sign(w.brand, assertiontest.Headers{
			"type": "validation-set", "series": "16", "account-id": "acme", "name": "base-set", "sequence": m.sequence,
			"revision": m.revision, "timestamp": assertiontest.Time,
			"snaps": []any{map[string]any{"name": "hello", "id": helloID, "presence": "required"}},
		}))
	}
}

func TestFetchAssertionsAnswersOnlyWhatIsNewer(t *testing.T) {
	w := newWorld(t)
	w.validationSets()
	w.add(w.sign(w.store, assertiontest.With(assertiontest.DeclarationHeaders(helloID, "hello", "dev"), "revision", "2")))
	declaration := `{"type":"snap-declaration","primary-key":["16","` + helloID + `"]%s}`
	pinned := `{"type":"validation-set","sequence-key":["16","acme","base-set"],"sequence":%d%s}`
	tracking := `{"type":"validation-set","sequence-key":["16","acme","base-set"],"if-sequence-equal-or-newer-than":%d%s}`
	for _, tt := range []struct {
		name, entry string
		newer       bool
		code        string
	}{
		{"unknown to the device", fmt.Sprintf(declaration, ""), true, ""},
		{"older", fmt.Sprintf(declaration, `,"if-newer-than":1`), true, ""},
		{"first revision", fmt.Sprintf(declaration, `,"if-newer-than":0`), true, ""},
		{"current", fmt.Sprintf(declaration, `,"if-newer-than":2`), false, ""},
		{"newer than ours", fmt.Sprintf(declaration, `,"if-newer-than":5`), false, ""},
		{"pinned", fmt.Sprintf(pinned, 1, ""), true, ""},
		{"pinned and current", fmt.Sprintf(pinned, 1, `,"if-newer-than":0`), false, ""},
		{"pinned and older", fmt.Sprintf(pinned, 2, `,"if-newer-than":0`), true, ""},
		{"pinned at nothing", fmt.Sprintf(pinned, 7, ""), false, "not-found"},
		{"tracking from before", fmt.Sprintf(tracking, 1, `,"if-newer-than":0`), true, ""},
		{"tracking, older revision", fmt.Sprintf(tracking, 2, `,"if-newer-than":0`), true, ""},
		{"tracking, current", fmt.Sprintf(tracking, 2, `,"if-newer-than":1`), false, ""},
		{"tracking, equal without revision", fmt.Sprintf(tracking, 2, ""), true, ""},
		{"tracking beyond", fmt.Sprintf(tracking, 3, ""), false, ""},
		{"latest", `{"type":"validation-set","sequence-key":["16","acme","base-set"]}`, true, ""},
		{"unknown", `{"type":"snap-declaration","primary-key":["16","none"],"if-newer-than":1}`, false, "not-found"},
		{"no sequence", `{"type":"account","sequence-key":["dev"]}`, false, "bad-argument"},
	} {
		urls, code := w.fetch(tt.entry)
		if (len(urls) > 0) != tt.newer || code != tt.code {
			t.Errorf("%s: %v %q", tt.name, urls, code)
		}
		if tt.newer {
			got := w.get(path(t, urls[0]))
			if list := stream(t, got.Body); len(list) != 1 {
				t.Errorf("%s: %d %s", tt.name, got.Code, got.Body)
			}
		}
	}
}

func TestOlderFormatsAreKeptForOlderClients(t *testing.T) {
	w := newWorld(t)
	newer := w.sign(w.store, assertiontest.With(assertiontest.DeclarationHeaders(helloID, "hello", "dev"),
		"format", "1", "revision", "1", "plugs", map[string]any{"home": map[string]any{"allow-installation": "true"}}))
	w.add(newer)
	for maxFormat, want := range map[string]string{"0": "", "1": "1", "7": "1", "-1": "1", "": "1"} {
		query := ""
		if maxFormat != "" {
			query = "?max-format=" + maxFormat
		}
		list := stream(t, w.get("/v2/assertions/snap-declaration/16/"+helloID+query).Body)
		if len(list) != 1 || list[0].HeaderString("format") != want {
			t.Errorf("max-format %q: %v", maxFormat, list)
		}
	}
	// Types that a request does not list have format 0.
	for formats, want := range map[string]int{`{"snap-declaration":7}`: 1, `{"account-key":1}`: 0} {
		answer := w.refresh(`{"context":[],"actions":[{"action":"fetch-assertions","key":"k","assertions":[
			{"type":"snap-declaration","primary-key":["16","` + helloID + `"]}]}],"fields":[],"assertion-max-formats":` + formats + `}`)
		url := answer["results"].([]any)[0].(map[string]any)["assertion-stream-urls"].([]any)[0].(string)
		if list := stream(t, w.get(path(t, url)).Body); list[0].Format() != want {
			t.Errorf("%s: format %d, want %d", formats, list[0].Format(), want)
		}
	}
}

func TestBothURLFormsOfASequenceAreServed(t *testing.T) {
	w := newWorld(t)
	w.validationSets()
	for query, want := range map[string]string{
		"validation-set/16/acme/base-set?max-format=0&sequence=1":      "1 0",
		"validation-set/16/acme/base-set?max-format=0&sequence=2":      "2 1",
		"validation-set/16/acme/base-set?max-format=0&sequence=latest": "2 1",
		"validation-set/16/acme/base-set/1?max-format=0":               "1 0",
	} {
		list := stream(t, w.get("/v2/assertions/"+query).Body)
		if len(list) != 1 || fmt.Sprint(list[0].Sequence(), " ", list[0].Revision()) != want {
			t.Errorf("%s: %v, want %s", query, list, want)
		}
	}
	if got := w.get("/v2/assertions/validation-set/16/acme/base-set?max-format=0&sequence=9"); got.Code != 404 || listCode(t, got) != "not-found" {
		t.Error(got.Code, got.Body)
	}
}

func TestStreamsAreSpreadOverURLsOfBoundedLength(t *testing.T) {
	var refs []assertion.Ref
	for n := range 250 {
		ref, err := assertion.NewRef("snap-revision", strings.Repeat(strconv.Itoa(n%10), 64), "prov-"+strconv.Itoa(n))
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	odd, err := assertion.NewRef("account", "a&b=c d+ü")
	if err != nil {
		t.Fatal(err)
	}
	refs = append(refs, odd)
	named := 0
	for _, text := range streamURLs(baseURL, refs, map[string]int{"snap-revision": 3}) {
		u, err := url.Parse(text)
		if err != nil || len(text) > maxStreamURL+len(baseURL)+len(streamPath)+1 {
			t.Fatal(len(text), err)
		}
		list := u.Query()["assertion"]
		if len(list) > maxStreamRefs {
			t.Error(len(list))
		}
		for _, name := range list {
			typeName, key, _ := strings.Cut(name, "/")
			if got, err := parseRef(typeName, strings.Split(key, "/")); err != nil || !got.Equal(refs[named]) {
				t.Errorf("%q is %v, want %v (%v)", name, got, refs[named], err)
			}
			named++
		}
	}
	if named != len(refs) {
		t.Errorf("%d of %d are named", named, len(refs))
	}
}

func TestDownloadsResumeExactlyWhereAsked(t *testing.T) {
	w := newWorld(t)
	download := w.result("", install("hello"))["snap"].(map[string]any)["download"].(map[string]any)
	whole := w.blobOf(download["url"].(string))
	if sum := sha3.Sum384(whole); hex.EncodeToString(sum[:]) != download["sha3-384"] || float64(len(whole)) != download["size"] {
		t.Fatal("the blob is not what the answer says")
	}
	file := path(t, download["url"].(string))
	head := w.do("HEAD", file, "", "Accept-Encoding", "gzip")
	etag := head.Header().Get("Etag")
	if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != strconv.Itoa(len(whole)) ||
		etag != `"`+download["sha3-384"].(string)+`"` || head.Header().Get("Content-Encoding") != "" ||
		head.Header().Get("Last-Modified") == "" || head.Header().Get("Accept-Ranges") != "bytes" {
		t.Error(head.Code, head.Header())
	}
	for _, tt := range []struct {
		headers []string
		code    int
		from    int
	}{
		{[]string{"Range", "bytes=1000-"}, 206, 1000},
		{[]string{"Range", "bytes=1000-", "If-Range", etag}, 206, 1000},
		{[]string{"Range", "bytes=1000-", "If-Range", `"another"`}, 200, 0},
		{[]string{"Range", fmt.Sprintf("bytes=%d-", len(whole)-1), "X-Ubuntu-Series", "16"}, 206, len(whole) - 1},
	} {
		got := w.get(file, tt.headers...)
		if got.Code != tt.code || !bytes.Equal(got.Body.Bytes(), whole[tt.from:]) {
			t.Errorf("%v: %d, %d bytes", tt.headers, got.Code, got.Body.Len())
		}
	}
	if got := w.get(file, "Range", fmt.Sprintf("bytes=%d-", len(whole))); got.Code != 416 {
		t.Error("past the end: ", got.Code)
	}
	if got := w.get(file, "If-None-Match", etag); got.Code != 304 {
		t.Error(got.Code)
	}
}

func TestDeltasAreOfferedToWhoTakesTheirFormat(t *testing.T) {
	w := newWorld(t)
	delta := []byte("the difference")
	digests, err := blob.Put(t.Context(), w.blobs, bytes.NewReader(delta), blob.PutOptions{})
	w.must(err)
	_, err = w.db.Update(t.Context(), "tester", func(tx *db.Tx) error {
		if _, err := tx.AddBlob(store.Blob{Digest: digests.SHA3_384, SHA256: hex.EncodeToString(digests.SHA256[:]), Size: digests.Size}); err != nil {
			return err
		}
		tx.Record(store.PackageUpdated, "package/"+helloID, nil)
		return tx.AddDelta(store.Delta{PackageID: helloID, Format: "xdelta3", Source: 1, Target: 2, Blob: digests.SHA3_384, Size: digests.Size})
	})
	w.must(err)
	action := strings.Replace(refreshOf(helloID), "}", `,"channel":"candidate"}`, 1)
	deltas := func(context string, headers ...string) []any {
		return w.result(context, action, headers...)["snap"].(map[string]any)["download"].(map[string]any)["deltas"].([]any)
	}
	offered := deltas(have(helloID, 1, ""), "Snap-Accept-Delta-Format", "snap-1-1-xdelta3, xdelta3")
	if len(offered) != 1 {
		t.Fatal(offered)
	}
	d := offered[0].(map[string]any)
	if d["format"] != "xdelta3" || d["source"] != 1.0 || d["target"] != 2.0 || d["size"] != float64(len(delta)) {
		t.Error(d)
	}
	if got := w.blobOf(d["url"].(string)); !bytes.Equal(got, delta) {
		t.Errorf("%q", got)
	}
	for name, none := range map[string][]any{
		"format not taken": deltas(have(helloID, 1, ""), "Snap-Accept-Delta-Format", "snap-1-1-xdelta3"),
		"none taken":       deltas(have(helloID, 1, "")),
		"has the target":   deltas(have(helloID, 2, ""), "Snap-Accept-Delta-Format", "xdelta3"),
		"other source":     deltas(have(helloID, 3, ""), "Snap-Accept-Delta-Format", "xdelta3"),
	} {
		if len(none) != 0 {
			t.Error(name, none)
		}
	}
	change := func(f func(*db.Tx) error) {
		t.Helper()
		_, err := w.db.Update(t.Context(), "tester", func(tx *db.Tx) error {
			tx.Record(store.PackageUpdated, "package/"+helloID, nil)
			return f(tx)
		})
		w.must(err)
	}
	change(func(tx *db.Tx) error { return tx.SetRevisionStatus(helloID, 2, store.StatusRejected) })
	if resp := w.get(strings.TrimPrefix(d["url"].(string), baseURL)); resp.Code != http.StatusNotFound {
		t.Errorf("a delta to a revision that may not be had: status %d", resp.Code)
	}
	change(func(tx *db.Tx) error {
		rev, err := tx.Revision(helloID, 2)
		if err != nil {
			return err
		}
		if err := tx.SetRevisionStatus(helloID, 2, store.StatusApproved); err != nil {
			return err
		}
		return tx.AddDelta(store.Delta{PackageID: helloID, Format: "xdelta3", Source: 1, Target: 2, Blob: digests.SHA3_384, Size: rev.Size})
	})
	if got := deltas(have(helloID, 1, ""), "Snap-Accept-Delta-Format", "xdelta3"); len(got) != 0 {
		t.Error("a delta as large as the snap is offered", got)
	}
}

func TestComponentsAreDownloadable(t *testing.T) {
	w := newWorld(t)
	answer := w.refresh(`{"context":[],"actions":[` + install("parts") + `],"fields":["resources"]}`)
	r := answer["results"].([]any)[0].(map[string]any)["snap"].(map[string]any)["resources"].([]any)[0].(map[string]any)
	download := r["download"].(map[string]any)
	body := w.blobOf(download["url"].(string))
	if sum := sha3.Sum384(body); hex.EncodeToString(sum[:]) != download["sha3-384"] || r["type"] != "component/standard" {
		t.Error(r)
	}
}

func TestIconsAreServedUnderTheStoreURLWithoutCredentials(t *testing.T) {
	w := newWorld(t)
	info := object(t, w.get("/v2/snaps/info/hello?fields=media"))
	media := info["snap"].(map[string]any)["media"].([]any)[0].(map[string]any)
	file := path(t, media["url"].(string))
	got := w.get(file)
	etag := got.Header().Get("Etag")
	if got.Code != 200 || got.Body.String() != icon || got.Header().Get("Content-Length") != strconv.Itoa(len(icon)) ||
		got.Header().Get("Content-Type") != "image/svg+xml" || etag == "" || len(etag) > 255 {
		t.Error(got.Code, got.Header())
	}
	if !strings.Contains(got.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Error("a publisher's picture may act as a page")
	}
	if again := w.get(file, "If-None-Match", etag); again.Code != 304 || again.Body.Len() != 0 {
		t.Error(again.Code)
	}
	if gone := w.get(reply.MediumPath(helloID, store.Digest{1})); gone.Code != 404 {
		t.Error(gone.Code)
	}
}

func TestAnEndedSessionAsksForANewOne(t *testing.T) {
	w := newWorld(t)
	session := w.session()
	w.now = w.now.Add(100 * 24 * time.Hour)
	for _, path := range []string{"/v2/snaps/info/hello", "/v2/snaps/find?q=hello", snapPath(helloID, 1), "/api/v1/snaps/names"} {
		got := w.get(path, "X-Device-Authorization", session)
		if got.Code != 401 || !strings.Contains(got.Header().Get("WWW-Authenticate"), "refresh_device_session=1") {
			t.Errorf("%s: %d %v", path, got.Code, got.Header())
		}
	}
	// On refresh the call goes on as an anonymous device's.
	answer := w.refresh(`{"context":[],"actions":[`+install("hello")+`,{"action":"install","instance-key":"b","name":"branded"}],"fields":["revision"]}`,
		"Snap-Device-Authorization", session, "Snap-Device-Store", brandStore)
	list := answer["error-list"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["code"] != "device-authorization-needs-refresh" {
		t.Error(list)
	}
	if got := answer["results"].([]any)[1].(map[string]any); errorCode(got) != "name-not-found" {
		t.Error("an ended session still opens the private store: ", got)
	}
	if got := w.refresh(`{"context":[],"actions":[`+install("hello")+`]}`, "Snap-Device-Authorization", session)["results"].([]any)[0].(map[string]any); got["result"] != "install" {
		t.Error("a public snap is withheld: ", got)
	}
}

func TestAForgedSessionIsRefusedForGood(t *testing.T) {
	w := newWorld(t)
	session := w.session()
	at := len(session) - 10 // within the signature
	forged := session[:at] + string('A'+(session[at]+1)%26) + session[at+1:]
	for _, got := range []int{
		w.get("/v2/snaps/info/hello", "Snap-Device-Authorization", forged).Code,
		w.post("/v2/snaps/refresh", `{"context":[],"actions":[]}`, append(deviceHeaders, "Snap-Device-Authorization", forged)...).Code,
	} {
		if got != 401 {
			t.Error(got)
		}
	}
	if h := w.get("/v2/snaps/info/hello", "Snap-Device-Authorization", forged).Header().Get("WWW-Authenticate"); strings.Contains(h, "refresh") {
		t.Error("the device is told to try again: ", h)
	}
}

func TestANonceOpensOneSession(t *testing.T) {
	w := newWorld(t)
	proof := w.proof(w.nonce())
	first := w.post("/api/v1/snaps/auth/sessions", proof)
	if first.Code != 200 || member[string](t, first, "macaroon") == "" {
		t.Fatal(first.Code, first.Body)
	}
	if again := w.post("/api/v1/snaps/auth/sessions", proof); again.Code < 400 || again.Code >= 500 {
		t.Error("a replay opened a session: ", again.Code)
	}
	if unknown := w.post("/api/v1/snaps/auth/sessions", w.proof("made-up")); unknown.Code < 400 || unknown.Code >= 500 {
		t.Error("a made-up nonce opened a session: ", unknown.Code)
	}
	old := `Macaroon root="` + member[string](t, first, "macaroon") + `"`
	renewed := w.post("/api/v1/snaps/auth/sessions", w.proof(w.nonce()), "X-Device-Authorization", old)
	if renewed.Code != 200 || strings.ContainsAny(member[string](t, renewed, "macaroon"), "\"\\") {
		t.Error(renewed.Code, renewed.Body)
	}
}

// undecided is a device room that has not decided about a serial.
type undecided struct{ Devices }

func (undecided) RegisterSerial(context.Context, io.Reader) (device.Registration, error) {
	return device.Registration{Pending: true}, nil
}

func TestAnUndecidedRegistrationIsPolled(t *testing.T) {
	h := New(Options{Devices: undecided{}})
	w := &world{t: t, api: h}
	if got := w.post("/api/v1/snaps/auth/devices", "request"); got.Code != 202 {
		t.Error(got.Code, got.Body)
	}
}

func TestRepairsAreFetchedWithTheirKeysUnlessUnchanged(t *testing.T) {
	w := newWorld(t)
	w.repair(1)
	got := w.get("/v2/repairs/acme/1", "Accept", contentAssertion)
	list := stream(t, got.Body)
	if len(list) < 2 || list[0].Type().Name != "repair" || list[1].Type().Name != "account-key" || string(list[0].Body()) != "#!/bin/sh\n" {
		t.Error(got.Code, list)
	}
	if got.Header().Get("Etag") != `"0"` {
		t.Error(got.Header())
	}
	if again := w.get("/v2/repairs/acme/1", "Accept", contentAssertion, "If-None-Match", `"0"`); again.Code != 304 {
		t.Error(again.Code)
	}
}

func TestStoreAssertionsCarryTheStoreID(t *testing.T) {
	w := newWorld(t)
	w.serve(Options{StoreAssertions: func(context.Context) ([]byte, string, error) { return []byte("stream"), "storeid", nil }})
	got := w.get("/v2/auth/store/assertions")
	if got.Code != 200 || got.Header().Get("X-Assertion-Store-Id") != "storeid" || got.Body.String() != "stream" {
		t.Error(got.Code, got.Header(), got.Body)
	}
}

func TestWhatASessionShowsIsNotKeptByOthers(t *testing.T) {
	w := newWorld(t)
	if got := w.get("/v2/snaps/find?q=hello").Header().Get("Cache-Control"); got != "public, max-age=300" {
		t.Error(got)
	}
	for _, header := range []string{"Snap-Device-Authorization", "X-Device-Authorization"} {
		if got := w.get("/v2/snaps/find?q=hello", header, w.session()).Header().Get("Cache-Control"); got != "private, max-age=300" {
			t.Error(header, got)
		}
	}
	if got := w.get("/v2/snaps/find?q=hello", "Snap-Device-Store", brandStore).Header().Get("Cache-Control"); got != "private, max-age=300" {
		t.Errorf("Cache-Control of a brand's store is %q", got)
	}
	if got := w.get("/v2/snaps/find?q=hello", "X-Ubuntu-Store", "other").Header().Get("Cache-Control"); got != "private, max-age=300" {
		t.Error("kept under a key without the store: ", got)
	}
}

func TestNamesBeginWithTheKeysThatClientsReadFirst(t *testing.T) {
	w := newWorld(t)
	body := w.get("/api/v1/snaps/names?confinement=strict,classic", "X-Ubuntu-Architecture", "amd64").Body.String()
	if !strings.HasPrefix(body, `{"_embedded":{"clickindex:package":[{"package_name":`) {
		t.Error(body)
	}
	if strings.Contains(body, "branded") || strings.Contains(body, "devtool") {
		t.Error("names what cannot be installed: ", body)
	}
	none := w.get("/api/v1/snaps/names?confinement=nothing").Body.String()
	if none != `{"_embedded":{"clickindex:package":[]}}` {
		t.Error(none)
	}
}

// breaking lists two packages and then fails.
type breaking struct {
	Catalog
	after int
}

func (c breaking) EachListed(_ context.Context, _ catalog.Asker, _ store.Namespace, _ catalog.FindQuery, yield func(catalog.Found) error) error {
	warm := newWarm()
	for n := range c.after {
		s := warm.byID[assertiontest.SnapID(n)]
		if err := yield(catalog.Found{Snapshot: s, Choice: store.Choice{Revision: s.Facts.Revisions[2]}}); err != nil {
			return err
		}
	}
	return store.Unavailablef("database-gone", "the database is gone")
}

func TestAListOfNamesThatBreaksDoesNotLookComplete(t *testing.T) {
	w := &world{t: t, api: New(Options{Catalog: breaking{after: 0}})}
	if got := w.get("/api/v1/snaps/names"); got.Code != 503 {
		t.Error("before the first name: ", got.Code)
	}
	w.api = New(Options{Catalog: breaking{after: 2}})
	defer func() {
		if recover() == nil {
			t.Error("the connection was not broken off")
		}
	}()
	w.get("/api/v1/snaps/names")
}
