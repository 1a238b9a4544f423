// Package tlscert keeps the certificate of the TLS listeners: the owner's own, or a self-made one that is renewed before it
// ends. It never serves anything.
//
// A self-made certificate proves nothing by itself; its fingerprint stands in the signed offer, so that whoever pins the
// gateway's key knows the certificate too.
package tlscert
