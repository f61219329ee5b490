package snappublisher

import (
	"strconv"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

// releaseRequest is what all clients have in common; other keys that some send
// (series, id, delta_format) say nothing new.
type releaseRequest struct {
	Name     string   `json:"name"`
	Revision wireInt  `json:"revision"`
	Channels []string `json:"channels"`
	// Progressive is absent or null for everyone. Within it a percentage of null
	// takes a progressive release back, and 100 is everyone.
	Progressive *struct {
		Percentage *float64 `json:"percentage"`
		Paused     *bool    `json:"paused"`
	} `json:"progressive"`
}

// moves says what the request means.
func (q *releaseRequest) moves() ([]catalog.Move, error) {
	if q.Name == "" {
		return nil, store.Invalidf("required", "name must be that of a snap").With("name", "name")
	}
	if q.Revision < 1 {
		return nil, store.Invalidf("invalid-field", "revision must be a number from 1").With("name", "revision")
	}
	channels, err := channelsNamed(q.Channels)
	if err != nil {
		return nil, err
	}
	var how catalog.Move
	how.Revision = int(q.Revision)
	if p := q.Progressive; p != nil {
		switch {
		case p.Percentage == nil:
			how.Cancel = true
		case *p.Percentage == 100:
			how.AtOnce = true
		case !(*p.Percentage > 0 && *p.Percentage < 100):
			return nil, store.Invalidf("invalid-field", "progressive percentage must be above 0 and up to 100").With("name", "progressive")
		default:
			how.Percentage = *p.Percentage
			how.Paused = p.Paused != nil && *p.Paused
		}
	}
	moves := make([]catalog.Move, len(channels))
	for i, c := range channels {
		moves[i] = how
		moves[i].Channel = c
	}
	return moves, nil
}

// wireInt is a number that some clients send as text; 0 is anything else.
type wireInt int

func (n *wireInt) UnmarshalJSON(data []byte) error {
	text := string(data)
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
	}
	v, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		v = 0
	}
	*n = wireInt(v)
	return nil
}
