package cli

import (
	"errors"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// failure is an error as --format json prints it.
type failure struct {
	Kind    string `json:"kind"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Next    string `json:"next,omitempty"`
}

func describe(err error) failure {
	f := failure{Kind: store.KindOf(err).String(), Message: err.Error()}
	var e *store.Error
	switch {
	case errors.As(err, new(usageError)):
		f.Kind = "usage"
	case errors.Is(err, errInterrupted):
		f.Kind = "interrupted"
	case errors.Is(err, errDamage):
		f.Kind = "damage"
	case errors.As(err, &e):
		f.Code, f.Next = e.Code, e.Next
		if e.Next != "" { // which Error adds in brackets
			f.Message = strings.Replace(f.Message, " ("+e.Next+")", "", 1)
		}
	}
	return f
}

// each returns the errors that were joined into err, or err itself.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// nextSteps is what an operator at the command line can do about errors, by
// their code, where the rooms below do not say. LARDER stands for the program.
var nextSteps = map[string]string{
	"package-not-found":   "LARDER package list names them all",
	"name-not-found":      "LARDER package list names them all",
	"revision-not-found":  "LARDER package show NAME lists its revisions",
	"override-not-found":  "LARDER list-overrides shows what there is",
	"store-not-found":     "LARDER store list names them all",
	"account-not-found":   "LARDER push-account-keys adds accounts and keys",
	"user-not-found":      "LARDER account list names them all",
	"session-not-found":   "LARDER token list --all names them all",
	"token-key-not-found": "LARDER token rotate-keys makes new ones",
	"unknown-setting":     "LARDER config lists all keys",
	"setting-not-found":   "LARDER config lists all keys",
	"not-found":           "LARDER assertion show TYPE lists what is stored",
	"file-not-found":      "check the name, and that you may read it",
	"unknown-file":        "name a .snap, an .assert file, or an archive of the export tool",
	"unknown-type":        "the types are those that snap known takes",
	"invalid-channel":     "write it as RISK, TRACK/RISK or TRACK/RISK/BRANCH, such as stable or 2.0/edge",
	"database-not-empty":  "name an empty database or a new directory with --db or --data",
	"missing-assertion":   "add what is missing with LARDER assertion add, or its root with LARDER trust add",
	"no-authority":        "make or import a root with LARDER init",
}

// withNext adds the next step to an error that names none.
func withNext(err error, program string) error {
	var e *store.Error
	if !errors.As(err, &e) || e.Next != "" {
		return err
	}
	step, known := nextSteps[e.Code]
	if !known {
		return err
	}
	return advised{err, e.Try(strings.ReplaceAll(step, "LARDER", program))}
}

// advised reads like an error with its next step added at the end.
type advised struct {
	error
	as *store.Error
}

func (a advised) Error() string { return a.error.Error() + " (" + a.as.Next + ")" }

func (a advised) Unwrap() error { return a.as }
