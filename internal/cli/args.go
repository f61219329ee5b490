package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/store"
)

// The checks of positional arguments say what is wanted and are usage errors.

func none() cobra.PositionalArgs { return between(0, 0, "no arguments") }

func exactly(n int, what string) cobra.PositionalArgs { return between(n, n, what) }

func atMost(n int, what string) cobra.PositionalArgs { return between(0, n, what) }

func atLeast(n int, what string) cobra.PositionalArgs { return between(n, 1<<30, what) }

func between(low, high int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < low || len(args) > high {
			return usagef("%s takes %s: see %s --help", cmd.CommandPath(), what, cmd.CommandPath())
		}
		return nil
	}
}

// packageNamed reads how an operator names a package: NAME or snap/NAME for a snap,
// charm/NAME for a charm or a bundle.
func packageNamed(arg string) (store.Namespace, string) {
	switch in, name, _ := strings.Cut(arg, "/"); store.Namespace(in) {
	case store.Charm, store.Snap:
		return store.Namespace(in), name
	}
	return store.Snap, arg
}

// argumentOf is a package as packageNamed reads it.
func argumentOf(in store.Namespace, name string) string {
	if in == store.Snap {
		return name
	}
	return string(in) + "/" + name
}

// verbs makes cmd one that only holds others: alone it shows what they are, and
// any other word is a usage error.
func verbs(cmd *cobra.Command, under ...*cobra.Command) *cobra.Command {
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		meant := ""
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			meant = " (did you mean " + strings.Join(near, " or ") + "?)"
		}
		return usagef("there is no command %s %s%s: see %s --help", cmd.CommandPath(), args[0], meant, cmd.CommandPath())
	}
	cmd.AddCommand(under...)
	return cmd
}
