package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
)

func snapSetsCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:     "validation-sets",
		Short:   "Say which revisions of snaps belong together",
		Example: fmt.Sprintf("  %[1]s snap validation-sets list\n  %[1]s snap validation-sets publish kiosk.yaml", o.t.program),
	}, snapSetsListCommand(o), snapSetsShowCommand(o), snapSetsPublishCommand(o))
}

// wholeNumber reads a header that is a number written as text; 0 if it is
// neither.
func wholeNumber(h snapstore.Headers, name string) int {
	n, err := strconv.Atoi(h.Text(name))
	if err != nil {
		return 0
	}
	return n
}

// setLine is a validation set as lists show it.
type setLine struct {
	Name      string `json:"name"`
	Account   string `json:"account-id"`
	Sequence  int    `json:"sequence"`
	Revision  int    `json:"revision"`
	Timestamp string `json:"timestamp"`
}

func setLineOf(h snapstore.Headers) setLine {
	return setLine{
		Name: h.Text("name"), Account: h.Text("account-id"), Sequence: wholeNumber(h, "sequence"),
		Revision: wholeNumber(h, "revision"), Timestamp: h.Text("timestamp"),
	}
}

func snapSetsListCommand(o *options) *cobra.Command {
	var sequence string
	cmd := o.at(&cobra.Command{
		Use:     "list [NAME]",
		Short:   "List your validation sets",
		Example: fmt.Sprintf("  %[1]s snap validation-sets list\n  %[1]s snap validation-sets list kiosk --sequence all", o.t.program),
		Args:    atMost(1, "at most the NAME of a validation set"),
	}, func(ctx context.Context, r *remote, args []string) error {
		if err := r.needDashboard(); err != nil {
			return err
		}
		name := ""
		if len(args) > 0 {
			name = args[0]
		}
		found, err := r.Dashboard().ValidationSets(ctx, name, sequence)
		if err != nil {
			return err
		}
		var lines []setLine
		for _, s := range found {
			lines = append(lines, setLineOf(s.Headers))
		}
		return o.t.print(map[string]any{"validation-sets": lines}, func(w io.Writer) {
			table(w, "Name\tAccount\tSequence\tRevision\tWhen", func(row func(string, ...any)) {
				for _, l := range lines {
					row("%s\t%s\t%d\t%d\t%s", l.Name, l.Account, l.Sequence, l.Revision, l.Timestamp)
				}
			})
		})
	})
	cmd.Flags().StringVar(&sequence, "sequence", "", "latest, all or a `number`; default: latest")
	return cmd
}

// A setFile is a validation set as people write it: the file that snapcraft
// edits. The account and the ids of the snaps may be left out.
type setFile struct {
	AccountID string    `yaml:"account-id,omitempty" json:"account-id"`
	Name      string    `yaml:"name" json:"name"`
	Sequence  int       `yaml:"sequence" json:"sequence"`
	Revision  int       `yaml:"revision,omitempty" json:"revision"`
	Snaps     []setSnap `yaml:"snaps" json:"snaps"`
}

type setSnap struct {
	Name       string                  `yaml:"name" json:"name"`
	ID         string                  `yaml:"id,omitempty" json:"id,omitempty"`
	Presence   string                  `yaml:"presence,omitempty" json:"presence,omitempty"`
	Revision   int                     `yaml:"revision,omitempty" json:"revision,omitempty"`
	Components map[string]setComponent `yaml:"components,omitempty" json:"components,omitempty"`
}

type setComponent struct {
	Presence string `yaml:"presence" json:"presence"`
	Revision int    `yaml:"revision,omitempty" json:"revision,omitempty"`
}

// UnmarshalYAML also reads a component that says no more than its presence.
func (c *setComponent) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode(&c.Presence)
	}
	type plain setComponent
	return node.Decode((*plain)(c))
}

// setOf reads the headers of a validation set.
func setOf(h snapstore.Headers) setFile {
	s := setFile{AccountID: h.Text("account-id"), Name: h.Text("name"), Sequence: wholeNumber(h, "sequence"), Revision: wholeNumber(h, "revision")}
	snaps, _ := h["snaps"].([]any)
	for _, one := range snaps {
		m, _ := one.(map[string]any)
		h := snapstore.Headers(m)
		snap := setSnap{Name: h.Text("name"), ID: h.Text("id"), Presence: h.Text("presence"), Revision: wholeNumber(h, "revision")}
		components, _ := m["components"].(map[string]any)
		for name, c := range components {
			if snap.Components == nil {
				snap.Components = make(map[string]setComponent)
			}
			switch c := c.(type) {
			case string:
				snap.Components[name] = setComponent{Presence: c}
			case map[string]any:
				h := snapstore.Headers(c)
				snap.Components[name] = setComponent{Presence: h.Text("presence"), Revision: wholeNumber(h, "revision")}
			}
		}
		s.Snaps = append(s.Snaps, snap)
	}
	return s
}

func snapSetsShowCommand(o *options) *cobra.Command {
	var sequence string
	cmd := o.at(&cobra.Command{
		Use:   "show NAME",
		Short: "Show a validation set, as the file that publish takes",
		Example: fmt.Sprintf("  %[1]s snap validation-sets show kiosk\n  %[1]s snap validation-sets show kiosk --sequence 3 > kiosk.yaml",
			o.t.program),
		Args: exactly(1, "the NAME of a validation set"),
	}, func(ctx context.Context, r *remote, args []string) error {
		if err := r.needDashboard(); err != nil {
			return err
		}
		found, err := r.Dashboard().ValidationSets(ctx, args[0], cmp.Or(sequence, snapstore.SequenceLatest))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return store.NotFoundf("no-such-set", "you have no validation set %q of that sequence", args[0]).
				Try(o.t.program + " snap validation-sets list --sequence all shows what there is")
		}
		set := setOf(found[len(found)-1].Headers)
		return o.t.print(set, func(w io.Writer) {
			enc := yaml.NewEncoder(w)
			enc.SetIndent(2)
			_ = enc.Encode(set) // to standard output, as every answer
			_ = enc.Close()
		})
	})
	cmd.Flags().StringVar(&sequence, "sequence", "", "latest or a `number`; default: latest")
	return cmd
}

// maxSetFile bounds a file with a validation set, bytes.
const maxSetFile = 1 << 20

func readSet(file string) (*setFile, error) {
	text, err := readFile(file, maxSetFile)
	if err != nil {
		return nil, err
	}
	var s setFile
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&s); err != nil {
		return nil, store.Invalidf("bad-validation-set", "cannot read %s", file).Because(err).Try("correct it and try again")
	}
	if s.Name == "" || len(s.Snaps) == 0 {
		return nil, store.Invalidf("bad-validation-set", "%s names no validation set or no snaps", file).Try("correct it and try again")
	}
	return &s, nil
}

func snapSetsPublishCommand(o *options) *cobra.Command {
	var key string
	cmd := o.at(&cobra.Command{
		Use:   "publish FILE",
		Short: "Sign a validation set and publish it",
		Long: `Signs a validation set with a key of this machine, which the store must know, and
publishes it. FILE is YAML:

  name: kiosk
  sequence: 1
  snaps:
    - name: hello
      presence: required
      revision: 3

Without a sequence it is the one after the last. The ids of the snaps are filled in
by the store; everything else is checked to be what FILE says before it is signed.`,
		Example: fmt.Sprintf("  %[1]s snap validation-sets publish kiosk.yaml\n  %[1]s snap validation-sets publish kiosk.yaml --key release-team", o.t.program),
		Args:    exactly(1, "the FILE with the validation set"),
	}, func(ctx context.Context, r *remote, args []string) error {
		if err := r.needDashboard(); err != nil {
			return err
		}
		set, err := readSet(args[0])
		if err != nil {
			return err
		}
		signer, err := o.t.openKey(key)
		if err != nil {
			return err
		}
		published, err := r.publishSet(ctx, set, signer)
		if err != nil {
			return err
		}
		line := setLineOf(published.Headers)
		return o.t.print(line, func(w io.Writer) {
			fmt.Fprintf(w, "Published %s/%s, sequence %d, revision %d\n", line.Account, line.Name, line.Sequence, line.Revision)
		})
	})
	cmd.Flags().StringVar(&key, "key", defaultKey, "`name` of the key to sign with")
	return cmd
}

func (r *remote) publishSet(ctx context.Context, set *setFile, signer assertion.Signer) (snapstore.StoredAssertion, error) {
	var none snapstore.StoredAssertion
	if set.AccountID == "" {
		me, err := r.Whoami(ctx)
		if err != nil {
			return none, err
		}
		set.AccountID = me.Account.ID
	}
	if set.Sequence == 0 {
		last, err := r.Dashboard().ValidationSets(ctx, set.Name, snapstore.SequenceLatest)
		if err != nil {
			return none, err
		}
		set.Sequence = 1
		if len(last) > 0 {
			set.Sequence += wholeNumber(last[len(last)-1].Headers, "sequence")
		}
	}
	draft := snapstore.ValidationSetDraft{AccountID: set.AccountID, Name: set.Name, Sequence: set.Sequence}
	for _, s := range set.Snaps {
		snap := snapstore.ValidationSetSnap{Name: s.Name, ID: s.ID, Presence: s.Presence, Revision: s.Revision}
		for name, c := range s.Components {
			if snap.Components == nil {
				snap.Components = make(map[string]snapstore.ValidationSetComponent)
			}
			snap.Components[name] = snapstore.ValidationSetComponent{Presence: c.Presence, Revision: c.Revision}
		}
		draft.Snaps = append(draft.Snaps, snap)
	}
	headers, err := r.Dashboard().BuildValidationSet(ctx, draft)
	if err != nil {
		return none, err
	}
	if what := differs(set, headers); what != "" {
		return none, store.Invalidf("built-otherwise", "the store would have you sign another %s than the file says", what).
			Try("do not sign it; tell the store's operator")
	}
	signed, err := assertion.Sign(headers, nil, signer)
	if err != nil {
		return none, err
	}
	return r.Dashboard().PostValidationSet(ctx, signed.Encoded())
}

// differs says what of a built validation set is not what was asked for, or "".
// A signature stands for its text, whoever wrote it.
func differs(want *setFile, h snapstore.Headers) string {
	got := setOf(h)
	switch {
	case h.Text("type") != "validation-set":
		return "kind of assertion"
	case got.AccountID != want.AccountID || h.Text("authority-id") != want.AccountID:
		return "account"
	case got.Name != want.Name:
		return "name"
	case got.Sequence != want.Sequence:
		return "sequence"
	case len(got.Snaps) != len(want.Snaps):
		return "list of snaps"
	}
	for i, w := range want.Snaps {
		g := got.Snaps[i]
		switch {
		case g.Name != w.Name, w.ID != "" && g.ID != w.ID, g.Revision != w.Revision,
			cmp.Or(g.Presence, "required") != cmp.Or(w.Presence, "required"), len(g.Components) != len(w.Components):
			return "snap " + strconv.Quote(w.Name)
		}
		for name, c := range w.Components {
			if g.Components[name] != c {
				return "component " + strconv.Quote(name)
			}
		}
	}
	return ""
}
