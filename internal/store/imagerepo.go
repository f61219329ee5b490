package store

import (
	"encoding/hex"
	"math/big"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The repository of a charm's image resource is charm/<key>/<resource>, where key
// stands for the package and the last component for the resource. Repository names
// know no capital letters, package ids do; so both are rewritten, one to one.

const (
	imagePrefix = "charm/"
	idLength    = 32
	// imageKeyLength is how many digits of base 36 hold every id: 36^37 > 62^32.
	imageKeyLength = 37
	// maxRepository bounds the name of a repository, bytes, as registries and juju
	// do.
	maxRepository = 255
)

var idRadix = big.NewInt(int64(len(alphanumerics)))

// ImageKey writes the id of a package as 37 lower-case letters and digits: the id
// read as a number of base 62 in base 36. Anything but 32 letters and digits gives
// "", which is no key.
func ImageKey(packageID string) string {
	if len(packageID) != idLength {
		return ""
	}
	n, digit := new(big.Int), new(big.Int)
	for i := range len(packageID) {
		at := strings.IndexByte(alphanumerics, packageID[i])
		if at < 0 {
			return ""
		}
		n.Mul(n, idRadix).Add(n, digit.SetInt64(int64(at)))
	}
	key := n.Text(36)
	return strings.Repeat("0", imageKeyLength-len(key)) + key
}

// PackageOfImageKey is the reverse of ImageKey; ok is false for what is no key.
func PackageOfImageKey(key string) (id string, ok bool) {
	if len(key) != imageKeyLength {
		return "", false
	}
	for i := range len(key) {
		if c := key[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return "", false
		}
	}
	n, _ := new(big.Int).SetString(key, 36) // whose digits are good
	var letters [idLength]byte
	digit := new(big.Int)
	for i := range letters {
		n.DivMod(n, idRadix, digit)
		letters[idLength-1-i] = alphanumerics[digit.Int64()]
	}
	return string(letters[:]), n.Sign() == 0
}

// repositoryComponent is the grammar of distribution/reference for what stands
// between the slashes of a repository's name.
const repositoryComponent = `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`

var wholeComponent = regexp.MustCompile(`\A` + repositoryComponent + `\z`)

// escapedComponent begins the component of a resource whose name is none itself.
const escapedComponent = "x--"

// ImageComponent writes the name of a resource as a component of a repository's
// name: as it is where that is legal, else "x--" and its bytes in hex. Names that
// begin with x-- are written so, too. The name "", and one that no database keeps or
// that would garble a list on a terminal, gives "", which is no component.
func ImageComponent(resource string) string {
	switch {
	case wholeComponent.MatchString(resource) && !strings.HasPrefix(resource, escapedComponent):
		return resource
	case resource == "" || !utf8.ValidString(resource),
		strings.ContainsFunc(resource, func(c rune) bool { return unprintable(c, false) }):
		return ""
	}
	return escapedComponent + hex.EncodeToString([]byte(resource))
}

// ResourceOfImageComponent is the reverse of ImageComponent; ok is false for what
// that never returns.
func ResourceOfImageComponent(component string) (resource string, ok bool) {
	resource = component
	if digits, escaped := strings.CutPrefix(component, escapedComponent); escaped {
		name, err := hex.DecodeString(digits)
		if err != nil {
			return "", false
		}
		resource = string(name)
	}
	if resource == "" || ImageComponent(resource) != component {
		return "", false
	}
	return resource, true
}

// ImageRepository returns the name of the repository that holds the images of a
// charm's resource. A resource whose name is too long for one gives an error of
// kind invalid.
func ImageRepository(packageID, resource string) (string, error) {
	key, component := ImageKey(packageID), ImageComponent(resource)
	repository := imagePrefix + key + "/" + component
	if key == "" || component == "" || len(repository) > maxRepository {
		return "", Invalidf("invalid-charm-resource", "no repository can be named after the resource %.100q of the package %.64q", resource, packageID).
			Try("give the resource a shorter name of lower-case letters, digits and hyphens")
	}
	return repository, nil
}

// ParseImageRepository is the reverse of ImageRepository; ok is false for what
// that never returns.
func ParseImageRepository(repository string) (packageID, resource string, ok bool) {
	if len(repository) > maxRepository {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(repository, imagePrefix)
	if !ok {
		return "", "", false
	}
	key, component, ok := strings.Cut(rest, "/")
	if !ok {
		return "", "", false
	}
	if packageID, ok = PackageOfImageKey(key); !ok {
		return "", "", false
	}
	if resource, ok = ResourceOfImageComponent(component); !ok {
		return "", "", false
	}
	return packageID, resource, true
}
