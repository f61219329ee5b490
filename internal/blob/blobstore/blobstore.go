// Package blobstore opens the blob store that a URL names. It is the one place
// that knows every kind of store.
package blobstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/fs"
	"github.com/larder-store/larder/internal/blob/s3"
	"github.com/larder-store/larder/internal/store"
)

// Open returns the store at a URL:
//
//	file:DIR                                        a directory
//	s3://KEY:SECRET@HOST:PORT/BUCKET?tls=0&region=R  a bucket; tls is 1 by default
//
// A key or secret with characters that mean something in a URL is percent-encoded.
// SpoolDir is a local directory for what is being received; file: needs none. No
// error holds the secret.
func Open(ctx context.Context, location, spoolDir string) (blob.Store, error) {
	scheme, rest, _ := strings.Cut(location, ":")
	switch scheme {
	case "file":
		dir, err := directory(rest)
		if err != nil {
			return nil, invalidURL(err)
		}
		return fs.Open(dir)
	case "s3":
		config, err := bucket(location)
		if err != nil {
			return nil, invalidURL(err)
		}
		config.SpoolDir = spoolDir
		return s3.Open(ctx, config)
	}
	return nil, invalidURL(errors.New("it is of no known kind"))
}

func invalidURL(why error) error {
	return store.Invalidf("invalid-blobs-url", "cannot open the blob store: %v", why).
		Try("write it as file:DIR or s3://KEY:SECRET@HOST:PORT/BUCKET?tls=0")
}

// Redact returns the URL as it may be shown and logged.
func Redact(location string) string {
	scheme, rest, _ := strings.Cut(location, ":")
	if scheme == "file" {
		return location
	}
	at := strings.LastIndex(rest, "@")
	if scheme != "s3" || at < 0 {
		return "(unreadable blob store URL)"
	}
	rest, _, _ = strings.Cut(rest[at+1:], "?")
	return "s3://" + rest
}

// directory reads what follows file:, which is a path, not an encoded one; the
// form file:///DIR is understood too.
func directory(rest string) (string, error) {
	if path, ok := strings.CutPrefix(rest, "//"); ok {
		if !strings.HasPrefix(path, "/") {
			return "", errors.New("file:// is followed by an absolute path; use file:DIR for a relative one")
		}
		rest = path
	}
	if rest == "" {
		return "", errors.New("file: is followed by a directory")
	}
	return rest, nil
}

// bucket reads an s3 URL. What net/url says of a wrong one quotes it, with the
// secret, so its words are not passed on.
func bucket(location string) (s3.Config, error) {
	u, err := url.Parse(location)
	if err != nil {
		return s3.Config{}, errors.New("the s3 URL is malformed: percent-encode the key and the secret, as in s3://KEY:SECRET@HOST:PORT/BUCKET")
	}
	secret, _ := u.User.Password()
	config := s3.Config{
		Endpoint:  u.Host,
		Bucket:    strings.Trim(u.Path, "/"),
		AccessKey: u.User.Username(),
		SecretKey: secret,
		TLS:       true,
	}
	switch {
	case config.AccessKey == "" || config.SecretKey == "":
		return s3.Config{}, errors.New("the s3 URL has no key or no secret: want s3://KEY:SECRET@HOST:PORT/BUCKET")
	case config.Endpoint == "":
		return s3.Config{}, errors.New("the s3 URL has no host: want s3://KEY:SECRET@HOST:PORT/BUCKET")
	case config.Bucket == "" || strings.Contains(config.Bucket, "/"):
		return s3.Config{}, errors.New("the s3 URL names no bucket: want s3://KEY:SECRET@HOST:PORT/BUCKET")
	case u.Fragment != "":
		return s3.Config{}, errors.New("the s3 URL has a #: percent-encode it")
	}
	options, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return s3.Config{}, errors.New("the s3 URL has malformed options after the question mark")
	}
	for name, values := range options {
		value := values[len(values)-1]
		switch name {
		case "region":
			config.Region = value
		case "tls":
			if config.TLS, err = strconv.ParseBool(value); err != nil {
				return s3.Config{}, errors.New("the s3 URL's option tls is neither 0 nor 1")
			}
		default:
			return s3.Config{}, fmt.Errorf("the s3 URL's option %.40q is unknown: there are tls and region", name)
		}
	}
	return config, nil
}
