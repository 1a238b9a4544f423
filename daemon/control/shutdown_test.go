package control

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestServeReturnsAfterItsAnswers(t *testing.T) {
	path := socketPath(t)
	called, goOn, answered := make(chan struct{}), make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, path, []Route{{Pattern: "POST /v1/change", Access: Owner, Call: func(context.Context, []byte) (any, error) {
			close(called)
			<-goOn
			return Done{"written"}, nil
		}}}, slog.New(slog.DiscardHandler))
	}()
	var done Done
	var err error
	go func() {
		defer close(answered)
		for {
			if err = NewClient(path).Post(context.Background(), "/v1/change", 1, &done); !errors.Is(err, ErrNotRunning) {
				return
			}
		}
	}()
	<-called
	cancel()
	select {
	case <-ended:
		t.Error("Serve returned while a change was under way")
		ended <- nil
	case <-time.After(100 * time.Millisecond):
	}
	close(goOn)
	<-answered
	if err != nil || done.Done != "written" {
		t.Errorf("the change under way was answered with %v %+v", err, done)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestBusyGatewayKeepsItsSocket(t *testing.T) {
	path := socketPath(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for { // fill the queue
		c, err := net.DialTimeout("unix", path, 50*time.Millisecond)
		if err != nil {
			t.Log("full:", err)
			break
		}
		defer c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := Serve(ctx, path, echoRoutes(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another gateway") {
		t.Errorf("Serve took the socket of a gateway that was busy: %v", err)
	}
}
