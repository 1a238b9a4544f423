// Package cli is the command line: it parses words and flags, calls the package that does the work, and prints tables
// for people or JSON for programs. It decides nothing.
//
// Each command is one row of the table in cli.go. Commands that look at or change a running gateway talk to its control
// socket (owner.go); `run`, `broker`, `demo` and `simulate` are processes (process.go); `offer` and `buy` are the
// buyer's side (buyer.go) and are all that works outside Linux.
package cli
