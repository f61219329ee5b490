package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// maxSecretLine bounds a line with a secret on standard input, bytes.
const maxSecretLine = 64 << 10

// secretLines reads lines of standard input, for scripts: arguments are seen by
// every user of the machine.
func (t *terminal) secretLines(names ...string) ([]identity.Secret, error) {
	in := bufio.NewReader(io.LimitReader(t.in, maxSecretLine))
	secrets := make([]identity.Secret, len(names))
	for n, name := range names {
		line, err := in.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("cannot read %s: %w", name, err)
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return nil, store.Invalidf("nothing-on-stdin", "cannot read %s: there is nothing on standard input", name).
				Try("write it there, one line each")
		}
		secrets[n] = identity.NewSecret(line)
	}
	return secrets, nil
}

// onTerminal reports whether a person can be asked.
func (t *terminal) onTerminal() (fd int, ok bool) {
	f, ok := t.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	return int(f.Fd()), true
}

// askSecret asks a person for something that is not shown.
func (t *terminal) askSecret(fd int, prompt string) (identity.Secret, error) {
	fmt.Fprint(t.err, prompt)
	text, err := term.ReadPassword(fd)
	fmt.Fprintln(t.err)
	if err != nil {
		return identity.Secret{}, fmt.Errorf("cannot read from the terminal: %w", err)
	}
	return identity.NewSecret(string(text)), nil
}

// newPassword reads a password from standard input, or asks for it twice.
func (t *terminal) newPassword(fromStdin bool) (identity.Secret, error) {
	if fromStdin {
		lines, err := t.secretLines("the password")
		if err != nil {
			return identity.Secret{}, err
		}
		return lines[0], nil
	}
	fd, ok := t.onTerminal()
	if !ok {
		return identity.Secret{}, usagef("there is no terminal to ask for the password: use --password-stdin")
	}
	password, err := t.askSecret(fd, "New password: ")
	if err != nil {
		return password, err
	}
	again, err := t.askSecret(fd, "The same again: ")
	if err != nil {
		return again, err
	}
	if !password.Equal(again) {
		return again, store.Invalidf("passwords-differ", "the two passwords differ").Try("try again")
	}
	return password, nil
}
