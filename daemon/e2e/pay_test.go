//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"testing"
)

// What buy prints for somebody who pays by other means.
var (
	payTo        = regexp.MustCompile(`(?m)^ *to +(\S+)$`)
	payReference = regexp.MustCompile(`(?m)^ *reference +(\S+)$`)
)

// payByHand pays what buy asked for, in base units.
func payByHand(t *testing.T, g *gateway, said, amount string) {
	t.Helper()
	to, reference := payTo.FindStringSubmatch(said), payReference.FindStringSubmatch(said)
	if to == nil || reference == nil {
		t.Fatalf("cannot see what to pay:\n%s", said)
	}
	if code, text := payOnce(t, g, to[1], amount, reference[1]); code != http.StatusOK {
		t.Fatalf("cannot pay: %d %s", code, text)
	}
}

// payOnce makes one payment with play money.
func payOnce(t *testing.T, g *gateway, to, amount, reference string) (code int, text string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"address": to, "amount": amount, "reference": reference})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.Web+"/api/v1/sandbox/pay", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	return res.StatusCode, string(data)
}

// expect makes an error of a condition that is not met.
func expect(ok bool, otherwise string) error {
	if ok {
		return nil
	}
	return errors.New(otherwise)
}
