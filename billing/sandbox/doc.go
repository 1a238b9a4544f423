// Package sandbox is a ledger of play money in a file: anybody pays by asking, and nothing is worth anything. It exists
// so that a demo sells for real in every other respect.
//
// The file holds one JSON object a line and is only ever appended to; a payment counts once its line, with the newline,
// is on disk. A last line torn by a crash is cut off at the next start. The position in the list is the cursor.
package sandbox
