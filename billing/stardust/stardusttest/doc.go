// Package stardusttest starts real IOTA networks of the Stardust generation on the loopback interface, pays on them and
// breaks them: a node of the official software with a coordinator of our own, built from the module privatenet beside it.
//
// The first build downloads several hundred modules and takes some six minutes on two cores; it is kept in the user's cache
// directory for as long as nothing in privatenet changes. A network is there a second after Start. Proxy stands before a
// node and garbles what it says.
package stardusttest
