package snappublisher

import (
	"net/http"
	"testing"
)

func TestPathsThatAreNotThereSayItInTheirFamily(t *testing.T) {
	w := newWorld(t)
	for path, key := range map[string]string{
		"/dev/api/nothing": "error_list", "/api/v2/nothing": "error-list", "/v1/snap/a/b/c/d": "error-list",
	} {
		if body := w.Do("alice", "GET", path, nil).Object(http.StatusNotFound); body[key] == nil {
			t.Errorf("%s answers %v", path, body)
		}
	}
}
