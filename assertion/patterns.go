package assertion

import "regexp"

// What values look like, as devices check them.
var (
	accountIDPattern  = regexp.MustCompile(`^(?:[a-z0-9A-Z]{32}|[-a-z0-9]{2,28})$`)
	keyNamePattern    = regexp.MustCompile(`^(?:[a-z0-9]+-?)*[a-z](?:-?[a-z0-9])*$`)
	storeIDPattern    = regexp.MustCompile(`^[-A-Z0-9a-z_]+$`)
	brandModelPattern = regexp.MustCompile(`^(?:[a-z0-9A-Z]{32}|[-a-z0-9]{2,28})/[a-zA-Z0-9](?:-?[a-zA-Z0-9])*$`)

	snapIDPattern     = regexp.MustCompile(`^[a-z0-9A-Z]{32}$`)
	snapNamePattern   = regexp.MustCompile(`^(?:[a-z0-9]+-)*[a-z0-9]*[a-z][a-z0-9]*(?:-[a-z0-9]+)*$`)
	provenancePattern = regexp.MustCompile(`^[a-zA-Z0-9](?:-?[a-zA-Z0-9])*$`)
	aliasPattern      = regexp.MustCompile(`^[a-zA-Z0-9][-_.a-zA-Z0-9]*$`)
	appPattern        = regexp.MustCompile(`^[a-zA-Z0-9](?:-?[a-zA-Z0-9])*$`)
	hexPattern        = regexp.MustCompile(`^[0-9a-f]+$`)

	modelPattern        = regexp.MustCompile(`^[a-zA-Z0-9](?:-?[a-zA-Z0-9])*$`)
	serialPattern       = regexp.MustCompile(`^[a-zA-Z0-9](?:[:+-]?[a-zA-Z0-9])*$`)
	labelPattern        = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])*$`)
	modePattern         = regexp.MustCompile(`^[a-z][-a-z]+$`)
	distributionPattern = regexp.MustCompile(`^[a-z0-9._-]*$`)
)

// risks in order, the safest first.
var risks = []string{"stable", "candidate", "beta", "edge"}
