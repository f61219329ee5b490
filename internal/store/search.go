package store

// SearchQuery asks for packages. Its parts must all hold; a zero part asks
// nothing. Unlisted packages are never found.
type SearchQuery struct {
	Namespace Namespace
	// Text is what a person typed. Every word of it must occur in the name
	// (where a word may be the beginning of one), title, summary,
	// description, publisher or common ids.
	Text        string
	NamePrefix  string
	CommonID    string // exact
	PublisherID string
	Category    string
	Featured    bool // featured in Category, or in any when Category is empty
	Private     bool // find private packages too; the caller checks who may see them
	// Stores are the stores at which found packages are at home; Packages are
	// ids of packages found besides them. Both empty means any store.
	Stores   []string
	Packages []string

	Offset int
	Limit  int // 0 means 100; at most 1000
}

// PackageFilter lists packages by namespace and name; a zero field asks nothing.
type PackageFilter struct {
	Namespace   Namespace
	StoreID     string
	PublisherID string
	NamePrefix  string
	// AfterNamespace and AfterName are those of the last package of the page before.
	AfterNamespace Namespace
	AfterName      string
	Limit          int // 0 means 100; at most 1000
}
