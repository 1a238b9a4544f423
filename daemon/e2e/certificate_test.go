//go:build linux

package e2e

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/wattgate/wattgate/daemon/control"
	"github.com/wattgate/wattgate/daemon/wattgatetest"
)

// bundle makes an owner's certificate with its key, as `wattgate tls set` takes it, and the certificate's fingerprint.
func bundle(t *testing.T, key crypto.Signer, until time.Time) (pemText []byte, fingerprint string) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "power.example.org"},
		NotBefore:    until.Add(-48 * time.Hour),
		NotAfter:     until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return bytes.Join([][]byte{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, nil), hex.EncodeToString(sum[:])
}

func elliptic256(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// setTLS runs `wattgate tls set` with a bundle on its standard input.
func (g *gateway) setTLS(pemText []byte) (out string, err error) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, built.plain.Path, "tls", "set", "--state", g.State)
	cmd.Stdin = bytes.NewReader(pemText)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// shown is the fingerprint of the certificate that the TLS listener shows to a newcomer.
func (g *gateway) shown() (string, error) {
	u, err := url.Parse(g.TLS)
	if err != nil {
		return "", err
	}
	c, err := tls.Dial("tcp", u.Host, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return "", err
	}
	defer c.Close()
	sum := sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:]), nil
}

func (g *gateway) awaitShown(want string) {
	g.t.Helper()
	eventually(g.t, 15*time.Second, func() error {
		got, err := g.shown()
		if err == nil && got != want {
			err = fmt.Errorf("the listener shows %s, want %s", got, want)
		}
		return err
	})
}

func TestOwnersCertificateIsShownAndNobodyIsDropped(t *testing.T) {
	t.Parallel()
	g := start(t)
	reader := g.connect(g.addOwner("jane"), "sensor/live")
	broker := g.status().Broker.PID
	pemText, fingerprint := bundle(t, elliptic256(t), time.Now().Add(24*time.Hour))
	if out, err := g.setTLS(pemText); err != nil || !strings.Contains(out, fingerprint) {
		t.Fatalf("%v\n%s", err, out)
	}
	g.awaitShown(fingerprint)
	if pid := g.status().Broker.PID; pid != broker || !reader.LostAt().IsZero() {
		t.Errorf("a new certificate of the same kind restarted the broker (%d, %d) or dropped a reader", broker, pid)
	}
	a := newBuyer(t).buy(g)
	if _, err := wattgatetest.Connect(g.MQTT, wattgatetest.Login{Name: a.Username, Password: a.Password}); err != nil {
		t.Error(err)
	}

	// The TLS library keeps one certificate for each kind of key: only a fresh start shows the other kind to everybody.
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pemText, fingerprint = bundle(t, key, time.Now().Add(24*time.Hour))
	if out, err := g.setTLS(pemText); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	g.awaitShown(fingerprint)
}

func TestCertificateThatIsNoGoodIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	g := start(t)
	var before control.TLS
	g.read(&before, "tls")
	good, _ := bundle(t, elliptic256(t), time.Now().Add(24*time.Hour))
	other, _ := bundle(t, elliptic256(t), time.Now().Add(24*time.Hour))
	ended, _ := bundle(t, elliptic256(t), time.Now().Add(-time.Hour))
	certificate, _, _ := bytes.Cut(good, []byte("-----BEGIN PRIVATE"))
	_, otherKey, _ := bytes.Cut(other, []byte("-----END CERTIFICATE-----\n"))
	for name, tt := range map[string]struct {
		text []byte
		says string
	}{
		"not PEM":        {[]byte("hello"), "this is no PEM"},
		"without a key":  {certificate, "no PRIVATE KEY block"},
		"another's key":  {append(bytes.Clone(certificate), otherKey...), "private key"},
		"already ended":  {ended, "it ended at"},
		"nothing at all": {nil, "this is no PEM"},
	} {
		out, err := g.setTLS(tt.text)
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !strings.Contains(out, tt.says) {
			t.Errorf("%s: %v, want exit code 1 and %q\n%s", name, err, tt.says, out)
		}
	}
	var after control.TLS
	g.read(&after, "tls")
	if after != before {
		t.Errorf("a refused certificate changed what is shown: %+v, before %+v", after, before)
	}
	g.awaitShown(before.SHA256)
}
