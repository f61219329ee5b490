package store

import (
	"encoding/json"
	"time"
)

// Setting is one operator's setting, shared by all nodes.
type Setting struct {
	Key       string          `json:"key"`
	Value     json.RawMessage `json:"value"`
	UpdatedAt time.Time       `json:"updated-at"`
	UpdatedBy string          `json:"updated-by"`
}
