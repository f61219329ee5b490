package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// typist answers the questions of a command on a terminal, each once it is
// asked, and returns what was on the screen.
func (n *node) typist(cmd *exec.Cmd, answers ...[2]string) (screen string, code int) {
	n.t.Helper()
	keyboard, tty := terminal(n.t)
	var printed bytes.Buffer
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, &printed, tty
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	tty.Close()
	var mu sync.Mutex
	var shown strings.Builder
	var reading sync.WaitGroup
	reading.Go(func() {
		buf := make([]byte, 1024)
		for {
			count, err := keyboard.Read(buf) // ends with EIO when nobody holds the other side
			mu.Lock()
			shown.Write(buf[:count])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	for _, a := range answers {
		poll(n.t, "the question "+a[0], func() error {
			mu.Lock()
			defer mu.Unlock()
			if !strings.Contains(shown.String(), a[0]) {
				return errors.New("on the screen is " + shown.String())
			}
			// A question comes a moment before the terminal is told to hide its answer.
			if a[1] == password && echoes(n.t, keyboard) {
				return errors.New("the terminal still shows what is typed")
			}
			return nil
		})
		if _, err := io.WriteString(keyboard, a[1]+"\n"); err != nil {
			n.t.Fatal(err)
		}
	}
	_ = cmd.Wait() // its state says how it ended
	reading.Wait()
	return shown.String() + printed.String(), cmd.ProcessState.ExitCode()
}

// withPublisher makes the account alice.
func (n *node) withPublisher() {
	n.t.Helper()
	n.with(password+"\n", "account", "create", "alice@example.com", "--username", "alice", "--password-stdin")
}

func TestAPersonLogsInOnATerminal(t *testing.T) {
	n := newStore(t, place{})
	s := n.serve()
	n.withPublisher()
	var enrolled struct{ Secret, Ticket string }
	n.ask(&enrolled, "account", "enable-2fa", "alice")
	step := time.Now().Add(-30 * time.Second)
	code := func() string { // each code is good once
		c, err := totp.GenerateCode(enrolled.Secret, step)
		if err != nil {
			t.Fatal(err)
		}
		step = step.Add(30 * time.Second)
		return c
	}
	n.with(enrolled.Ticket+"\n"+code()+"\n", "account", "enable-2fa", "alice", "--confirm")

	questions := [][2]string{{"E-mail: ", "alice@example.com"}, {"Password: ", password}, {"Code of the second factor: ", code()}}
	screen, exit := n.typist(n.command("login", "--store", s.url), questions...)
	if exit != 0 || !strings.Contains(screen, "Logged in to "+s.url+" as alice") {
		t.Errorf("exit code %d, on the screen is %s", exit, screen)
	}
	if strings.Contains(screen, password) {
		t.Errorf("the password shows: %s", screen)
	}
	n.must("snap", "register", "hello")

	// Without a person, the second factor must be given.
	cmd := n.command("login", "--email", "alice@example.com", "--password-stdin")
	cmd.Stdin = strings.NewReader(password)
	if a := n.finish(cmd); a.code != 6 || !strings.Contains(a.errOut, "--otp-stdin") {
		t.Error(a)
	}
	n.must("logout")
	n.with(password+"\n"+code()+"\n", "login", "--email", "alice@example.com", "--password-stdin", "--otp-stdin")

	// Uploads show a bar to a person.
	file := makeSnap(t, t.TempDir(), "hello", "1.0", noise(8<<20))
	out, screen, exit := n.onTerminal("snap", "upload", file, "--release", "edge")
	if exit != 0 || !strings.Contains(out, "Revision 1 of hello (1.0) is accepted") || !strings.Contains(screen, "\x1b[") {
		t.Errorf("exit code %d, printed %q, showed %q", exit, out, screen)
	}
}

// page is a page in a browser that keeps cookies.
type webPage struct {
	t    *testing.T
	http *http.Client
	at   *url.URL
	text string
}

var (
	formAction = regexp.MustCompile(`<form [^>]*action="([^"]*)"`)
	hiddenIn   = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

func (p *webPage) read(resp *http.Response, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		p.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s\n%s", resp.Request.URL, resp.Status, text)
	}
	p.at, p.text = resp.Request.URL, string(text)
}

// submit sends the page's form with these fields filled in.
func (p *webPage) submit(fields url.Values) {
	p.t.Helper()
	action := formAction.FindStringSubmatch(p.text)
	if action == nil {
		p.t.Fatalf("there is no form in %s", p.text)
	}
	for _, m := range hiddenIn.FindAllStringSubmatch(p.text, -1) {
		fields.Set(m[1], html.UnescapeString(m[2]))
	}
	to, err := p.at.Parse(html.UnescapeString(action[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	p.read(p.http.PostForm(to.String(), fields))
}

func TestAPersonLogsInOnAPage(t *testing.T) {
	for _, flavour := range []string{"candid", "gateway"} {
		t.Run(flavour, func(t *testing.T) {
			n := newStore(t, place{})
			s := n.serve()
			n.withPublisher()
			cmd := n.command("login", "--store", s.url, "--browser", "--flavour", flavour)
			var out bytes.Buffer
			cmd.Stdout = &out
			screen, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			lines := bufio.NewScanner(screen)
			var code, at string
			for at == "" && lines.Scan() {
				line := strings.TrimSpace(lines.Text())
				if c, ok := strings.CutPrefix(line, "The page must show this code: "); ok {
					code = c
				}
				if strings.HasPrefix(line, s.url) {
					at = line
				}
			}
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			p := &webPage{t: t, http: &http.Client{Jar: jar, Timeout: time.Minute}}
			p.read(p.http.Get(at))
			if code == "" || !strings.Contains(p.text, code) {
				t.Errorf("the page does not show the code %q: %s", code, p.text)
			}
			p.submit(url.Values{"login": {"alice"}, "password": {password}})
			p.submit(url.Values{"decision": {"approve"}})
			rest, _ := io.ReadAll(screen)
			if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "as alice") {
				t.Fatalf("%v: %s%s", err, out.String(), rest)
			}
			var who struct{ Flavour string }
			n.ask(&who, "whoami")
			if who.Flavour != flavour {
				t.Errorf("logged in with %s", who.Flavour)
			}
			n.must("snap", "register", "hello")
			n.must("snap", "upload", makeSnap(t, t.TempDir(), "hello", "1.0"), "--release", "edge")
		})
	}
}

// cutter passes connections on and cuts every one that has sent so many bytes.
func cutter(t *testing.T, to string, most int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				go func() {
					_, _ = io.Copy(in, out)
					in.Close()
				}()
				_, _ = io.CopyN(out, in, most)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestAnUploadThatBrokeOffGoesOnLater(t *testing.T) {
	n := newStore(t, place{})
	s := n.serve()
	n.withPublisher()
	n.with(password+"\n", "login", "--store", s.url, "--email", "alice@example.com", "--password-stdin")
	n.must("snap", "register", "hello")
	exported := n.t.TempDir() + "/login"
	n.with(password+"\n", "export-login", exported, "--email", "alice@example.com", "--password-stdin")
	credentials, err := os.ReadFile(exported)
	if err != nil {
		t.Fatal(err)
	}
	n.env = append(n.env, "LARDER_STORE_CREDENTIALS="+strings.TrimSpace(string(credentials)), "CRAFT_STORE_RETRIES=0")
	file := makeSnap(t, t.TempDir(), "hello", "1.0", noise(24<<20))
	broken := n.run("snap", "upload", file, "--store", cutter(t, strings.TrimPrefix(s.url, "http://"), 10<<20))
	id := regexp.MustCompile(`--resume (\S+?)\)`).FindStringSubmatch(broken.errOut)
	if broken.code != 7 || id == nil {
		t.Fatal(broken)
	}
	// What the store has is not sent again: the rest fits through.
	rest := n.must("snap", "upload", file, "--resume", id[1], "--store", cutter(t, strings.TrimPrefix(s.url, "http://"), 20<<20))
	if !strings.Contains(rest, "Revision 1 of hello (1.0) is accepted") {
		t.Error(rest)
	}
}
