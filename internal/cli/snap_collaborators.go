package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/snapstore"
)

func snapCollaboratorsCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:     "collaborators",
		Short:   "Let others publish your snaps",
		Example: fmt.Sprintf("  %[1]s snap collaborators list hello\n  %[1]s snap collaborators invite hello bob@example.com", o.t.program),
	}, snapCollaboratorsListCommand(o), snapCollaboratorsInviteCommand(o), snapCollaboratorsRevokeCommand(o),
		snapCollaboratorsAnswerCommand(o, "accept", "Become a collaborator of somebody's snap", "You collaborate on %s now\n", (*snapstore.Client).AcceptInvite),
		snapCollaboratorsAnswerCommand(o, "reject", "Turn an invite down", "The invite to %s is turned down\n", (*snapstore.Client).RejectInvite))
}

// collaboration is one who may publish a snap, as commands print it.
type collaboration struct {
	Username    string     `json:"username"`
	DisplayName string     `json:"display-name"`
	Email       string     `json:"email"`
	Role        string     `json:"role"` // publisher or collaborator
	Since       *time.Time `json:"since,omitempty"`
}

// invitation is an invite as commands print it.
type invitation struct {
	Email   string    `json:"email"`
	State   string    `json:"state"` // open, accepted, revoked or expired
	Invited time.Time `json:"invited"`
	Expires time.Time `json:"expires"`
}

func invitationOf(i snapstore.Invite) invitation {
	v := invitation{Email: i.Email, State: "open", Invited: i.CreatedAt.UTC(), Expires: i.ExpiresAt.UTC()}
	switch {
	case i.AcceptedAt != nil && !i.AcceptedAt.IsZero():
		v.State = "accepted"
	case i.RevokedAt != nil && !i.RevokedAt.IsZero():
		v.State = "revoked"
	case time.Now().After(v.Expires):
		v.State = "expired"
	}
	return v
}

func snapCollaboratorsListCommand(o *options) *cobra.Command {
	return o.onSnap(&cobra.Command{
		Use:     "list NAME",
		Short:   "List who may publish a snap, and who is invited",
		Example: fmt.Sprintf("  %[1]s snap collaborators list hello", o.t.program),
		Args:    exactly(1, "the NAME of a snap"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		if err := r.needGateway(); err != nil {
			return err
		}
		found, err := r.ListCollaborators(ctx, name)
		if err != nil {
			return err
		}
		invites, err := r.ListInvites(ctx, name)
		if err != nil {
			return err
		}
		p := found.Publisher
		value := struct {
			Name          string          `json:"name"`
			Collaborators []collaboration `json:"collaborators"`
			Invites       []invitation    `json:"invites"`
		}{Name: name, Collaborators: []collaboration{{p.Username, p.DisplayName, p.Email, "publisher", nil}}}
		for _, c := range found.Collaborators {
			since := c.CreatedAt.UTC()
			value.Collaborators = append(value.Collaborators, collaboration{
				c.Account.Username, c.Account.DisplayName, c.Account.Email, "collaborator", &since,
			})
		}
		for _, i := range invites {
			value.Invites = append(value.Invites, invitationOf(i))
		}
		return o.t.print(value, func(w io.Writer) {
			table(w, "Who\tEmail\tRole\tSince", func(row func(string, ...any)) {
				for _, c := range value.Collaborators {
					since := "-"
					if c.Since != nil {
						since = c.Since.Format(time.DateOnly)
					}
					row("%s\t%s\t%s\t%s", cmp.Or(c.Username, c.DisplayName), cmp.Or(c.Email, "-"), c.Role, since)
				}
				for _, i := range value.Invites {
					row("-\t%s\tinvite %s\t%s", i.Email, i.State, i.Invited.Format(time.DateOnly))
				}
			})
		})
	})
}

func snapCollaboratorsInviteCommand(o *options) *cobra.Command {
	return o.onSnap(&cobra.Command{
		Use:   "invite NAME EMAIL...",
		Short: "Invite others to publish a snap",
		Long: `Invites others to publish a snap. What it prints beside each address is a secret:
give it to that person, who needs it for snap collaborators accept.`,
		Example: fmt.Sprintf("  %[1]s snap collaborators invite hello bob@example.com", o.t.program),
		Args:    atLeast(2, "NAME and at least one EMAIL"),
	}, func(ctx context.Context, r *remote, name string, emails []string) error {
		if err := r.needGateway(); err != nil {
			return err
		}
		tokens, err := r.Invite(ctx, name, emails...)
		if err != nil {
			return err
		}
		value := struct {
			Name    string                  `json:"name"`
			Invites []snapstore.InviteToken `json:"invites"`
		}{name, tokens}
		return o.t.print(value, func(w io.Writer) {
			for _, t := range tokens {
				fmt.Fprintf(w, "%s %s\n", t.Email, t.Token)
			}
		})
	})
}

func snapCollaboratorsRevokeCommand(o *options) *cobra.Command {
	return o.onSnap(&cobra.Command{
		Use:     "revoke NAME EMAIL...",
		Short:   "Take invites back",
		Example: fmt.Sprintf("  %[1]s snap collaborators revoke hello bob@example.com", o.t.program),
		Args:    atLeast(2, "NAME and at least one EMAIL"),
	}, func(ctx context.Context, r *remote, name string, emails []string) error {
		if err := r.needGateway(); err != nil {
			return err
		}
		if err := r.RevokeInvites(ctx, name, emails...); err != nil {
			return err
		}
		return o.t.print(map[string]any{"name": name, "revoked": emails}, func(w io.Writer) {
			fmt.Fprintf(w, "%s may not publish %s\n", strings.Join(emails, ", "), name)
		})
	})
}

func snapCollaboratorsAnswerCommand(o *options, verb, short, done string, answer func(*snapstore.Client, context.Context, string, string) error) *cobra.Command {
	var stdin bool
	cmd := o.at(&cobra.Command{
		Use:     verb + " NAME",
		Short:   short,
		Long:    short + ". The token of the invite is asked for, or read from standard input.",
		Example: fmt.Sprintf("  %[1]s snap collaborators %[2]s hello\n  printf '%%s\\n' \"$TOKEN\" | %[1]s snap collaborators %[2]s hello --token-stdin", o.t.program, verb),
		Args:    exactly(1, "the NAME of a snap"),
	}, func(ctx context.Context, r *remote, args []string) error {
		if err := r.needGateway(); err != nil {
			return err
		}
		token, err := o.t.inviteToken(stdin)
		if err != nil {
			return err
		}
		if err := answer(r.Client, ctx, args[0], token); err != nil {
			return err
		}
		return o.t.print(map[string]string{"name": args[0], "answer": verb}, func(w io.Writer) { fmt.Fprintf(w, done, args[0]) })
	})
	cmd.Flags().BoolVar(&stdin, "token-stdin", false, "read the token from standard input")
	return cmd
}

func (t *terminal) inviteToken(stdin bool) (string, error) {
	if stdin {
		lines, err := t.secretLines("the token")
		if err != nil {
			return "", err
		}
		return lines[0].Reveal(), nil
	}
	fd, ok := t.onTerminal()
	if !ok {
		return "", usagef("there is no terminal to ask for the token: use --token-stdin")
	}
	token, err := t.askSecret(fd, "Token of the invite: ")
	return token.Reveal(), err
}
