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
	"github.com/larder-store/larder/internal/inspect/snaptest"
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
