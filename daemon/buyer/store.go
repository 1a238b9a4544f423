package buyer

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// book is what a buyer keeps about one gateway; a file of mode 0600 named after its fingerprint.
type book struct {
	Last     string            `json:"last"`     // the user name bought last
	Accounts map[string]string `json:"accounts"` // user name → password
	Pending  *pending          `json:"pending,omitempty"`
}

// pending is an order that was made and is not finished.
type pending struct {
	Order    string `json:"order"`
	Sealed   []byte `json:"sealed"`
	ReplyKey []byte `json:"reply_key"` // the X25519 private key for the gateway's secrets
	ReplyTo  string `json:"reply_to"`
	Username string `json:"username"` // as ordered; empty: the gateway chooses
	Product  string `json:"product"`
	Periods  int64  `json:"periods"`
	Told     bool   `json:"told"` // the buyer was told what to pay: he may have paid by any means
	Paid     bool   `json:"paid"` // the wallet was told to pay
}

// files is the buyer's directory.
type files struct{ dir string }

// openFiles makes $XDG_STATE_HOME/wattgate/buyer.
func openFiles() (files, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return files{}, fmt.Errorf("cannot find a place for credentials: %w (set XDG_STATE_HOME)", err)
		}
		base = filepath.Join(home, ".local", "state")
	}
	dir := filepath.Join(base, "wattgate", "buyer")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return files{}, fmt.Errorf("cannot make the directory for credentials: %w", err)
	}
	return files{dir}, nil
}

func (f files) bookPath(fingerprint string) string {
	return filepath.Join(f.dir, "gateway-"+fingerprint+".json")
}

func (f files) readBook(fingerprint string) (book, error) {
	b := book{Accounts: map[string]string{}}
	if err := readJSON(f.bookPath(fingerprint), &b); err != nil {
		return book{}, err
	}
	if b.Accounts == nil {
		b.Accounts = map[string]string{}
	}
	return b, nil
}

func (f files) writeBook(fingerprint string, b book) error {
	return writeJSON(f.bookPath(fingerprint), b)
}

// trust returns the fingerprint that answered at an address before, empty for a new address.
func (f files) trust(address string) (string, error) {
	known := map[string]string{}
	err := readJSON(filepath.Join(f.dir, "known.json"), &known)
	return known[address], err
}

// remember notes which gateway answers at an address.
func (f files) remember(address, fingerprint string) error {
	path := filepath.Join(f.dir, "known.json")
	known := map[string]string{}
	if err := readJSON(path, &known); err != nil {
		return err
	}
	if known[address] == fingerprint {
		return nil
	}
	if known == nil {
		known = map[string]string{}
	}
	known[address] = fingerprint
	return writeJSON(path, known)
}

// identity reads the buyer's key, which user names are bound to; it is made when there is none.
func (f files) identity(path string) (ed25519.PrivateKey, error) {
	if path == "" {
		path = filepath.Join(f.dir, "identity.key")
	}
	if err := makeKey(path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("cannot use the buyer's key in %s: others may read it (chmod 600 %s)", path, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the buyer's key: %w", err)
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(data)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("cannot use the buyer's key in %s: it should be 64 hexadecimal digits (restore the file, or move it away to begin as somebody else)", path)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// makeKey makes the buyer's key if there is none. Of two programs that do so at once, one wins and both use its key.
func makeKey(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil // whatever it is, reading it says what is wrong
	}
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails
	own := path + "." + rand.Text()
	if err := replaceFile(own, []byte(hex.EncodeToString(seed)+"\n")); err != nil {
		return err
	}
	defer func() { _ = os.Remove(own) }()
	if err := os.Link(own, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot keep the buyer's key: %w", err)
	}
	return nil
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("cannot read %s: %w (restore it, or move it away)", path, err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return replaceFile(path, append(data, '\n'))
}

// replaceFile leaves either the old content or the new one, whatever happens.
func replaceFile(path string, data []byte) error {
	err := func() error {
		f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
		if err != nil {
			return err
		}
		defer func() { _ = os.Remove(f.Name()) }() // gone after the rename
		_, err = f.Write(data)
		err = errors.Join(err, f.Sync(), f.Close())
		if err != nil {
			return err
		}
		if err := os.Rename(f.Name(), path); err != nil {
			return err
		}
		return syncDir(filepath.Dir(path))
	}()
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

// syncDir makes a rename durable. Windows has no such call and needs none.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
