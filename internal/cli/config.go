package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/settings"
)

func configCommand(o *options) *cobra.Command {
	var exportYAML, importYAML bool
	cmd := &cobra.Command{
		Use:   "config [KEY[=VALUE]...]",
		Short: "Read and change settings",
		Long: `Without arguments, prints every setting; secrets are masked. With KEY, prints
its value, secret or not. With KEY=VALUE, sets it; an empty value puts the
default back. Every node of the store sees a change at once, without a restart.

To give a secret without showing it to other users of the machine, import it:
  echo 'proxy.tls.key: …' | larder config --import-yaml`,
		Example: fmt.Sprintf(`  %[1]s config
  %[1]s config proxy.domain
  %[1]s config proxy.domain=store.example proxy.port.http=8080
  %[1]s config --export-yaml > settings.yaml
  %[1]s config --import-yaml < settings.yaml`, o.t.program),
		RunE: func(cmd *cobra.Command, args []string) error {
			reading, writing, err := splitSettings(args)
			if err != nil {
				return err
			}
			if (exportYAML || importYAML) && len(args) > 0 || exportYAML && importYAML {
				return usagef("--export-yaml and --import-yaml stand alone")
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			ctx := cmd.Context()
			switch {
			case exportYAML:
				return h.settings.ExportYAML(ctx, h.who, o.t.out)
			case importYAML:
				values, err := h.settings.ImportYAML(ctx, h.who, o.t.in)
				return o.printSettings(values, err)
			case len(writing) > 0:
				values, err := h.settings.Set(ctx, h.who, writing)
				return o.printSettings(values, err)
			case len(reading) > 0:
				return o.printNamed(cmd, h, reading)
			}
			values, err := h.settings.All(ctx, h.who)
			return o.printSettings(values, err)
		},
	}
	cmd.Flags().BoolVar(&exportYAML, "export-yaml", false, "print everything that was set as YAML, secrets included")
	cmd.Flags().BoolVar(&importYAML, "import-yaml", false, "set what a YAML document on standard input says")
	return cmd
}

// splitSettings tells KEY from KEY=VALUE.
func splitSettings(args []string) (reading []string, writing map[string]string, err error) {
	writing = make(map[string]string)
	for _, a := range args {
		if key, value, ok := strings.Cut(a, "="); ok {
			writing[key] = value
		} else {
			reading = append(reading, a)
		}
	}
	if len(reading) > 0 && len(writing) > 0 {
		return nil, nil, usagef("read settings (KEY) or set them (KEY=VALUE), not both at once")
	}
	return reading, writing, nil
}

func (o *options) printSettings(values []settings.Value, err error) error {
	if err != nil {
		return err
	}
	return o.t.print(map[string]any{"settings": values}, func(w io.Writer) {
		for _, v := range values {
			fmt.Fprintf(w, "%s: %s\n", v.Key, v.Value)
		}
	})
}

// printNamed prints the bare values, one a line, so that scripts can take them.
func (o *options) printNamed(cmd *cobra.Command, h *house, names []string) error {
	var values []settings.Value
	for _, name := range names {
		v, err := h.settings.Get(cmd.Context(), name)
		if err != nil {
			return err
		}
		values = append(values, settings.Value{Key: name, Value: v, Set: true})
	}
	return o.t.print(map[string]any{"settings": values}, func(w io.Writer) {
		for _, v := range values {
			fmt.Fprintln(w, v.Value)
		}
	})
}
