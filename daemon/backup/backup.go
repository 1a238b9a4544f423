package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

const (
	manifestName = "manifest.json"
	format       = 1
	maxManifest  = 64 << 10 // bytes
	maxFile      = 8 << 30  // bytes of one file: many times the books of a busy year
)

// Manifest says what is in a backup.
type Manifest struct {
	V        int       `json:"v"`
	Version  string    `json:"version"` // of the program that made it
	Gateway  string    `json:"gateway"` // fingerprint of the identity key
	Identity bool      `json:"identity"`
	Made     time.Time `json:"made"`
	Files    []File    `json:"files"`
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"` // slash-separated
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // lower-case hex
}

// Write packs the files named, relative to dir, which must not change meanwhile. It completes m.
func Write(w io.Writer, m Manifest, dir string, names []string) error {
	m.V = format
	for _, name := range names {
		f, err := describe(dir, name)
		if err != nil {
			return fmt.Errorf("cannot back up %s: %w", name, err)
		}
		m.Files = append(m.Files, f)
	}
	head, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the manifest: %w", err)
	}
	out := tar.NewWriter(w)
	if err := member(out, manifestName, int64(len(head)), m.Made); err != nil {
		return err
	}
	if _, err := out.Write(head); err != nil {
		return fmt.Errorf("cannot write the backup: %w", err)
	}
	for _, f := range m.Files {
		if err := pack(out, dir, f, m.Made); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("cannot finish the backup: %w", err)
	}
	return nil
}

func describe(dir, name string) (File, error) {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return File{Name: name, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

func member(out *tar.Writer, name string, size int64, at time.Time) error {
	err := out.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: at, Typeflag: tar.TypeReg})
	if err != nil {
		return fmt.Errorf("cannot write the backup: %w", err)
	}
	return nil
}

func pack(out *tar.Writer, dir string, f File, at time.Time) error {
	in, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Name)))
	if err != nil {
		return fmt.Errorf("cannot back up %s: %w", f.Name, err)
	}
	defer in.Close()
	if err := member(out, f.Name, f.Size, at); err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return fmt.Errorf("cannot back up %s: %w", f.Name, err)
	}
	return nil
}

// errNoBackup is what everything that is no backup at all is called.
var errNoBackup = errors.New("cannot use the backup: this is no backup of wattgate, or it was cut off (make one with `wattgate backup FILE`)")

// Read unpacks a backup into dir, which must be empty, each file with mode 0600. Only the names in allowed may be in it. An
// error leaves dir with whatever had come by then.
func Read(r io.Reader, dir string, allowed map[string]bool) (Manifest, error) {
	in := tar.NewReader(r)
	m, err := readManifest(in)
	if err != nil {
		return Manifest{}, err
	}
	for _, f := range m.Files {
		if !allowed[f.Name] {
			return Manifest{}, fmt.Errorf("cannot use the backup: it holds %q, which no gateway keeps", f.Name)
		}
		head, err := in.Next()
		if err != nil || head.Name != f.Name || head.Typeflag != tar.TypeReg || head.Size != f.Size || f.Size > maxFile {
			return Manifest{}, errNoBackup
		}
		if err := unpack(in, dir, f); err != nil {
			return Manifest{}, err
		}
	}
	if _, err := in.Next(); !errors.Is(err, io.EOF) {
		return Manifest{}, errNoBackup
	}
	return m, nil
}

func readManifest(in *tar.Reader) (Manifest, error) {
	head, err := in.Next()
	if err != nil || head.Name != manifestName || head.Size > maxManifest {
		return Manifest{}, errNoBackup
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return Manifest{}, errNoBackup
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, errNoBackup
	}
	if m.V != format {
		return Manifest{}, fmt.Errorf("cannot use the backup: it was made by wattgate %.40q in form %d, and this release knows form %d (use a newer release)", m.Version, m.V, format)
	}
	return m, nil
}

func unpack(in io.Reader, dir string, f File) error {
	path := filepath.Join(dir, filepath.FromSlash(f.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot unpack the backup: %w", err)
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("cannot unpack the backup: %w", err)
	}
	defer out.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), in)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errNoBackup
	}
	if err == nil {
		err = out.Sync()
	}
	if err != nil {
		return fmt.Errorf("cannot unpack %s of the backup: %w", f.Name, err)
	}
	if n != f.Size || hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("cannot use the backup: %s in it is damaged (use another copy)", f.Name)
	}
	return nil
}
