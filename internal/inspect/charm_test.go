package inspect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/charmtest"
	"github.com/larder-store/larder/internal/store"
)

func charmOf(archive []byte) (*inspect.CharmInfo, error) {
	return inspect.Charm(context.Background(), bytes.NewReader(archive), int64(len(archive)), inspect.Limits{})
}

// sound reads a charm that must have neither faults nor warnings.
func sound(t *testing.T, spec charmbuild.Spec) *inspect.CharmInfo {
	t.Helper()
	info, err := charmOf(charmtest.CharmBytes(t, spec))
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Warnings) > 0 {
		t.Errorf("warnings: %v", info.Warnings)
	}
	return info
}

func TestCharmIsUnderstood(t *testing.T) {
	spec := charmtest.Machine()
	info := sound(t, spec)
	if info.Icon == nil || info.Icon.Width != 64 || string(info.Icon.Data) != spec.Icon {
		t.Errorf("icon %+v", info.Icon)
	}
	info.Icon = nil
	want := &inspect.CharmInfo{
		Type: inspect.TypeCharm, Name: "pantry", Title: "Pantry", Summary: "Keeps things on shelves",
		Description: "A charm that keeps things on shelves,\nand finds them again.\n", Version: "v1.2-3-gabcdef0",
		Platforms: []store.Platform{
			{Architecture: "amd64", BaseName: "ubuntu", BaseChannel: "22.04"},
			{Architecture: "arm64", BaseName: "ubuntu", BaseChannel: "22.04"},
			{Architecture: "amd64", BaseName: "ubuntu", BaseChannel: "24.04"},
		},
		DeployableOn: []string{"vm"},
		Metadata:     spec.Metadata, Config: spec.Config, Actions: spec.Actions, Readme: spec.Readme, CharmcraftYAML: spec.Charmcraft,
		Provides: map[string]inspect.Relation{
			"shelf":   {Interface: "shelf", Limit: 2, Scope: "global", Optional: true},
			"metrics": {Interface: "prometheus_scrape", Scope: "global"},
		},
		Requires:  map[string]inspect.Relation{"database": {Interface: "postgresql_client", Limit: 1, Scope: "global"}},
		Peers:     map[string]inspect.Relation{"replicas": {Interface: "pantry-peers", Scope: "global"}},
		Resources: []inspect.DeclaredResource{{Name: "recipes", Type: "file", Filename: "recipes.tgz", Description: "What to cook", Optional: true}},
		Assumes: []inspect.Assumption{
			{Feature: "juju", Constraint: ">=", Version: "3.1"},
			{AnyOf: []inspect.Assumption{{Feature: "mem-limits"}, {AllOf: []inspect.Assumption{
				{Feature: "cpu-limits"}, {Feature: "juju", Constraint: "<", Version: "4.0"},
			}}}},
		},
		Links: map[string][]string{
			"contact": {"Ada <ada@example.com>"}, "docs": {"https://example.com/docs"}, "issues": {"https://example.com/issues"},
			"source": {"https://example.com/source"}, "website": {"https://example.com"},
		},
		Tags: []string{"storage"}, Categories: []string{"databases"},
		Attributes: map[string]string{"language": "python", "framework": "operator"},
	}
	if !reflect.DeepEqual(info, want) {
		t.Errorf("got  %+v\nwant %+v", info, want)
	}
	if f := info.ReviewFacts(); f.Package != "pantry" || f.Type != "charm" || !slices.Equal(f.Architectures, []string{"amd64", "arm64"}) {
		t.Errorf("review facts %+v", f)
	}
}

func TestKubernetesCharmIsUnderstood(t *testing.T) {
	info := sound(t, charmtest.Kubernetes())
	got := fmt.Sprint(info.Name, info.Version, info.DeployableOn, info.Containers, info.Resources)
	if want := "oven-k8s7[kubernetes] [{oven oven-image}] [{oven-image oci-image  The oven false docker.io/library/nginx:1}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEveryGenerationNamesItsPlatforms(t *testing.T) {
	custom := func(metadata string, bases ...charmbuild.Base) charmbuild.Spec {
		return charmbuild.Spec{Metadata: "name: a\nsummary: s\ndescription: d\n" + metadata, Bases: bases}
	}
	for _, tt := range []struct {
		name string
		spec charmbuild.Spec
		want string // architecture base channel
		on   string
	}{
		{"all architectures", charmtest.Anywhere(), "all ubuntu 24.04", "vm"},
		{"one of its platforms", charmtest.Platforms(), "arm64 ubuntu 24.04", "vm"},
		{"charmcraft.yaml alone", charmtest.Unpacked(), "amd64 ubuntu 20.04, s390x ubuntu 20.04, all ubuntu 22.04", "vm"},
		{"series", charmtest.Series(), "all ubuntu 16.04, all ubuntu 18.04, all ubuntu 20.04", "vm"},
		{"kubernetes series", charmtest.PodSpec(), "all all all", "kubernetes"},
		{"nothing", custom(""), "all all all", "vm"},
		{"centos series", custom("series: [centos7, trusty]\n"), "all centos 7, all ubuntu 14.04", "vm"},
		{"a base that juju does not know", custom("", charmbuild.Base{Name: "almalinux", Channel: "9", Architectures: []string{"x86_64"}}), "amd64 almalinux 9", "vm"},
		{"a base with a risk", custom("", charmbuild.Base{Name: "ubuntu", Channel: "22.04/stable"}), "all ubuntu 22.04", "vm"},
		{"equal bases", custom("", charmbuild.Base{Name: "ubuntu", Channel: "22.04", Architectures: []string{"aarch64", "arm64"}}), "arm64 ubuntu 22.04", "vm"},
		{"kubernetes by assumption", custom("assumes: [k8s-api]\n", charmbuild.Base{Name: "ubuntu", Channel: "22.04"}), "all ubuntu 22.04", "kubernetes"},
		{"both", custom("series: [kubernetes, bionic]\n"), "all all all, all ubuntu 18.04", "kubernetes vm"},
	} {
		info := sound(t, tt.spec)
		var list []string
		for _, p := range info.Platforms {
			list = append(list, p.Architecture+" "+p.BaseName+" "+p.BaseChannel)
		}
		if got := strings.Join(list, ", "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		if got := strings.Join(info.DeployableOn, " "); got != tt.on {
			t.Errorf("%s: deployable on %s, want %s", tt.name, got, tt.on)
		}
	}
}

func TestCharmcraftPlatformsAreReadWithoutAManifest(t *testing.T) {
	for text, want := range map[string]string{
		"base: ubuntu@24.04\nplatforms: {amd64: , arm64: null}\n":                                      "amd64 24.04, arm64 24.04",
		"platforms: {'ubuntu@22.04:amd64': , 'ubuntu@24.04:riscv64': }\n":                              "amd64 22.04, riscv64 24.04",
		"platforms: {jammy: {build-on: [ubuntu@22.04:amd64], build-for: [ubuntu@22.04:s390x]}}\n":      "s390x 22.04",
		"base: ubuntu@24.04\nplatforms: {any: {build-on: amd64, build-for: all}}\n":                    "all 24.04",
		"bases: [{name: ubuntu, channel: '20.04', architectures: [amd64]}]\n":                          "amd64 20.04",
		"base: ubuntu@24.04\nplatforms: {nonsense: }\n":                                                "all all",
		"platforms: 7\nbases: {a: b}\n":                                                                "all all",
		"bases: [{build-on: [{name: ubuntu, channel: '20.04'}]}]\nplatforms: {amd64: }\nbase: devel\n": "all all",
	} {
		spec := charmtest.Unpacked()
		spec.Charmcraft = text
		var list []string
		for _, p := range sound(t, spec).Platforms {
			list = append(list, p.Architecture+" "+p.BaseChannel)
		}
		if got := strings.Join(list, ", "); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestBundleIsUnderstood(t *testing.T) {
	info, err := charmOf(charmtest.BundleBytes(t, charmtest.BundleYAML))
	if err != nil || len(info.Warnings) > 0 {
		t.Fatalf("%v, %v", err, info)
	}
	want := &inspect.CharmInfo{
		Type: inspect.TypeBundle, Name: "kitchen", Description: "A kitchen", Bundle: charmtest.BundleYAML, Readme: "# A bundle\n",
		Platforms: []store.Platform{{Architecture: "all", BaseName: "all", BaseChannel: "all"}}, DeployableOn: []string{"vm"},
		Links: map[string][]string{"docs": {"https://example.com/kitchen"}}, Tags: []string{"food"},
		Charms: []string{"larder-classic", "pantry", "postgresql"},
	}
	if !reflect.DeepEqual(info, want) {
		t.Errorf("got  %+v\nwant %+v", info, want)
	}
}

func TestSniffTellsCharmsFromBundles(t *testing.T) {
	for want, archive := range map[inspect.Kind][]byte{
		inspect.KindCharm:  charmtest.CharmBytes(t, charmtest.Series()),
		inspect.KindBundle: charmtest.BundleBytes(t, charmtest.BundleYAML),
	} {
		got, err := inspect.Sniff(t.Context(), bytes.NewReader(archive), int64(len(archive)), inspect.Limits{})
		if got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	both := charmtest.ArchiveBytes(t, charmbuild.Text("metadata.yaml", "name: a"), charmbuild.Text("bundle.yaml", "name: a"))
	neither := charmtest.ArchiveBytes(t, charmbuild.Text("sub/metadata.yaml", "name: a"))
	for _, archive := range [][]byte{both, neither} {
		if _, err := inspect.Sniff(t.Context(), bytes.NewReader(archive), int64(len(archive)), inspect.Limits{}); !errors.Is(err, inspect.ErrNoMetadata) {
			t.Errorf("got %v", err)
		}
		if _, err := charmOf(archive); !errors.Is(err, inspect.ErrNoMetadata) {
			t.Errorf("got %v", err)
		}
	}
}

func TestVersionIsItsFirstLine(t *testing.T) {
	for text, want := range map[string]string{
		"1.2\n3\n": "1.2", "revision-id: bo@1\n": "bo@1", " 5 \r\n": "5", "\n5\n": "", strings.Repeat("v", 200): strings.Repeat("v", 100) + "…",
	} {
		spec := charmtest.Machine()
		spec.Version = text
		if got := sound(t, spec).Version; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestOddButHarmlessCharmsAreWarnedOf(t *testing.T) {
	spec := charmtest.Machine()
	spec.Icon = "<svg><script/></svg>"
	spec.Metadata = strings.Replace(spec.Metadata, "https://example.com/issues", "javascript:alert(1)", 1) + "summary: Again\n"
	info, err := charmOf(charmtest.CharmBytes(t, spec))
	if err != nil || info.Icon != nil || info.Links["issues"] != nil || info.Summary != "Again" {
		t.Fatalf("%v, %+v", err, info)
	}
	var codes []string
	for _, w := range info.Warnings {
		codes = append(codes, string(w.Code)+" "+w.Field)
	}
	want := []string{"duplicate-key metadata.yaml: summary", "wrong-shape metadata.yaml: issues", "invalid-icon icon.svg"}
	if !slices.Equal(codes, want) {
		t.Errorf("got %q, want %q", codes, want)
	}
	idle := charmtest.ArchiveBytes(t, charmbuild.Text("metadata.yaml", "name: a\nsummary: s\ndescription: d\n"))
	if info, err := charmOf(idle); err != nil || len(info.Warnings) != 1 || info.Warnings[0].Field != "dispatch" {
		t.Errorf("a charm that does nothing: %v, %v", info, err)
	}
	nameless := strings.Replace(charmtest.BundleYAML, "name: kitchen\n", "", 1)
	if info, err := charmOf(charmtest.BundleBytes(t, nameless)); err != nil || info.Name != "" || len(info.Warnings) != 1 {
		t.Errorf("a bundle without a name: %v, %v", info, err)
	}
}
