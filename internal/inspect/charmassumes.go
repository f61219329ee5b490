package inspect

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Assumption is something that must be true where a charm is deployed: a feature, or
// any or all of several things.
type Assumption struct {
	Feature    string
	Constraint string // ">=" or "<"; empty for any version
	Version    string
	AnyOf      []Assumption
	AllOf      []Assumption
}

var (
	featureRule   = regexp.MustCompile(`^[a-z][a-z0-9-]*[a-z0-9]$`)
	versionedRule = regexp.MustCompile(`^([a-z][a-z0-9-]*[a-z0-9])\s*(>=|<)\s*(\S+)$`)
	jujuVersion   = regexp.MustCompile(`^\d{1,9}(?:\.\d{1,9}(?:-[a-z]+(?:\d{1,9})?|\.\d{1,9})?(?:\.\d{1,9})?)?$`)
)

func (c *charmReader) assumptions(t *table) {
	for i, item := range c.listIn(t, "", "assumes") {
		c.info.Assumes = append(c.info.Assumes, c.assumption(item, fmt.Sprintf("assumes[%d]", i)))
	}
}

// assumption reads one; documents nest no deeper than their limits let them.
func (c *charmReader) assumption(value any, where string) (a Assumption) {
	switch v := value.(type) {
	case string:
		text := strings.TrimSpace(v)
		if featureRule.MatchString(text) {
			return Assumption{Feature: text}
		}
		m := versionedRule.FindStringSubmatch(text)
		if m == nil || !jujuVersion.MatchString(m[3]) {
			c.problem(InvalidAssumes, where, "%.60q is no assumption; write a feature such as k8s-api, or one with a version such as juju >= 3.1", text)
			return a
		}
		return Assumption{Feature: m[1], Constraint: m[2], Version: m[3]}
	case *table:
		for _, kind := range []struct {
			key  string
			into *[]Assumption
		}{{"any-of", &a.AnyOf}, {"all-of", &a.AllOf}} {
			items, isList := v.values[kind.key].([]any)
			if len(v.keys) != 1 || v.odd != "" || !isList {
				continue
			}
			for i, item := range items {
				*kind.into = append(*kind.into, c.assumption(item, fmt.Sprintf("%s.%s[%d]", where, kind.key, i)))
			}
			return a
		}
	}
	c.problem(InvalidAssumes, where, "must be a feature, or a map of one key, any-of or all-of, to a list")
	return a
}

// kubernetesFeature is what a charm assumes that runs on Kubernetes only.
const kubernetesFeature = "k8s-api"

func assumesKubernetes(list []Assumption) bool {
	return slices.ContainsFunc(list, func(a Assumption) bool {
		return a.Feature == kubernetesFeature || assumesKubernetes(a.AllOf)
	})
}

var (
	termRule      = regexp.MustCompile(`^[a-z](?:-?[a-z0-9]+)+$`)
	termOwnerRule = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.+-]*[a-zA-Z0-9](?:@[a-zA-Z0-9][a-zA-Z0-9.+-]*[a-zA-Z0-9])?$`)
)

// terms reads what has to be agreed to before a charm is deployed:
// [tenant:][owner/]name[/revision].
func (c *charmReader) terms(t *table) {
	for i, term := range c.textsIn(t, "", "terms") {
		if !validTerm(term) {
			c.problem(InvalidTerm, fmt.Sprintf("terms[%d]", i), "%.60q is no term; write it as name, owner/name or owner/name/revision", term)
		}
	}
}

func validTerm(s string) bool {
	tenant, rest, found := strings.Cut(s, ":")
	if !found {
		tenant, rest = "", s
	}
	parts := strings.Split(rest, "/")
	if len(parts) > 3 {
		return false
	}
	if len(parts) > 1 {
		revision, err := strconv.Atoi(parts[len(parts)-1])
		switch {
		case err == nil && revision < 0, err != nil && len(parts) == 3:
			return false
		case err == nil:
			parts = parts[:len(parts)-1]
		}
	}
	name := parts[len(parts)-1]
	return (tenant == "" || tenant == "cs" || termRule.MatchString(tenant)) && termRule.MatchString(name) &&
		(len(parts) == 1 || parts[0] == "" || termOwnerRule.MatchString(parts[0]))
}
