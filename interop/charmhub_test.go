// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/interop/harness"
)

// TestClustersFollowAPublisher takes two charms and a bundle through their lives:
// what a publisher does with charmcraft is what juju finds, and what Kubernetes
// pulls.
func TestClustersFollowAPublisher(t *testing.T) {
	t.Parallel()
	for _, place := range places {
		if place.name != "sqlite-file" && place.name != "postgresql-s3" {
			continue
		}
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			m := newMarket(t, place.at(t))
			for _, step := range []struct {
				name string
				run  func(*testing.T)
			}{
				{"the publisher logs in", m.login},
				{"names are registered", m.names},
				{"a charm is uploaded and released", m.pantry},
				{"a charm is uploaded with its file and its image", m.oven},
				{"a charm that sits beside others, and a bundle", m.others},
				{"releases are listed, promoted and closed", m.channels},
				{"tracks are created inside the guardrail", m.tracks},
				{"libraries are published and fetched", m.libraries},
				{"juju finds them", m.found},
				{"juju deploys them", m.deployed},
				{"a cluster pulls the image", m.pulled},
				{"juju refreshes to a new release", m.refreshed},
				{"after a restart everything is as it was", m.restarted},
				{"the publisher logs out", m.logout},
			} {
				if !t.Run(step.name, func(t *testing.T) {
					m.t, m.cc.T, m.juju.T = t, t, t
					step.run(t)
				}) {
					t.FailNow() // the next ones rest on it
				}
			}
		})
	}
}

// market is a store with a publisher of charms, and somebody who deploys them.
type market struct {
	*harness.Larder
	t     *testing.T // of the step
	alice *harness.Person
	cc    *harness.Charmcraft
	juju  *harness.Juju
	sdk   *charmhub.Client // does the same beside them
	image *harness.Image
	ids   map[string]string // of packages, by name

	document ociDocument // that says where the oven's image is
	raw      string      // the text of it
}

func newMarket(t *testing.T, place harness.Place) *market {
	m := &market{Larder: harness.Start(t, place, harness.Root()), ids: map[string]string{}}
	m.alice = m.Person("alice", "publisher")
	m.cc = harness.NewCharmcraft(t, m.URL)
	// charmcraft 4.5.0 does not get to the end of an upload anywhere else.
	m.cc.In = projectFolder(t, "pantry")
	m.juju = harness.NewJuju(t, m.URL)
	m.sdk = &charmhub.Client{Endpoints: charmhub.At(m.URL), PollInterval: 100 * time.Millisecond}
	m.image = harness.NewImage(t, "bread", "amd64", "arm64", "arm")
	return m
}

// same fails the step where an answer is another one.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := asJSON(plain(t, got)), asJSON(plain(t, want)); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// plain is a value as JSON has it, without what its type says.
func plain(t *testing.T, v any) (out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(asJSON(v)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// refused runs a command of charmcraft that must fail, and say why.
func refused(t *testing.T, cc *harness.Charmcraft, says []harness.Say, code int, why string, args ...string) {
	t.Helper()
	e := cc.Try(says, args...)
	if e.Code != code || !strings.Contains(e.Out+e.Err, why) {
		t.Errorf("charmcraft %s ended with %d, not %d for %q\n%s%s", strings.Join(args, " "), e.Code, code, why, e.Out, e.Err)
	}
}

type whoami struct {
	Logged      bool     `json:"logged"`
	Username    string   `json:"username"`
	Permissions []string `json:"permissions"`
	Charms      []struct {
		Name string `json:"name"`
	} `json:"charms"`
	Channels []string `json:"channels"`
}

func (m *market) login(t *testing.T) {
	var who whoami
	m.cc.Read(&who, "whoami")
	same(t, "whoami before login", who, whoami{})
	wrong := &harness.Person{Email: m.alice.Email, Password: "not this one"}
	refused(t, m.cc, wrong.Login(), 1, "the e-mail address or the password is wrong", "login")
	m.cc.Read(&who, "whoami")
	same(t, "whoami after a wrong password", who, whoami{})

	if e := m.cc.Try(m.alice.Login(), "login"); e.Code != 0 || !strings.Contains(e.Out, "Logged in as 'alice'") {
		t.Fatalf("login ended with %d\n%s%s", e.Code, e.Out, e.Err)
	}
	m.cc.Read(&who, "whoami")
	same(t, "whoami", who, whoami{Logged: true, Username: "alice", Permissions: []string{
		"account-register-package", "account-view-packages", "package-manage", "package-view",
	}})
	refused(t, m.cc, m.alice.Login(), 1, "credentials were found", "login")
}

type name struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Visibility string `json:"visibility"`
	Status     string `json:"status"`
}

func (m *market) names(t *testing.T) {
	for _, n := range []string{"pantry", "oven-k8s", "lamp", "mistake"} {
		m.cc.Run("register", n)
	}
	// No command registers bundles any more.
	m.cc.Get(nil, "store", "register_name", "kitchen", "bundle")
	refused(t, m.cc, nil, 1, "already", "register", "pantry")
	refused(t, m.cc, nil, 1, "invalid-name", "register", "Not-A-Name")
	m.cc.Run("unregister", "mistake")
	refused(t, m.cc, nil, 1, "resource-not-found", "unregister", "mistake")
	var names []name
	m.cc.Read(&names, "names")
	slices.SortFunc(names, func(a, b name) int { return strings.Compare(a.Name, b.Name) })
	same(t, "names", names, []name{
		{"kitchen", "bundle", "public", "registered"}, {"lamp", "charm", "public", "registered"},
		{"oven-k8s", "charm", "public", "registered"}, {"pantry", "charm", "public", "registered"},
	})
	if table := m.cc.Run("names", "--include-collaborations"); !strings.Contains(table, "Publisher") {
		t.Errorf("names --include-collaborations: %s", table)
	}
}

type number struct {
	Revision int `json:"revision"`
}

type rejection struct {
	Errors []struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
}

func (m *market) pantry(t *testing.T) {
	first := charmFile(t, "pantry", pantryCharm("1.0"))
	var n number
	m.cc.Read(&n, "upload", first)
	same(t, "upload", n, number{1})

	// The same bytes are no second revision, and a charm of another name is none
	// at all.
	for _, why := range []struct {
		what string
		args []string
	}{
		{"the same again", []string{first}},
		{"another name's", []string{charmFile(t, "pantry", lampCharm()), "--name", "pantry"}},
		{"not a charm", []string{textFile(t, "pantry.charm", "no archive"), "--name", "pantry"}},
	} {
		e := m.cc.Try(nil, append([]string{"upload", "--format", "json"}, why.args...)...)
		var r rejection
		if err := json.Unmarshal([]byte(e.Out), &r); e.Code != 1 || err != nil || len(r.Errors) == 0 || r.Errors[0].Message == "" {
			t.Errorf("upload of %s ended with %d\n%s%s", why.what, e.Code, e.Out, e.Err)
		}
	}
	refused(t, m.cc, nil, 1, `no charm is called "nobodys"`, "upload", first, "--name", "nobodys")

	m.cc.Run("upload", charmFile(t, "pantry", pantryCharm("1.1")), "--release", "edge", "--release", "latest/beta")
	m.cc.Run("release", "pantry", "--revision=1", "--channel=stable")
	refused(t, m.cc, nil, 1, "has no revision 99", "release", "pantry", "--revision=99", "--channel=stable")
	refused(t, m.cc, nil, 1, "there is no track no-such", "release", "pantry", "--revision=1", "--channel=no-such/stable")

	var list []struct {
		Revision int    `json:"revision"`
		Version  string `json:"version"`
		Status   string `json:"status"`
		Errors   []any  `json:"errors"`
	}
	m.cc.Read(&list, "revisions", "pantry")
	if len(list) < 2 {
		t.Fatalf("revisions: %v", list)
	}
	same(t, "revisions", list[len(list)-2:], []map[string]any{
		{"revision": 2, "version": "1.1", "status": "released", "errors": nil},
		{"revision": 1, "version": "1.0", "status": "released", "errors": nil},
	})
}

type resourceRevision struct {
	Revision int `json:"revision"`
	Size     int `json:"size"`
	Bases    []struct {
		Name          string   `json:"name"`
		Channel       string   `json:"channel"`
		Architectures []string `json:"architectures"`
	} `json:"bases"`
}

func (m *market) oven(t *testing.T) {
	m.cc.Run("upload", charmFile(t, "oven-k8s", ovenCharm()))
	refused(t, m.cc, nil, 1, "missing-resources", "release", "oven-k8s", "--revision=1", "--channel=edge")

	var n number
	m.cc.Read(&n, "upload-resource", "oven-k8s", "menu", "--filepath", textFile(t, "menu.txt", "rye"), "--arch", "amd64,arm64")
	same(t, "the first menu", n, number{1})
	m.cc.Read(&n, "upload-resource", "oven-k8s", "menu", "--filepath", textFile(t, "menu.txt", "rye and wheat"))
	same(t, "the second menu", n, number{2})
	m.cc.Read(&n, "upload-resource", "oven-k8s", "oven-image", "--image", m.image.Dir)
	same(t, "the image", n, number{1})
	refused(t, m.cc, nil, 1, "resource-not-found", "upload-resource", "oven-k8s", "nothing", "--filepath", textFile(t, "menu.txt", "oats"))
	refused(t, m.cc, nil, 1, "wrong-resource-type", "upload-resource", "oven-k8s", "menu", "--image", m.image.Dir)

	var declared []map[string]any
	m.cc.Read(&declared, "resources", "oven-k8s")
	slices.SortFunc(declared, func(a, b map[string]any) int { return strings.Compare(asJSON(a["name"]), asJSON(b["name"])) })
	same(t, "resources", declared, []map[string]any{
		{"charm_revision": 1, "name": "menu", "type": "file", "optional": false},
		{"charm_revision": 1, "name": "oven-image", "type": "oci-image", "optional": false},
	})
	m.architectures("menu", map[int]string{1: "amd64,arm64", 2: "all"})
	m.architectures("oven-image", map[int]string{1: "amd64,arm64,armhf"})
	m.cc.Run("set-resource-architectures", "oven-k8s", "menu", "--revision=1", "--revision=2", "s390x,amd64")
	m.architectures("menu", map[int]string{1: "amd64,s390x", 2: "amd64,s390x"})
	m.cc.Run("set-resource-architectures", "oven-k8s", "menu", "--revision=2", "all")
	m.architectures("menu", map[int]string{1: "amd64,s390x", 2: "all"})

	m.cc.Run("release", "oven-k8s", "-r", "1", "-c", "edge", "-c", "stable", "--resource=menu:1", "--resource=oven-image:1")
	m.cc.Run("release", "oven-k8s", "-r", "1", "-c", "edge", "--resource=menu:2", "--resource=oven-image:1")
	refused(t, m.cc, nil, 1, "resource-revision-not-found", "release", "oven-k8s", "-r", "1", "-c", "beta", "--resource=menu:9", "--resource=oven-image:1")
}

// architectures checks what the revisions of a resource are for.
func (m *market) architectures(resource string, want map[int]string) {
	m.t.Helper()
	var list []resourceRevision
	m.cc.Read(&list, "resource-revisions", "oven-k8s", resource)
	got := map[int]string{}
	for _, r := range list {
		var architectures []string
		for _, b := range r.Bases {
			if b.Name != "all" || b.Channel != "all" {
				m.t.Errorf("revision %d of %s is for %s %s", r.Revision, resource, b.Name, b.Channel)
			}
			architectures = append(architectures, b.Architectures...)
		}
		slices.Sort(architectures)
		got[r.Revision] = strings.Join(architectures, ",")
	}
	same(m.t, resource, got, want)
}

func (m *market) others(t *testing.T) {
	m.cc.Run("upload", charmFile(t, "lamp", lampCharm()), "--release", "latest/candidate/dim")
	m.cc.Run("release", "lamp", "-r", "1", "-c", "candidate")
	bundle := bundleFile(t, kitchenBundle)
	m.cc.Run("upload", bundle, "--release=stable")
	refused(t, m.cc, nil, 1, "this is a bundle", "upload", bundle, "--name", "lamp")
}
