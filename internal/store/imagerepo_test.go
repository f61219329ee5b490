package store

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func genID() *rapid.Generator[string] { return rapid.StringMatching(`[A-Za-z0-9]{32}`) }

// genPrintable draws names of up to so many bytes, and two more.
func genPrintable(most int) *rapid.Generator[string] {
	return rapid.Map(rapid.StringN(0, most, most), func(s string) string {
		return "é" + strings.Map(func(c rune) rune {
			if unprintable(c, false) {
				return -1
			}
			return c
		}, s)
	})
}

// repositoryGrammar is that of the OCI distribution specification, which clients
// hold names against.
var repositoryGrammar = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

func TestImageKeyIsOneToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := genID().Draw(t, "id")
		key := ImageKey(id)
		if len(key) != 37 || !regexp.MustCompile(`^[0-9a-z]+$`).MatchString(key) {
			t.Fatalf("%s has the key %q", id, key)
		}
		if back, ok := PackageOfImageKey(key); !ok || back != id {
			t.Fatalf("%s came back as %q", id, back)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[0-9a-z]{37}`).Draw(t, "key")
		if id, ok := PackageOfImageKey(key); ok && ImageKey(id) != key {
			t.Fatalf("%s is also the key %s", key, ImageKey(id))
		}
	})
}

func TestImageKeyAtItsEnds(t *testing.T) {
	if key := ImageKey(strings.Repeat("A", 32)); key != strings.Repeat("0", 37) {
		t.Errorf("the least id has the key %s", key)
	}
	most := ImageKey(strings.Repeat("9", 32))
	if id, ok := PackageOfImageKey(most); !ok || id != strings.Repeat("9", 32) {
		t.Errorf("the greatest id came back as %q", id)
	}
	if id, ok := PackageOfImageKey(strings.Repeat("z", 37)); ok {
		t.Errorf("a key beyond all ids is %s", id)
	}
	for _, id := range []string{"", strings.Repeat("A", 31), strings.Repeat("A", 33), strings.Repeat("A", 31) + "-", strings.Repeat("A", 30) + "é"} {
		if key := ImageKey(id); key != "" {
			t.Errorf("%q has the key %s", id, key)
		}
	}
	for _, key := range []string{"", most[1:], most + "0", "+" + most[1:], "-" + most[1:], "_" + most[1:], strings.ToUpper(most)} {
		if id, ok := PackageOfImageKey(key); ok {
			t.Errorf("%q is the key of %s", key, id)
		}
	}
}

func TestImageComponent(t *testing.T) {
	for name, want := range map[string]string{
		"postgresql-image": "postgresql-image",
		"a.b_c__d---e":     "a.b_c__d---e",
		"x":                "x",
		"x-image":          "x-image",
		"Image":            "x--496d616765",
		"a___b":            "x--615f5f5f62",
		"a/b":              "x--612f62",
		"-a":               "x--2d61",
		"a b":              "x--612062",
		"..":               "x--2e2e",
		"x--61":            "x--782d2d3631",
		"x--":              "x--782d2d",
		"":                 "",
		"a\n":              "",
		"a\x00":            "",
		"\x1b[2J":          "",
		"\xff":             "",
		"a\u202eb":         "",
	} {
		if got := ImageComponent(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	for _, component := range []string{"", "Image", "x--", "x--6", "x--61", "x--4A", "x--zz", "a/b", "x---a", "x--00", "x--610a", "x--1b5b324a", "x--ff"} {
		if name, ok := ResourceOfImageComponent(component); ok {
			t.Errorf("%q is the component of %q", component, name)
		}
	}
}

func TestImageRepositoryIsOneToOne(t *testing.T) {
	name := rapid.OneOf(rapid.StringMatching(`[a-z0-9._-]{1,12}`), rapid.StringMatching(`(x-?-?)?[a-zA-Z0-9/ ]{1,20}`), genPrintable(100))
	rapid.Check(t, func(t *rapid.T) {
		id, resource := genID().Draw(t, "id"), name.Draw(t, "resource")
		repository, err := ImageRepository(id, resource)
		if err != nil {
			t.Fatal(err)
		}
		if len(repository) > 255 || !repositoryGrammar.MatchString(repository) {
			t.Fatalf("%q names no repository", repository)
		}
		if backID, backName, ok := ParseImageRepository(repository); !ok || backID != id || backName != resource {
			t.Fatalf("%s came back as %q, %q, %v", repository, backID, backName, ok)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		repository := "charm/" + rapid.StringMatching(`[0-9a-c][0-9a-z]{36}`).Draw(t, "key") + "/" +
			rapid.StringMatching(`(x--)?[0-9a-f.-]{1,9}`).Draw(t, "component")
		if id, resource, ok := ParseImageRepository(repository); ok {
			if again, err := ImageRepository(id, resource); err != nil || again != repository {
				t.Fatalf("%s is also %s, %v", repository, again, err)
			}
		}
	})
}

func TestImageRepositoryHasItsBounds(t *testing.T) {
	id := strings.Repeat("A", 32)
	longest := strings.Repeat("a", 255-len("charm/")-37-len("/"))
	if repository, err := ImageRepository(id, longest); err != nil || len(repository) != 255 {
		t.Errorf("the longest name: got %d bytes, %v", len(repository), err)
	}
	for _, c := range []struct{ id, resource string }{
		{id, longest + "a"}, {id, strings.Repeat("A", 105)}, {id, ""}, {"", "image"}, {"short", "image"},
	} {
		if repository, err := ImageRepository(c.id, c.resource); CodeOf(err) != "invalid-charm-resource" {
			t.Errorf("%q of %q: got %q, %v", c.resource, c.id, repository, err)
		}
	}
	key := strings.Repeat("0", 37)
	for _, repository := range []string{
		"", "charm", "charm/", "charm/" + key, "charm/" + key + "/", "Charm/" + key + "/image", "/charm/" + key + "/image",
		"charm/" + key + "/image/more", "charm/" + key[1:] + "/image", "charm/" + key + "/Image", "charm/" + key + "/" + longest + "a",
	} {
		if id, resource, ok := ParseImageRepository(repository); ok {
			t.Errorf("%q is %q, %q", repository, id, resource)
		}
	}
}

func TestParseImageDocument(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0f", 32)
	for _, c := range []struct {
		text string
		want ImageDocument
	}{
		{`{"ImageName": "registry.example.com/charm/k/r@` + digest + `", "Username": "u", "Password": "p"}`,
			ImageDocument{"registry.example.com", "charm/k/r", digest, "u", "p"}},
		{`{"registrypath": "registry.example.com:5000/r@` + digest + `", "username": "u", "password": "p", "auth": {"x": 1}}`,
			ImageDocument{"registry.example.com:5000", "r", digest, "u", "p"}},
		{`{"ImageName": "localhost/r:v1.0@` + digest + `"}`, ImageDocument{"localhost", "r", digest, "", ""}},
		{`{"ImageName": "[::1]:5000/r@` + digest + `"}`, ImageDocument{"[::1]:5000", "r", digest, "", ""}},
		{`{"ImageName": "Registry/r@` + digest + `"}`, ImageDocument{"Registry", "r", digest, "", ""}},
		{`{"ImageName": "library/ubuntu@` + digest + `"}`, ImageDocument{"", "library/ubuntu", digest, "", ""}},
		{`{"ImageName": "ubuntu@` + digest + `", "Username": null}`, ImageDocument{"", "ubuntu", digest, "", ""}},
		{`{"ImageName": "my_org/a__b@` + digest + `"}`, ImageDocument{"", "my_org/a__b", digest, "", ""}},
	} {
		if got, err := ParseImageDocument([]byte(c.text)); err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v", c.text, got, err)
		}
	}
	for _, text := range []string{
		"", "null", "[]", "5", "{", `{}`, `{"ImageName": ""}`, `{"ImageName": 5}`, `{"ImageName": "r@` + digest + `", "Password": ["p"]}`,
		`{"ImageName": "r"}`, `{"ImageName": "r:tag"}`, `{"ImageName": "r@sha256:0f"}`, `{"ImageName": "r@` + strings.ToUpper(digest) + `"}`,
		`{"ImageName": "r@sha512:` + strings.Repeat("0f", 64) + `"}`, `{"ImageName": "https://example.com/r@` + digest + `"}`,
		`{"ImageName": "example.com/R@` + digest + `"}`, `{"ImageName": "example.com//r@` + digest + `"}`, `{"ImageName": "example.com/../r@` + digest + `"}`,
		`{"ImageName": "user:pass@example.com/r@` + digest + `"}`, `{"ImageName": " r@` + digest + `"}`, `{"ImageName": "r@` + digest + `\n"}`,
		`{"ImageName": "example.com/` + strings.Repeat("a", 255) + `@` + digest + `"}`, `{"ImageName": "r@` + digest + `"} {}`,
	} {
		if got, err := ParseImageDocument([]byte(text)); CodeOf(err) != "invalid-image-document" || got != (ImageDocument{}) {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	if _, err := ParseImageDocument(make([]byte, MaxImageDocument+1)); KindOf(err) != KindTooLarge {
		t.Errorf("too much: got %v", err)
	}
}

func TestImageDocumentComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		repository, err := ImageRepository(genID().Draw(t, "id"), genPrintable(40).Draw(t, "resource"))
		if err != nil {
			t.Fatal(err)
		}
		want := ImageDocument{
			Host:       rapid.SampledFrom([]string{"", "localhost", "localhost:5000", "registry.example.com", "10.0.0.1:443"}).Draw(t, "host"),
			Repository: repository,
			Digest:     "sha256:" + rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "digest"),
			Username:   rapid.String().Draw(t, "username"),
			Password:   rapid.String().Draw(t, "password"),
		}
		text := BuildImageDocument(want.Host, want.Repository, want.Digest, want.Username, want.Password)
		if again := BuildImageDocument(want.Host, want.Repository, want.Digest, want.Username, want.Password); string(again) != string(text) {
			t.Fatalf("%s, then %s", text, again)
		}
		if got, err := ParseImageDocument(text); err != nil || got != want || !ValidImageDigest(got.Digest) {
			t.Fatalf("%s came back as %+v, %v", text, got, err)
		}
		var wire struct{ ImageName, Username, Password string }
		if err := json.Unmarshal(text, &wire); err != nil || wire.Username != want.Username || wire.Password != want.Password {
			t.Fatalf("%s reads as %+v, %v", text, wire, err)
		}
	})
}
