package inspect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/charmtest"
	"github.com/larder-store/larder/internal/inspect/snaptest"
	"github.com/larder-store/larder/internal/inspect/ziparchive"
)

func FuzzSnap(f *testing.F) {
	for _, image := range small(f) {
		f.Add(image)
	}
	for _, path := range []string{snaptest.Snap(f, minimal), snaptest.Component(f, component)} {
		image, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(image)
	}
	f.Fuzz(func(t *testing.T, image []byte) {
		ctx, r, size := context.Background(), bytes.NewReader(image), int64(len(image))
		info, err := inspect.Snap(ctx, r, size, inspect.Limits{})
		if err != nil && !known(err) {
			t.Errorf("Snap: %v", err)
		}
		if err == nil {
			checkSnap(t, info)
		}
		if _, err := inspect.Component(ctx, r, size, inspect.Limits{}); err != nil && !known(err) {
			t.Errorf("Component: %v", err)
		}
		if kind, err := inspect.Sniff(ctx, r, size, inspect.Limits{}); (kind == "") != (err != nil) || err != nil && !known(err) {
			t.Errorf("Sniff: %q, %v", kind, err)
		}
	})
}

func FuzzCharm(f *testing.F) {
	for _, spec := range charmtest.Specimens() {
		f.Add(charmtest.CharmBytes(f, spec))
	}
	f.Add(charmtest.BundleBytes(f, charmtest.BundleYAML))
	f.Fuzz(func(t *testing.T, archive []byte) {
		ctx, r, size := context.Background(), bytes.NewReader(archive), int64(len(archive))
		info, err := inspect.Charm(ctx, r, size, inspect.Limits{})
		checkCharm(t, info, err)
		if kind, err := inspect.Sniff(ctx, r, size, inspect.Limits{}); (kind == "") != (err != nil) || err != nil && !known(err) {
			t.Errorf("Sniff: %q, %v", kind, err)
		}
	})
}

// FuzzCharmMember changes one text of a charm, where FuzzCharm would break the archive.
func FuzzCharmMember(f *testing.F) {
	members := []string{"metadata.yaml", "manifest.yaml", "config.yaml", "actions.yaml", "lxd-profile.yaml", "metrics.yaml", "charmcraft.yaml", "bundle.yaml", "version", "icon.svg"}
	for _, spec := range charmtest.Specimens() {
		for i, text := range []string{spec.Metadata, charmbuild.Manifest(spec.Bases), spec.Config, spec.Actions, spec.LXDProfile, spec.Metrics, spec.Charmcraft} {
			f.Add(i, text)
		}
	}
	f.Add(7, charmtest.BundleYAML)
	f.Fuzz(func(t *testing.T, member int, text string) {
		member = max(member, -member) % len(members)
		if member < 0 {
			return
		}
		texts := map[string]string{"metadata.yaml": "name: a\nsummary: s\ndescription: d\n", "README.md": "# A\n"}
		if members[member] == "bundle.yaml" {
			delete(texts, "metadata.yaml")
		}
		texts[members[member]] = text
		var files []ziparchive.File
		for name, content := range texts {
			files = append(files, charmbuild.Text(name, content))
		}
		info, err := charmOf(charmtest.ArchiveBytes(t, files...))
		checkCharm(t, info, err)
	})
}

// checkCharm holds what Charm gives to what its readers rely on.
func checkCharm(t *testing.T, info *inspect.CharmInfo, err error) {
	t.Helper()
	if err != nil && !known(err) {
		t.Fatalf("Charm: %v", err)
	}
	if info == nil {
		return
	}
	if text, err := json.Marshal(info); err != nil || bytes.Contains(text, []byte("\\u0000")) {
		t.Errorf("gives %v and %q", err, text)
	}
	if err != nil {
		return
	}
	if len(info.Platforms) == 0 || len(info.DeployableOn) == 0 || info.Type == inspect.TypeCharm && !inspect.ValidCharmName(info.Name) {
		t.Errorf("passed: %+v", info)
	}
	for _, p := range info.Platforms {
		if p.Architecture == "" || p.BaseName == "" || p.BaseChannel == "" {
			t.Errorf("passed with the platform %+v", p)
		}
	}
	for _, name := range info.Charms {
		if !inspect.ValidCharmName(name) {
			t.Errorf("passed with the charm %q", name)
		}
	}
}

// checkSnap holds a snap that passed to what its readers rely on.
func checkSnap(t *testing.T, info *inspect.SnapInfo) {
	t.Helper()
	if !inspect.ValidName(info.Name) || info.Version == "" || info.Type == "" || len(info.Architectures) == 0 {
		t.Errorf("passed: %+v", info)
	}
	for _, list := range [][]uint32{info.Epoch.Read, info.Epoch.Write} {
		if len(list) == 0 || len(list) > 10 || !slices.IsSorted(list) {
			t.Errorf("passed with epoch %+v", info.Epoch)
		}
	}
	if _, err := json.Marshal(info); err != nil {
		t.Errorf("passed and is no JSON: %v", err)
	}
}

func FuzzSnapYAML(f *testing.F) {
	for _, text := range []string{
		minimal, complete, "", "- a", "a: &a [*a]", "a: &a {b: c}\n<<: *a\nname: x\nversion: 1\n",
		minimal + "epoch: 1*", minimal + "epoch: {read: [1, 2], write: [2]}", minimal + "? [a]\n: b\n",
		minimal + "plugs: {p: {1: 2}, q: !!binary aGVsbG8=, r: 2020-01-01, s: .inf}\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		info, err := inspect.ParseSnapYAML(text, inspect.Limits{})
		var problems *inspect.ProblemsError
		switch {
		case info == nil:
			t.Fatal("no info")
		case err == nil:
			checkSnap(t, info)
		case !errors.As(err, &problems) || len(problems.Problems) == 0:
			t.Errorf("error %v", err)
		}
	})
}

func FuzzComponentYAML(f *testing.F) {
	for _, text := range []string{component, "component: a+b+c", "component: [a]", "", "component: +"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		info, err := inspect.ParseComponentYAML(text, inspect.Limits{})
		var problems *inspect.ProblemsError
		switch {
		case info == nil:
			t.Fatal("no info")
		case err == nil && !(inspect.ValidName(info.Snap) && inspect.ValidName(info.Name)):
			t.Errorf("passed: %+v", info)
		case err != nil && (!errors.As(err, &problems) || len(problems.Problems) == 0):
			t.Errorf("error %v", err)
		}
	})
}
