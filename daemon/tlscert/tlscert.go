package tlscert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Names of the files in the certificate's directory. Mosquitto wants certificate and key apart.
const (
	certFile = "cert.pem"
	keyFile  = "key.pem"
)

const (
	// lifetime of a self-made certificate. It is pinned, not chained, so a short one would only make pins change often.
	lifetime = 2 * 365 * 24 * time.Hour
	// renewBefore its end a self-made certificate is replaced; offers carry the new fingerprint from then on.
	renewBefore = 30 * 24 * time.Hour
	// maxBundle bounds an owner's bundle, in bytes: a key and a chain of a few certificates.
	maxBundle = 64 << 10
	// selfMade is the organisation of certificates made here; it tells them from the owner's.
	selfMade = "wattgate self-made"
)

// Certificate is what TLS listeners show.
type Certificate struct {
	CertFile string // PEM, the chain
	KeyFile  string // PEM, mode 0600
	SHA256   string // lower-case hex SHA-256 of the leaf (DER): the fingerprint that clients pin
	NotAfter time.Time
	SelfMade bool
	Key      string // kind of key: ECDSA, RSA, Ed25519
}

// Replace writes a file durably and atomically with mode 0600; acl.ReplaceFile is one.
type Replace func(dir, name string, data []byte) error

// Ensure returns the certificate in dir, and makes one for hosts where there is none or where a self-made one is about to
// end. An owner's certificate that is missing its key, does not fit it or has ended is an error that names the remedy;
// it is never replaced. changed says that clients will see another certificate than before.
func Ensure(dir string, hosts []string, now time.Time, replace Replace) (c Certificate, changed bool, err error) {
	c, err = Read(dir, now)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case c.SelfMade && (err != nil || now.Add(renewBefore).After(c.NotAfter)):
	default:
		return c, false, err
	}
	bundle, err := selfSigned(hosts, now)
	if err != nil {
		return Certificate{}, false, err
	}
	if err := store(dir, bundle, replace); err != nil {
		return Certificate{}, false, err
	}
	c, err = Read(dir, now)
	return c, true, err
}

// Set checks an owner's bundle (PEM: the certificate, its chain, the key, in any order) and installs it.
func Set(dir string, bundle []byte, now time.Time, replace Replace) (Certificate, error) {
	if len(bundle) > maxBundle {
		return Certificate{}, fmt.Errorf("cannot use the certificate: the bundle is larger than %d bytes", maxBundle)
	}
	b, err := split(bundle)
	if err != nil {
		return Certificate{}, err
	}
	if _, err := check(b, now); err != nil {
		return Certificate{}, err
	}
	if err := store(dir, b, replace); err != nil {
		return Certificate{}, err
	}
	return Read(dir, now)
}

// Read returns the certificate in dir and what is wrong with it, if anything.
func Read(dir string, now time.Time) (Certificate, error) {
	certs, err := os.ReadFile(filepath.Join(dir, certFile))
	if err != nil {
		return Certificate{}, fmt.Errorf("cannot read the certificate: %w", err)
	}
	key, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		return Certificate{}, fmt.Errorf("cannot read the certificate's key: %w", err)
	}
	leaf, err := check(bundle{certs, key}, now)
	c := Certificate{CertFile: filepath.Join(dir, certFile), KeyFile: filepath.Join(dir, keyFile)}
	if leaf != nil {
		sum := sha256.Sum256(leaf.Raw)
		c.SHA256, c.NotAfter, c.Key = hex.EncodeToString(sum[:]), leaf.NotAfter, leaf.PublicKeyAlgorithm.String()
		c.SelfMade = len(leaf.Subject.Organization) == 1 && leaf.Subject.Organization[0] == selfMade
	}
	return c, err
}

// bundle is a certificate chain and its key, as PEM.
type bundle struct{ certs, key []byte }

// split sorts the blocks of a PEM file; the leaf must come first among the certificates, as everywhere.
func split(data []byte) (bundle, error) {
	var b bundle
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE":
			b.certs = append(b.certs, pem.EncodeToMemory(block)...)
		case "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY":
			b.key = append(b.key, pem.EncodeToMemory(block)...)
		case "ENCRYPTED PRIVATE KEY":
			return bundle{}, errors.New("cannot use the certificate: its key is protected by a password (openssl pkey -in key.pem -out plain.pem)")
		}
	}
	switch {
	case b.certs == nil:
		return bundle{}, errors.New("cannot use the certificate: the bundle holds no CERTIFICATE block (cat fullchain.pem privkey.pem | wattgate tls set)")
	case b.key == nil:
		return bundle{}, errors.New("cannot use the certificate: the bundle holds no PRIVATE KEY block (cat fullchain.pem privkey.pem | wattgate tls set)")
	}
	return b, nil
}

// check returns the leaf, and an error if it does not fit the key or is not valid now.
func check(b bundle, now time.Time) (*x509.Certificate, error) {
	block, _ := pem.Decode(b.certs)
	if block == nil {
		return nil, errors.New("cannot use the certificate: it is no PEM")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("cannot use the certificate: %w", err)
	}
	if _, err := tls.X509KeyPair(b.certs, b.key); err != nil {
		return leaf, fmt.Errorf("cannot use the certificate: %w (put the server's own certificate first, and its key)", err)
	}
	switch {
	case now.After(leaf.NotAfter):
		return leaf, fmt.Errorf("cannot use the certificate: it ended at %s (renew it and run wattgate tls set again)", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return leaf, fmt.Errorf("cannot use the certificate: it is valid only from %s (is the clock of this machine right?)", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return leaf, nil
}

func selfSigned(hosts []string, now time.Time) (bundle, error) { return signedAs(selfMade, hosts, now) }

// signedAs makes a self-signed certificate. ECDSA P-256, because every TLS client of the last ten years takes it.
func signedAs(organization string, hosts []string, now time.Time) (bundle, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return bundle{}, fmt.Errorf("cannot make a certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return bundle{}, fmt.Errorf("cannot make a certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "wattgate", Organization: []string{organization}},
		// A little in the past, for clients whose clock is behind.
		NotBefore:             now.Add(-24 * time.Hour),
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if h != "" {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return bundle{}, fmt.Errorf("cannot make a certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return bundle{}, fmt.Errorf("cannot make a certificate: %w", err)
	}
	return bundle{
		certs: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, nil
}

// store writes the key first. Should the power fail between the two, they do not fit: check says so, and Ensure makes
// another self-made pair.
func store(dir string, b bundle, replace Replace) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the directory for certificates: %w", err)
	}
	if err := replace(dir, keyFile, b.key); err != nil {
		return err
	}
	return replace(dir, certFile, b.certs)
}
