// SPDX-License-Identifier: GPL-3.0-only

package charms

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/juju/charm/v12"

	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/charmtest"
	"github.com/larder-store/larder/internal/inspect/ziparchive"
)

// An upload is the members of an archive by name.
type upload map[string]string

func (u upload) archive(t *testing.T) []byte {
	t.Helper()
	var files []ziparchive.File
	for _, name := range slices.Sorted(maps.Keys(u)) {
		files = append(files, charmbuild.Text(name, u[name]))
	}
	return charmtest.ArchiveBytes(t, files...)
}

// unpack gives the members of an archive.
func unpack(t *testing.T, archive []byte) upload {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	u := upload{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		u[f.Name] = b.String()
	}
	delete(u, "src/charm.py") // neither reader looks at it
	return u
}

// specimens are valid charms and a bundle, by name.
func specimens(t *testing.T) map[string]upload {
	t.Helper()
	all := map[string]upload{"bundle": unpack(t, charmtest.BundleBytes(t, charmtest.BundleYAML))}
	for name, spec := range charmtest.Specimens() {
		all[name] = unpack(t, charmtest.CharmBytes(t, spec))
	}
	return all
}

// jujuReads is what juju's reader says of an archive, with the checks that juju makes
// when it deploys.
func jujuReads(archive []byte, bundle bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if bundle {
		b, err := charm.ReadBundleArchiveBytes(archive)
		if err != nil {
			return err
		}
		return b.Data().Verify(nil, nil, nil)
	}
	c, err := charm.ReadCharmArchiveBytes(archive)
	if err != nil {
		return err
	}
	if err := charm.CheckMeta(c); err != nil {
		return err
	}
	return c.LXDProfile().ValidateConfigDevices()
}

func larderReads(archive []byte) error {
	_, err := inspect.Charm(context.Background(), bytes.NewReader(archive), int64(len(archive)), inspect.Limits{})
	return err
}

// compare says who refuses alone, and why; it is empty when both decide alike.
func compare(archive []byte, bundle bool) string {
	ours, theirs := larderReads(archive), jujuReads(archive, bundle)
	switch {
	case ours != nil && theirs == nil:
		return "larder refuses: " + ours.Error()
	case ours == nil && theirs != nil:
		return "juju refuses: " + theirs.Error()
	}
	return ""
}

// values stand in place of each value of a specimen in turn.
var values = []string{
	"", "null", "5", "-1", "0", "1.5", "true", "yes", `"true"`, `"5"`, "[]", "{}", "[a]", "{a: b}", "{5: b}", "text", "a/b", ".", "juju", "juju-x",
	"Upper", "x-5", `""`, "2.9.0", "1-3", "3-1", "0-0", "1+", "1G", "stable", "22.04/stable", "2020-01-01", "all", "almalinux", "[[a, b]]", "{type: file}",
	"oci-image", "container", "kubernetes", "[{a: b}]", "secret:abc", "ch:a/b/c", "cs:wordpress", "lxd:new", "9/1", "!!binary aGVsbG8=", "0o17", "1e3", "~", "ubuntu@20.04",
}

var (
	field = regexp.MustCompile(`^(\s*(?:- )*(?:[A-Za-z0-9_"'.-]+:)? *)(\S.*)?$`)
	inner = regexp.MustCompile(`[{,\[] ?([a-z"0-9-]+: )?([^{},\[\]:]+)[,}\]]`)
)

// mutants are copies of a text with one line removed, doubled, renamed, or given
// another value.
func mutants(text string) (all []string) {
	lines := strings.SplitAfter(text, "\n")
	with := func(i int, replacement string) {
		all = append(all, strings.Join(slices.Concat(lines[:i], []string{replacement}, lines[i+1:]), ""))
	}
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		with(i, "")
		with(i, line+line)
		with(i, strings.Replace(line, ":", "x:", 1))
		with(i, strings.Replace(line, "  ", "    ", 1))
		m := field.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue
		}
		for _, v := range values {
			with(i, m[1]+v+"\n")
		}
		for _, at := range inner.FindAllStringSubmatchIndex(line, -1) {
			for _, v := range values {
				with(i, line[:at[4]]+v+line[at[5]:])
			}
		}
	}
	return all
}

// TestSpecimensAreAccepted makes sure that the search begins at what both accept.
func TestSpecimensAreAccepted(t *testing.T) {
	t.Parallel()
	for name, u := range specimens(t) {
		err := jujuReads(u.archive(t), name == "bundle")
		if name == "anywhere" && err != nil {
			continue // see the differences
		}
		if err != nil {
			t.Errorf("juju refuses %s: %v", name, err)
		}
		if err := larderReads(u.archive(t)); err != nil {
			t.Errorf("larder refuses %s: %v", name, err)
		}
	}
}

// TestMutantsAreJudgedAlike holds both readers' verdicts on changed specimens together.
func TestMutantsAreJudgedAlike(t *testing.T) {
	t.Parallel()
	r := report{shown: map[string]int{}, wrong: map[string]string{}}
	for name, u := range specimens(t) {
		for _, member := range slices.Sorted(maps.Keys(u)) {
			if !strings.HasSuffix(member, ".yaml") || member == "charmcraft.yaml" {
				continue
			}
			for _, text := range mutants(u[member]) {
				changed := maps.Clone(u)
				changed[member] = text
				r.add(name+" "+member, text, compare(changed.archive(t), name == "bundle"))
			}
		}
	}
	for _, c := range cases {
		u := specimens(t)[c.specimen]
		text := strings.Replace(u[c.member], c.old, c.new, 1)
		switch {
		case c.new == absent:
			delete(u, c.member)
		case text == u[c.member]:
			t.Errorf("%s has no %q", c.specimen, c.old)
		default:
			u[c.member] = text
		}
		bundle := c.specimen == "bundle"
		said := compare(u.archive(t), bundle)
		r.add(c.specimen+" "+c.member, text, said)
		if err := larderReads(u.archive(t)); (err != nil) != c.refused {
			t.Errorf("%s %s with %q: got %v", c.specimen, c.member, c.new, err)
		}
	}
	r.check(t)
}

// report collects on what the two decide differently.
type report struct {
	runs, same int
	shown      map[string]int    // by the pattern of a difference
	wrong      map[string]string // example by what was said
}

func (r *report) add(name, text, said string) {
	r.runs++
	if said == "" {
		r.same++
		return
	}
	for _, d := range differences {
		if d.said.MatchString(said) {
			r.shown[d.said.String()]++
			return
		}
	}
	r.wrong[said] = name + ":\n" + text
}

func (r *report) check(t *testing.T) {
	t.Logf("%d archives, %d judged alike", r.runs, r.same)
	for i, said := range slices.Sorted(maps.Keys(r.wrong)) {
		if i == 80 {
			t.Errorf("and %d more", len(r.wrong)-i)
			break
		}
		t.Errorf("%s\n%s", said, r.wrong[said])
	}
	for _, d := range differences {
		if r.shown[d.said.String()] == 0 {
			t.Errorf("nothing shows the difference %s", d.said)
		}
	}
}
