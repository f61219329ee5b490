package inspect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/charmtest"
	"github.com/larder-store/larder/internal/inspect/ziparchive"
)

const plainCharm = "name: a\nsummary: s\ndescription: d\n"

// TestProblemsNameMemberKeyAndRemedy reads a charm with one text changed.
func TestProblemsNameMemberKeyAndRemedy(t *testing.T) {
	for _, tt := range []struct {
		member, text string
		want         string // code, then the problem
	}{
		{"metadata.yaml", "", "missing metadata.yaml: is empty"},
		{"metadata.yaml", "a: [", "malformed-yaml metadata.yaml: line 1: did not find expected node content"},
		{"metadata.yaml", "- a", "malformed-yaml metadata.yaml: the document is not a map of fields"},
		{"metadata.yaml", "summary: s\ndescription: d\n", "missing metadata.yaml: name: is required"},
		{"metadata.yaml", "name: a-1\nsummary: s\ndescription: d\n", `invalid-name metadata.yaml: name: "a-1" is no valid name; use lower-case letters, digits and single hyphens, a letter first, and a letter in each part`},
		{"metadata.yaml", "name: 7\nsummary: s\ndescription: d\n", "wrong-shape metadata.yaml: name: must be text; put what looks like a number or a boolean in quotes"},
		{"metadata.yaml", plainCharm + "containers: {a: {}}\n", `mixed-formats metadata.yaml: containers: needs a manifest.yaml that names bases; pack the charm with charmcraft`},
		{"metadata.yaml", plainCharm + "series: [focal]\nassumes: [juju]\n", "mixed-formats metadata.yaml: assumes: cannot stand beside series, which only older charms have; remove the one or the other"},
		{"metadata.yaml", plainCharm + "provides: {juju-a: b}\n", `invalid-relation metadata.yaml: provides.juju-a: "juju-a" is reserved for juju; use a name that is not juju and does not begin with juju-`},
		{"metadata.yaml", plainCharm + "provides: {a: b}\npeers: {a: c}\n", "invalid-relation metadata.yaml: peers.a: is the name of a relation under provides too; rename one"},
		{"metadata.yaml", plainCharm + "resources: {a: {filename: b/c}}\n", `invalid-resource metadata.yaml: resources.a.filename: "b/c" is a path; write the name of a file without a directory`},
		{"metadata.yaml", plainCharm + "resources: {a: {type: image}}\n", "invalid-resource metadata.yaml: resources.a.type: must be one of file, oci-image"},
		{"metadata.yaml", plainCharm + "storage: {a: {type: block, multiple: {range: many}}}\n", "invalid-storage metadata.yaml: storage.a.multiple.range: must be a count such as 1, 1-3 or 1+"},
		{"manifest.yaml", "charmcraft-version: 3\n", "missing manifest.yaml: bases: must be a list; pack the charm again with charmcraft"},
		{"manifest.yaml", "bases: [{name: ubuntu, channel: 22.04}]\n", "wrong-shape manifest.yaml: bases[0].channel: must be text; put what looks like a number or a boolean in quotes"},
		{"manifest.yaml", "bases: [{name: ubuntu, channel: '22.04', architectures: [z80]}]\n", `invalid-architecture manifest.yaml: bases[0].architectures[0]: "z80" is neither all nor one of amd64, arm64, armhf, i386, ppc64el, riscv64, s390x`},
		{"config.yaml", "options: {a: {type: int, default: x}}\n", "invalid-option config.yaml: options.a.default: does not fit the type int; change the one or the other"},
		{"actions.yaml", "a: {params: {b: {type: thing}}}\n", "invalid-action actions.yaml: a.params.b.type: must be one of array, boolean, integer, number, null, object, string, or a list of some of them"},
		{"lxd-profile.yaml", "devices: {a: {type: disk}}\n", "invalid-profile lxd-profile.yaml: devices.a.type: must be one of unix-char, unix-block, gpu, usb"},
		{"README.md", "caf\xe9", "invalid-text README.md: must be UTF-8 without zero bytes; save it as UTF-8"},
		{"README.md", "a\x00b", "invalid-text README.md: must be UTF-8 without zero bytes; save it as UTF-8"},
		{"metadata.yaml", plainCharm + "# \xff\n", "invalid-text metadata.yaml: must be UTF-8 without zero bytes; save it as UTF-8"},
		{"metadata.yaml", plainCharm + `display-name: "a\0b"` + "\n", "malformed-yaml metadata.yaml: line 4: a text is not UTF-8 or has a zero byte"},
		{"metadata.yaml", plainCharm + "display-name: !!binary /w==\n", "malformed-yaml metadata.yaml: line 4: a text is not UTF-8 or has a zero byte"},
		{"metadata.yaml", plainCharm + `"a\0b": c` + "\n", "malformed-yaml metadata.yaml: line 4: a text is not UTF-8 or has a zero byte"},
		{"Metadata.yaml", plainCharm, "invalid-member Metadata.yaml: looks like metadata.yaml and is not it; remove it or rename it"},
		{"revision", "x", "invalid-member revision: must hold a number; remove it, nothing needs it"},
		{"config.yaml", "#" + strings.Repeat("x", 1<<20), "too-long config.yaml: is longer than the 262144 bytes that are read"},
	} {
		texts := map[string]string{"metadata.yaml": plainCharm, tt.member: tt.text}
		var files []ziparchive.File
		for name, text := range texts {
			files = append(files, charmbuild.Text(name, text))
		}
		_, err := charmOf(charmtest.ArchiveBytes(t, files...))
		var invalid *inspect.ProblemsError
		if !errors.As(err, &invalid) {
			t.Errorf("%s %.80q: got %v", tt.member, tt.text, err)
			continue
		}
		if p := invalid.Problems[0]; string(p.Code)+" "+p.String() != tt.want || len(invalid.Problems) > 1 {
			t.Errorf("%s %.80q:\ngot  %s %v\nwant %s", tt.member, tt.text, p.Code, invalid.Problems, tt.want)
		}
	}
}

// TestYAMLBombsOfCharmsCostLittle bounds what a small text may cost.
func TestYAMLBombsOfCharmsCostLittle(t *testing.T) {
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		laughs += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	merges := "m0: &m0 {a: b}\n"
	for i := range 200 {
		merges += fmt.Sprintf("m%d: &m%d {<<: [*m%d, *m%d]}\n", i+1, i+1, i, i)
	}
	// The most small maps and values that fit, written as few.
	maps := "a: &a {b: c}\nl: &l [" + strings.Repeat("*a, ", 40) + "]\nm: [" + strings.Repeat("*l, ", 2000) + "]\n"
	values := "l: &l [" + strings.Repeat("~, ", 500) + "]\nm: [" + strings.Repeat("*l, ", 450) + "]\n"
	keys := "a:\n"
	for i := range 5000 {
		keys += fmt.Sprintf("  k%d: 1\n", i)
	}
	for name, text := range map[string]string{
		"maps": maps, "values": values,
		"laughs": laughs, "merges": merges, "depth": "a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "\n",
		"circle": "a: &a [*a]\n", "keys": keys,
		"assumes": "assumes: [" + strings.Repeat("{any-of: [", 100) + "a1" + strings.Repeat("]}", 100) + "]\n",
	} {
		for _, member := range []string{"metadata.yaml", "actions.yaml", "charmcraft.yaml", "bundle.yaml"} {
			texts := map[string]string{"metadata.yaml": plainCharm}
			if texts[member] += text; member == "bundle.yaml" {
				texts = map[string]string{member: strings.Repeat(text+"---\n", min(30, 250_000/len(text))), "README.md": "# A\n"}
			}
			var files []ziparchive.File
			for name, text := range texts {
				files = append(files, charmbuild.Text(name, text))
			}
			archive := charmtest.ArchiveBytes(t, files...)
			var err error
			cost := allocated(func() { _, err = charmOf(archive) })
			if cost > 128<<20 {
				t.Errorf("%s in %s takes %d bytes", name, member, cost)
			}
			if err != nil && !known(err) || err == nil && member != "charmcraft.yaml" && name != "maps" && name != "values" {
				t.Errorf("%s in %s: %v", name, member, err)
			}
		}
	}
}

// A line of YAML with aliases makes seven bases, and the store holds those of a
// channel against each other.
func TestACharmHasABoundedNumberOfBasesAndResources(t *testing.T) {
	bases := func(n int) string {
		text := "a: &a [amd64, arm64]\nbases:\n"
		for i := range n {
			text += fmt.Sprintf("- {name: ubuntu, channel: '%d', architectures: *a}\n", i)
		}
		return text
	}
	resources := func(n int) string {
		text := plainCharm + "resources:\n"
		for i := range n {
			text += fmt.Sprintf("  r%d: {type: oci-image}\n", i)
		}
		return text
	}
	for _, tt := range []struct {
		metadata, manifest, want string
	}{
		{plainCharm, bases(50), ""},
		{plainCharm, bases(51), "too-long manifest.yaml: bases: has 102 bases and architectures, at most 100 are taken"},
		{plainCharm, bases(4000), "too-long manifest.yaml: bases: has 8000 bases and architectures, at most 100 are taken"},
		{resources(256), bases(1), ""},
		{resources(257), bases(1), "too-long metadata.yaml: resources: has 257 resources, at most 256 are taken"},
	} {
		_, err := charmOf(charmtest.ArchiveBytes(t, charmbuild.Text("metadata.yaml", tt.metadata), charmbuild.Text("manifest.yaml", tt.manifest)))
		got := ""
		var invalid *inspect.ProblemsError
		if errors.As(err, &invalid) {
			got = string(invalid.Problems[0].Code) + " " + invalid.Problems[0].String()
		} else if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestCharmReadsNoMoreThanItsLimits(t *testing.T) {
	big := charmbuild.Text("README.md", strings.Repeat("a", 8<<20))
	archive := charmtest.ArchiveBytes(t, charmbuild.Text("metadata.yaml", plainCharm), big, charmbuild.Text("venv/big", strings.Repeat("b", 32<<20)))
	var err error
	if cost := allocated(func() { _, err = charmOf(archive) }); cost > 2<<20 {
		t.Errorf("takes %d bytes", cost)
	}
	var invalid *inspect.ProblemsError
	if !errors.As(err, &invalid) || invalid.Problems[0].Code != inspect.TooLong {
		t.Errorf("got %v", err)
	}
}

func TestMetadataThatIsALinkIsRefused(t *testing.T) {
	link := ziparchive.File{Path: "metadata.yaml", Mode: fs.ModeSymlink, Content: []byte("src/metadata.yaml")}
	if _, err := charmOf(charmtest.ArchiveBytes(t, link, charmbuild.Text("src/metadata.yaml", plainCharm))); !errors.Is(err, ziparchive.ErrUnsafe) {
		t.Errorf("got %v", err)
	}
}

func TestFlippedBitsOfCharmsAreReadOrRefused(t *testing.T) {
	for name, archive := range map[string][]byte{
		"charm": charmtest.CharmBytes(t, charmtest.Kubernetes()), "bundle": charmtest.BundleBytes(t, charmtest.BundleYAML),
	} {
		refused := 0
		for bit := range len(archive) * 8 {
			if at := bit / 8; bit%8 != at%8 && bit%8 != (at+3)%8 {
				continue // two of each byte
			}
			damaged := bytes.Clone(archive)
			damaged[bit/8] ^= 1 << (bit % 8)
			info, err := charmOf(damaged)
			checkCharm(t, info, err)
			if err != nil {
				refused++
			}
		}
		if refused < len(archive) {
			t.Errorf("%s: only %d damaged copies of %d are refused", name, refused, len(archive)*8)
		}
	}
}

func TestInspectingACharmEndsWithItsContext(t *testing.T) {
	archive := charmtest.CharmBytes(t, charmtest.Machine())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := inspect.Charm(ctx, bytes.NewReader(archive), int64(len(archive)), inspect.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// brokenFrom is a reader whose storage is broken from a position on, but for the end.
type brokenFrom struct {
	*bytes.Reader
	from, to int64
}

func (b brokenFrom) ReadAt(p []byte, at int64) (int, error) {
	if at >= b.from && at < b.to {
		return 0, iotest.ErrTimeout
	}
	return b.Reader.ReadAt(p, at)
}

func TestErrorsOfStorageAreNoProblemsOfACharm(t *testing.T) {
	archive := charmtest.CharmBytes(t, charmtest.Machine())
	directory := int64(bytes.Index(archive, []byte("PK\x01\x02")))
	for from := int64(100); from < directory; from += 100 {
		r := brokenFrom{bytes.NewReader(archive), from, directory}
		if _, err := inspect.Charm(t.Context(), r, int64(len(archive)), inspect.Limits{}); err != nil && !errors.Is(err, iotest.ErrTimeout) {
			t.Errorf("broken from %d: %v", from, err)
		}
	}
}
