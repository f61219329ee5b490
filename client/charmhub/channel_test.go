package charmhub

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseChannel(t *testing.T) {
	tests := []struct {
		text string
		want Channel
	}{
		{"stable", Channel{}},
		{"edge", Channel{Risk: Edge}},
		{"latest/candidate", Channel{Track: "latest", Risk: Candidate}},
		{"8.0/beta", Channel{Track: "8.0", Risk: Beta}},
		{"edge/fix-1", Channel{Risk: Edge, Branch: "fix-1"}},
		{"8.0/edge/fix-1", Channel{Track: "8.0", Risk: Edge, Branch: "fix-1"}},
		{"edge/stable", Channel{Risk: Edge, Branch: "stable"}}, // the first is a risk if it can be
		{"beta/edge/x", Channel{Track: "beta", Risk: Edge, Branch: "x"}},
	}
	for _, tt := range tests {
		got, err := ParseChannel(tt.text)
		if err != nil || got != tt.want || got.String() != tt.text {
			t.Errorf("%q is %+v (%s), %v", tt.text, got, got, err)
		}
		encoded, err := json.Marshal(got)
		var back Channel
		if err != nil || json.Unmarshal(encoded, &back) != nil || back != got {
			t.Errorf("%q becomes %s and %+v: %v", tt.text, encoded, back, err)
		}
	}
	for _, wrong := range []string{"", "8.0", "/", "edge/", "/edge", "a/b", "a/b/c", "a/edge/b/c", "Edge", "a /edge", "edge/x\n", strings.Repeat("x", 200) + "/edge"} {
		var invalid *RequestError
		if c, err := ParseChannel(wrong); !errors.As(err, &invalid) {
			t.Errorf("%q is %+v, %v", wrong, c, err)
		}
	}
	var c Channel
	if json.Unmarshal([]byte(`"nothing"`), &c) == nil || json.Unmarshal([]byte(`7`), &c) == nil {
		t.Error("JSON of no channel is taken")
	}
}

func TestRisksAreInOrder(t *testing.T) {
	if !slices.IsSorted([]Risk{Stable, Candidate, Beta, Edge}) || Stable.String() != "stable" || Risk(7).String() != "" || Risk(-1).String() != "" {
		t.Error("the risks are out of order")
	}
	if r, err := ParseRisk("beta"); r != Beta || err != nil {
		t.Errorf("beta is %v, %v", r, err)
	}
}

func TestCheckPromotion(t *testing.T) {
	tests := []struct {
		from, to string
		allowed  bool
	}{
		{"edge", "beta", true},
		{"edge", "stable", true},
		{"latest/edge/fix", "latest/edge", true},
		{"latest/edge", "8.0/edge", true},
		{"stable", "candidate", false},
		{"latest/edge", "latest/edge", false},
		{"latest/edge", "8.0/beta", false},
	}
	for _, tt := range tests {
		from, err := ParseChannel(tt.from)
		must(t, err)
		to, err := ParseChannel(tt.to)
		must(t, err)
		err = CheckPromotion(from, to)
		var invalid *RequestError
		if tt.allowed != (err == nil) || err != nil && !errors.As(err, &invalid) {
			t.Errorf("%s to %s: %v", tt.from, tt.to, err)
		}
	}
}
