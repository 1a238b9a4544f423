package billing

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Identity is the gateway's signing key. It signs offers, invoices and receipts; it cannot spend anything.
type Identity struct {
	key ed25519.PrivateKey
}

// LoadIdentity reads the 32-byte Ed25519 seed at path, creating it with mode 0600 when it is missing. It refuses a
// file that others may read or that is not a seed: a new key would be another gateway to every buyer.
func LoadIdentity(path string) (*Identity, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createIdentity(path)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open identity key: %w (it must belong to the user wattgate runs as)", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot open identity key: %w", err)
	}
	// Windows has no such modes; only the buyer's side runs there.
	if mode := info.Mode(); runtime.GOOS != "windows" && (!mode.IsRegular() || mode.Perm()&0o077 != 0) {
		return nil, fmt.Errorf("cannot use identity key %s: its mode is %v, others must not read it (run: chmod 600 %s)", path, mode, path)
	}
	seed := make([]byte, ed25519.SeedSize+1)
	n, _ := f.Read(seed)
	if n != ed25519.SeedSize {
		return nil, fmt.Errorf("cannot use identity key %s: it must be exactly %d bytes (restore it from a backup; removing it makes this a new gateway to every buyer)", path, ed25519.SeedSize)
	}
	return &Identity{key: ed25519.NewKeyFromSeed(seed[:n])}, nil
}

// createIdentity writes a new seed: temporary file, fsync, link under the final name (which fails if a second process
// was faster), fsync of the directory. A crash leaves no file or the whole one.
func createIdentity(path string) (*Identity, error) {
	fail := func(err error) (*Identity, error) {
		return nil, fmt.Errorf("cannot create identity key %s: %w (the user wattgate runs as must be able to write to the directory)", path, err)
	}
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails: the runtime ends the process instead
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".identity-*") // mode 0600
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(seed); err != nil {
		return fail(err)
	}
	if err := f.Sync(); err != nil {
		return fail(err)
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return LoadIdentity(path)
	} else if err != nil {
		return fail(err)
	}
	if d, err := os.Open(dir); err == nil {
		defer d.Close()
		if err := d.Sync(); err != nil && runtime.GOOS != "windows" {
			return fail(err)
		}
	}
	return &Identity{key: ed25519.NewKeyFromSeed(seed)}, nil
}

// Public is the key that buyers verify with.
func (i *Identity) Public() ed25519.PublicKey { return i.key.Public().(ed25519.PublicKey) }

// Fingerprint is what buyers pin: the lower-case hex SHA-256 of Public.
func (i *Identity) Fingerprint() string { return Fingerprint(i.Public()) }

// SignOffer fills in the header and signature and returns the canonical document.
func (i *Identity) SignOffer(o Offer) ([]byte, error) {
	o.header = i.header(kindOffer)
	return i.sign(kindOffer, o)
}

// SignInvoice fills in the header and signature and returns the canonical document.
func (i *Identity) SignInvoice(v Invoice) ([]byte, error) {
	v.header = i.header(kindInvoice)
	return i.sign(kindInvoice, v)
}

// SignReceipt fills in the header and signature and returns the canonical document.
func (i *Identity) SignReceipt(r Receipt) ([]byte, error) {
	r.header = i.header(kindReceipt)
	return i.sign(kindReceipt, r)
}

func (i *Identity) header(kind string) header {
	return header{V: 1, Schema: "wattgate/" + kind + "/v1", Gateway: encoding.EncodeToString(i.Public())}
}

func (i *Identity) sign(kind string, doc any) ([]byte, error) {
	return sign(i.key, kind, "signature", doc)
}

// sign returns the canonical bytes of doc with the signature in the given member.
func sign(key ed25519.PrivateKey, kind, member string, doc any) ([]byte, error) {
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("cannot sign %s: %w", kind, err)
	}
	message, _, err := signedBytes(kind, member, raw)
	if err != nil {
		return nil, fmt.Errorf("cannot sign %s: %w", kind, err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("cannot sign %s: %w", kind, err)
	}
	if object[member], err = json.Marshal(encoding.EncodeToString(ed25519.Sign(key, message))); err != nil {
		return nil, fmt.Errorf("cannot sign %s: %w", kind, err)
	}
	if raw, err = json.Marshal(object); err != nil {
		return nil, fmt.Errorf("cannot sign %s: %w", kind, err)
	}
	_, canonical, err := signedBytes(kind, member, raw)
	return canonical, err
}
