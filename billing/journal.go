package billing

import (
	"context"
	"database/sql"
	"time"
)

// Entry is a line of the journal: what changed a right, when and why.
type Entry struct {
	ID   int64
	At   time.Time
	Kind string
	// What it is about; empty or 0 where it does not apply.
	Username string
	Order    string
	Grant    int64
	Payment  int64
	Detail   string
}

// maxDetail bounds free text in the journal, in bytes.
const maxDetail = 500

// note appends to the journal within the transaction that changes the right.
func note(ctx context.Context, tx *sql.Tx, now time.Time, e Entry) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO journal (at_ms, kind, username, order_hash, grant_id, payment_id, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		ms(now), e.Kind, e.Username, e.Order, e.Grant, e.Payment, cleanText(e.Detail, maxDetail))
	return err
}

// Note writes down what happened to rights outside billing: a breach, a broker restarted. kind is a short word.
func (s *Shop) Note(ctx context.Context, kind, detail string, now time.Time) error {
	return s.store.write(ctx, "write to the journal", func(tx *sql.Tx) error {
		return note(ctx, tx, now, Entry{Kind: cleanText(kind, 32), Detail: detail})
	})
}

// cleanText makes text of strangers printable ASCII of at most max bytes.
func cleanText(s string, max int) string {
	if printable(s, 0, max) {
		return s
	}
	out := make([]byte, 0, min(len(s), max))
	for _, r := range s {
		if len(out) == max {
			break
		}
		if r < ' ' || r > '~' {
			r = '?'
		}
		out = append(out, byte(r))
	}
	return string(out)
}
