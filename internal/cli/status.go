package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/upkeep"
)

func statusCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show what the store is and how it is",
		Example: fmt.Sprintf("  %[1]s status\n  %[1]s status --format json", o.t.program),
		Args:    none(),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			s, err := h.upkeep.Status(ctx, h.who)
			if err != nil {
				return err
			}
			deltas, err := h.deltaState(ctx)
			if err != nil {
				return err
			}
			value := struct {
				upkeep.Status
				Deltas string `json:"deltas"`
			}{s, deltas}
			return o.t.print(value, func(w io.Writer) { printStatus(w, s, deltas) })
		}),
	}
}

// printStatus prints lines that scripts read as YAML, as the existing product
// does.
func printStatus(w io.Writer, s upkeep.Status, deltas string) {
	fmt.Fprintf(w, "Store URL: %s\n", orDefault(s.URL, "not configured (set proxy.domain)"))
	fmt.Fprintf(w, "Store DB: %s\n", s.DB)
	if s.Airgap {
		fmt.Fprintln(w, "Store is in air-gapped mode")
	}
	fmt.Fprintf(w, "Store ID: %s\n", s.StoreID)
	fmt.Fprintf(w, "Authority: %s\n", orDefault(s.Authority, s.NoAuthority))
	fmt.Fprintf(w, "Deltas: %s\n", deltas)
	fmt.Fprintf(w, "Connected Devices: %d\n", s.Devices)
	fmt.Fprintln(w, "Contents:")
	fmt.Fprintf(w, "  packages: %d\n  revisions: %d\n  blobs: %d\n  bytes: %d\n  assertions: %d\n",
		s.Packages, s.Revisions, s.Blobs, s.Bytes, s.Assertions)
	fmt.Fprintln(w, "Internal Service Status:")
	for _, svc := range s.Services {
		state := "running"
		if svc.Problem != "" {
			state = "not running: " + svc.Problem
		}
		fmt.Fprintf(w, "  %s: %s\n", svc.Name, state)
	}
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
