package credential

import (
	"errors"
	"unicode/utf8"
)

// words is a grammar of first-party caveats. Both grammars are closed: a
// caveat that they do not have makes the macaroon invalid.
type words uint8

const (
	pipeWords   words = iota + 1 // <location>|<kind>|<value>
	bakeryWords                  // <word> <argument>
)

// said is what the first-party caveats of a root say together.
type said struct {
	span
	limits  limitList
	session string // of a session-id caveat
}

// What is wrong with a macaroon, for the log.
var (
	errCaveatWords   = errors.New("a caveat that is not understood")
	errForeignCaveat = errors.New("a third-party caveat or discharge that is not of the identity")
	errNamespace     = errors.New("a namespace without the standard caveats")
	errSignature     = errors.New("a signature is wrong")
)

// read reads the caveats of a root of ours.
func (w words) read(caveats []string) (said, error) {
	if err := validText(caveats); err != nil {
		return said{}, err
	}
	if w == bakeryWords {
		return readBakeryCaveats(caveats)
	}
	return readPipeCaveats(caveats)
}

// validText refuses what is no UTF-8: JSON would replace it and compare equal.
func validText(caveats []string) error {
	for _, c := range caveats {
		if !utf8.ValidString(c) {
			return errCaveatWords
		}
	}
	return nil
}
