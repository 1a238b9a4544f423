package page

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// FS is the built page: index.html, hashed assets, and .br and .gz forms beside what compresses. Built is false where the
// binary was made without it; the file system then holds nothing to serve.
func FS() (page fs.FS, built bool) {
	page, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant that go:embed has checked
	}
	_, err = fs.Stat(page, "index.html")
	return page, err == nil
}
