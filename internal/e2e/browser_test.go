package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"
	"gopkg.in/macaroon.v2"
)

// browser is a real one, without a window.
type browser struct {
	t   *testing.T
	ctx context.Context
}

const browserTimeout = 90 * time.Second

// startBrowser starts chromium with a profile of its own.
func startBrowser(t *testing.T, scripts bool) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the tests of pages need chromium (Debian: apt-get install chromium): %v", err)
	}
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.Flag("lang", "en")}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // which chromium refuses to root
	}
	timed, cancelTime := context.WithTimeout(context.Background(), browserTimeout)
	t.Cleanup(cancelTime)
	ctx, cancel := chromedp.NewContext(timed, chromedp.WithAllocatorOptions(options...))
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("the browser did not end by itself: %v", err)
		}
		cancel()
	})
	b := &browser{t, ctx}
	b.do(chromedp.EmulateViewport(320, 640)) // a narrow phone
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("the browser: %v; the page: %s", err, b.text())
	}
}

// goes does what leads to another page, and checks its status and that it fits.
func (b *browser) goes(status int64, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	resp, err := chromedp.RunResponse(b.ctx, steps...)
	if err != nil {
		b.t.Fatalf("the browser: %v; the page: %s", err, b.text())
	}
	if resp.Status != status {
		b.t.Errorf("the page is %d, want %d: %s", resp.Status, status, b.text())
	}
	size, err := chromedp.Call(b.ctx, page.GetLayoutMetrics, cdp.Empty{})
	if err != nil {
		b.t.Fatal(err)
	}
	if w := size.CSSContentSize.Width; w > 320 {
		b.t.Errorf("the page is %v pixels wide on a screen of 320: %s", w, b.text())
	}
}

func (b *browser) open(url string) { b.t.Helper(); b.goes(http.StatusOK, chromedp.Navigate(url)) }

// fill types into fields: ids and texts by turns.
func (b *browser) fill(typed ...string) {
	b.t.Helper()
	for i := 0; i < len(typed); i += 2 {
		b.do(chromedp.Clear(chromedp.ID(typed[i])), chromedp.SendKeys(chromedp.ID(typed[i]), typed[i+1]))
	}
}

// press presses the button with a name.
func (b *browser) press(status int64, name string) {
	b.t.Helper()
	b.goes(status, chromedp.Click(chromedp.Search(`//button[normalize-space()="`+name+`"]`)))
}

func (b *browser) text() string {
	text, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
	if err != nil {
		return err.Error()
	}
	return text
}

func (b *browser) sees(texts ...string) {
	b.t.Helper()
	shown := b.text()
	for _, text := range texts {
		if !strings.Contains(shown, text) {
			b.t.Errorf("the page does not say %q: %s", text, shown)
		}
	}
}

// waiting is a client of the identity service that has sent its user to a page.
type waiting struct {
	t          *testing.T
	base       string
	root       *macaroon.Macaroon
	caveat     []byte
	Visit, Did string
	Code       string
	token      chan string // base64 of the discharge token, or what came instead
}

func postForm(t *testing.T, url string, form url.Values, into any) int {
	t.Helper()
	resp, err := http.PostForm(url, form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// waits begins a login and waits for it in the background.
func waits(t *testing.T, base string) *waiting {
	t.Helper()
	l := &login{t: t, base: base}
	_, issued := l.post("/v1/tokens", map[string]any{
		"permissions": []string{"account-view-packages", "package-manage"}, "description": "charmcraft@builder",
	})
	w := &waiting{t: t, base: base, root: new(macaroon.Macaroon), token: make(chan string, 1)}
	text, _ := issued["macaroon"].(string)
	if err := json.Unmarshal([]byte(text), w.root); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.root.Caveats() {
		if len(c.VerificationId) > 0 {
			w.caveat = c.Id
		}
	}
	var required struct {
		Info struct {
			InteractionMethods map[string]map[string]string
		}
	}
	postForm(t, base+"/identity/discharge", url.Values{"id64": {base64.RawURLEncoding.EncodeToString(w.caveat)}}, &required)
	window := required.Info.InteractionMethods["browser-window"]
	w.Visit, w.Code = window["VisitURL"], window["Code"]
	go func() {
		resp, err := http.Get(window["WaitTokenURL"])
		if err != nil {
			w.token <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		var said struct{ Token64 string }
		if resp.StatusCode != http.StatusOK || json.Unmarshal(body, &said) != nil {
			w.token <- string(body)
			return
		}
		w.token <- said.Token64
	}()
	return w
}

// who is whom the client has become.
func (w *waiting) who() string {
	w.t.Helper()
	var discharged struct{ Macaroon *macaroon.Macaroon }
	status := postForm(w.t, w.base+"/identity/discharge", url.Values{
		"id64": {base64.RawURLEncoding.EncodeToString(w.caveat)}, "token64": {<-w.token}, "token-kind": {"macaroon"},
	}, &discharged)
	if status != http.StatusOK {
		w.t.Fatalf("the discharge: %d", status)
	}
	discharged.Macaroon.Bind(w.root.Signature())
	slice, err := json.Marshal(macaroon.Slice{w.root, discharged.Macaroon})
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), "POST", w.base+"/v1/tokens/exchange", strings.NewReader("{}"))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Macaroons", base64.URLEncoding.EncodeToString(slice))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var exchanged struct{ Macaroon string }
	if err := json.NewDecoder(resp.Body).Decode(&exchanged); err != nil || exchanged.Macaroon == "" {
		w.t.Fatalf("the exchange: %d, %v", resp.StatusCode, err)
	}
	l := &login{t: w.t, base: w.base}
	account, _ := l.whoamiToken("Macaroon " + exchanged.Macaroon)
	return account
}

func (l *login) whoamiToken(authorization string) (username string, status int) {
	l.t.Helper()
	status, v := l.do("GET", "/v1/tokens/whoami", authorization, nil)
	account, _ := v["account"].(map[string]any)
	username, _ = account["username"].(string)
	return username, status
}

func TestABrowserLogsAWaitingClientIn(t *testing.T) {
	n := newStore(t, place{})
	s := n.serve()
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			alice, bob := "alice", "bob"
			if scripts {
				alice, bob = "alicia", "robert"
			}
			for _, who := range []string{alice, bob} {
				n.with(password+"\n", "account", "create", who+"@example.com", "--username", who, "--password-stdin")
			}
			b := startBrowser(t, scripts)

			// With a password, after a wrong one.
			w := waits(t, s.url)
			b.open(w.Visit)
			b.sees("Log in", w.Code, "charmcraft@builder", "127.0.0.1")
			b.fill("login", alice, "password", "not this one")
			b.press(http.StatusUnauthorized, "Log in")
			b.sees("is wrong")
			b.fill("password", password)
			b.press(http.StatusOK, "Log in")
			b.sees("Allow this login?", alice, "upload, release and change your packages", w.Code)
			b.press(http.StatusOK, "Allow")
			b.sees("You can close this window")
			if who := w.who(); who != alice {
				t.Errorf("the client is %q", who)
			}

			// With a second factor, which is set up in the browser.
			b.open(s.url + "/identity/second-factor")
			b.fill("login", bob, "password", password)
			b.press(http.StatusOK, "Go on")
			secret, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("ol code")))
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			code := func(at time.Time) string {
				c, err := totp.GenerateCode(strings.ReplaceAll(secret, " ", ""), at)
				if err != nil {
					t.Fatal(err)
				}
				return c
			}
			b.fill("otp", code(now))
			b.press(http.StatusOK, "Turn it on")
			b.sees("logs in with the password and a code")
			w = waits(t, s.url)
			b.open(w.Visit)
			b.fill("login", bob+"@example.com", "password", password)
			b.press(http.StatusOK, "Log in")
			b.fill("otp", code(now)) // used up
			b.press(http.StatusForbidden, "Go on")
			b.sees("used already")
			b.fill("otp", code(now.Add(30*time.Second)))
			b.press(http.StatusOK, "Go on")
			b.press(http.StatusOK, "Allow")
			if who := w.who(); who != bob {
				t.Errorf("the client is %q", who)
			}

			// What somebody refuses, nobody gets.
			w = waits(t, s.url)
			b.open(w.Visit)
			b.fill("login", alice, "password", password)
			b.press(http.StatusOK, "Log in")
			b.press(http.StatusOK, "Refuse")
			if got := <-w.token; !strings.Contains(got, "refused") {
				t.Errorf("the client got %s", got)
			}
			b.goes(http.StatusForbidden, chromedp.Navigate(w.Visit))

			if scripts {
				b.checkForm(s.url + "/identity/password")
			}
		})
	}
}

// checkForm checks that a page is styled, and that each of its fields says what
// it is to those who do not see it.
func (b *browser) checkForm(url string) {
	b.t.Helper()
	b.open(url)
	unlabelled, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](
		`[...document.querySelectorAll("input:not([type=hidden])")].filter(i => !i.labels.length).map(i => i.id)`))
	if err != nil || len(unlabelled) > 0 {
		b.t.Errorf("fields without a label: %q, %v", unlabelled, err)
	}
	color, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`getComputedStyle(document.querySelector("button")).backgroundColor`))
	if err != nil || color != "rgb(31, 95, 67)" && color != "rgb(143, 211, 176)" {
		b.t.Errorf("the button is %q: the style sheet did not arrive, %v", color, err)
	}
}
