package charmhub

import "testing"

func TestAPathThatLeadsNowhereIsAnErrorOfItsNeighbours(t *testing.T) {
	w := newWorld(t)
	if code := w.Do("alice", "GET", "/v1/charm/hello/nothing/here", nil).ErrorCode(404); code != "not-found" {
		t.Errorf("under /v1/charm: %s", code)
	}
	if code := w.Do("", "GET", "/v2/charms/nothing/here", nil).ErrorCode(404); code != "not-found" {
		t.Errorf("under /v2/charms: %s", code)
	}
}
