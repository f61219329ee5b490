package testservice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// fast trades durability, which a test's database does not need, for speed.
var fast = []string{"fsync=off", "synchronous_commit=off", "full_page_writes=off"}

var sharedPostgreSQL = sync.OnceValues(func() (*service, error) { return startPostgreSQL(fast) })

// PostgreSQL returns the URL of a new, empty database, as --db takes it. The
// database is dropped at the end of the test. Clusters are not durable; a test
// that wants a setting of its own ("fsync=on") names it and gets a cluster of
// its own, which takes about a second.
func PostgreSQL(t testing.TB, settings ...string) string {
	t.Helper()
	var cluster *service
	var err error
	if len(settings) == 0 {
		cluster, err = sharedPostgreSQL()
	} else if cluster, err = startPostgreSQL(settings); err == nil {
		t.Cleanup(func() {
			cluster.stop()
			<-cluster.exited
		})
	}
	if err != nil {
		t.Fatalf("cannot start PostgreSQL: %v", err)
	}
	name := randomName()
	if err := administer(cluster.port, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("cannot create a test database: %v", err)
	}
	t.Cleanup(func() {
		if err := administer(cluster.port, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("cannot drop a test database: %v", err)
		}
	})
	return postgresURL(cluster.port, name)
}

// StartPostgreSQL is for programs that are no tests, such as benchmarks: it
// returns the URL of a server, on which databases can be made, and what ends
// the server. Without settings it is not durable, like those of tests.
func StartPostgreSQL(settings ...string) (url string, stop func(), err error) {
	if len(settings) == 0 {
		settings = fast
	}
	cluster, err := startPostgreSQL(settings)
	if err != nil {
		return "", nil, err
	}
	return postgresURL(cluster.port, "postgres"), func() {
		cluster.stop()
		<-cluster.exited
	}, nil
}

func postgresURL(port int, database string) string {
	return fmt.Sprintf("postgresql://larder@127.0.0.1:%d/%s?sslmode=disable", port, database)
}

func administer(port int, statement string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, postgresURL(port, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

func startPostgreSQL(settings []string) (*service, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	owner, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "larder-postgresql-")
	if err != nil {
		return nil, err
	}
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "--pgdata", data, "--username", "larder",
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions")
	initdb.Dir = dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	if out, err := initdb.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return start(spec{
		dir: dir,
		command: func(port int) []string {
			args := []string{filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port), "-h", "127.0.0.1", "-k", "",
				"-c", "max_connections=200", "-c", "shared_buffers=32MB"}
			for _, s := range settings {
				args = append(args, "-c", s)
			}
			return args
		},
		user:   owner,
		signal: "QUIT", // at once, without a checkpoint
		probe: func(ctx context.Context, port int) error {
			conn, err := pgx.Connect(ctx, postgresURL(port, "postgres"))
			if err != nil {
				return err
			}
			return conn.Close(ctx)
		},
	})
}

// postgresBin finds initdb and postgres: on the PATH, or the newest version
// where Debian keeps them.
func postgresBin() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(real), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("no initdb on the PATH or in /usr/lib/postgresql: install the package postgresql")
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(majorVersion(a), majorVersion(b)) })
	return filepath.Dir(newest), nil
}

func majorVersion(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

// unprivileged is the user to run as where the tests run as root, which
// PostgreSQL refuses.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("running as root, and neither the user postgres nor nobody exists: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
