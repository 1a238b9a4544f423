// Package backup packs files into one stream with their checksums, and takes such a stream apart again, whole or not at
// all. What the files mean is the caller's business.
//
// The stream is a tar archive whose first member is manifest.json.
package backup
