package wemo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wattgate/wattgate/devices/driver"
	"github.com/wattgate/wattgate/devices/guard"
)

// How long a subscription lasts: what is asked for, and between what the plug's
// own answer is believed. A real Insight answers 1801 s.
const (
	askedLease   = 1800 * time.Second
	shortestTerm = time.Minute
	longestTerm  = 24 * time.Hour
)

var (
	sidForm     = regexp.MustCompile(`^uuid:[A-Za-z0-9_.-]{1,96}$`)
	timeoutForm = regexp.MustCompile(`^Second-([0-9]{1,9})$`)
)

// Subscribe asks the plug to send every refresh of its meter to the URL
// callback, or with sid goes on with that subscription. It returns the
// subscription's identifier and how long it lasts, 1 min to 24 h. A plug that
// does not know sid (any more) gives driver.ErrUnsubscribed.
func (m *meter) Subscribe(ctx context.Context, callback, sid string) (string, time.Duration, error) {
	header := [][2]string{{"SID", sid}}
	if sid == "" {
		header = [][2]string{{"CALLBACK", "<" + callback + ">"}, {"NT", "upnp:event"}}
	}
	header = append(header, [2]string{"TIMEOUT", fmt.Sprintf("Second-%d", int(askedLease.Seconds()))})
	var lasts time.Duration
	err := m.event(ctx, "SUBSCRIBE", header, func(resp *http.Response) (err error) {
		sid, lasts, err = parseSubscription(resp.Header.Get("Sid"), resp.Header.Get("Timeout"))
		return err
	})
	return sid, lasts, err
}

// Unsubscribe ends a subscription.
func (m *meter) Unsubscribe(ctx context.Context, sid string) error {
	return m.event(ctx, "UNSUBSCRIBE", [][2]string{{"SID", sid}}, func(*http.Response) error { return nil })
}

// Event reads what the plug sent to a callback: at most 16 KiB.
func (m *meter) Event(body io.Reader) (driver.Reading, error) { return parseReading(body) }

func (m *meter) event(ctx context.Context, method string, header [][2]string, take func(*http.Response) error) error {
	if m.events == "" {
		return fmt.Errorf("cannot subscribe: the plug offers no events")
	}
	r := guard.Request{Method: method, Path: m.events, Header: header, Limit: maxSOAP}
	return guard.Do(ctx, m.addr, r, func(resp *http.Response) error {
		switch resp.StatusCode {
		case http.StatusOK:
			return take(resp)
		case http.StatusPreconditionFailed:
			return driver.ErrUnsubscribed
		}
		return guard.StatusError(resp.StatusCode)
	})
}

// parseSubscription checks what a plug answered to SUBSCRIBE: the identifier is
// sent back to it, the term decides when.
func parseSubscription(sid, timeout string) (string, time.Duration, error) {
	if !sidForm.MatchString(sid) {
		return "", 0, fmt.Errorf("cannot use subscription: malformed identifier %q", driver.Clean(sid))
	}
	m := timeoutForm.FindStringSubmatch(timeout)
	if m == nil {
		if strings.EqualFold(timeout, "Second-infinite") || timeout == "" {
			return sid, askedLease, nil
		}
		return "", 0, fmt.Errorf("cannot use subscription: malformed term %q", driver.Clean(timeout))
	}
	n, _ := strconv.Atoi(m[1]) // at most nine digits
	return sid, min(max(time.Duration(n)*time.Second, shortestTerm), longestTerm), nil
}
