package serve

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
)

func TestWhatIsBeingAnsweredIsAnsweredBeforeUntilReturns(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	asked, answer := make(chan struct{}), make(chan struct{})
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		_, _ = io.WriteString(w, "done")
	})}
	returned, got := make(chan error, 1), make(chan string, 1)
	go func() { returned <- Until(ctx, srv, l) }()
	go func() {
		res, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			got <- err.Error()
			return
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		got <- string(body)
	}()
	<-asked
	cancel()
	select {
	case err := <-returned:
		t.Fatalf("it returned (%v) while a request was being answered", err)
	default:
	}
	close(answer)
	if text := <-got; text != "done" {
		t.Errorf("the answer is %q", text)
	}
	if err := <-returned; err != nil {
		t.Error(err)
	}
}

func TestAnswerThatTakesTooLongIsCut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	asked := make(chan struct{})
	srv := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})}
	returned := make(chan error, 1)
	go func() { returned <- Until(ctx, srv, l) }()
	go func() {
		if res, err := http.Get("http://" + l.Addr().String()); err == nil {
			res.Body.Close()
		}
	}()
	<-asked
	cancel()
	if err := <-returned; err != nil {
		t.Error(err)
	}
}
