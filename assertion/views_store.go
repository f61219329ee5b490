package assertion

import (
	"fmt"
	"net/url"
	"time"
)

// Store says where a store is and who runs it.
type Store struct {
	StoreID        string
	OperatorID     string
	URL            string // may be empty
	FriendlyStores []string
	Location       string
	Timestamp      time.Time
}

func readStore(a *Assertion, h *fields) (any, error) {
	v := &Store{
		StoreID:        a.key[0],
		OperatorID:     h.text("operator-id"),
		URL:            h.textOr("url", ""),
		FriendlyStores: h.texts("friendly-stores"),
		Location:       h.textOr("location", ""),
		Timestamp:      h.date("timestamp"),
	}
	if v.URL != "" {
		if err := checkStoreURL(v.URL); err != nil {
			h.fail("url", "%w", err)
		}
	}
	return v, h.err
}

// checkStoreURL wants a base that paths can be appended to.
func checkStoreURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return fmt.Errorf("must be a URL: %s", quote(s))
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("must be an http or https URL: %s", quote(s))
	case u.Host == "":
		return fmt.Errorf("must have a host: %s", quote(s))
	case u.RawQuery != "":
		return fmt.Errorf("must have no query: %s", quote(s))
	case u.Fragment != "":
		return fmt.Errorf("must have no fragment: %s", quote(s))
	}
	return nil
}
