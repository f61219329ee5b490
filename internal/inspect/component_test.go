package inspect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/snaptest"
)

const component = "component: hello+data\ntype: standard\nversion: 1.0\nsummary: Data\nprovenance: prod\n"

func TestComponentReadsItsMetadata(t *testing.T) {
	data, err := os.ReadFile(snaptest.Component(t, component, snapbuild.Noise("blob", 100, 1)))
	if err != nil {
		t.Fatal(err)
	}
	info, err := inspect.Component(context.Background(), bytes.NewReader(data), int64(len(data)), inspect.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := inspect.ComponentInfo{
		Snap: "hello", Name: "data", Type: "standard", Version: "1.0", Summary: "Data", Provenance: "prod",
		ComponentYAML: component, Compression: "gzip",
	}
	if fmt.Sprintf("%+v", *info) != fmt.Sprintf("%+v", want) {
		t.Errorf("got %+v", *info)
	}
}

func TestEachComponentProblemIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"type: test":                                                              "missing component",
		"component: hello\ntype: test":                                            "invalid-name component",
		"component: hello+\ntype: test":                                           "missing component",
		"component: hello+a+b\ntype: test":                                        "invalid-name component",
		"component: hello+data":                                                   "invalid-type type",
		"component: hello+data\ntype: odd":                                        "invalid-type type",
		component + "provenance: a-":                                              "invalid-provenance provenance",
		"component: hello+data\ntype: test\nversion: '!'":                         "invalid-version version",
		"component: hello+data\ntype: test\nsummary: {}":                          "wrong-shape summary",
		"component: hello+data\ntype: test\nsummary: " + strings.Repeat("s", 129): "too-long summary",
		"{": "malformed-yaml ",
	} {
		_, err := inspect.ParseComponentYAML([]byte(text), inspect.Limits{})
		var p *inspect.ProblemsError
		if !errors.As(err, &p) {
			t.Errorf("%q gives %v", text, err)
			continue
		}
		if got := fmt.Sprint(p.Problems[0].Code, " ", p.Problems[0].Field); got != want {
			t.Errorf("%q gives %s, want %s", text, got, want)
		}
	}
}

func TestUnknownComponentFieldsAreWarnings(t *testing.T) {
	info, err := inspect.ParseComponentYAML([]byte(component+"extra: 1\n"), inspect.Limits{})
	if err != nil || fmt.Sprint(codes(info.Warnings)) != "[unknown-field]" {
		t.Errorf("%v, %v", info.Warnings, err)
	}
}

func TestSniffTellsSnapsFromComponents(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		want inspect.Kind
	}{
		"snap":      {snaptest.Snap(t, minimal), inspect.KindSnap},
		"component": {snaptest.Component(t, component), inspect.KindComponent},
		"neither":   {snaptest.Image(t, snapbuild.Text("meta/other", "x")), ""},
		"both":      {snaptest.Snap(t, minimal, snapbuild.Text("meta/component.yaml", component)), ""},
	} {
		data, err := os.ReadFile(c.path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := inspect.Sniff(context.Background(), bytes.NewReader(data), int64(len(data)), inspect.Limits{})
		if got != c.want || (c.want == "") != errors.Is(err, inspect.ErrNoMetadata) {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
}
