package buyer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Watch prints the live stream of an access, one JSON document a line, until the access ends or ctx does. The end of the
// access is a StoppedError.
func Watch(ctx context.Context, t Target, a Access, out io.Writer) error {
	messages := make(chan []byte, 64)
	refused := make(chan error, 1)
	o := clientOptions(t, &peerPin{want: a.certificate, known: true}).
		SetClientID("reader-" + newClientID()).
		SetUsername(a.Username).SetPassword(a.Password).
		SetAutoReconnect(false).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			select {
			case messages <- m.Payload():
			default: // a reader who does not keep up loses readings, and sees it in seq
			}
		}).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			select {
			case refused <- err:
			default:
			}
		})
	for ctx.Err() == nil {
		c := mqtt.NewClient(o)
		err := wait(ctx, c.Connect(), connectTimeout)
		if err == nil {
			err = wait(ctx, c.Subscribe(topicLive, 0, nil), connectTimeout)
		}
		if err == nil {
			err = pump(ctx, messages, refused, out)
		}
		c.Disconnect(50)
		if ctx.Err() != nil {
			return nil
		}
		// The gateway closes the connection at the end; anything earlier is an accident to recover from.
		if !time.Now().Before(a.End.Add(-time.Second)) {
			return &StoppedError{"the access ended at " + a.End.Local().Format(time.TimeOnly)}
		}
		if _, full := errors.AsType[*writeError](err); full {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

// writeError says that the reader's own side failed: connecting again would not help.
type writeError struct{ err error }

// Error implements error.
func (e *writeError) Error() string { return "cannot write the stream: " + e.err.Error() }

// Unwrap gives the cause.
func (e *writeError) Unwrap() error { return e.err }

// pump writes what arrives until the connection is lost.
func pump(ctx context.Context, messages <-chan []byte, lost <-chan error, out io.Writer) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-lost:
			return err
		case m := <-messages:
			if _, err := fmt.Fprintf(out, "%s\n", m); err != nil {
				return &writeError{err}
			}
		}
	}
}
