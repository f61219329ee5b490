package device

import (
	"container/list"
	"sync"
)

// recent remembers up to max values and drops the one used longest ago.
type recent[K comparable, V any] struct {
	max int

	mu    sync.Mutex // guards what follows
	byKey map[K]*list.Element
	used  *list.List // of *remembered, used last in front
	age   int        // counts clears
}

type remembered[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](max int) *recent[K, V] {
	return &recent[K, V]{max: max, byKey: make(map[K]*list.Element), used: list.New()}
}

func (r *recent[K, V]) get(key K) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.byKey[key]
	if !ok {
		return value, false
	}
	r.used.MoveToFront(e)
	return e.Value.(*remembered[K, V]).value, true
}

// era is to be read before a value is worked out and given to putIn after it.
func (r *recent[K, V]) era() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.age
}

// putIn remembers a value that was worked out in an era, unless clear was
// called meanwhile.
func (r *recent[K, V]) putIn(era int, key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if era == r.age {
		r.set(key, value)
	}
}

func (r *recent[K, V]) put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set(key, value)
}

// set does what put promises. The caller holds mu.
func (r *recent[K, V]) set(key K, value V) {
	if e, ok := r.byKey[key]; ok {
		e.Value.(*remembered[K, V]).value = value
		r.used.MoveToFront(e)
		return
	}
	r.byKey[key] = r.used.PushFront(&remembered[K, V]{key, value})
	if r.used.Len() > r.max {
		r.drop(r.used.Back())
	}
}

func (r *recent[K, V]) forget(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.byKey[key]; ok {
		r.drop(e)
	}
}

// drop forgets one element. The caller holds mu.
func (r *recent[K, V]) drop(e *list.Element) {
	r.used.Remove(e)
	delete(r.byKey, e.Value.(*remembered[K, V]).key)
}

func (r *recent[K, V]) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.byKey)
	r.used.Init()
	r.age++
}
