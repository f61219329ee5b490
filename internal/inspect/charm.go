package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/larder-store/larder/internal/inspect/ziparchive"
	"github.com/larder-store/larder/internal/store"
)

// Types of CharmInfo.
const (
	TypeCharm  = "charm"
	TypeBundle = "bundle"
)

// Members of an archive that are looked at.
const (
	metadataYAML  = "metadata.yaml"
	manifestYAML  = "manifest.yaml"
	configYAML    = "config.yaml"
	actionsYAML   = "actions.yaml"
	metricsYAML   = "metrics.yaml"
	profileYAML   = "lxd-profile.yaml"
	charmcraftYML = "charmcraft.yaml"
	bundleYAML    = "bundle.yaml"
	readmeMD      = "README.md"
	iconSVG       = "icon.svg"
	versionFile   = "version"
	revisionFile  = "revision"
)

// CharmInfo is what a charm or a bundle says about itself.
type CharmInfo struct {
	Type        string // TypeCharm or TypeBundle
	Name        string // of a bundle empty when it has none, which old ones do
	Title       string // empty when absent
	Summary     string
	Description string
	Version     string // the first line of the member "version"; empty when absent

	// Platforms are what it runs on: one for each base and architecture, sorted, and
	// never none. "all" stands for any; a bundle is all of it, and so is a charm that
	// says nothing.
	Platforms    []store.Platform
	DeployableOn []string // "kubernetes" or "vm", or both, sorted

	// The members as they are in the archive, byte for byte, all UTF-8 without zero
	// bytes; empty where absent.
	Metadata       string
	Config         string
	Actions        string
	Bundle         string
	Readme         string
	CharmcraftYAML string

	Icon *Icon // nil when there is none that can be shown

	Subordinate    bool
	Provides       map[string]Relation
	Requires       map[string]Relation
	Peers          map[string]Relation
	Resources      []DeclaredResource // by name
	Containers     []Container        // by name
	Assumes        []Assumption
	Series         []string
	MinJujuVersion string
	Links          map[string][]string // issues, source, website, docs and contact
	Tags           []string
	Categories     []string

	// Attributes are what charmcraft's analysis found out, such as language: python.
	Attributes map[string]string

	// Charms are the names of the charms that a bundle deploys, sorted.
	Charms []string

	// Warnings are faults that juju does not mind.
	Warnings []Problem
}

// Relation is one end that a charm offers to other applications.
type Relation struct {
	Interface string
	Limit     int    // zero is none
	Scope     string // global or container
	Optional  bool
}

// DeclaredResource is a resource that metadata.yaml announces.
type DeclaredResource struct {
	Name           string
	Type           string // file or oci-image
	Filename       string // of a file, without a directory
	Description    string
	Optional       bool
	UpstreamSource string // of an image, where its maker says it comes from
}

// Container is a workload beside a charm on Kubernetes.
type Container struct {
	Name     string
	Resource string // of type oci-image; empty when none is named
}

// Charm reads the charm or bundle in the first size bytes of r. Nothing is written to
// disk.
//
// An archive that cannot be read gives an error that is ziparchive.ErrNotZip,
// ErrCorrupt, ErrUnsupported, ErrUnsafe or ErrLimit; ErrNoMetadata unless it holds
// either metadata.yaml or bundle.yaml. Errors of r and of the context come through.
// One that can be read and is not valid gives a *ProblemsError that names everything
// wrong, together with what could be understood.
func Charm(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (*CharmInfo, error) {
	limits = limits.withDefaults()
	archive, err := ziparchive.Open(ctx, r, size, limits.Archive)
	if err != nil {
		return nil, fmt.Errorf("cannot inspect charm: %w", err)
	}
	kind, err := charmKind(archive)
	if err != nil {
		return nil, fmt.Errorf("cannot inspect charm: %w", err)
	}
	c := &charmReader{ctx: ctx, archive: archive, limits: limits, findings: &findings{}, info: &CharmInfo{Type: string(kind)}}
	c.lookalikes()
	if kind == KindBundle {
		c.bundle()
	} else {
		c.charm()
	}
	if c.failed != nil {
		return nil, fmt.Errorf("cannot inspect charm: %w", c.failed)
	}
	c.info.Warnings = c.warnings
	return c.info, c.err(c.info.Type)
}

// charmKind tells a charm from a bundle.
func charmKind(a *ziparchive.Archive) (Kind, error) {
	switch charm, bundle := a.Has(metadataYAML), a.Has(bundleYAML); {
	case charm && bundle:
		return "", fmt.Errorf("%w: it has both %s and %s; a charm has the one, a bundle the other", ErrNoMetadata, metadataYAML, bundleYAML)
	case charm:
		return KindCharm, nil
	case bundle:
		return KindBundle, nil
	}
	return "", fmt.Errorf("%w: it has neither %s nor %s at its top", ErrNoMetadata, metadataYAML, bundleYAML)
}

// charmReader reads one archive. The first error that is no fault of the archive's
// content stays in failed and ends all reading.
type charmReader struct {
	*findings
	ctx     context.Context
	archive *ziparchive.Archive
	limits  Limits
	info    *CharmInfo
	failed  error
}

// stop says whether to read no further.
func (c *charmReader) stop() bool {
	if c.failed == nil {
		c.failed = c.ctx.Err()
	}
	return c.failed != nil
}

func (c *charmReader) charm() {
	manifest := c.manifest()
	c.info.Metadata, c.info.Config, c.info.Actions = c.text(metadataYAML), c.text(configYAML), c.text(actionsYAML)
	c.metadata(manifest)
	c.config(c.info.Config)
	c.actions(c.info.Actions)
	c.metrics(c.text(metricsYAML))
	c.profile(c.text(profileYAML))
	c.revision()
	c.extras()
	c.platforms(manifest)
	if !c.archive.Has("dispatch") && !c.hasHooks() {
		c.member = ""
		c.warn(Missing, "dispatch", "there is neither this nor anything below hooks/, so juju has nothing to run")
	}
}

func (c *charmReader) hasHooks() bool {
	for name := range c.archive.Names() {
		if strings.HasPrefix(name, "hooks/") {
			return true
		}
	}
	return false
}

// extras reads what any archive may have for people.
func (c *charmReader) extras() {
	c.info.Readme = c.textUpTo(readmeMD, c.limits.ReadmeBytes)
	c.info.CharmcraftYAML = c.text(charmcraftYML)
	c.info.Version = c.version()
	c.icon()
}

// lookalikes refuses members that differ from one that is read in nothing but case: a
// reader on another system takes the wrong one.
func (c *charmReader) lookalikes() {
	read := []string{metadataYAML, manifestYAML, configYAML, actionsYAML, metricsYAML, profileYAML, bundleYAML, versionFile, revisionFile}
	for name := range c.archive.Names() {
		for _, member := range read {
			if name != member && strings.EqualFold(name, member) {
				c.problem(InvalidMember, name, "looks like %s and is not it; remove it or rename it", member)
			}
		}
	}
	slices.SortFunc(c.problems, func(a, b Problem) int { return strings.Compare(a.Field, b.Field) })
}

func (c *charmReader) text(member string) string { return c.textUpTo(member, c.limits.YAMLBytes) }

// textUpTo reads a member that is kept and served as text, and makes it the one that
// problems are about. It is empty for an absent member and for one that is no text.
func (c *charmReader) textUpTo(member string, most int64) string {
	c.member = member
	if c.stop() || !c.archive.Has(member) {
		return ""
	}
	data, err := c.archive.ReadFile(c.ctx, member, most)
	switch {
	case errors.Is(err, ziparchive.ErrLimit):
		c.problem(TooLong, "", "is longer than the %d bytes that are read", most)
		return ""
	case err != nil:
		c.failed = err
		return ""
	case !utf8.Valid(data) || slices.Contains(data, 0):
		c.problem(InvalidText, "", "must be UTF-8 without zero bytes; save it as UTF-8")
		return ""
	}
	return string(data)
}

// version is what juju shows as the version of the charm's code.
func (c *charmReader) version() string {
	line, _, _ := strings.Cut(c.text(versionFile), "\n")
	line = strings.TrimPrefix(strings.TrimSpace(line), "revision-id: ") // as bzr writes it
	return clip(line, maxCharmVersion)
}

const maxCharmVersion = 100 // characters that juju keeps

// revision makes sure of an obsolete member that juju still reads.
func (c *charmReader) revision() {
	text := c.text(revisionFile)
	var number int
	if !c.archive.Has(revisionFile) || c.failed != nil {
		return
	}
	if _, err := fmt.Sscan(text, &number); err != nil {
		c.problem(InvalidMember, "", "must hold a number; remove it, nothing needs it")
	}
}

func (c *charmReader) icon() {
	c.member = iconSVG
	if c.stop() || !c.archive.Has(iconSVG) {
		return
	}
	data, err := c.archive.ReadFile(c.ctx, iconSVG, c.limits.IconBytes)
	if errors.Is(err, ziparchive.ErrLimit) || errors.Is(err, ziparchive.ErrUnsafe) {
		c.warn(InvalidIcon, "", "left out: %v", err)
		return
	}
	if err != nil {
		c.failed = err
		return
	}
	icon := &Icon{Path: iconSVG, MediaType: svgType, Data: data}
	if err := icon.measure(); err != nil {
		c.warn(InvalidIcon, "", "left out: %v", err)
		return
	}
	c.info.Icon = icon
}
