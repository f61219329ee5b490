package testservice_test

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/larder-store/larder/internal/testservice"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	first, second := testservice.PostgreSQL(t), testservice.PostgreSQL(t)
	if first == second {
		t.Fatalf("both are %s", first)
	}
	if _, err := connect(t, first).Exec(t.Context(), "CREATE TABLE mine (id int)"); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, second).Exec(t.Context(), "CREATE TABLE mine (id int)"); err != nil {
		t.Fatal(err)
	}
}

func TestSettingsGetAClusterOfTheirOwn(t *testing.T) {
	var fsync string
	url := testservice.PostgreSQL(t, "fsync=on")
	if err := connect(t, url).QueryRow(t.Context(), "SHOW fsync").Scan(&fsync); err != nil || fsync != "on" {
		t.Fatalf("fsync is %q, %v", fsync, err)
	}
}

func TestS3ServerAnswers(t *testing.T) {
	u, err := url.Parse(testservice.S3(t))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://" + u.Host + u.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil || !strings.Contains(string(body), "NoSuchBucket") {
		t.Errorf("a request for a new bucket got %s, %v: %s", resp.Status, err, body)
	}
}

// TestServicesEndWithTheirProcess lets a child start both services and die.
func TestServicesEndWithTheirProcess(t *testing.T) {
	if os.Getenv("LARDER_TEST_DIE") != "" {
		testservice.PostgreSQL(t)
		testservice.S3(t)
		p, _ := os.FindProcess(os.Getpid())
		p.Kill()
		select {}
	}
	dir, err := os.MkdirTemp("", "larder-die-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestServicesEndWithTheirProcess$")
	child.Env = append(os.Environ(), "LARDER_TEST_DIE=1", "TMPDIR="+dir)
	output, err := child.CombinedOutput()
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child was to be killed: %v: %s", err, output)
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; <-again.C {
		left, err := filepath.Glob(filepath.Join(dir, "larder-*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %v", left)
		}
	}
}
