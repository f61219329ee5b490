package identity

import (
	"sync"
	"time"
)

// touched knows which sessions were noted as used of late, so that many
// requests at once write one row once.
type touched struct {
	mu   sync.Mutex
	last map[string]time.Time // owned by mu
}

const maxTouched = 10_000

// due reports whether a session should be noted now, and takes it as noted.
func (t *touched) due(id string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.last[id]; ok && now.Sub(last) < touchEvery {
		return false
	}
	if t.last == nil || len(t.last) >= maxTouched {
		t.last = make(map[string]time.Time)
	}
	t.last[id] = now
	return true
}
