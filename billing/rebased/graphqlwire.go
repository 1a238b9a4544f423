package rebased

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// What the GraphQL service answers. Fields are pointers where their absence must be told from a zero.
type (
	wirePageInfo struct {
		HasNextPage *bool   `json:"hasNextPage"`
		EndCursor   *string `json:"endCursor"`
	}
	wireCheckpoint struct {
		SequenceNumber *uint64 `json:"sequenceNumber"`
		Timestamp      *string `json:"timestamp"`
	}
	wireTransactions struct {
		PageInfo wirePageInfo      `json:"pageInfo"`
		Nodes    []wireTransaction `json:"nodes"`
	}
	wireTransaction struct {
		Digest *string      `json:"digest"`
		Sender *wireAddress `json:"sender"`
		// Effects are nullable in the schema; a checkpointed transaction has them.
		Effects *struct {
			Status         *string         `json:"status"`
			Checkpoint     *wireCheckpoint `json:"checkpoint"`
			BalanceChanges wireChanges     `json:"balanceChanges"`
		} `json:"effects"`
	}
	wireDetail struct {
		Digest  *string `json:"digest"`
		Effects *struct {
			BalanceChanges wireChanges `json:"balanceChanges"`
		} `json:"effects"`
	}
	wireAddress struct {
		Address *string `json:"address"`
	}
	wireChanges struct {
		PageInfo wirePageInfo `json:"pageInfo"`
		Nodes    []struct {
			Owner *struct {
				Address  *string      `json:"address"`
				AsObject *wireAddress `json:"asObject"`
			} `json:"owner"`
			CoinType *struct {
				Repr *string `json:"repr"`
			} `json:"coinType"`
			Amount *string `json:"amount"`
		} `json:"nodes"`
	}
)

// Bounds of what an answer holds.
const (
	maxPageCursor = 1024 // bytes
	maxUInt53     = 1<<53 - 1
)

func (p wirePageInfo) more() bool { return p.HasNextPage != nil && *p.HasNextPage }

func (p wirePageInfo) end() string {
	if p.EndCursor == nil {
		return ""
	}
	return *p.EndCursor
}

func (p wirePageInfo) check() error {
	switch {
	case p.HasNextPage == nil:
		return errors.New("a page does not say whether it is the last one")
	case p.more() && (p.end() == "" || len(p.end()) > maxPageCursor):
		return errors.New("a page that is not the last one does not say how to go on")
	}
	return nil
}

func (w wireTransactions) check() error {
	if w.Nodes == nil || len(w.Nodes) > pageSize {
		return fmt.Errorf("a page holds %d transactions, asked were at most %d", len(w.Nodes), pageSize)
	}
	return w.PageInfo.check()
}

// parseView reads the fields that each query asks for.
func parseView(fields map[string]json.RawMessage) (view, error) {
	var chain *string
	var known struct {
		First *wireCheckpoint `json:"first"`
		Last  *wireCheckpoint `json:"last"`
	}
	if err := strictly(fields["chainIdentifier"], &chain); err != nil {
		return view{}, err
	}
	if err := strictly(fields["availableRange"], &known); err != nil {
		return view{}, err
	}
	if chain == nil || !isChain(*chain) {
		return view{}, errors.New("it does not name its chain")
	}
	if known.First == nil || known.Last == nil {
		return view{}, errors.New("it has no checkpoints")
	}
	first, err := known.First.number()
	if err != nil {
		return view{}, err
	}
	last, err := known.Last.number()
	if err != nil {
		return view{}, err
	}
	at, err := known.Last.time()
	if err != nil {
		return view{}, err
	}
	if first > last {
		return view{}, fmt.Errorf("its checkpoints go from %d to %d", first, last)
	}
	return view{*chain, first, last, at}, nil
}

func (c wireCheckpoint) number() (uint64, error) {
	if c.SequenceNumber == nil || *c.SequenceNumber > maxUInt53 {
		return 0, errors.New("a checkpoint has no number")
	}
	return *c.SequenceNumber, nil
}

func (c wireCheckpoint) time() (time.Time, error) {
	if c.Timestamp == nil {
		return time.Time{}, errors.New("a checkpoint has no time")
	}
	at, err := time.Parse(time.RFC3339Nano, *c.Timestamp)
	if err != nil || at.Unix() < 0 || at.Year() > 9998 {
		return time.Time{}, fmt.Errorf("checkpoint time %s is none", clean(*c.Timestamp))
	}
	return at.UTC(), nil
}

// transaction checks what was told of one; rest is not empty if there are more changes than these.
func (w wireTransaction) transaction() (t transaction, rest string, err error) {
	if w.Digest == nil || !isDigest(*w.Digest) {
		return t, "", errors.New("a transaction has no digest")
	}
	t.digest = *w.Digest
	fail := func(what string) (transaction, string, error) {
		return t, "", fmt.Errorf("transaction %s %s", t.digest, what)
	}
	if w.Effects == nil || w.Effects.Status == nil {
		return fail("has no effects")
	}
	switch *w.Effects.Status {
	case "SUCCESS":
		t.success = true
	case "FAILURE":
	default:
		return fail("has the status " + clean(*w.Effects.Status))
	}
	if w.Effects.Checkpoint == nil {
		return fail("has no checkpoint, though only final ones were asked for")
	}
	if t.checkpoint, err = w.Effects.Checkpoint.number(); err != nil {
		return fail(err.Error())
	}
	if t.at, err = w.Effects.Checkpoint.time(); err != nil {
		return fail(err.Error())
	}
	if w.Sender != nil {
		if t.sender, err = nodeAddress(w.Sender.Address); err != nil {
			return fail("has a sender without an address")
		}
	}
	if t.changes, rest, err = w.Effects.BalanceChanges.list(); err != nil {
		return fail(err.Error())
	}
	return t, rest, nil
}

// list checks balance changes; rest continues them.
func (w wireChanges) list() (list []change, rest string, err error) {
	if err := w.PageInfo.check(); err != nil {
		return nil, "", err
	}
	if w.Nodes == nil {
		return nil, "", errors.New("has no balance changes")
	}
	for _, n := range w.Nodes {
		if n.CoinType == nil || n.CoinType.Repr == nil || n.Amount == nil {
			return nil, "", errors.New("has a balance change without coin or amount")
		}
		c := change{coinType: *n.CoinType.Repr}
		if c.amount, err = parseAmount(*n.Amount); err != nil {
			return nil, "", err
		}
		if n.Owner != nil {
			if c.owner, err = nodeAddress(n.Owner.Address); err != nil {
				return nil, "", errors.New("has a balance change with an owner that has no address")
			}
			c.object = n.Owner.AsObject != nil
		}
		list = append(list, c)
	}
	if w.PageInfo.more() {
		rest = w.PageInfo.end()
	}
	return list, rest, nil
}

// nodeAddress checks an address that a node wrote, always in its long form. Unlike ParseAddress it allows those of the
// system.
func nodeAddress(text *string) (string, error) {
	if text == nil || len(*text) != 2+2*addressBytes || !strings.HasPrefix(*text, "0x") {
		return "", errors.New("no address")
	}
	if _, err := hex.DecodeString((*text)[2:]); err != nil {
		return "", errors.New("no address")
	}
	return strings.ToLower(*text), nil
}
