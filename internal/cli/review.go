package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

func reviewCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "review",
		Short: "Decide about uploads that are held, and by which rules they are",
		Example: fmt.Sprintf("  %[1]s review list\n  %[1]s review approve hello 3\n  %[1]s review policy show",
			o.t.program),
	}, reviewListCommand(o), reviewShowCommand(o),
		reviewDecideCommand(o, "approve", "Let a held revision pass, and release it where its publisher wished", (*catalog.Catalog).Approve),
		reviewDecideCommand(o, "reject", "Refuse a held revision for good", (*catalog.Catalog).Reject),
		reviewPolicyCommand(o))
}

// heldLine is a revision that waits, as a list shows it.
type heldLine struct {
	Name        string          `json:"name"`
	Namespace   store.Namespace `json:"namespace"`
	Type        string          `json:"type"` // of the snap; charm or bundle
	Revision    int             `json:"revision"`
	Version     string          `json:"version"`
	Publisher   string          `json:"publisher"`
	Confinement string          `json:"confinement"` // of a snap
	Size        int64           `json:"size"`        // bytes
	UploadedAt  time.Time       `json:"uploaded-at"`
	Rule        string          `json:"rule,omitempty"` // of the policy, that holds it
}

func lineOf(h catalog.Held) heldLine {
	l := heldLine{
		Name: h.Package.Name, Namespace: h.Package.Namespace, Type: h.Revision.Meta.Type, Revision: h.Revision.Number,
		Version: h.Revision.Version, Publisher: h.Package.Publisher.Username,
		Confinement: h.Revision.Meta.Confinement, Size: h.Revision.Size, UploadedAt: h.Revision.CreatedAt,
	}
	if n := len(h.Reviews); n > 0 {
		l.Rule = h.Reviews[n-1].Rule
	}
	return l
}

func reviewListCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the revisions that wait for a decision, the oldest first",
		Example: fmt.Sprintf("  %[1]s review list", o.t.program),
		Args:    none(),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			held, err := h.catalog.Reviews(ctx, h.who)
			if err != nil {
				return err
			}
			lines := make([]heldLine, len(held))
			for i, one := range held {
				lines[i] = lineOf(one)
			}
			return o.t.print(map[string]any{"held": lines}, func(w io.Writer) {
				table(w, "Name\tType\tRevision\tVersion\tPublisher\tRule", func(row func(string, ...any)) {
					for _, l := range lines {
						row("%s\t%s\t%d\t%s\t%s\t%s", argumentOf(l.Namespace, l.Name), l.Type, l.Revision, l.Version, l.Publisher, cmp.Or(l.Rule, "-"))
					}
				})
			})
		}),
	}
}

func parseRevision(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, usagef("%q is not a revision", text)
	}
	return n, nil
}

func reviewShowCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME REVISION",
		Short:   "Show a revision, what it asks for, and what was decided about it",
		Example: fmt.Sprintf("  %[1]s review show hello 3\n  %[1]s review show charm/pantry 2", o.t.program),
		Args:    exactly(2, "a name and a revision"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			number, err := parseRevision(args[1])
			if err != nil {
				return err
			}
			in, name := packageNamed(args[0])
			held, err := h.catalog.ReviewOf(ctx, h.who, in, name, number)
			if err != nil {
				return err
			}
			return o.printHeld(held)
		}),
	}
}

func (o *options) printHeld(held catalog.Held) error {
	return o.t.print(held, func(w io.Writer) {
		r, p := held.Revision, held.Package
		fmt.Fprintf(w, "name: %s\nrevision: %d\nstatus: %s\nversion: %s\npublisher: %s (%s)\n",
			p.Name, r.Number, r.Status, r.Version, p.Publisher.Username, p.Publisher.Validation)
		if p.Namespace == store.Snap {
			fmt.Fprintf(w, "confinement: %s\ngrade: %s\nsize: %d\narchitectures: %s\n",
				r.Meta.Confinement, r.Meta.Grade, r.Size, archs(r.Platforms))
		} else {
			fmt.Fprintf(w, "type: %s\nsize: %d\nbases: %s\n", r.Meta.Type, r.Size, basesText(r.Platforms))
		}
		asks, offers := "plugs", "slots"
		if p.Namespace == store.Charm {
			asks, offers = "requires", "provides"
		}
		for _, l := range []struct {
			title string
			list  []string
		}{{asks, held.Plugs}, {offers, held.Slots}, {"warnings", held.Warnings}, {"channels", held.Channels}} {
			if len(l.list) > 0 {
				fmt.Fprintf(w, "%s: %s\n", l.title, strings.Join(l.list, ", "))
			}
		}
		fmt.Fprintln(w, "decisions:")
		for _, v := range held.Reviews {
			fmt.Fprintf(w, "  %s %s by %s", v.At.Format(time.RFC3339), v.Decision, v.By)
			if v.Reason != "" {
				fmt.Fprintf(w, ": %s", v.Reason)
			}
			fmt.Fprintln(w)
		}
	})
}

type decide func(c *catalog.Catalog, ctx context.Context, who store.Principal, ns store.Namespace, name string, number int, reason string) (catalog.Held, error)

func reviewDecideCommand(o *options, verb, short string, decide decide) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     verb + " NAME REVISION",
		Short:   short,
		Example: fmt.Sprintf("  %[1]s review %[2]s hello 3 --reason \"see ticket 7\"", o.t.program, verb),
		Args:    exactly(2, "a name and a revision"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			number, err := parseRevision(args[1])
			if err != nil {
				return err
			}
			in, name := packageNamed(args[0])
			held, err := decide(h.catalog, ctx, h.who, in, name, number, reason)
			if err != nil {
				return err
			}
			return o.printHeld(held)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; the publisher reads it when it is rejected")
	return cmd
}

func reviewPolicyCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "policy",
		Short: "Show, set and try the rules that uploads are reviewed by",
		Long: `A policy has one rule in each line: accept, hold or reject, and conditions, all of
which must fit. The first rule that fits decides; what none fits is accepted.

  accept validation=verified,starred
  hold confinement=classic
  hold plug=docker-support,system-files
  hold type=charm,bundle publisher!=ops
  reject size>2GiB
  accept

Conditions are about architecture, base, confinement, grade, package, plug, slot,
provenance, publisher, size, type, validation and warnings. Charms and bundles have
no base, confinement, grade, plugs and slots. A policy that a store has of its own
counts for the packages that are at home in it.`,
		Example: fmt.Sprintf("  %[1]s review policy show\n  %[1]s review policy set policy.txt\n  %[1]s review policy check hello_1.snap",
			o.t.program),
	}, policyShowCommand(o), policySetCommand(o), policyCheckCommand(o))
}

func policyShowCommand(o *options) *cobra.Command {
	var storeID string
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show the policy that counts",
		Example: fmt.Sprintf("  %[1]s review policy show --store kiosks", o.t.program),
		Args:    none(),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			policy, err := h.catalog.ReviewPolicy(ctx, h.who, storeID)
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"policy": policy.String()}, func(w io.Writer) { fmt.Fprint(w, policy.String()) })
		}),
	}
	cmd.Flags().StringVar(&storeID, "store", "", "the one for packages at home in this `store`")
	return cmd
}

func policySetCommand(o *options) *cobra.Command {
	var storeID string
	cmd := &cobra.Command{
		Use:   "set FILE",
		Short: "Review by the rules in a file from now on; an empty file puts the default back",
		Example: fmt.Sprintf("  %[1]s review policy set policy.txt\n  echo 'hold' | %[1]s review policy set - --store kiosks",
			o.t.program),
		Args: exactly(1, "the FILE with the rules, or - for standard input"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			text, err := o.readFile(args[0])
			if err != nil {
				return err
			}
			if storeID != "" {
				err = h.catalog.SetReviewPolicy(ctx, h.who, storeID, string(text))
			} else {
				_, err = h.settings.Set(ctx, h.who, map[string]string{"larder.review.policy": string(text)})
			}
			if err != nil {
				return err
			}
			policy, err := h.catalog.ReviewPolicy(ctx, h.who, storeID)
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"policy": policy.String()}, func(w io.Writer) { fmt.Fprint(w, policy.String()) })
		}),
	}
	cmd.Flags().StringVar(&storeID, "store", "", "only for packages at home in this `store`")
	return cmd
}

func policyCheckCommand(o *options) *cobra.Command {
	var storeID, file string
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Say what a policy would do with a snap, charm or bundle, without taking it in",
		Example: fmt.Sprintf("  %[1]s review policy check hello_1.snap\n  %[1]s review policy check hello_1.snap --policy new.txt",
			o.t.program),
		Args: exactly(1, "the FILE"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			policy, err := h.catalog.ReviewPolicy(ctx, h.who, storeID)
			if err == nil && file != "" {
				var text []byte
				if text, err = o.readFile(file); err == nil {
					policy, err = store.ParseReviewPolicy(string(text))
				}
			}
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if errors.Is(err, os.ErrNotExist) {
				return store.NotFoundf("no-file", "there is no file %s", args[0])
			}
			if err != nil {
				return err
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return err
			}
			v, err := h.catalog.CheckPolicy(ctx, h.who, policy, f, info.Size())
			if err != nil {
				return err
			}
			value := map[string]any{"decision": v.Decision, "rule": v.Rule, "line": v.Line, "reason": v.Reason}
			return o.t.print(value, func(w io.Writer) {
				fmt.Fprintf(w, "%s: %s\n", v.Decision, v.Reason)
				if v.Rule != "" {
					fmt.Fprintf(w, "by line %d: %s\n", v.Line, v.Rule)
				}
			})
		}),
	}
	cmd.Flags().StringVar(&storeID, "store", "", "by the policy of this `store`")
	cmd.Flags().StringVar(&file, "policy", "", "by the rules in this `file`, or - for standard input")
	return cmd
}
