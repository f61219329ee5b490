package store

import "time"

// Device is a machine that has opened a session.
type Device struct {
	ID        DeviceID          `json:"id"`
	StoreID   string            `json:"store-id"`
	FirstSeen time.Time         `json:"first-seen"`
	LastSeen  time.Time         `json:"last-seen"`
	Session   map[string]string `json:"session,omitempty"` // what it said of itself last
}
