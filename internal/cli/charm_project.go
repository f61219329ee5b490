package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/larder-store/larder/internal/store"
)

// charmProject is what the files in a charm's directory say that commands need.
type charmProject struct {
	Name string `yaml:"name"`
	Libs []struct {
		Lib     string `yaml:"lib"`     // CHARM.LIBRARY
		Version string `yaml:"version"` // API or API.PATCH
	} `yaml:"charm-libs"`
}

// maxProjectFile bounds charmcraft.yaml and metadata.yaml, bytes.
const maxProjectFile = 1 << 20

// readProject reads one of the files of the charm in the current directory.
func readProject(file string) (p charmProject, err error) {
	f, err := os.Open(file)
	if err != nil {
		return p, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxProjectFile+1))
	if err == nil && len(text) > maxProjectFile {
		err = fmt.Errorf("it is larger than %d bytes", maxProjectFile)
	}
	if err == nil {
		err = yaml.Unmarshal(text, &p)
	}
	if err != nil {
		return p, store.Invalidf("bad-project", "cannot read %s", file).Because(err).Try("correct it and try again")
	}
	return p, nil
}

// projectName is the name of the charm in the current directory.
func projectName() (string, error) {
	for _, file := range []string{"metadata.yaml", "charmcraft.yaml"} {
		p, err := readProject(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if p.Name != "" {
			return p.Name, nil
		}
	}
	return "", store.NotFoundf("no-project", "neither metadata.yaml nor charmcraft.yaml here names a charm").
		Try("run it in the charm's directory")
}

// charmDirectoryName is how Python names a charm: with _ for -.
func charmDirectoryName(charm string) string { return strings.ReplaceAll(charm, "-", "_") }

// parsePins reads resources as NAME:REVISION.
func parsePins(list []string) (pins []resourcePin, err error) {
	for _, text := range list {
		name, number, _ := strings.Cut(text, ":")
		n, ok := parseNumber(number)
		if name == "" || !ok {
			return nil, usagef("--resource takes NAME:REVISION, not %q", text)
		}
		pins = append(pins, resourcePin{Name: name, Revision: n})
	}
	return pins, nil
}

// resourcePin is a revision of a resource; 0 is one too.
type resourcePin struct {
	Name     string `json:"name"`
	Revision int    `json:"revision"`
}

func (p resourcePin) String() string { return fmt.Sprintf("%s (r%d)", cmp.Or(p.Name, "-"), p.Revision) }
