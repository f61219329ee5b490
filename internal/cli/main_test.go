package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/larder-store/larder/internal/store"
)

// everyCommand calls yield with every command that larder itself defines.
func everyCommand(yield func(*cobra.Command)) {
	root := newRoot(&options{t: &terminal{out: io.Discard, err: io.Discard, program: "larder"}})
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		yield(c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

func TestEveryCommandHasAnExampleThatItUnderstands(t *testing.T) {
	commands := 0
	everyCommand(func(c *cobra.Command) {
		commands++
		switch {
		case c.Short == "" || c.Example == "":
			t.Errorf("%s lacks a summary or an example", c.CommandPath())
		case !strings.Contains(c.Example, c.CommandPath()) && c.HasParent():
			t.Errorf("the example of %s is of something else:\n%s", c.CommandPath(), c.Example)
		case strings.HasSuffix(c.Short, "."):
			t.Errorf("%s: a summary is no sentence: %s", c.CommandPath(), c.Short)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s says nothing of itself", c.CommandPath(), f.Name)
			}
			if f.Value.Type() != "bool" && strings.Contains(c.Example, "--"+f.Name+"=") {
				t.Errorf("%s: examples write --%s VALUE", c.CommandPath(), f.Name)
			}
		})
		for _, word := range strings.Fields(c.Example) {
			name, isFlag := strings.CutPrefix(word, "--")
			name, _, _ = strings.Cut(name, "=")
			if isFlag && c.Flags().Lookup(name) == nil && c.InheritedFlags().Lookup(name) == nil && !c.HasSubCommands() {
				t.Errorf("the example of %s has --%s, which it does not know", c.CommandPath(), name)
			}
		}
	})
	if commands < 25 {
		t.Errorf("found %d commands only", commands)
	}
}

func TestExitCodesFollowTheTable(t *testing.T) {
	tests := []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errors.New("anything"), exitInternal},
		{usagef("no such flag"), exitUsage},
		{fmt.Errorf("wrapped: %w", usagef("no such flag")), exitUsage},
		{store.NotFoundf("x", "x"), exitNotFound},
		{store.Conflictf("x", "x"), exitConflict},
		{fmt.Errorf("wrapped: %w", store.Invalidf("x", "x")), exitInvalid},
		{store.Forbiddenf("x", "x"), exitForbidden},
		{store.Unauthorisedf("x", "x"), exitForbidden},
		{store.Unavailablef("x", "x"), exitUnavailable},
		{store.TooLargef("x", "x"), exitTooLarge},
		{errDamage, exitDamage},
		{errInterrupted, exitInterrupted},
		{withNext(store.NotFoundf("package-not-found", "x"), "larder"), exitNotFound},
		{errors.Join(store.TooLargef("x", "x"), errors.New("y")), exitTooLarge},
	}
	for _, tt := range tests {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("exitCode(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}

func TestErrorsNameTheNextStep(t *testing.T) {
	known := withNext(fmt.Errorf("cannot do it: %w", store.NotFoundf("package-not-found", "no snap is called x")), "snap-proxy")
	if got, want := known.Error(), "cannot do it: no snap is called x (snap-proxy package list names them all)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := describe(known); got.Next != "snap-proxy package list names them all" || got.Code != "package-not-found" || got.Kind != "not found" ||
		got.Message != "cannot do it: no snap is called x" {
		t.Errorf("described as %+v", got)
	}
	said := store.NotFoundf("package-not-found", "no snap is called x").Try("look elsewhere")
	if got := withNext(said, "larder"); got.Error() != said.Error() {
		t.Errorf("a next step that was there became %q", got)
	}
	if got := describe(fmt.Errorf("cannot: %w", said)); got.Message != "cannot: no snap is called x" || got.Next != "look elsewhere" {
		t.Errorf("described as %+v", got)
	}
	if other := errors.New("other"); withNext(other, "larder") != other {
		t.Error("an error of nobody's got a next step")
	}
}

func TestThePersonalityIsTheNameItWasCalledBy(t *testing.T) {
	for arg0, want := range map[string]string{
		"larder": "larder", "/usr/bin/larder": "larder", "./snap-proxy": "snap-proxy", "/snap/bin/snap-store-proxy": "snap-store-proxy",
		"enterprise-store": "enterprise-store", "larder.exe": "larder", "other": "larder",
	} {
		if got := personality(arg0); got != want {
			t.Errorf("personality(%q) = %q, want %q", arg0, got, want)
		}
	}
}

func TestAnInterruptedCommandSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errOut bytes.Buffer
	code := run(ctx, []string{"larder", "init", "--data", t.TempDir() + "/store", "--format", "json"}, strings.NewReader(""), &out, &errOut)
	if code != exitInterrupted || !strings.Contains(errOut.String(), `"kind":"interrupted"`) || out.Len() > 0 {
		t.Errorf("exit code %d, printed %q, error %q", code, &out, &errOut)
	}
}

func TestPasswordsInURLsDoNotShowInHelp(t *testing.T) {
	t.Setenv("LARDER_DB", "postgresql://larder:sesame@db/larder")
	t.Setenv("LARDER_BLOBS", "s3://AKEY:sesame@s3/bucket")
	everyCommand(func(c *cobra.Command) {
		if text := c.UsageString(); strings.Contains(text, "sesame") {
			t.Errorf("%s --help shows the password:\n%s", c.CommandPath(), text)
		}
	})
}
