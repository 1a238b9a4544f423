package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wattgate/wattgate/billing"
)

// Bounds of what anybody may write into the file.
const (
	maxText     = 128     // bytes of an address or reference
	maxPayments = 100_000 // about 20 MB of file
	maxLine     = 2048    // bytes; a line of ours stays below
	batchSize   = 500     // deposits in a batch
)

// Ledger is an open sandbox file. It implements billing.Ledger. All methods may be called at the same time.
type Ledger struct {
	mu       sync.Mutex // guards what follows
	file     *os.File
	size     int64 // of whole lines
	deposits []billing.Deposit
	chain    string
	broken   error // set when the file can no longer be trusted to end in a whole line

	changed chan struct{}
}

// line is a payment as it stands in the file. The first line has only a chain, the identity of the file.
type line struct {
	Chain     string        `json:"chain,omitempty"`
	ID        string        `json:"id,omitempty"`
	Address   string        `json:"address,omitempty"`
	Reference string        `json:"reference,omitempty"`
	Amount    billing.Units `json:"amount,omitempty"`
	AtMS      int64         `json:"at_ms,omitempty"`
}

// Open opens or creates the ledger file at path with mode 0600.
func Open(path string) (*Ledger, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open sandbox ledger: %w (the user wattgate runs as must be able to write there)", err)
	}
	l := &Ledger{file: f, changed: make(chan struct{}, 1)}
	if err := l.load(); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot open sandbox ledger %s: %w", path, err)
	}
	if l.chain == "" {
		if err := l.begin(filepath.Dir(path)); err != nil {
			f.Close()
			return nil, fmt.Errorf("cannot create sandbox ledger %s: %w", path, err)
		}
	}
	return l, nil
}

// Close closes the file.
func (l *Ledger) Close() error { return l.file.Close() }

// load reads all whole lines and cuts off a torn last one.
func (l *Ledger) load() error {
	r := bufio.NewReaderSize(l.file, maxLine)
	for {
		raw, err := r.ReadSlice('\n')
		switch {
		case err == io.EOF:
			if len(raw) > 0 { // the payment was never confirmed to anybody
				return l.file.Truncate(l.size)
			}
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("line %d is too long: the file is damaged (move it aside: play money is lost, grants stay)", len(l.deposits)+1)
		case err != nil:
			return err
		}
		if err := l.take(raw); err != nil {
			return fmt.Errorf("line %d is damaged: %w (move the file aside: play money is lost, grants stay)", len(l.deposits)+1, err)
		}
		l.size += int64(len(raw))
	}
}

func (l *Ledger) take(raw []byte) error {
	var p line
	if err := json.Unmarshal(raw, &p); err != nil {
		return err
	}
	switch {
	case l.chain == "":
		if p.Chain == "" {
			return errors.New("it names no chain")
		}
		l.chain = p.Chain
		return nil
	case p.ID == "" || p.Amount < 1:
		return errors.New("it is no payment")
	case len(l.deposits) >= maxPayments:
		return errors.New("there are too many payments")
	}
	l.deposits = append(l.deposits, billing.Deposit{ID: p.ID, Address: p.Address, Reference: p.Reference, Sender: "sandbox", Amount: p.Amount, At: time.UnixMilli(p.AtMS).UTC()})
	return nil
}

// begin writes the first line and makes the file itself durable.
func (l *Ledger) begin(dir string) error {
	chain := "sandbox-" + randomHex()
	if err := l.append(line{Chain: chain}); err != nil {
		return err
	}
	l.chain = chain
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// append writes one line and waits until it is on disk. After a failure it restores the end of the file, or else
// refuses everything from then on.
func (l *Ledger) append(p line) error {
	if l.broken != nil {
		return l.broken
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	raw = append(bytes.TrimSpace(raw), '\n')
	if _, err = l.file.WriteAt(raw, l.size); err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		if cut := l.file.Truncate(l.size); cut != nil {
			l.broken = fmt.Errorf("cannot go on with the sandbox ledger: %w (restart wattgate)", cut)
		}
		return err
	}
	l.size += int64(len(raw))
	return nil
}

func randomHex() string {
	var raw [16]byte
	rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}

// Pay makes a deposit out of nothing and returns its id once it is on disk. The address and the reference are at most
// 128 bytes, the amount is above 0.
func (l *Ledger) Pay(ctx context.Context, address string, amount billing.Units, reference string) (id string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	switch {
	case address == "" || len(address) > maxText || len(reference) > maxText:
		return "", &billing.Refusal{Code: billing.CodeInvalid, Message: "cannot pay to this address with this reference", Fix: "use those of the invoice"}
	case amount < 1:
		return "", &billing.Refusal{Code: billing.CodeInvalid, Message: "cannot pay this amount", Fix: "pay at least one base unit"}
	}
	// As they will be read back from the file.
	address, reference = strings.ToValidUTF8(address, "?"), strings.ToValidUTF8(reference, "?")
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.deposits) >= maxPayments {
		return "", &billing.Refusal{Code: billing.CodeBusy, Message: "cannot pay: the sandbox ledger is full", Fix: "move its file aside and restart the demo"}
	}
	p := line{ID: randomHex(), Address: address, Reference: reference, Amount: amount, AtMS: time.Now().UnixMilli()}
	if err := l.append(p); err != nil {
		return "", fmt.Errorf("cannot store the payment: %w", err)
	}
	l.deposits = append(l.deposits, billing.Deposit{ID: p.ID, Address: address, Reference: reference, Sender: "sandbox", Amount: amount, At: time.UnixMilli(p.AtMS).UTC()})
	select {
	case l.changed <- struct{}{}:
	default:
	}
	return p.ID, nil
}

// Changed receives after new payments; several may share one.
func (l *Ledger) Changed() <-chan struct{} { return l.changed }

// Identity names this very file: another one is another chain.
func (l *Ledger) Identity(context.Context) (string, error) { return l.chain, nil }

// Head is the number of payments and the time of the last.
func (l *Ledger) Head(context.Context) (billing.Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// As a ledger that makes a block when it is asked: its time is now.
	return billing.Head{Sequence: uint64(len(l.deposits)), At: time.Now().UTC()}, nil
}

// Deposits lists payments after the cursor. A cursor beyond the end, as after the file was moved aside, begins anew:
// deposits have random ids, so nothing is taken for something else.
func (l *Ledger) Deposits(ctx context.Context, cursor string) (billing.Batch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	chain, number, _ := bytes.Cut([]byte(cursor), []byte(":"))
	from, err := strconv.Atoi(string(number))
	if err != nil || string(chain) != l.chain || from < 0 || from > len(l.deposits) {
		from = 0
	}
	to := min(from+batchSize, len(l.deposits))
	return billing.Batch{
		Deposits: append([]billing.Deposit(nil), l.deposits[from:to]...),
		Cursor:   l.chain + ":" + strconv.Itoa(to), More: to < len(l.deposits),
	}, nil
}
