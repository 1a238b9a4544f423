package tlscert

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

func replace(dir, name string, data []byte) error {
	return os.WriteFile(filepath.Join(dir, name), data, 0o600)
}

func ensure(t *testing.T, dir string, at time.Time) (Certificate, bool) {
	t.Helper()
	c, changed, err := Ensure(dir, []string{"power.example.org", "192.0.2.7"}, at, replace)
	if err != nil {
		t.Fatal(err)
	}
	return c, changed
}

func TestSelfMadeIsMadeOnceAndRenewedBeforeItEnds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	first, changed := ensure(t, dir, now)
	if !changed || !first.SelfMade || len(first.SHA256) != 64 {
		t.Fatalf("first: %+v, changed %v", first, changed)
	}
	again, changed := ensure(t, dir, now.Add(24*time.Hour))
	if changed || again.SHA256 != first.SHA256 {
		t.Error("a good certificate was replaced")
	}
	later, changed := ensure(t, dir, first.NotAfter.Add(-renewBefore+time.Minute))
	if !changed || later.SHA256 == first.SHA256 || !later.NotAfter.After(first.NotAfter) {
		t.Error("a certificate about to end was not replaced")
	}
}

// A machine without a clock of its own makes one in 1970 and finds it ended when it learns the time.
func TestSelfMadeThatHasEndedIsSeenAsSelfMadeAndMadeAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	first, _ := ensure(t, dir, time.Unix(60, 0))
	if c, err := Read(dir, now); err == nil || !c.SelfMade {
		t.Errorf("%+v, %v: want it ended, and known as self-made", c, err)
	}
	if next, changed := ensure(t, dir, now); !changed || next.SHA256 == first.SHA256 {
		t.Error("an ended self-made certificate was kept")
	}
}

func TestHalfWrittenSelfMadePairIsMadeAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	first, _ := ensure(t, dir, now)
	other, err := selfSigned(nil, now)
	if err != nil {
		t.Fatal(err)
	}
	// The power failed after the new key and before the new certificate.
	if err := replace(dir, keyFile, other.key); err != nil {
		t.Fatal(err)
	}
	next, changed := ensure(t, dir, now)
	if !changed || next.SHA256 == first.SHA256 {
		t.Error("a certificate that does not fit its key was kept")
	}
}

// owners makes a bundle that does not look self-made.
func owners(t *testing.T, at time.Time) bundle {
	t.Helper()
	b, err := signedAs("Example", []string{"power.example.org"}, at)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOwnersCertificateIsCheckedAndNeverReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	ensure(t, dir, now)
	b := owners(t, now)
	set, err := Set(dir, append(bytes.Clone(b.key), b.certs...), now, replace)
	if err != nil || set.SelfMade {
		t.Fatalf("Set: %+v, %v", set, err)
	}
	// Close to its end it stays: only its owner can renew it.
	c, changed := ensure(t, dir, set.NotAfter.Add(-time.Hour))
	if changed || c.SHA256 != set.SHA256 {
		t.Error("the owner's certificate was replaced")
	}
	_, changed, err = Ensure(dir, nil, set.NotAfter.Add(time.Hour), replace)
	if err == nil || changed || !strings.Contains(err.Error(), "wattgate tls set") {
		t.Errorf("an ended certificate: changed %v, %v", changed, err)
	}
}

func TestSetRefusesWithTheReason(t *testing.T) {
	good, other := owners(t, now), owners(t, now)
	ended := owners(t, now.Add(-2*lifetime))
	early := owners(t, now.Add(lifetime))
	for name, tc := range map[string]struct {
		bundle []byte
		says   string
	}{
		"nothing":        {nil, "no CERTIFICATE block"},
		"no key":         {good.certs, "no PRIVATE KEY block"},
		"no certificate": {good.key, "no CERTIFICATE block"},
		"mismatch":       {append(bytes.Clone(good.certs), other.key...), "private key"},
		"ended":          {append(bytes.Clone(ended.certs), ended.key...), "it ended at"},
		"not yet":        {append(bytes.Clone(early.certs), early.key...), "valid only from"},
		"encrypted key":  {append(bytes.Clone(good.certs), "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"...), "protected by a password"},
		"huge":           {bytes.Repeat([]byte("x"), maxBundle+1), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "tls")
			_, err := Set(dir, tc.bundle, now, replace)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want one that says %q", err, tc.says)
			}
			if _, err := os.Stat(filepath.Join(dir, certFile)); !errors.Is(err, fs.ErrNotExist) {
				t.Error("something was installed all the same")
			}
		})
	}
}
