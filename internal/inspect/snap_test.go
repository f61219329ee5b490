package inspect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/snaptest"
)

const minimal = "name: hello\nversion: '1'\n"

func pngOf(t testing.TB, width, height int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func inspectSnap(t testing.TB, path string, limits inspect.Limits) (*inspect.SnapInfo, error) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return inspect.Snap(context.Background(), bytes.NewReader(data), int64(len(data)), limits)
}

func TestSnapReadsEverythingFromTheImage(t *testing.T) {
	const text = `name: hello
version: 1.10
summary: Says hello
description: |
  Says hello,
  at length.
apps:
  hello: {command: bin/hello, common-id: org.example.hello, plugs: [network, home]}
  helper: {command: bin/helper, daemon: simple}
`
	info, err := inspectSnap(t, snaptest.Snap(t, text,
		snapbuild.Text("meta/gui/icon.png", pngOf(t, 48, 32)),
		snapbuild.Text("meta/gui/hello.desktop", "# c\n[Other]\nName=no\n[Desktop Entry]\nName=Hello\nExec=hello %U\nCategories=Utility;Toy;\nNoDisplay=true\n"),
		snapbuild.Program("meta/hooks/configure", "#!/bin/sh\n"),
		snapbuild.Program("bin/hello", "#!/bin/sh\necho hello\n"),
	), inspect.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if info.SnapYAML != text || info.Version != "1.10" || info.Description != "Says hello,\nat length.\n" || info.Compression != "gzip" {
		t.Errorf("read %+v", info)
	}
	if i := info.Icon; i == nil || i.Width != 48 || i.Height != 32 || i.MediaType != "image/png" || i.Path != "meta/gui/icon.png" {
		t.Errorf("icon is %+v", i)
	}
	want := []inspect.DesktopFile{{
		Path: "meta/gui/hello.desktop", Name: "Hello", Exec: "hello %U", Categories: []string{"Utility", "Toy"}, NoDisplay: true,
	}}
	if !reflect.DeepEqual(info.DesktopFiles, want) {
		t.Errorf("desktop files are %+v", info.DesktopFiles)
	}
	if got := fmt.Sprint(info.Hooks, info.CommonIDs, len(info.Warnings)); got != "[configure] [org.example.hello] 0" {
		t.Errorf("hooks, common ids, warnings are %s", got)
	}
}

func TestIcons(t *testing.T) {
	for name, c := range map[string]struct {
		file, content string
		want          string
	}{
		"png":               {"icon.png", pngOf(t, 2, 3), "image/png 2x3 []"},
		"svg in pixels":     {"icon.svg", `<?xml version="1.0"?><!-- x --><svg width="64px" height="32" xmlns="http://www.w3.org/2000/svg"/>`, "image/svg+xml 64x32 []"},
		"svg without size":  {"icon.svg", `<svg:svg xmlns:svg="http://www.w3.org/2000/svg" width="100%"/>`, "image/svg+xml 0x0 []"},
		"svg with a script": {"icon.svg", `<svg><script>alert(1)</script></svg>`, "none [invalid-icon]"},
		"text called png":   {"icon.png", "hello", "none [invalid-icon]"},
		"html called svg":   {"icon.svg", "<html></html>", "none [invalid-icon]"},
		"gif called png":    {"icon.png", "GIF89a\x01\x00\x01\x00\x00\x00\x00", "none [invalid-icon]"},
		"empty":             {"icon.png", "", "none []"},
		"another name":      {"logo.png", pngOf(t, 2, 3), "none []"},
		"too large":         {"icon.svg", "<svg>" + strings.Repeat(" ", 300_000), "none [invalid-icon]"},
		"of the right size": {"icon.svg", "<svg>" + strings.Repeat(" ", 299_989) + "</svg>", "image/svg+xml 0x0 []"},
	} {
		t.Run(name, func(t *testing.T) {
			info, err := inspectSnap(t, snaptest.Snap(t, minimal, snapbuild.Text("meta/gui/"+c.file, c.content)), inspect.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got := "none"
			if i := info.Icon; i != nil {
				got = fmt.Sprintf("%s %dx%d", i.MediaType, i.Width, i.Height)
				if string(i.Data) != c.content {
					t.Error("icon comes out different")
				}
			}
			if got += fmt.Sprint(" ", codes(info.Warnings)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func codes(problems []inspect.Problem) []inspect.Code {
	list := []inspect.Code{}
	for _, p := range problems {
		list = append(list, p.Code)
	}
	return list
}

func TestSnapYAMLDefaults(t *testing.T) {
	info, err := inspect.ParseSnapYAML([]byte(minimal), inspect.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := &inspect.SnapInfo{
		Name: "hello", Version: "1", Type: "app", Architectures: []string{"all"}, Confinement: "strict", Grade: "stable",
		Epoch: inspect.Epoch{Read: []uint32{0}, Write: []uint32{0}}, Links: map[string][]string{}, SnapYAML: minimal,
	}
	if !reflect.DeepEqual(info, want) {
		t.Errorf("got  %+v\nwant %+v", info, want)
	}
}

func TestSnapTypes(t *testing.T) {
	for text, want := range map[string]string{
		"": "app", "type: app": "app", "type: application": "app", "type: core": "os", "type: os": "os",
		"type: gadget": "gadget", "type: kernel": "kernel", "type: base": "base", "type: snapd": "snapd",
	} {
		info, err := inspect.ParseSnapYAML([]byte(minimal+text), inspect.Limits{})
		if err != nil || info.Type != want {
			t.Errorf("%q gives type %s, want %s (%v)", text, info.Type, want, err)
		}
	}
	info, err := inspect.ParseSnapYAML([]byte("name: snapd\nversion: 2.60\ntype: app\n"), inspect.Limits{})
	if err != nil || info.Type != "snapd" {
		t.Errorf("the snap named snapd has type %s, %v", info.Type, err)
	}
}

func TestEpochForms(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "[0] [0]",
		"epoch: null":                            "[0] [0]",
		"epoch: 0":                               "[0] [0]",
		"epoch: 3":                               "[3] [3]",
		`epoch: "3"`:                             "[3] [3]",
		"epoch: 1*":                              "[0 1] [1]",
		"epoch: {}":                              "[0] [0]",
		"epoch: {read: [1, 2], write: [2]}":      "[1 2] [2]",
		"epoch: {read: [1, 2]}":                  "[1 2] [2]",
		"epoch: {write: [5]}":                    "[5] [5]",
		"epoch: 4294967295":                      "[4294967295] [4294967295]",
		"epoch: 0*":                              "error",
		"epoch: 4294967296":                      "error",
		"epoch: -1":                              "error",
		"epoch: 01":                              "error",
		"epoch: 0x1":                             "error",
		"epoch: 1.0":                             "error",
		"epoch: x":                               "error",
		"epoch: ''":                              "[0] [0]",
		"epoch: [1]":                             "error",
		"epoch: {read: []}":                      "error",
		"epoch: {read: [1], write: [2]}":         "error",
		"epoch: {read: [2, 1]}":                  "error",
		"epoch: {read: [1, 1]}":                  "[1 1] [1]",
		"epoch: {read: [[1]]}":                   "error",
		"epoch: {read: 1}":                       "error",
		"epoch: {read: [0,1,2,3,4,5,6,7,8,9]}":   "[0 1 2 3 4 5 6 7 8 9] [9]",
		"epoch: {read: [0,1,2,3,4,5,6,7,8,9,a]}": "error",
	} {
		info, err := inspect.ParseSnapYAML([]byte(minimal+text), inspect.Limits{})
		got := fmt.Sprint(info.Epoch.Read, " ", info.Epoch.Write)
		if p := new(inspect.ProblemsError); errors.As(err, &p) {
			got = "error"
			if p.Problems[0].Code != inspect.InvalidEpoch || p.Problems[0].Field != "epoch" {
				t.Errorf("%q: %v", text, p.Problems)
			}
		}
		if got != want {
			t.Errorf("%q gives %s, want %s", text, got, want)
		}
	}
}

func TestPlugsAndSlotsComeInOneForm(t *testing.T) {
	info, err := inspect.ParseSnapYAML([]byte(minimal+`
plugs:
  home:
  net: network
  themes: {interface: content, target: $SNAP/themes, default-provider: "gtk-common-themes:gtk-3", label: Themes}
  icons: {interface: content, content: icon-themes, default-provider: gtk-common-themes}
  plain: {attr: [1, {deep: true}], when: 2020-01-02}
slots:
  mine: {interface: content, read: [/]}
apps:
  b: {plugs: [home, audio-playback], slots: [dbus]}
  a: {plugs: [home]}
hooks:
  configure: {plugs: [home]}
  install:
`), inspect.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal([]any{info.Plugs, info.Slots, info.Hooks})
	if err != nil {
		t.Fatal(err)
	}
	want := `[[` +
		`{"Name":"audio-playback","Interface":"audio-playback","Label":"","Attrs":{},"Apps":["b"],"Hooks":null,"Content":"","DefaultProvider":""},` +
		`{"Name":"home","Interface":"home","Label":"","Attrs":{},"Apps":["a","b"],"Hooks":["configure"],"Content":"","DefaultProvider":""},` +
		`{"Name":"icons","Interface":"content","Label":"","Attrs":{"content":"icon-themes","default-provider":"gtk-common-themes"},"Apps":null,"Hooks":null,"Content":"icon-themes","DefaultProvider":"gtk-common-themes"},` +
		`{"Name":"net","Interface":"network","Label":"","Attrs":{},"Apps":null,"Hooks":null,"Content":"","DefaultProvider":""},` +
		`{"Name":"plain","Interface":"plain","Label":"","Attrs":{"attr":[1,{"deep":true}],"when":"2020-01-02T00:00:00Z"},"Apps":null,"Hooks":null,"Content":"","DefaultProvider":""},` +
		`{"Name":"themes","Interface":"content","Label":"Themes","Attrs":{"default-provider":"gtk-common-themes:gtk-3","target":"$SNAP/themes"},"Apps":null,"Hooks":null,"Content":"themes","DefaultProvider":"gtk-common-themes"}],` +
		`[{"Name":"dbus","Interface":"dbus","Label":"","Attrs":{},"Apps":["b"],"Hooks":null,"Content":""},` +
		`{"Name":"mine","Interface":"content","Label":"","Attrs":{"read":["/"]},"Apps":null,"Hooks":null,"Content":"mine"}],` +
		`["configure","install"]]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestLinksMayStandAtTheTop(t *testing.T) {
	info, err := inspect.ParseSnapYAML([]byte(minimal+`
website: https://example.org
contact: [mailto:a@example.org, https://example.org/contact]
links: {website: [https://example.com], forum: https://example.net, issues: }
`), inspect.Limits{})
	want := map[string][]string{
		"website": {"https://example.com"}, "forum": {"https://example.net"},
		"contact": {"mailto:a@example.org", "https://example.org/contact"},
	}
	if err != nil || !reflect.DeepEqual(info.Links, want) {
		t.Errorf("links are %v, %v", info.Links, err)
	}
}

func TestEachProblemIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"version: 1":              "missing name",
		"name: hello":             "missing version",
		"name: Hello\nversion: 1": "invalid-name name",
		"name: x\nversion: 1":     "invalid-name name",
		"name: -ab\nversion: 1":   "invalid-name name",
		"name: ab-\nversion: 1":   "invalid-name name",
		"name: a--b\nversion: 1":  "invalid-name name",
		"name: '12'\nversion: 1":  "invalid-name name",
		"name: a_b\nversion: 1":   "invalid-name name",
		"name: " + strings.Repeat("a", 41) + "\nversion: 1":      "invalid-name name",
		"name: [a]\nversion: 1":                                  "wrong-shape name, missing name",
		"name: ab\nversion: 1 2":                                 "invalid-version version",
		"name: ab\nversion: 1.":                                  "invalid-version version",
		"name: ab\nversion: " + strings.Repeat("1", 33):          "invalid-version version",
		minimal + "type: thing":                                  "invalid-type type",
		minimal + "base: Core":                                   "invalid-base base",
		minimal + "type: base\nbase: core20":                     "invalid-base base",
		minimal + "architectures: [vax]":                         "invalid-architecture architectures",
		minimal + "architectures: [all, amd64]":                  "invalid-architecture architectures",
		minimal + "architectures: {a: b}":                        "wrong-shape architectures",
		minimal + "confinement: loose":                           "invalid-confinement confinement",
		minimal + "grade: good":                                  "invalid-grade grade",
		minimal + "assumes: [snapd2.38, 'a b']":                  "invalid-assumes assumes",
		minimal + "provenance: --":                               "invalid-provenance provenance",
		minimal + "title: " + strings.Repeat("é", 41):            "too-long title",
		minimal + "summary: " + strings.Repeat("é", 129):         "too-long summary",
		minimal + "description: " + strings.Repeat("d", 4097):    "too-long description",
		minimal + "apps: {a b: }":                                "invalid-app apps.a b",
		minimal + "apps: {a: {daemon: often}}":                   "invalid-app apps.a.daemon",
		minimal + "apps: {a: [x]}":                               "wrong-shape apps.a",
		minimal + "apps: {a: {aliases: [-x]}}":                   "invalid-app apps.a.aliases",
		minimal + "apps: {a: {common-id: x}, b: {common-id: x}}": "invalid-app apps.b.common-id",
		minimal + "base: none\napps: {a: }":                      "invalid-base base",
		minimal + "apps: x":                                      "wrong-shape apps",
		minimal + "hooks: {Configure: }":                         "invalid-hook hooks.Configure",
		minimal + "plugs: {Home: }":                              "invalid-plug plugs.Home",
		minimal + "plugs: {home: [a]}":                           "invalid-plug plugs.home",
		minimal + "plugs: {home: {interface: 1}}":                "invalid-plug plugs.home.interface",
		minimal + "plugs: {home: {1: 2}}":                        "invalid-plug plugs.home",
		minimal + "plugs: {home: {a: }}":                         "invalid-plug plugs.home",
		minimal + "plugs: {home: {$a: 1}}":                       "invalid-plug plugs.home",
		minimal + "plugs: {home: {a: .nan}}":                     "invalid-plug plugs.home",
		minimal + "slots: {s: 'A B'}":                            "invalid-slot slots.s",
		minimal + "slots: {s: }\nplugs: {s: }":                   "invalid-slot slots.s",
		minimal + "components: {c: {type: test}}":                "invalid-component components.c",
		minimal + "components: {co: {type: odd}}":                "invalid-component components.co.type",
		"":        "malformed-yaml ",
		"- a":     "malformed-yaml ",
		"a: b: c": "malformed-yaml ",
		"name: ab\nversion: 1\ntype: x\ngrade: y": "invalid-type type, invalid-grade grade",
	} {
		_, err := inspect.ParseSnapYAML([]byte(text), inspect.Limits{})
		var p *inspect.ProblemsError
		if !errors.As(err, &p) {
			t.Errorf("%.80q gives %v", text, err)
			continue
		}
		var got []string
		for _, p := range p.Problems {
			got = append(got, fmt.Sprint(p.Code, " ", p.Field))
			if p.Message == "" || strings.Contains(p.Message, "\n") {
				t.Errorf("%.80q: message %q", text, p.Message)
			}
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%.80q gives %s, want %s", text, s, want)
		}
	}
}

func TestAnInvalidSnapStillTellsWhatItIs(t *testing.T) {
	info, err := inspectSnap(t, snaptest.Snap(t, "name: hello\nversion: 1\ngrade: [x]\nsummary: "+strings.Repeat("s", 200)), inspect.Limits{})
	var p *inspect.ProblemsError
	if !errors.As(err, &p) || len(p.Problems) != 2 || info == nil || info.Name != "hello" {
		t.Errorf("info %+v, error %v", info, err)
	}
}

func TestTheLastOfTwoEqualKeysCounts(t *testing.T) {
	info, err := inspect.ParseSnapYAML([]byte("name: one\nversion: 1\nname: two\n"), inspect.Limits{})
	if err != nil || info.Name != "two" || fmt.Sprint(codes(info.Warnings)) != "[duplicate-key]" {
		t.Errorf("name %s, warnings %v, error %v", info.Name, info.Warnings, err)
	}
}
