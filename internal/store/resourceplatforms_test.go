package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestResourcePlatforms(t *testing.T) {
	on := func(arch string) Platform { return Platform{arch, "all", "all"} }
	jammy := Platform{"arm64", "ubuntu", "22.04"}
	for _, tt := range []struct {
		name string
		said []Platform
		want []Platform
		code string
	}{
		{"nothing is for everything", nil, []Platform{AnyBase}, ""},
		{"what is left out is all", []Platform{{Architecture: "amd64"}}, []Platform{on("amd64")}, ""},
		{"an empty base is all", []Platform{{}}, []Platform{AnyBase}, ""},
		{"twice is once, in order", []Platform{jammy, on("amd64"), jammy}, []Platform{jammy, on("amd64")}, ""},
		{"a channel with a risk", []Platform{{"amd64", "ubuntu", "24.04/edge"}}, []Platform{{"amd64", "ubuntu", "24.04/edge"}}, ""},
		{"Go's name of an architecture", []Platform{on("ppc64le")}, nil, "invalid-bases"},
		{"an architecture with blanks", []Platform{on(" amd64")}, nil, "invalid-bases"},
		{"a base in capitals", []Platform{{"amd64", "Ubuntu", "22.04"}}, nil, "invalid-bases"},
		{"a base with control characters", []Platform{{"amd64", "ubuntu\n", "22.04"}}, nil, "invalid-bases"},
		{"a long base", []Platform{{"amd64", strings.Repeat("u", 1<<20), "22.04"}}, nil, "invalid-bases"},
		{"a channel without a track", []Platform{{"amd64", "ubuntu", "/edge"}}, nil, "invalid-bases"},
		{"a channel with a path", []Platform{{"amd64", "ubuntu", "../etc/passwd"}}, nil, "invalid-bases"},
		{"too many", slices.Repeat([]Platform{AnyBase}, MaxResourcePlatforms+1), nil, "too-many-bases"},
	} {
		got, err := ResourcePlatforms(tt.said)
		if CodeOf(err) != tt.code || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v, want %v, code %q", tt.name, got, err, tt.want, tt.code)
		}
		if err != nil && (len(err.Error()) > 400 || !strings.Contains(fmt.Sprint(err), "(")) {
			t.Errorf("%s: %d bytes of error, or no next step: %.500s", tt.name, len(err.Error()), err)
		}
		if again, err := ResourcePlatforms(got); got != nil && (err != nil || !slices.Equal(again, got)) {
			t.Errorf("%s: normal twice is %v, %v", tt.name, again, err)
		}
	}
}

func TestPlatformsOfImage(t *testing.T) {
	on := func(arch string) Platform { return Platform{arch, "all", "all"} }
	for _, tt := range []struct{ architectures, want string }{
		{"", "all"}, {"amd64", "amd64"}, {"arm64 amd64 arm64", "arm64 amd64"}, {"mips64le amd64", "amd64"}, {"mips64le", "all"},
	} {
		var want []Platform
		for _, a := range strings.Fields(tt.want) {
			want = append(want, on(a))
		}
		if got := PlatformsOfImage(strings.Fields(tt.architectures)); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", tt.architectures, got, want)
		}
	}
}
