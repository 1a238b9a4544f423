// Package control is the owner's line into a running gateway: a unix socket that speaks HTTP and JSON, the documents
// that travel over it, and the client the command line uses. It decides who may call, never what a call does.
//
// The socket is 0666 in a 0711 directory on purpose: a file mode cannot tell "may look" from "may change", the
// kernel's SO_PEERCRED can. Root and the gateway's own user may do everything, any other local user may read the
// status and nothing else.
package control
