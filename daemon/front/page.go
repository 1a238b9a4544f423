package front

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// page is the built page; its files are known from the start and never change.
type page struct {
	files  map[string]*file // by path, with the leading slash
	absent bool             // no index.html
}

// file is one file in all its forms.
type file struct {
	fsys      fs.FS
	mime      string
	immutable bool
	forms     map[string]form // by content coding; "" is the file as it is
	codings   []string        // of forms, the best first
}

// form is a file in one content coding.
type form struct {
	name string // in the file system
	size int64
	tag  string // strong, quoted
}

// readPage learns what is there. Nil has nothing.
func readPage(fsys fs.FS) (*page, error) {
	p := &page{files: map[string]*file{}, absent: true}
	if fsys == nil {
		return p, nil
	}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || isCompressed(fsys, name):
			return nil
		}
		f, err := readFile(fsys, name)
		p.files["/"+name] = f
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the built page: %w", err)
	}
	if index := p.files["/index.html"]; index != nil {
		p.files["/"], p.absent = index, false
	}
	return p, nil
}

// isCompressed tells the compressed form of another file from a file of its own.
func isCompressed(fsys fs.FS, name string) bool {
	for _, c := range codings() {
		if of, ok := strings.CutSuffix(name, c.suffix); ok {
			if _, err := fs.Stat(fsys, of); err == nil {
				return true
			}
		}
	}
	return false
}

// hashedForm is how build tools name files whose contents never change: app-7QHWZ2YX.js, app.0a1b2c3d.js.
func hashedForm() *regexp.Regexp {
	return regexp.MustCompile(`[-.]([A-Z0-9]{8}|[0-9a-f]{8,64})(\.[a-z0-9]+)+$`)
}

func readFile(fsys fs.FS, name string) (*file, error) {
	f := &file{fsys: fsys, mime: mimeOf(name), immutable: hashedForm().MatchString(name), forms: map[string]form{}}
	if err := f.read("", name); err != nil {
		return nil, err
	}
	for _, c := range codings() {
		switch err := f.read(c.name, name+c.suffix); {
		case err == nil:
			f.codings = append(f.codings, c.name)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return f, nil
}

func (f *file) read(coding, name string) error {
	data, err := fs.ReadFile(f.fsys, name)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	f.forms[coding] = form{name, int64(len(data)), `"` + hex.EncodeToString(sum[:12]) + `"`}
	return nil
}

// mimeOf does not ask the system, whose tables differ from machine to machine.
func mimeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".webp":
		return "image/webp"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".wasm":
		return "application/wasm"
	case ".csv":
		return "text/csv; charset=utf-8"
	}
	return "application/octet-stream"
}

const absentText = `<h1>wattgate runs, without its page</h1><p>This program was built without the web page (<code>make page</code> and build again).` +
	` Everything else works: <a href="api/v1/offer">the offer</a>, <a href="api/v1/average">the free averages</a>, MQTT over WebSockets.</p>`

func (p *page) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "method-not-allowed", "this address can only be read", "what takes orders is below api/v1")
		return
	}
	f := p.files[r.URL.Path]
	switch {
	case f != nil:
		f.serve(w, r)
	case p.absent && (r.URL.Path == "/" || r.URL.Path == "/index.html"):
		html(w, r, http.StatusNotFound, absentText)
	default:
		notFound(w, r)
	}
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	hardenPage(h, r)
	coding := preferred(r.Header.Values("Accept-Encoding"), f.codings)
	form := f.forms[coding]
	if len(f.codings) > 0 {
		h.Add("Vary", "Accept-Encoding")
	}
	h.Set("ETag", form.tag)
	h.Set("Cache-Control", "no-cache")
	if f.immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if matches(r.Header.Values("If-None-Match"), form.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.mime)
	h.Set("Content-Length", strconv.FormatInt(form.size, 10))
	if coding != "" {
		h.Set("Content-Encoding", coding)
	}
	if r.Method == http.MethodHead {
		return
	}
	in, err := f.fsys.Open(form.name)
	if err != nil {
		panic(fmt.Sprintf("the built page has changed: %v", err))
	}
	defer in.Close()
	_, _ = io.CopyN(w, in, form.size) // an end that comes early cuts the connection, as the length was told
}

// matches compares weakly, as If-None-Match wants: a proxy that compresses weakens a tag.
func matches(lines []string, tag string) bool {
	return slices.ContainsFunc(tokens(lines), func(t string) bool {
		return t == "*" || strings.TrimPrefix(t, "W/") == tag
	})
}
