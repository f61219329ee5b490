package inspect

import (
	"fmt"
	"strings"
	"unicode"
)

// A Code names a kind of problem; clients may branch on it.
type Code string

// Every code that inspection gives.
const (
	MalformedYAML       Code = "malformed-yaml"       // the document cannot be parsed
	WrongShape          Code = "wrong-shape"          // a field is, say, a map where text belongs
	DuplicateKey        Code = "duplicate-key"        // a map names a key twice; the last one counts
	UnknownField        Code = "unknown-field"        // a component field that devices refuse
	Missing             Code = "missing"              // a required field is absent
	TooLong             Code = "too-long"             // text longer than devices accept
	InvalidName         Code = "invalid-name"         // of no snap, or of no charm
	InvalidVersion      Code = "invalid-version"      //
	InvalidType         Code = "invalid-type"         // of no snap, component or bundle
	InvalidBase         Code = "invalid-base"         // no base that this type may have
	InvalidArchitecture Code = "invalid-architecture" // unknown, or "all" beside others
	InvalidConfinement  Code = "invalid-confinement"  //
	InvalidGrade        Code = "invalid-grade"        //
	InvalidEpoch        Code = "invalid-epoch"        //
	InvalidAssumes      Code = "invalid-assumes"      //
	InvalidProvenance   Code = "invalid-provenance"   //
	InvalidApp          Code = "invalid-app"          // name, daemon kind, alias or common-id
	InvalidHook         Code = "invalid-hook"         //
	InvalidPlug         Code = "invalid-plug"         // name, interface, shape or attributes
	InvalidSlot         Code = "invalid-slot"         // the same
	InvalidComponent    Code = "invalid-component"    // name or kind of a declared component
	InvalidIcon         Code = "invalid-icon"         // too large, no image, or unsafe to show
	InvalidPicture      Code = "invalid-picture"      // of no known kind, broken, or unsafe to show
	InvalidDesktopFile  Code = "invalid-desktop-file" // too large, too many, or unreadable

	InvalidText        Code = "invalid-text"        // a member is not UTF-8, or has zero bytes
	InvalidMember      Code = "invalid-member"      // a member that others would read differently
	MixedFormats       Code = "mixed-formats"       // keys of two generations of charm metadata
	InvalidRelation    Code = "invalid-relation"    // reserved, ambiguous or missing
	InvalidBinding     Code = "invalid-binding"     // extra binding
	InvalidResource    Code = "invalid-resource"    // name, type or file name
	InvalidContainer   Code = "invalid-container"   // resource, mount or user
	InvalidStorage     Code = "invalid-storage"     // count, size or location
	InvalidDevice      Code = "invalid-device"      //
	InvalidPayload     Code = "invalid-payload"     //
	InvalidTerm        Code = "invalid-term"        //
	InvalidDeployment  Code = "invalid-deployment"  //
	InvalidSeries      Code = "invalid-series"      //
	InvalidUser        Code = "invalid-user"        // charm-user
	InvalidOption      Code = "invalid-option"      // type or default of a config option
	InvalidAction      Code = "invalid-action"      // name or JSON schema
	InvalidMetric      Code = "invalid-metric"      //
	InvalidProfile     Code = "invalid-profile"     // device or key that a charm may not ask of LXD
	InvalidApplication Code = "invalid-application" // of a bundle
	InvalidReference   Code = "invalid-reference"   // a bundle refers to what no store has
	InvalidPlacement   Code = "invalid-placement"   //
	InvalidMachine     Code = "invalid-machine"     //
)

// A Problem is one thing that is wrong with an upload.
type Problem struct {
	Code    Code   `json:"code"`
	Field   string `json:"field"`   // such as "version", "apps.hello.daemon" or "metadata.yaml: requires.db"
	Message string `json:"message"` // says what is wrong and what would be right
}

func (p Problem) String() string {
	if p.Field == "" {
		return p.Message
	}
	return p.Field + ": " + p.Message
}

// ProblemsError lists everything that makes an upload unfit; it is never empty.
type ProblemsError struct {
	Subject  string // what was inspected, such as meta/snap.yaml
	Problems []Problem
}

func (e *ProblemsError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return fmt.Sprintf("%s is not valid: %s", e.Subject, strings.Join(lines, "; "))
}

// findings collects problems while a document is read. The texts in them come from
// the upload: they are kept short, few and printable, because they end in answers
// and logs.
type findings struct {
	member   string // of an archive, that is being read; stands before each field
	problems []Problem
	warnings []Problem // devices accept these
}

const (
	maxProblems = 50  // of each sort; what comes later is dropped
	maxField    = 120 // characters
	maxMessage  = 400
)

func (f *findings) problem(code Code, field, format string, args ...any) {
	if len(f.problems) < maxProblems {
		f.problems = append(f.problems, newProblem(code, f.place(field), format, args...))
	}
}

func (f *findings) warn(code Code, field, format string, args ...any) {
	if len(f.warnings) < maxProblems {
		f.warnings = append(f.warnings, newProblem(code, f.place(field), format, args...))
	}
}

// place is a field with the member that it is in.
func (f *findings) place(field string) string {
	switch {
	case f.member == "":
		return field
	case field == "":
		return f.member
	}
	return f.member + ": " + field
}

func newProblem(code Code, field, format string, args ...any) Problem {
	return Problem{code, clip(field, maxField), clip(fmt.Sprintf(format, args...), maxMessage)}
}

// clip shortens text and replaces what would not show on a line.
func clip(s string, most int) string {
	var b strings.Builder
	for _, r := range s {
		if most--; most < 0 {
			b.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) {
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (f *findings) err(subject string) error {
	if len(f.problems) == 0 {
		return nil
	}
	return &ProblemsError{Subject: subject, Problems: f.problems}
}
