package store

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Library is a Python module that a charm offers to other charms: charmcraft
// copies it into their source.
type Library struct {
	ID        string    `json:"library-id"`
	PackageID string    `json:"package-id"` // of the charm
	Name      string    `json:"library-name"`
	CreatedAt time.Time `json:"created-at"`
	CreatedBy string    `json:"created-by"` // account id
}

// LibraryRevision is one immutable version of a library, API.Patch.
type LibraryRevision struct {
	LibraryID string    `json:"library-id"`
	API       int       `json:"api"`   // versions of one api are compatible
	Patch     int       `json:"patch"` // grows by one
	Hash      string    `json:"hash"`  // LibraryHash of Content
	Content   string    `json:"content,omitempty"`
	CreatedAt time.Time `json:"created-at"`
	CreatedBy string    `json:"created-by"` // account id
}

// MaxLibrary bounds the content of a library, bytes.
const MaxLibrary = 1 << 20

// maxLibraryName bounds the name of a library, bytes.
const maxLibraryName = 100

// libraryName is what charmcraft's create-lib lets libraries be called.
var libraryName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// ValidLibraryName returns nil when name may be a library's.
func ValidLibraryName(name string) error {
	if len(name) > maxLibraryName || !libraryName.MatchString(name) {
		return Invalidf("invalid-library-name", "%.100q cannot name a library", name).
			Try("use up to 100 lower-case letters, digits and underscores, beginning with a letter")
	}
	return nil
}

// NewLibraryID makes the id of a library: 32 lower-case hex digits, as
// Charmhub's are, and as charmcraft writes them into the source. It panics when
// rand fails.
func NewLibraryID(rand io.Reader) string {
	var id [16]byte
	if _, err := io.ReadFull(rand, id[:]); err != nil {
		panic("cannot make an id: " + err.Error())
	}
	return hex.EncodeToString(id[:])
}

// libraryVersionFields begin the lines that the hash of a library leaves out.
var libraryVersionFields = [...]string{"LIBAPI", "LIBPATCH", "LIBID"}

// LibraryHash is what charmcraft compares the content of libraries by: the SHA-256
// in hex of its lines, ended by LF instead of CR LF, without those that begin with
// one of the version fields, wherever they stand.
func LibraryHash(content string) string {
	h := sha256.New()
lines:
	for line := range strings.Lines(content) {
		for _, field := range libraryVersionFields {
			if strings.HasPrefix(line, field) {
				continue lines
			}
		}
		if text, ok := strings.CutSuffix(line, "\r\n"); ok {
			line = text + "\n"
		}
		io.WriteString(h, line)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// NextLibraryRevision says whether next may be published as the version of a
// library that follows tip, the newest of the same api; nil when the api has none.
// In this order:
//
//  1. The content is UTF-8, and no longer than MaxLibrary.
//  2. The version has no negative part, and is not 0.0.
//  3. LIBID, LIBAPI and LIBPATCH in the content say what next says. Python's last
//     assignment at the beginning of a line counts, not what a string or comment
//     says.
//  4. Hash is LibraryHash of the content.
//  5. After a tip the patch is one more, and the hash another. The first revision
//     of an api may have any patch, and apis may be left out: charmcraft checks
//     neither, and a library that moves here has its history elsewhere.
//
// A tip that next repeats gives code library-exists, so that a request sent twice
// can be answered with it.
func NextLibraryRevision(tip *LibraryRevision, next LibraryRevision) error {
	const limit = math.MaxInt32
	switch {
	case len(next.Content) > MaxLibrary:
		return TooLargef("library-too-large", "the library has %d bytes, more than %d", len(next.Content), MaxLibrary)
	case !utf8.ValidString(next.Content) || strings.Contains(next.Content, "\x00"):
		return Invalidf("invalid-library", "the library is not UTF-8 text")
	case next.API < 0 || next.API > limit || next.Patch < 0 || next.Patch > limit:
		return Invalidf("invalid-library-version", "%d.%d is no version of a library", next.API, next.Patch).
			Try("use whole numbers from 0")
	case next.API == 0 && next.Patch == 0:
		return Invalidf("invalid-library-version", "the first version of a library is 0.1, not 0.0").Try("set LIBPATCH to 1")
	}
	says := libraryFields(next.Content)
	for _, field := range [...]struct{ name, want string }{
		{"LIBID", next.LibraryID}, {"LIBAPI", strconv.Itoa(next.API)}, {"LIBPATCH", strconv.Itoa(next.Patch)},
	} {
		switch got, ok := says[field.name]; {
		case !ok:
			return Invalidf("invalid-library", "the library does not set %s", field.name).
				Try("set it on a line of its own to " + field.want)
		case got != field.want:
			return Invalidf("invalid-library", "the library sets %s to %.100q, not %q as the request says", field.name, got, field.want).
				Try("publish the file again")
		}
	}
	if hash := LibraryHash(next.Content); next.Hash != hash {
		return Invalidf("invalid-library-hash", "the library's content has the hash %s, not %.100q", hash, next.Hash).
			Try("publish the file again")
	}
	switch {
	case tip == nil:
	case next.Patch == tip.Patch && next.Hash == tip.Hash:
		return Conflictf("library-exists", "version %d.%d of the library is published already", tip.API, tip.Patch)
	case next.Patch != tip.Patch+1:
		return Conflictf("library-version-conflict", "cannot publish version %d.%d of the library: the newest is %d.%d",
			next.API, next.Patch, tip.API, tip.Patch).Try("set LIBPATCH to " + strconv.Itoa(tip.Patch+1))
	case next.Hash == tip.Hash:
		return Conflictf("library-unchanged", "version %d.%d of the library has the same content already", tip.API, tip.Patch).
			Try("change it, or leave LIBPATCH as it was")
	}
	return nil
}

// libraryField is an assignment of a version field, as charmcraft accepts it: a
// whole number, or a string of printable ASCII.
var libraryField = regexp.MustCompile(`^(LIBID|LIBAPI|LIBPATCH)[ \t]*=[ \t]*(?:(0|[1-9][0-9]{0,9})|"([ !#-\[\]-~]+)"|'([ -&(-\[\]-~]+)')[ \t]*(?:#.*)?\r?$`)

// libraryFields returns what a library says of its version.
func libraryFields(content string) map[string]string {
	says := make(map[string]string, len(libraryVersionFields))
	for line := range pythonLines(content) {
		if m := libraryField.FindStringSubmatch(line); m != nil && (m[1] == "LIBID") == (m[2] == "") {
			says[m[1]] = m[2] + m[3] + m[4]
		}
	}
	return says
}
