package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"

	"golang.org/x/term"

	"github.com/larder-store/larder/internal/store"
)

// terminal is where a command reads and prints.
type terminal struct {
	in      io.Reader
	out     io.Writer // answers
	err     io.Writer // progress and errors
	program string    // its name, see personality
	called  string    // as it was called: what a person types again
	json    bool      // --format json
}

// interactive reports whether progress is seen by a person as it happens.
func (t *terminal) interactive() bool {
	f, ok := t.err.(*os.File)
	return ok && !t.json && term.IsTerminal(int(f.Fd()))
}

// askPassphrase asks a person for the passphrase of a signing key.
func (t *terminal) askPassphrase() ([]byte, error) {
	f, ok := t.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, store.Invalidf("key-protected", "the signing key is protected by a passphrase, and there is no terminal to ask for it").
			Try("run it on a terminal, or take the passphrase off first with gpg --edit-key KEY passwd and export the key again")
	}
	fmt.Fprint(t.err, "Passphrase of the signing key: ")
	phrase, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(t.err)
	if err != nil {
		return nil, fmt.Errorf("cannot read the passphrase: %w", err)
	}
	return phrase, nil
}

// print answers a command: value as JSON, or else whatever text prints.
func (t *terminal) print(value any, text func(io.Writer)) error {
	if t.json {
		enc := json.NewEncoder(t.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(withLists(value)); err != nil {
			return fmt.Errorf("cannot print the answer: %w", err)
		}
		return nil
	}
	text(t.out)
	return nil
}

// table prints rows under a header in aligned columns.
func table(w io.Writer, header string, rows func(row func(format string, args ...any))) {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, header)
	rows(func(format string, args ...any) { fmt.Fprintf(tw, format+"\n", args...) })
	tw.Flush()
}

func (t *terminal) fail(err error) {
	if !t.json {
		for _, e := range each(err) {
			fmt.Fprintf(t.err, "error: %s\n", harmless(withNext(e, t.program).Error()))
		}
		return
	}
	enc := json.NewEncoder(t.err)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(map[string]failure{"error": describe(withNext(err, t.program))}) // nothing is left to tell it to
}

// harmless is text without what would make a terminal do more than show it:
// what a store says is not ours.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}

// harmlessWriter writes on what is harmless of it.
type harmlessWriter struct{ io.Writer }

func (w harmlessWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, harmless(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
