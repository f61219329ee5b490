package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Limits of what is read from a store.
const (
	// MaxJSON bounds the JSON of one answer, in bytes.
	MaxJSON = 64 << 20
	// maxError bounds the body of one refusal, in bytes.
	maxError = 1 << 20
	// maxDrain is how much of an unwanted body is read to keep the connection.
	maxDrain = 64 << 10
)

// DefaultUserAgent is sent when Client.UserAgent is empty.
const DefaultUserAgent = "larder-client"

// A Client sends requests to a store. The zero value is ready to use; it is safe
// for concurrent use if its fields are not changed meanwhile.
type Client struct {
	// HTTP sends the requests; nil is a client with Go's default transport.
	// Its CheckRedirect is kept, after headers that prove who asks were taken
	// off a redirect to another host.
	HTTP *http.Client
	// UserAgent is sent with every request; empty is DefaultUserAgent.
	UserAgent string
	// Retry says when a request is sent again; nil is RetryFromEnvironment().
	Retry *Retry
	// Logger gets one debug record per try, with method, URL, headers and
	// status; secrets are replaced and bodies left out. Nil logs nothing.
	Logger *slog.Logger
}

// Policy is the Retry in force.
func (c *Client) Policy() Retry {
	if c != nil && c.Retry != nil {
		return *c.Retry
	}
	return RetryFromEnvironment()
}

// Do sends a request and returns the answer if it is a success (2xx); the caller
// closes its body. Requests are tried again as described at Retry; one with a
// body needs req.GetBody for that.
//
// Errors: *StoreError when the store refuses, *NetworkError when there is no
// answer or only 5xx until the tries are used up, the context's error when that
// ends.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	return c.do(req, slices.Contains(repeatableMethods, req.Method))
}

// DoRepeatable is Do for a request that may be sent twice whatever its method
// is, because the store does the same or nothing the second time.
func (c *Client) DoRepeatable(req *http.Request) (*http.Response, error) { return c.do(req, true) }

// DoOnce is Do without a second try.
func (c *Client) DoOnce(req *http.Request) (*http.Response, error) {
	if err := c.prepare(req); err != nil {
		return nil, err
	}
	resp, err := c.send(req, 1)
	if err != nil {
		return nil, c.networkError(req, 1, err)
	}
	if refused := refusal(req, resp); refused != nil {
		return nil, refused
	}
	return resp, nil
}

func (c *Client) do(req *http.Request, repeatable bool) (*http.Response, error) {
	if err := c.prepare(req); err != nil {
		return nil, err
	}
	ctx, policy := req.Context(), c.Policy()
	for try := 1; ; try++ {
		resp, err := c.send(req, try)
		var asked time.Duration
		switch {
		case err != nil:
			err = c.networkError(req, try, err)
			if ctx.Err() != nil || !repeatable && !neverSent(err) {
				return nil, err
			}
		default:
			refused := refusal(req, resp)
			if refused == nil {
				return resp, nil
			}
			asked = refused.RetryAfter
			if !repeatable || !worthRepeating(refused.Status, asked) || asked > longestDelay {
				return nil, refused
			}
			err = refused
			if slices.Contains(repeatableStatuses, refused.Status) {
				err = &NetworkError{Method: req.Method, URL: bareURL(req.URL), Attempts: try, Err: refused}
			}
		}
		if try > policy.Times {
			return nil, err
		}
		if req.Body != nil && req.Body != http.NoBody {
			if req.GetBody == nil {
				return nil, err
			}
			body, bodyErr := req.GetBody()
			if bodyErr != nil {
				return nil, errors.Join(err, bodyErr)
			}
			req.Body = body
		}
		if waitErr := policy.pause(ctx, policy.delay(try, asked)); waitErr != nil {
			return nil, fmt.Errorf("%w: %w", err, waitErr)
		}
	}
}

func (c *Client) prepare(req *http.Request) error {
	switch req.URL.Scheme {
	case "http", "https":
	default:
		return fmt.Errorf("cannot send a request to %q: not an http or https URL", bareURL(req.URL))
	}
	if req.Header.Get("User-Agent") == "" {
		agent := DefaultUserAgent
		if c != nil && c.UserAgent != "" {
			agent = c.UserAgent
		}
		req.Header.Set("User-Agent", agent)
	}
	return nil
}

func (c *Client) networkError(req *http.Request, tries int, err error) error {
	return &NetworkError{Method: req.Method, URL: bareURL(req.URL), Attempts: tries, Err: withoutURL(err)}
}

func (c *Client) send(req *http.Request, try int) (*http.Response, error) {
	started := time.Now()
	resp, err := c.httpClient().Do(req)
	if c == nil || c.Logger == nil || !c.Logger.Enabled(req.Context(), slog.LevelDebug) {
		return resp, err
	}
	attrs := []slog.Attr{
		slog.String("method", req.Method), slog.String("url", logURL(req.URL)), slog.Int("try", try),
		{Key: "headers", Value: logHeaders(req.Header)}, slog.Duration("took", time.Since(started)),
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", withoutURL(err).Error()))
	} else {
		attrs = append(attrs, slog.Int("status", resp.StatusCode), slog.Attr{Key: "answered", Value: logHeaders(resp.Header)})
	}
	c.Logger.LogAttrs(req.Context(), slog.LevelDebug, "store request", attrs...)
	return resp, err
}

func (c *Client) httpClient() *http.Client {
	if c == nil || c.HTTP == nil {
		return &http.Client{CheckRedirect: dropSecretsOnForeignHost}
	}
	own := *c.HTTP
	then := own.CheckRedirect
	own.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if err := dropSecretsOnForeignHost(req, via); err != nil || then == nil {
			return err
		}
		return then(req, via)
	}
	return &own
}

// refusal turns an answer that is no success into an error and closes its body.
func refusal(req *http.Request, resp *http.Response) *StoreError {
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	defer resp.Body.Close()
	e := &StoreError{
		Method: req.Method, URL: bareURL(req.URL), Status: resp.StatusCode,
		RequestID:  resp.Header.Get("X-Request-Id"),
		RetryAfter: retryAfter(resp.Header),
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxError))
	e.Errors, e.Extra = parseRefusal(body)
	e.NeedsRefresh = e.Status == http.StatusUnauthorized &&
		(e.HasCode("macaroon-needs-refresh") || strings.Contains(resp.Header.Get("WWW-Authenticate"), "needs_refresh=1"))
	return e
}

// parseRefusal reads both spellings of the list. Bakery services say "Code" and
// "Message" at the top instead, the identity service "code" and "message".
func parseRefusal(body []byte) (ErrorList, map[string]json.RawMessage) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return nil, nil
	}
	var list ErrorList
	for _, key := range []string{"error-list", "error_list"} {
		var found ErrorList
		if raw, ok := members[key]; ok {
			delete(members, key)
			if json.Unmarshal(raw, &found) == nil && len(list) == 0 {
				list = found
			}
		}
	}
	if len(list) == 0 {
		for _, keys := range [][2]string{{"code", "message"}, {"Code", "Message"}} {
			var item ErrorItem
			_ = json.Unmarshal(members[keys[0]], &item.Code)
			_ = json.Unmarshal(members[keys[1]], &item.Message)
			if item.Message != "" {
				list = append(list, item)
				break
			}
		}
	}
	return list, members
}

// A Call is one exchange of JSON.
type Call struct {
	Method, URL string
	// Header is added to the request; may be nil.
	Header http.Header
	// In is encoded as the body; nil sends none.
	In any
	// Raw is sent as the body when it is not nil, with ContentType.
	Raw         []byte
	ContentType string
	// Out gets the answer; nil ignores it. A body that is empty while Out is
	// set is an InvalidResponseError.
	Out any
	// Authorize adds what proves who asks; nil sends nothing.
	Authorize func(*http.Request) error
	// Repeatable marks a POST or PATCH that may be sent twice.
	Repeatable bool
}

// JSON does a Call. Errors are those of Do, and *InvalidResponseError.
func (c *Client) JSON(ctx context.Context, call Call) error {
	req, err := call.request(ctx)
	if err != nil {
		return err
	}
	send := c.Do
	if call.Repeatable {
		send = c.DoRepeatable
	}
	resp, err := send(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if call.Out == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxDrain))
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxJSON+1))
	invalid := func(err error) error {
		return &InvalidResponseError{Method: req.Method, URL: bareURL(req.URL), Status: resp.StatusCode, Err: err}
	}
	switch {
	case err != nil:
		return c.networkError(req, 1, err)
	case len(body) > MaxJSON:
		return invalid(fmt.Errorf("longer than %d bytes", MaxJSON))
	case len(bytes.TrimSpace(body)) == 0:
		return invalid(errors.New("the body is empty"))
	}
	if err := json.Unmarshal(body, call.Out); err != nil {
		if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "" && !strings.HasSuffix(kind, "json") {
			return invalid(fmt.Errorf("it is %s, not JSON", kind))
		}
		return invalid(err)
	}
	return nil
}

func (call Call) request(ctx context.Context) (*http.Request, error) {
	method, body, kind := call.Method, call.Raw, call.ContentType
	if method == "" {
		method = http.MethodGet
	}
	if call.In != nil {
		encoded, err := json.Marshal(call.In)
		if err != nil {
			return nil, fmt.Errorf("cannot encode the request: %w", err)
		}
		body, kind = encoded, "application/json"
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body) // http.NewRequest derives GetBody from it
	}
	req, err := http.NewRequestWithContext(ctx, method, call.URL, reader)
	if err != nil {
		return nil, fmt.Errorf("cannot build the request: %w", withoutURL(err))
	}
	for name, values := range call.Header {
		req.Header[name] = values
	}
	if kind != "" && body != nil {
		req.Header.Set("Content-Type", kind)
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	if call.Authorize != nil {
		if err := call.Authorize(req); err != nil {
			return nil, err
		}
	}
	return req, nil
}
