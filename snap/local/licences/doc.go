// Command licences copies the licence of every module that is linked into wattgate, of Go itself and of wattgate into a
// directory, and refuses when one has none. It copies texts and judges nothing.
//
//	go run ./snap/local/licences DIR
package main
