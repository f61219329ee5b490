package credential

import "strings"

// Declaration is one thing that the identity service says of a user.
type Declaration struct {
	Attribute string // DeclaredUsername or DeclaredUserID
	Value     string
}

// What can be declared, and the word that begins it.
const (
	DeclaredUsername = "username"
	DeclaredUserID   = "userid"

	wordDeclared = "declared"
)

func (d Declaration) caveat() string { return wordDeclared + " " + d.Attribute + " " + d.Value }

// readDeclaration reads the caveats of a discharge of our identity service:
// exactly one declaration, an end of its time, and no other words. Of two
// declarations neither could be believed.
func readDeclaration(caveats []string) (Declaration, span, error) {
	var d Declaration
	var times []string
	for _, c := range caveats {
		rest, ok := strings.CutPrefix(c, wordDeclared+" ")
		if !ok {
			times = append(times, c)
			continue
		}
		attribute, value, _ := strings.Cut(rest, " ")
		known := attribute == DeclaredUsername || attribute == DeclaredUserID
		if !known || !isWord(value) || d.Attribute != "" {
			return Declaration{}, span{}, errCaveatWords
		}
		d = Declaration{attribute, value}
	}
	when, err := readPossession(times)
	if err == nil && (d.Attribute == "" || when.until.IsZero()) {
		err = errCaveatWords
	}
	return d, when, err
}

// readPossession reads the caveats of a discharge that says no more than that
// somebody could make it: times, if anything.
func readPossession(caveats []string) (span, error) {
	var s span
	for _, c := range caveats {
		word, argument, _ := strings.Cut(c, " ")
		var err error
		switch word {
		case wordBefore:
			err = readBakeryTime(argument, s.before)
		case wordSince:
			err = readBakeryTime(argument, s.from)
		default:
			err = errCaveatWords
		}
		if err != nil {
			return span{}, err
		}
	}
	return s, nil
}
