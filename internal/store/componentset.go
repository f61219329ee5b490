package store

import (
	"maps"
	"slices"
	"strings"
)

// CheckComponentSet says whether the components that came with an upload are
// those that its snap.yaml declares: each of them, once, and no other.
func CheckComponentSet(declared map[string]string, uploaded []string) error {
	var missing, surplus, twice []string
	seen := make(map[string]bool, len(uploaded))
	for _, name := range uploaded {
		_, known := declared[name]
		switch {
		case seen[name]:
			twice = append(twice, name)
		case !known:
			surplus = append(surplus, name)
		}
		seen[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if !seen[name] {
			missing = append(missing, name)
		}
	}
	var wrong []string
	for _, list := range []struct {
		names []string
		are   string
	}{{missing, "are missing"}, {surplus, "are not in its snap.yaml"}, {twice, "came twice"}} {
		if len(list.names) > 0 {
			wrong = append(wrong, shortList(list.names)+" "+list.are)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return Invalidf("component-mismatch", "the components do not fit the snap: %s", strings.Join(wrong, "; ")).
		Try("upload exactly the components that the snap.yaml declares")
}

// shortList names some of many, each cut short: they come from a client.
func shortList(names []string) string {
	const most = 10
	var b strings.Builder
	for i, name := range names[:min(len(names), most)] {
		if i > 0 {
			b.WriteString(", ")
		}
		if len(name) > 60 {
			name = strings.ToValidUTF8(name[:60], "") + "…"
		}
		b.WriteString(name)
	}
	if len(names) > most {
		b.WriteString(", …")
	}
	return b.String()
}
