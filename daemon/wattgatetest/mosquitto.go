//go:build linux

package wattgatetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Login is a name and a password; the zero value is anonymous.
type Login struct{ Name, Password string }

// Subscriber is a running mosquitto_sub.
type Subscriber struct {
	inbox
	Said *Log // what it wrote to the standard error

	cmd        *exec.Cmd
	subscribed chan struct{}
	once       sync.Once
	ended      chan struct{}
}

// Subscribe starts mosquitto_sub at a broker (mqtt://host:port) and returns once its subscriptions are acknowledged.
func Subscribe(ctx context.Context, broker string, who Login, topics ...string) (*Subscriber, error) {
	// -d says when the broker has acknowledged; stdbuf, because what -d says is buffered otherwise.
	args := append([]string{"-oL", "mosquitto_sub", "-d", "-F", "message %r %t %p"}, clientArgs(broker, who)...)
	for _, t := range topics {
		args = append(args, "-t", t)
	}
	s := &Subscriber{Said: &Log{}, cmd: exec.Command("stdbuf", args...), subscribed: make(chan struct{}), ended: make(chan struct{})}
	s.cmd.Stderr = s.Said
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot start mosquitto_sub: %w", err)
	}
	go s.read(out)
	select {
	case <-s.subscribed:
		return s, nil
	case <-s.ended:
		return s, fmt.Errorf("mosquitto_sub ended: %s", s.Said)
	case <-time.After(10 * time.Second):
		err = errors.New("mosquitto_sub is not subscribed after 10 s")
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.Stop()
	return nil, err
}

func clientArgs(broker string, who Login) []string {
	args := []string{"-h", "127.0.0.1", "-p", strconv.Itoa(portOf(broker))}
	if who.Name != "" {
		args = append(args, "-u", who.Name, "-P", who.Password)
	}
	return args
}

// read owns out until the process has ended.
func (s *Subscriber) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text := lines.Text()
		fields := strings.SplitN(text, " ", 4)
		switch {
		case strings.HasPrefix(text, "Subscribed (mid:"):
			s.once.Do(func() { close(s.subscribed) })
		case len(fields) == 4 && fields[0] == "message":
			s.add(Message{At: time.Now(), Retained: fields[1] == "1", Topic: fields[2], Payload: fields[3]})
		}
	}
	_ = s.cmd.Wait()
	close(s.ended)
}

// Ended is closed when mosquitto_sub has ended; it tries again by itself when the broker only closes its connection,
// and ends when that is refused.
func (s *Subscriber) Ended() <-chan struct{} { return s.ended }

// Stop ends mosquitto_sub.
func (s *Subscriber) Stop() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// Publish sends one message with mosquitto_pub. No error does not mean that the broker passed it on: Mosquitto accepts
// what it then throws away.
func Publish(ctx context.Context, broker string, who Login, topic, payload string, retain bool) error {
	args := append([]string{"-q", "1", "-t", topic, "-s"}, clientArgs(broker, who)...)
	if retain {
		args = append(args, "-r")
	}
	cmd := exec.CommandContext(ctx, "mosquitto_pub", args...)
	cmd.Stdin = strings.NewReader(payload)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mosquitto_pub: %w: %s", err, text)
	}
	return nil
}
