// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/snapcore/snapd/asserts"

	"github.com/larder-store/larder/assertion"
)

// How many mutants the two are compared on. The keys and the times in specimens
// are fixed, so a run can be repeated; another seed is another search.
var (
	mutants = flag.Int("mutants", 60_000, "compare the reading of `n` mutants, and a fraction of that in dearer tests")
	seed    = flag.Uint64("seed", 1, "seed of the mutants")
)

// leastBothAccepted is the part of mutants that both must accept.
const leastBothAccepted = 0.05

// TestSameBytesAreReadAlike compares what both make of the bytes of specimens,
// of the corpora that larder's library keeps, and of mutants of all of them.
func TestSameBytesAreReadAlike(t *testing.T) {
	t.Parallel()
	var parents [][]byte
	for _, s := range specimens(theWorld()) {
		parents = append(parents, s.encoded(t))
	}
	parents = append(parents, libraryCorpus(t)...)
	r := newReport(stricter, looser)
	for _, encoded := range parents {
		r.add(encoded, readAlike(encoded))
	}
	m := newMutator(*seed, parents)
	for i := range *mutants {
		mutant := m.mutate(parents[i%len(parents)])
		r.add(mutant, readAlike(mutant))
	}
	for _, d := range r.table {
		r.wantShown(t, d, readAlike(d.shown(t, false)))
	}
	r.check(t)
}

// TestSameSignedMutantsAreTrustedAlike changes headers and then signs again,
// mostly with the right key, so that the rules behind the signature decide.
func TestSameSignedMutantsAreTrustedAlike(t *testing.T) {
	t.Parallel()
	w := theWorld()
	known, db := w.memory(t), w.database(t)
	keys := []signs{w.root, w.acme, w.rival, w.device}
	all := specimens(w)
	var parents [][]byte
	for _, s := range all {
		parents = append(parents, s.encoded(t))
	}
	r := newReport(trusting, stricter, looser)
	m := newMutator(*seed, parents)
	for i := range *mutants / 30 {
		at := i % len(parents)
		key := all[at].by
		if m.IntN(4) == 0 {
			key = keys[m.IntN(len(keys))]
		}
		mutant := signAgain(m.header(slices.Clone(parents[at])), key)
		r.add(mutant, trustAlike(known, db, mutant))
	}
	for _, d := range trusting {
		r.wantShown(t, d, trustAlike(known, db, d.shown(t, true)))
	}
	r.check(t)
}

// TestSameSignaturesAreTrustedAlike changes nothing but the signature.
func TestSameSignaturesAreTrustedAlike(t *testing.T) {
	t.Parallel()
	w := theWorld()
	known, db := w.memory(t), w.database(t)
	var parents [][]byte
	for _, s := range specimens(w) {
		parents = append(parents, s.encoded(t))
	}
	r := newReport(signatures)
	m := newMutator(*seed, parents)
	for i := range *mutants / 10 {
		mutant := m.signature(parents[i%len(parents)])
		r.add(mutant, trustAlike(known, db, mutant))
	}
	for _, d := range signatures {
		r.wantShown(t, d, trustAlike(known, db, d.shown(t, false)))
	}
	r.check(t)
}

// verdict is what comparing says: whether both accept, or what differs.
type verdict struct {
	accepted  bool
	different string // "" if nothing is
}

// readAlike compares parsing.
func readAlike(encoded []byte) verdict {
	theirs, theirErr := asserts.Decode(encoded)
	ours, ourErr := assertion.Parse(encoded)
	return compare(theirs, theirErr, ours, ourErr)
}

// trustAlike compares parsing and verifying.
func trustAlike(known *assertion.Memory, db *asserts.Database, encoded []byte) verdict {
	theirs, theirErr := asserts.Decode(encoded)
	if theirErr == nil {
		theirErr = snapdTrusts(db, theirs)
	}
	ours, ourErr := assertion.Parse(encoded)
	if ourErr == nil {
		ourErr = larderTrusts(known, ours)
	}
	return compare(theirs, theirErr, ours, ourErr)
}

func compare(theirs asserts.Assertion, theirErr error, ours *assertion.Assertion, ourErr error) verdict {
	switch {
	case theirErr != nil && ourErr != nil:
		return verdict{}
	case theirErr != nil && !ours.Supported():
		return verdict{different: "snapd refuses, larder keeps for its newer format: " + theirErr.Error()}
	case theirErr != nil:
		return verdict{different: "snapd refuses: " + theirErr.Error()}
	case ourErr != nil:
		return verdict{different: "larder refuses: " + ourErr.Error()}
	}
	return verdict{accepted: true, different: readDifferently(theirs, ours)}
}

// readDifferently says what two readings of the same bytes do not agree on.
func readDifferently(theirs asserts.Assertion, ours *assertion.Assertion) string {
	content, signature := theirs.Signature()
	for _, of := range []struct {
		what       string
		snapd, our any
	}{
		{"type", theirs.Type().Name, ours.Type().Name},
		{"primary key", theirs.Ref().PrimaryKey, ours.Ref().Key},
		{"revision", theirs.Revision(), ours.Revision()},
		{"format", theirs.Format(), ours.Format()},
		{"authority", theirs.AuthorityID(), ours.AuthorityID()},
		{"headers", theirs.Headers(), ours.Headers()},
		{"body", string(theirs.Body()), string(ours.Body())},
		{"content", string(content), string(ours.Content())},
		{"signature", strings.TrimSuffix(string(signature), "\n"), string(ours.Signature())},
	} {
		// A type without a primary key has one of length zero.
		if !reflect.DeepEqual(of.snapd, of.our) && fmt.Sprint(of.snapd) != fmt.Sprint(of.our) {
			return fmt.Sprintf("read with %s: %q by snapd, %q by larder", of.what, of.snapd, of.our)
		}
	}
	return ""
}

// encoded is the specimen, signed so that each run has the same bytes.
func (s specimen) encoded(t testing.TB) []byte {
	t.Helper()
	return signAgain(asserts.Encode(snapdSigns(t, s)), s.by)
}

// signAgain replaces the key id and the signature of an assertion.
func signAgain(encoded []byte, by signs) []byte {
	at := bytes.LastIndex(encoded, []byte("\n\n"))
	if at < 0 {
		return encoded
	}
	lines := strings.Split(string(encoded[:at]), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "sign-key-sha3-384:") {
			lines[i] = "sign-key-sha3-384: " + by.PublicKey().ID()
		}
	}
	content := []byte(strings.Join(lines, "\n"))
	return slices.Concat(content, []byte("\n\n"), signContent(by.PrivateKey(), content))
}

// libraryCorpus is what larder's library is tested and fuzzed with: one
// assertion, or what once broke something, in a file.
func libraryCorpus(t *testing.T) [][]byte {
	t.Helper()
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/larder-store/larder").Output()
	if err != nil {
		t.Fatal(err)
	}
	var corpus [][]byte
	root := filepath.Join(strings.TrimSpace(string(module)), "assertion", "testdata")
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		switch {
		case strings.Contains(path, filepath.Join("testdata", "corpus")):
			corpus = append(corpus, content)
		case strings.Contains(path, filepath.Join("testdata", "fuzz")):
			corpus = append(corpus, fuzzValues(content)...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(corpus) == 0 {
		t.Errorf("there is no corpus below %s", root)
	}
	return corpus
}

// fuzzValues are the []byte and string values in a file of Go's fuzz corpus.
func fuzzValues(file []byte) [][]byte {
	var found [][]byte
	for line := range strings.Lines(string(file)) {
		for _, typ := range []string{"[]byte(", "string("} {
			quoted, ok := strings.CutPrefix(strings.TrimSpace(line), typ)
			if !ok {
				continue
			}
			if value, err := strconv.Unquote(strings.TrimSuffix(quoted, ")")); err == nil {
				found = append(found, []byte(value))
			}
		}
	}
	return found
}

// report collects differences by kind: by what is said, without the values.
type report struct {
	table    []difference
	compared int
	accepted int // by both
	kinds    map[string]*kind
}

type kind struct {
	count   int
	said    string // of the example
	example []byte
}

// newReport explains differences by the tables given.
func newReport(tables ...[]difference) *report {
	return &report{table: slices.Concat(tables...), kinds: map[string]*kind{}}
}

// quotedValue matches what differs between errors of one kind: values, and names
// of assertions and keys.
var quotedValue = regexp.MustCompile(`(?::|!=) "(?:[^"\\]|\\.)*"|\b\S+/\S+|\b[-_0-9A-Za-z]{64}\b`)

func (r *report) add(encoded []byte, v verdict) {
	r.compared++
	if v.accepted {
		r.accepted++
	}
	if v.different == "" {
		return
	}
	name := quotedValue.ReplaceAllString(v.different, "…")
	k := r.kinds[name]
	if k == nil {
		k = &kind{}
		r.kinds[name] = k
	}
	k.count++
	if k.example == nil || len(encoded) < len(k.example) {
		k.said, k.example = v.different, slices.Clone(encoded)
	}
}

// check fails on each difference that the table does not explain, and if the
// mutants were so broken that both refused nearly all.
func (r *report) check(t *testing.T) {
	t.Helper()
	explained := make([]int, len(r.table))
	for _, name := range slices.Sorted(maps.Keys(r.kinds)) {
		k := r.kinds[name]
		i := slices.IndexFunc(r.table, func(d difference) bool { return d.said.MatchString(k.said) })
		if i < 0 {
			t.Errorf("%d times: %s\nfor example %q", k.count, k.said, k.example)
			continue
		}
		explained[i] += k.count
	}
	t.Logf("compared %d, both accept %d", r.compared, r.accepted)
	for i, d := range r.table {
		t.Logf("%6d times: %s", explained[i], d.why)
	}
	if float64(r.accepted) < leastBothAccepted*float64(r.compared) {
		t.Errorf("both accept only %d of %d", r.accepted, r.compared)
	}
}

// wantShown checks that what should show a difference does: an explanation of
// what is no more would hide what comes later.
func (r *report) wantShown(t *testing.T, d difference, v verdict) {
	t.Helper()
	if !d.said.MatchString(v.different) {
		t.Errorf("%s: %s with %q instead of %q shows %q", d.why, d.specimen, d.new, d.old, v.different)
	}
}
