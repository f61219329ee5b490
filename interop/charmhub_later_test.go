// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/interop/harness"
)

func (m *market) refreshed(t *testing.T) {
	refresh := func(name string, revision int, channel string) jujuRefresh {
		t.Helper()
		r := m.refresh(harness.JujuCall{Call: "refresh", ID: m.ids[name], Revision: revision, Channel: channel, Base: jammy})[0]
		if r.Error != nil {
			t.Fatalf("refresh of %s: %s", name, asJSON(r.Error))
		}
		return r
	}
	same(t, "before the release", refresh("pantry", 1, "latest/stable").Entity.Revision, 1)
	var n number
	m.cc.Read(&n, "upload", charmFile(t, "pantry", pantryCharm("2.0")), "--release=stable")
	r := refresh("pantry", 1, "latest/stable")
	same(t, "after the release", []any{r.Entity.Revision, r.Entity.Version}, []any{n.Revision, "2.0"})

	// The charm stays what it is, and its image and file are others.
	from := harness.NewRegistries(t, m.host())
	other := from.Another()
	harness.TrustRegistry(t, m.cc.Home, m.host(), other)
	image := harness.NewImage(t, "rolls", "amd64", "arm64", "ppc64le")
	if out, err := from.Crane(other, harness.Login{}, "push", image.Dir, other+"/bakery/oven:2"); err != nil {
		t.Fatal(out, err)
	}
	m.cc.Env["CHARMCRAFT_REGISTRY_URL"] = m.URL
	m.cc.Read(&n, "upload-resource", "oven-k8s", "oven-image", "--image", "docker://"+other+"/bakery/oven:2")
	delete(m.cc.Env, "CHARMCRAFT_REGISTRY_URL")
	same(t, "the second image", n, number{2})
	m.architectures("oven-image", map[int]string{1: "amd64,arm64,armhf", 2: "amd64,arm64,ppc64el"})
	m.cc.Read(&n, "upload-resource", "oven-k8s", "menu", "--filepath", textFile(t, "menu.txt", ""))
	m.cc.Run("release", "oven-k8s", "-r", "1", "-c", "edge", "--resource=menu:3", "--resource=oven-image:2")
	r = refresh("oven-k8s", 1, "latest/edge")
	same(t, "the oven's resources", resourcesOf(r), []string{"menu file 3", "oven-image oci-image 2"})
	for _, res := range r.Entity.Resources {
		var f fetched
		m.juju.Get(harness.JujuCall{Call: "download-resource", URL: res.Download.URL}, &f)
		f.check(t, res.Name, res.Download, true)
		if res.Name == "oven-image" && !strings.Contains(f.Text, "@"+image.Digest) {
			t.Errorf("the second image is at %s", f.Text)
		}
	}
	// Those that follow another channel have the first image.
	same(t, "the stable oven's resources", resourcesOf(refresh("oven-k8s", 1, "latest/stable")), []string{"menu file 2", "oven-image oci-image 1"})
}

// imageDocument is the document of the oven's first image as juju gets it now.
func (m *market) imageDocument() (text string, d ociDocument) {
	m.t.Helper()
	for _, res := range m.refresh(deploying("oven-k8s", "stable", jammy))[0].Entity.Resources {
		if res.Name != "oven-image" {
			continue
		}
		var f fetched
		m.juju.Get(harness.JujuCall{Call: "download-resource", URL: res.Download.URL}, &f)
		f.check(m.t, res.Name, res.Download, true)
		text = f.Text
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		m.t.Fatalf("the image's document is %s: %v", text, err)
	}
	return text, d
}

func (m *market) restarted(t *testing.T) {
	m.Restart()
	text, _ := m.imageDocument()
	same(t, "the document", text, m.raw)
	r := harness.NewRegistries(t, m.host())
	pull := func(d ociDocument) error {
		_, err := r.Skopeo("copy", "--all", "--src-creds", d.Username+":"+d.Password,
			"docker://"+d.ImageName, "oci:"+filepath.Join(t.TempDir(), "copy"))
		return err
	}
	if err := pull(m.document); err != nil {
		t.Error(err)
	}
	var who whoami
	m.cc.Read(&who, "whoami")
	same(t, "who is logged in", who.Username, "alice")

	m.Run("image", "revoke-pulls", "oven-k8s")
	if err := pull(m.document); err == nil {
		t.Error("the old document pulls after it was revoked")
	}
	text, d := m.imageDocument()
	if text == m.raw || d.ImageName != m.document.ImageName || d.Password == m.document.Password {
		t.Errorf("the new document is %s, the old one %s", text, m.raw)
	}
	if err := pull(d); err != nil {
		t.Errorf("the new document: %v", err)
	}
}

func (m *market) logout(t *testing.T) {
	u := m.uploadCredentials("oven-k8s", "oven-image")
	m.Run("token", "revoke", "--account", "alice")
	// It forgets the credentials, and does not know how to ask for others.
	refused(t, m.cc, nil, 70, "Existing credentials no longer valid", "names")
	refused(t, m.cc, nil, 70, "Credentials not found", "revisions", "pantry")
	r := harness.NewRegistries(t, m.host())
	if out, err := r.Crane(m.host(), u.login(), "ls", u.Name); err == nil {
		t.Errorf("what pushes outlives the login that it came of: %s", out)
	}

	m.exported(t)

	m.GiveFactor(m.alice)
	otp := func(code string) []harness.Say {
		return append(m.alice.Login(), harness.Say{"One-time password: ", code})
	}
	refused(t, m.cc, otp("000000"), 70, "403 Forbidden", "login")
	if e := m.cc.Try(otp(m.alice.Factor.Code(t)), "login"); e.Code != 0 {
		t.Errorf("login with a code ended with %d\n%s%s", e.Code, e.Out, e.Err)
	}
	if out := m.cc.Run("logout"); !strings.Contains(out, "token cleared") {
		t.Errorf("logout: %s", out)
	}
	if out := m.cc.Run("logout"); !strings.Contains(out, "not logged in") {
		t.Errorf("logout again: %s", out)
	}
}

// exported publishes with credentials that are good for one charm and one channel.
func (m *market) exported(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	e := m.cc.Try(m.alice.Login(), "login", "--export", file, "--charm", "pantry", "--channel", "latest/beta", "--channel", "latest/edge",
		"--permission", "package-manage-releases", "--permission", "package-view", "--ttl", "3600")
	if e.Code != 0 {
		t.Fatalf("login --export ended with %d\n%s%s", e.Code, e.Out, e.Err)
	}
	refused(t, m.cc, m.alice.Login(), 1, "Invalid permission", "login", "--export", file, "--permission", "everything")
	secret, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m.cc.Env["CHARMCRAFT_AUTH"] = string(secret)
	var who whoami
	m.cc.Read(&who, "whoami")
	if who.Username != "alice" || strings.Join(who.Permissions, " ") != "package-manage-releases package-view" ||
		strings.Join(who.Channels, " ") != "latest/beta latest/edge" || len(who.Charms) != 1 || who.Charms[0].Name != "pantry" {
		t.Errorf("whoami: %s", asJSON(who))
	}
	m.cc.Run("release", "pantry", "-r", "1", "-c", "beta")
	m.cc.Run("status", "pantry")
	// Those that older versions exported, newer ones send as they are.
	token, err := base64.StdEncoding.DecodeString(string(secret))
	if err != nil {
		t.Fatal(err)
	}
	m.cc.Env["CHARMCRAFT_AUTH"] = base64.StdEncoding.EncodeToString([]byte(`{"t": "macaroon", "v": ` + asJSON(string(token)) + `}`))
	m.cc.Run("status", "pantry")
	m.cc.Env["CHARMCRAFT_AUTH"] = string(secret)
	refused(t, m.cc, nil, 1, "not for these channels", "release", "pantry", "-r", "1", "-c", "stable")
	refused(t, m.cc, nil, 1, "not for lamp", "release", "lamp", "-r", "1", "-c", "beta")
	refused(t, m.cc, nil, 1, "not for lamp", "status", "lamp")
	refused(t, m.cc, nil, 1, "permission-required", "register", "anything")
	refused(t, m.cc, nil, 1, "permission-required", "upload", charmFile(t, "pantry", pantryCharm("3.0")))
	refused(t, m.cc, m.alice.Login(), 1, "alternative auth", "login")
	refused(t, m.cc, nil, 1, "alternative auth", "logout")

	m.alice.Password = "another horse of alice"
	m.Type(m.alice.Password+"\n", "account", "set-password", "alice", "--password-stdin")
	refused(t, m.cc, nil, 1, "no longer valid", "revisions", "pantry")
	delete(m.cc.Env, "CHARMCRAFT_AUTH")
}
