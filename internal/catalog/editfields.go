package catalog

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// listingField is one thing that an Edit can change.
type listingField struct {
	name    string
	follows bool // each new revision in stable changes it, where a package follows its releases
	given   func(*Edit) bool
	wanted  func(*Edit) any
	current func(*store.Package) any
	same    func(*store.Package, *Edit) bool
	empty   func(*store.Package) bool
	set     func(*store.Package, *Edit)
	check   func(*store.Package) error // besides store.CheckListing; may be nil
}

// covers reports whether a fault that store.CheckListing names is the field's.
func (f *listingField) covers(fault string) bool {
	kind, _, _ := strings.Cut(fault, ".")
	return kind == f.name
}

// The fields that more than the table knows by name.
const (
	fieldDefaultTrack = "default-track"
	fieldCategories   = "categories"
)

// listingFields is the table of all of them.
var listingFields = []listingField{
	following(textField("title", func(e *Edit) **string { return &e.Title }, func(p *store.Package) *string { return &p.Listing.Title })),
	following(textField("summary", func(e *Edit) **string { return &e.Summary }, func(p *store.Package) *string { return &p.Listing.Summary })),
	following(textField("description", func(e *Edit) **string { return &e.Description }, func(p *store.Package) *string { return &p.Listing.Description })),
	textField("license", func(e *Edit) **string { return &e.License }, func(p *store.Package) *string { return &p.Listing.License }),
	textField("contact", func(e *Edit) **string { return &e.Contact }, func(p *store.Package) *string { return &p.Listing.Contact }),
	textField("website", func(e *Edit) **string { return &e.Website }, func(p *store.Package) *string { return &p.Listing.Website }),
	linksField(),
	listField("keywords", checkKeywords, func(e *Edit) **[]string { return &e.Keywords }, func(p *store.Package) *[]string { return &p.Listing.Keywords }),
	listField("videos", checkVideos, func(e *Edit) **[]string { return &e.Videos }, func(p *store.Package) *[]string { return &p.Listing.Videos }),
	listField("only-countries", checkCountries, func(e *Edit) **[]string { return &e.OnlyCountries }, func(p *store.Package) *[]string { return &p.Listing.OnlyCountries }),
	listField("not-in-countries", checkCountries, func(e *Edit) **[]string { return &e.NotInCountries }, func(p *store.Package) *[]string { return &p.Listing.NotInCountries }),
	flagField("public-metrics", func(e *Edit) **bool { return &e.PublicMetrics }, func(p *store.Package) *bool { return &p.Listing.PublicMetrics }),
	listField("hidden-metrics", checkHidden, func(e *Edit) **[]string { return &e.HiddenMetrics }, func(p *store.Package) *[]string { return &p.Listing.HiddenMetrics }),
	flagField("follows-releases", func(e *Edit) **bool { return &e.FollowsReleases }, func(p *store.Package) *bool { return &p.Listing.FollowsReleases }),
	flagField("private", func(e *Edit) **bool { return &e.Private }, func(p *store.Package) *bool { return &p.Private }),
	flagField("unlisted", func(e *Edit) **bool { return &e.Unlisted }, func(p *store.Package) *bool { return &p.Unlisted }),
	textField(fieldDefaultTrack, func(e *Edit) **string { return &e.DefaultTrack }, func(p *store.Package) *string { return &p.DefaultTrack }),
	categoriesField(),
}

func textField(name string, in func(*Edit) **string, at func(*store.Package) *string) listingField {
	return single(name, in, at)
}

func flagField(name string, in func(*Edit) **bool, at func(*store.Package) *bool) listingField {
	return single(name, in, at)
}

func single[T comparable](name string, in func(*Edit) **T, at func(*store.Package) *T) listingField {
	var zero T
	return listingField{
		name:    name,
		given:   func(e *Edit) bool { return *in(e) != nil },
		wanted:  func(e *Edit) any { return **in(e) },
		current: func(p *store.Package) any { return *at(p) },
		same:    func(p *store.Package, e *Edit) bool { return *at(p) == **in(e) },
		empty:   func(p *store.Package) bool { return *at(p) == zero },
		set:     func(p *store.Package, e *Edit) { *at(p) = **in(e) },
	}
}

func listField(name string, check func(string, []string) error, in func(*Edit) **[]string, at func(*store.Package) *[]string) listingField {
	return listingField{
		name:    name,
		given:   func(e *Edit) bool { return *in(e) != nil },
		wanted:  func(e *Edit) any { return **in(e) },
		current: func(p *store.Package) any { return append([]string{}, *at(p)...) },
		same:    func(p *store.Package, e *Edit) bool { return slices.Equal(*at(p), **in(e)) },
		empty:   func(p *store.Package) bool { return len(*at(p)) == 0 },
		set:     func(p *store.Package, e *Edit) { *at(p) = **in(e) },
		check:   func(p *store.Package) error { return check(name, *at(p)) },
	}
}

// following marks a field that releases change.
func following(f listingField) listingField {
	f.follows = true
	return f
}

func linksField() listingField {
	return listingField{
		name:    "links",
		given:   func(e *Edit) bool { return e.Links != nil },
		wanted:  func(e *Edit) any { return *e.Links },
		current: func(p *store.Package) any { return p.Listing.Links },
		same: func(p *store.Package, e *Edit) bool {
			return maps.EqualFunc(p.Listing.Links, *e.Links, slices.Equal[[]string])
		},
		empty: func(p *store.Package) bool { return len(p.Listing.Links) == 0 },
		set:   func(p *store.Package, e *Edit) { p.Listing.Links = *e.Links },
	}
}

func categoriesField() listingField {
	return listingField{
		name:    fieldCategories,
		given:   func(e *Edit) bool { return e.Categories != nil },
		wanted:  func(e *Edit) any { return *e.Categories },
		current: func(p *store.Package) any { return shelves(p) },
		same:    func(p *store.Package, e *Edit) bool { return slices.Equal(sorted(shelves(p)), sorted(*e.Categories)) },
		empty:   func(p *store.Package) bool { return len(p.Categories) == 0 },
		set:     setShelves,
		check: func(p *store.Package) error {
			if len(p.Categories) > maxShelves {
				return store.Invalidf(codeInvalidField, "it stands on %d shelves, at most %d are allowed", len(p.Categories), maxShelves)
			}
			return nil
		},
	}
}

// setShelves keeps the shelves an operator has put the package in front of: a
// publisher neither gets there alone nor leaves.
func setShelves(p *store.Package, e *Edit) {
	was := p.Categories
	p.Categories = nil
	for _, c := range was {
		if c.Featured {
			p.Categories = append(p.Categories, c)
		}
	}
	for _, name := range sorted(*e.Categories) {
		at := slices.IndexFunc(was, func(c store.Category) bool { return c.Name == name })
		switch {
		case at < 0:
			p.Categories = append(p.Categories, store.Category{Name: name})
		case !was[at].Featured:
			p.Categories = append(p.Categories, was[at])
		}
	}
}

func shelves(p *store.Package) []string {
	names := make([]string, len(p.Categories))
	for i, c := range p.Categories {
		names[i] = c.Name
	}
	return names
}

// Limits of a listing's lists.
const (
	maxShelves   = 10
	maxKeywords  = 20
	maxKeyword   = 50  // bytes
	maxVideos    = 5   //
	maxCountries = 300 // there are about 250
	maxHidden    = 50
)

var (
	country    = regexp.MustCompile(`^[A-Z]{2}$`)
	metricName = regexp.MustCompile(`^[a-z][a-z_]{0,99}$`)
)

func checkKeywords(field string, words []string) error {
	return eachOf(field, words, maxKeywords, "a keyword of up to 50 letters, digits and blanks", func(s string) bool {
		return s != "" && len(s) <= maxKeyword && s == strings.TrimSpace(s) && !strings.ContainsAny(s, ",<>\x00\r\n\t\"")
	})
}

func checkVideos(field string, urls []string) error {
	return eachOf(field, urls, maxVideos, "an absolute link to a video", func(s string) bool {
		return s != "" && store.CheckListing(store.Listing{Website: s}) == nil
	})
}

func checkCountries(field string, codes []string) error {
	return eachOf(field, codes, maxCountries, "a country's code of two upper-case letters", country.MatchString)
}

func checkHidden(field string, names []string) error {
	return eachOf(field, names, maxHidden, "the name of a metric", metricName.MatchString)
}

func eachOf(field string, list []string, most int, what string, good func(string) bool) error {
	if len(list) > most {
		return store.Invalidf(codeInvalidField, "there are %d %s, at most %d are allowed", len(list), field, most)
	}
	for _, s := range list {
		if !good(s) {
			return store.Invalidf(codeInvalidField, "%.60q is not %s", s, what)
		}
	}
	return nil
}

// normal is e as it goes into pkg: a bare address as a link, the first of the
// contacts and web sites as the ones that clients show who know only one, and no
// default track where that is the usual one.
func (e Edit) normal(pkg *store.Package) Edit {
	if e.DefaultTrack != nil && *e.DefaultTrack == store.LatestTrack {
		e.DefaultTrack = new(string)
	}
	if e.Contact != nil {
		contact := store.NormalContact(*e.Contact)
		e.Contact = &contact
	}
	if e.Links != nil {
		tidy := make(map[string][]string)
		for kind, list := range *e.Links {
			for _, link := range list {
				if link = strings.TrimSpace(link); kind == "contact" {
					link = store.NormalContact(link)
				}
				if link != "" {
					tidy[kind] = append(tidy[kind], link)
				}
			}
		}
		e.Links = &tidy
		e.Contact = cmp.Or(e.Contact, firstOf(tidy["contact"]))
		e.Website = cmp.Or(e.Website, firstOf(tidy["website"]))
		return e
	}
	if len(pkg.Listing.Links) == 0 || e.Contact == nil && e.Website == nil {
		return e
	}
	moved := maps.Clone(pkg.Listing.Links)
	for kind, first := range map[string]*string{"contact": e.Contact, "website": e.Website} {
		if first == nil {
			continue
		}
		rest := moved[kind]
		rest = slices.DeleteFunc(slices.Clone(rest[min(1, len(rest)):]), func(s string) bool { return s == *first })
		if *first != "" {
			rest = append([]string{*first}, rest...)
		}
		if moved[kind] = rest; len(rest) == 0 {
			delete(moved, kind)
		}
	}
	e.Links = &moved
	return e
}

func firstOf(list []string) *string {
	first := ""
	if len(list) > 0 {
		first = list[0]
	}
	return &first
}
