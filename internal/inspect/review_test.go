package inspect_test

import (
	"fmt"
	"testing"

	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

func TestReviewFactsNameInterfaces(t *testing.T) {
	info, err := inspect.ParseSnapYAML([]byte(`name: tool
version: 1
version: 2
version: 3
base: core24
confinement: classic
grade: devel
provenance: lab
architectures: [amd64, arm64]
plugs:
  net: network
  more-net: network
  engine: {interface: docker-support}
slots:
  mine: {interface: content, read: [/]}
apps:
  a: {plugs: [home], slots: [dbus]}
`), inspect.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	f := info.ReviewFacts()
	got := fmt.Sprintln(f.Package, f.Type, f.Base, f.Confinement, f.Grade, f.Provenance, f.Architectures, f.Plugs, f.Slots, f.Warnings)
	if want := "tool app core24 classic devel lab [amd64 arm64] [docker-support home network] [content dbus] [duplicate-key]"; got != want+"\n" {
		t.Errorf("got %s, want %s", got, want)
	}
	policy, err := store.ParseReviewPolicy("hold plug=docker-* confinement=classic")
	if err != nil {
		t.Fatal(err)
	}
	if v := policy.Judge(f); v.Decision != store.Hold {
		t.Errorf("got %+v", v)
	}
}
