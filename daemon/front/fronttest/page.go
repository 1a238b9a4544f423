package fronttest

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"testing/fstest"
)

// Page is a small built page: index.html, and app-7QHWZ2YX.js with its compressed forms beside it. What is called brotli in
// it is not: Go cannot compress with it.
func Page() fs.FS {
	script := []byte("console.log('hello from the page');\n")
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(script)
	_ = w.Close()
	return fstest.MapFS{
		"index.html":                {Data: []byte(`<!doctype html><title>page</title><script src="assets/app-7QHWZ2YX.js"></script>`)},
		"assets/app-7QHWZ2YX.js":    {Data: script},
		"assets/app-7QHWZ2YX.js.gz": {Data: packed.Bytes()},
		"assets/app-7QHWZ2YX.js.br": {Data: []byte(Brotli)},
		"icon.svg":                  {Data: []byte("<svg xmlns='http://www.w3.org/2000/svg'/>")},
		".keep":                     {Data: []byte("")},
	}
}

// Brotli is what stands for the script's brotli form.
const Brotli = "pretend this is brotli"
