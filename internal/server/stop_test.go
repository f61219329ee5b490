package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestStoppingLetsARunningDownloadFinish(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Logger: discard(), Mounts: at("/blob", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first half, ")
		w.(http.Flusher).Flush()
		close(begun)
		<-goOn
		if r.Context().Err() != nil {
			t.Error("the download was given up")
		}
		io.WriteString(w, "second half")
	})})
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx, listener) }()

	body := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String() + "/blob")
		if err != nil {
			body <- err.Error()
			return
		}
		defer response.Body.Close()
		all, err := io.ReadAll(response.Body)
		if err != nil {
			t.Errorf("the download broke: %v", err)
		}
		body <- string(all)
	}()
	<-begun
	stop()
	for { // until nobody is let in any more
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			break
		}
		conn.Close()
	}
	close(goOn)
	if got := <-body; got != "first half, second half" {
		t.Errorf("downloaded %q", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopped with %v", err)
	}
}

func TestStoppingCutsWhatDoesNotFinishInTime(t *testing.T) {
	begun, checked := make(chan struct{}), make(chan struct{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Logger: discard(), DrainTimeout: 10 * time.Millisecond, Mounts: at("/hang", func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		<-checked // returning now would race with the cut
	})})
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx, listener) }()
	cut := make(chan error, 1)
	go func() {
		_, err := http.Get("http://" + listener.Addr().String() + "/hang")
		cut <- err
	}()
	<-begun
	stop()
	if err := <-stopped; err == nil || !strings.Contains(err.Error(), "cut off 1 requests") {
		t.Errorf("stopped with %v, want the number of requests cut off", err)
	}
	if err := <-cut; err == nil {
		t.Error("the hanging request got an answer")
	}
	close(checked)
}

func TestAListenerThatFailsEndsTheServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := New(Options{Logger: discard()}).Run(t.Context(), listener); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "cannot serve on 127.0.0.1:") {
		t.Errorf("error %v, want the address and the cause", err)
	}
}

// TestASecondSignalEndsAProcessThatDrains runs itself as that process.
func TestASecondSignalEndsAProcessThatDrains(t *testing.T) {
	const marker = "LARDER_TEST_DRAINS"
	if os.Getenv(marker) != "" {
		ctx, stop := UntilSignal(context.Background())
		defer stop()
		io.WriteString(os.Stdout, "ready\n")
		<-ctx.Done()
		io.WriteString(os.Stdout, "draining\n")
		select {}
	}

	process := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	process.Env = append(os.Environ(), marker+"=1")
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer process.Process.Kill()
	expect := func(word string) {
		t.Helper()
		got := make([]byte, len(word))
		if _, err := io.ReadFull(out, got); err != nil || string(got) != word {
			t.Fatalf("the process says %q (%v), want %q", got, err, word)
		}
	}
	expect("ready\n")
	process.Process.Signal(syscall.SIGTERM)
	expect("draining\n")

	// The default effect is restored shortly after the context ends, so the
	// signal is repeated until it works.
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			process.Process.Signal(syscall.SIGTERM)
		case err := <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
				t.Errorf("the process ended with %v, want by SIGTERM", err)
			}
			return
		}
	}
}
