// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/snapcore/snapd/asserts"

	"github.com/larder-store/larder/interop/harness"
)

// snap-repair is a program of its own without a library: these are its
// requests. It peeks at the headers, then fetches with the revision it has.
func repairs(t *testing.T, s *shop) {
	script := "#!/bin/sh\nexit 0\n"
	repair := s.brand.Sign(asserts.RepairType, map[string]any{
		"brand-id": s.brand.ID, "repair-id": "1", "revision": "2", "summary": "tidies up",
		"architectures": []any{harness.Architecture}, "timestamp": "2024-01-02T03:04:05Z",
	}, []byte(script))
	s.Run("assertion", "add", harness.WriteAssertions(t, filepath.Join(t.TempDir(), "repair.assert"), repair))

	ask := func(path, accept, have string) (*http.Response, []byte) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", accept)
		if have != "" {
			req.Header.Set("If-None-Match", have)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		return resp, body
	}
	for _, prefix := range []string{"/v2/repairs/", "/repairs/"} {
		path := prefix + s.brand.ID + "/1"
		resp, body := ask(path, "application/json", "")
		var peek struct{ Headers map[string]any }
		if err := json.Unmarshal(body, &peek); err != nil || peek.Headers["brand-id"] != s.brand.ID || peek.Headers["repair-id"] != "1" {
			t.Errorf("%s: peek: got %s %s", path, resp.Status, body)
		}
		resp, body = ask(path, asserts.MediaType, "")
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != asserts.MediaType {
			t.Errorf("%s: got %s of type %s", path, resp.Status, resp.Header.Get("Content-Type"))
		}
		if date, err := http.ParseTime(resp.Header.Get("Date")); err != nil || time.Since(date).Abs() > time.Hour {
			t.Errorf("%s: got the date %q", path, resp.Header.Get("Date"))
		}
		first, keys := s.repairStream(t, body)
		if string(first.Body()) != script || first.Revision() != 2 {
			t.Errorf("%s: got %s", path, asserts.Encode(first))
		}
		if keys[first.SignKeyID()] == nil {
			t.Errorf("%s: the stream lacks the key that signed it", path)
		} else if err := asserts.CheckSignature(first, keys[first.SignKeyID()], nil, time.Now(), time.Now()); err != nil {
			t.Error(err)
		}
		if resp, _ = ask(path, asserts.MediaType, `"2"`); resp.StatusCode != http.StatusNotModified {
			t.Errorf("%s: with the revision at hand: got %s", path, resp.Status)
		}
		if resp, _ = ask(path, asserts.MediaType, `"1"`); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: with an older revision at hand: got %s", path, resp.Status)
		}
		// The first one that is missing ends the walk.
		if resp, _ = ask(prefix+s.brand.ID+"/2", "application/json", ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: the next: got %s", path, resp.Status)
		}
	}
}

func (s *shop) repairStream(t *testing.T, body []byte) (*asserts.Repair, map[string]*asserts.AccountKey) {
	t.Helper()
	var first *asserts.Repair
	keys := map[string]*asserts.AccountKey{}
	batch := asserts.NewDecoder(bytes.NewReader(body))
	for i := 0; ; i++ {
		a, err := batch.Decode()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch a := a.(type) {
		case *asserts.Repair:
			if i != 0 {
				t.Fatal("the repair is not the first of its stream")
			}
			first = a
		case *asserts.AccountKey:
			keys[a.PublicKeyID()] = a
		default:
			t.Errorf("the stream holds a %s", a.Type().Name)
		}
	}
	if first == nil {
		t.Fatal("the stream holds no repair")
	}
	return first, keys
}
