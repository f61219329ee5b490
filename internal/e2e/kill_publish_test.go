package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// publishing is what a publisher does over HTTP while the store is under
// attack, and what the store has acknowledged of it. The fields are guarded by
// massacre.mu.
type publishing struct {
	token    string
	claims   []*claim
	releases map[string]*pointing // by the percentage, which makes each one unlike all others
	fresh    []*pointing          // since the last check
	count    struct{ uploads, claims, releases int }
}

// claim is an upload that shall become a revision and be released. Acknowledged,
// it must, sooner or later; a server that dies leaves it to the next.
type claim struct {
	*push
	status string // path to ask how it goes; empty until acknowledged
}

// pointing is a release of one revision to two channels at once. It stands in
// the history for both or for neither, and for both if it was acknowledged.
type pointing struct {
	name         string
	percentage   float64
	acknowledged bool
}

// published are the snaps that the publisher owns.
var published = []string{"published-one", "published-two"}

// pointed are the channels of every release.
var pointed = []string{"beta", "edge"}

// openPublishing makes the publisher and the first revision of each snap.
func (m *massacre) openPublishing() {
	m.t.Helper()
	m.n.with(password+"\n", "account", "create", "alice@example.com", "--username", "alice", "--role", "publisher", "--password-stdin")
	var made struct{ Token string }
	m.n.ask(&made, "token", "create", "alice", "--permission", "package_access", "--permission", "package_register",
		"--permission", "package_push", "--permission", "package_release")
	m.publishing = publishing{token: made.Token, releases: make(map[string]*pointing)}
	s := m.n.serve()
	alice := &publisher{m.t, s.url, made.Token}
	for _, name := range published {
		alice.post("/dev/api/register-name/", map[string]any{"snap_name": name, "series": "16"}, http.StatusCreated)
		file := makeSnap(m.t, m.dir, name, "first")
		pushed := alice.post("/dev/api/snap-push/", map[string]any{
			"name": name, "updown_id": alice.upload(file), "series": "16", "channels": pointed,
		}, http.StatusAccepted)
		c := &claim{push: &push{name: name, file: file, digest: assertionDigest(m.t, file), acknowledged: true}}
		c.status = pathOf(m.t, pushed["status_details_url"])
		m.publishing.claims = append(m.publishing.claims, c)
		poll(m.t, "the first revision of "+name, func() error { return m.ended(s.url, c) })
	}
	s.stop()
}

func pathOf(t testing.TB, link any) string {
	t.Helper()
	text, _ := link.(string)
	u, err := url.Parse(text)
	if err != nil || u.Path == "" {
		t.Errorf("%v is no link: %v", link, err)
		return ""
	}
	return u.Path
}

// errDead says that there was no whole answer: the server is dead or dying.
var errDead = errors.New("no answer")

// request sends a request and decodes the answer. It fails with errDead where a
// dying server may be the reason.
func (m *massacre) request(method, path, token, contentType string, body []byte) (int, map[string]any, error) {
	r, err := http.NewRequest(method, m.s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		r.Header.Set("Authorization", "Macaroon "+token)
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, errDead
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil || resp.StatusCode == http.StatusServiceUnavailable {
		return 0, nil, errDead
	}
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		return 0, nil, fmt.Errorf("%s %s: %s: %w in %.500s", method, path, resp.Status, err, text)
	}
	return resp.StatusCode, v, nil
}

// post wants the status, as a publisher with a token does.
func (m *massacre) post(path string, body any, want int) (map[string]any, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	status, v, err := m.request(http.MethodPost, path, m.publishing.token, "application/json", text)
	if err == nil && status != want {
		err = fmt.Errorf("POST %s: %d, want %d: %v", path, status, want, v)
	}
	return v, err
}

// publishUntil uploads, claims and releases until the server is dead.
func (m *massacre) publishUntil(stop <-chan struct{}, round int) {
	for i := 0; i < maxPointings; i++ {
		select {
		case <-stop:
			return
		default:
		}
		err := m.publishOnce(round, i)
		if errors.Is(err, errDead) {
			return
		}
		if err != nil {
			m.t.Errorf("the publisher got: %v", err)
			return
		}
	}
}

// maxPointings keeps the releases of a round on one page of the history.
const maxPointings = 100

func (m *massacre) publishOnce(round, i int) error {
	name := published[i%len(published)]
	file := makeSnap(m.t, m.dir, name, fmt.Sprintf("%d-%d", round, i), noise(int64(30_000+i)))
	id, err := m.sendFile(file)
	if err != nil {
		return err
	}
	c := &claim{push: &push{name: name, file: file, digest: assertionDigest(m.t, file)}}
	m.mu.Lock()
	m.publishing.count.uploads++
	m.publishing.claims = append(m.publishing.claims, c)
	m.mu.Unlock()
	pushed, err := m.post("/dev/api/snap-push/", map[string]any{
		"name": name, "updown_id": id, "series": "16", "channels": []string{"candidate"},
	}, http.StatusAccepted)
	if err != nil {
		return err
	}
	m.mu.Lock()
	c.acknowledged, c.status = true, pathOf(m.t, pushed["status_details_url"])
	m.publishing.count.claims++
	m.mu.Unlock()

	p := &pointing{name: name, percentage: 1 + float64(round)*0.25 + float64(i)/1000}
	m.mu.Lock()
	m.publishing.releases[p.key()] = p
	m.publishing.fresh = append(m.publishing.fresh, p)
	m.mu.Unlock()
	_, err = m.post("/dev/api/snap-release/", map[string]any{
		"name": name, "revision": 1, "channels": pointed,
		"progressive": map[string]any{"percentage": p.percentage, "paused": false},
	}, http.StatusOK)
	if err != nil {
		return err
	}
	m.mu.Lock()
	p.acknowledged = true
	m.publishing.count.releases++
	m.mu.Unlock()
	return nil
}

func (m *massacre) sendFile(file string) (id string, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("binary", "filename")
	if err != nil {
		return "", err
	}
	part.Write(content)
	form.Close()
	status, v, err := m.request(http.MethodPost, "/unscanned-upload/", "", form.FormDataContentType(), body.Bytes())
	if err != nil {
		return "", err
	}
	id, _ = v["upload_id"].(string)
	if status != http.StatusOK || id == "" {
		return "", fmt.Errorf("upload: %d: %v", status, v)
	}
	return id, nil
}

func (p *pointing) key() string { return fmt.Sprint(p.name, " ", p.percentage) }

// checkReleases reads the newest part of the histories for what was released
// since the last check, then releases to everyone, so that channels do not pile
// up what goes to a part of the devices.
func (m *massacre) checkReleases() {
	fresh := m.publishing.fresh
	m.publishing.fresh = nil
	if len(fresh) == 0 {
		return
	}
	for _, name := range published {
		seen, _ := m.history(name, "?page=1&size=500")
		for _, p := range fresh {
			if p.name == name {
				m.checkPointing(p, seen)
			}
		}
		if _, err := m.post("/dev/api/snap-release/", map[string]any{"name": name, "revision": 1, "channels": pointed}, http.StatusOK); err != nil {
			m.t.Error(err)
		}
	}
}

// checkPointing wants a release in the history once for each channel, or not at
// all unless it was acknowledged.
func (m *massacre) checkPointing(p *pointing, seen map[string]int) {
	in := 0
	for _, channel := range pointed {
		n := seen[p.key()+" latest/"+channel]
		in += n
		if n > 1 {
			m.t.Errorf("the release %s to %s stands %d times in the history", p.key(), channel, n)
		}
	}
	switch {
	case in != 0 && in != len(pointed):
		m.t.Errorf("the release %s stands in the history for %d channels of %d", p.key(), in, len(pointed))
	case p.acknowledged && in == 0:
		m.t.Errorf("the release %s was acknowledged and is not in the history", p.key())
	}
	p.acknowledged = p.acknowledged || in > 0 // what was there once must stay
}

// history counts the progressive releases on a page, by their keys with the
// channel, and returns the query of the next page.
func (m *massacre) history(name, query string) (seen map[string]int, next string) {
	status, page, err := m.request(http.MethodGet, "/api/v2/snaps/"+name+"/releases"+query, m.publishing.token, "", nil)
	if err != nil || status != http.StatusOK {
		m.t.Errorf("the history of %s: %d %v %v", name, status, page, err)
		return nil, ""
	}
	seen = make(map[string]int)
	for _, r := range page["releases"].([]any) {
		r := r.(map[string]any)
		if progressive, _ := r["progressive"].(map[string]any); progressive["percentage"] != nil {
			seen[fmt.Sprint(name, " ", progressive["percentage"], " ", r["channel"])]++
		}
	}
	link, _ := page["_links"].(map[string]any)["next"].(string)
	if _, query, ok := strings.Cut(link, "?"); ok {
		next = "?" + query
	}
	return seen, next
}

// checkPublished wants, at the end, every acknowledged claim as a revision of
// its own, every release in the whole history, and nothing besides.
func (m *massacre) checkPublished() {
	m.t.Helper()
	for _, c := range m.publishing.claims {
		if c.status != "" {
			poll(m.t, "the claim of "+c.file, func() error { return m.ended(m.s.url, c) })
		}
	}
	revisions := 0
	for _, c := range m.publishing.claims {
		visible, err := m.visible(c.push)
		if err != nil {
			m.t.Errorf("%s is there in part: %v", c.file, err)
		}
		if c.acknowledged && !visible {
			m.t.Errorf("the claim of %s was acknowledged, and it is no revision", c.file)
		}
		if visible {
			revisions++
		}
	}
	listed := 0
	for _, name := range published {
		status, v, err := m.request(http.MethodGet, "/v1/snap/"+name+"/revisions", m.publishing.token, "", nil)
		list, _ := v["revisions"].([]any)
		if err != nil || status != http.StatusOK {
			m.t.Errorf("the revisions of %s: %d %v %v", name, status, v, err)
		}
		listed += len(list)

		seen := make(map[string]int)
		for query := "?page=1&size=500"; query != ""; {
			var page map[string]int
			page, query = m.history(name, query)
			for key, n := range page {
				seen[key] += n
			}
		}
		for _, p := range m.publishing.releases {
			if p.name == name {
				m.checkPointing(p, seen)
			}
		}
		for key := range seen {
			known, _, _ := strings.Cut(key, " latest/")
			if m.publishing.releases[known] == nil {
				m.t.Errorf("nobody asked for the release %s", key)
			}
		}
	}
	if listed != revisions {
		m.t.Errorf("there are %d revisions of %d claims that became one", listed, revisions)
	}
	c := m.publishing.count
	m.t.Logf("%d uploads, of which %d claims and %d releases were acknowledged; %d revisions", c.uploads, c.claims, c.releases, revisions)
	if c.claims == 0 || c.claims == len(m.publishing.claims) || c.releases == 0 {
		m.t.Errorf("the kills hit nothing of the publisher's that is worth hitting")
	}
}

// ended is nil once a claim has become a revision.
func (m *massacre) ended(base string, c *claim) error {
	var status map[string]any
	err := get(base, c.status, func(body io.Reader) error { return json.NewDecoder(body).Decode(&status) })
	if err != nil {
		return err
	}
	revision, _ := status["revision"].(float64)
	if status["processed"] != true || status["code"] != "ready_to_release" || revision < 1 {
		return fmt.Errorf("%s is %v", c.file, status)
	}
	return nil
}
