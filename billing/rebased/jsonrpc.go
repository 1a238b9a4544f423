package rebased

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// rpc asks a node by JSON-RPC.
type rpc struct {
	*endpoint
	id *atomic.Uint64
}

// rpcError is a node's answer that it cannot or will not say.
type rpcError struct{ said string }

func (e *rpcError) Error() string { return e.said }

// call asks one question and decodes its result. A *rpcError is the node's own no.
func (r rpc) call(ctx context.Context, into any, method string, params ...any) error {
	id := r.id.Add(1)
	if params == nil {
		params = []any{}
	}
	body, err := r.post(ctx, map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	if err != nil {
		return err
	}
	var answer struct {
		Version string           `json:"jsonrpc"`
		ID      *json.RawMessage `json:"id"` // nil: null or missing, as a node answers that did not read the question
		Result  json.RawMessage  `json:"result"`
		Error   *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Version != "2.0" {
		return r.wrong("its answer is no JSON-RPC 2.0")
	}
	switch {
	case answer.ID == nil && answer.Error != nil:
		return r.rest(clean(answer.Error.Message), "")
	case answer.ID == nil || string(*answer.ID) != strconv.FormatUint(id, 10):
		return r.wrong("it answers another question than " + method)
	case answer.Error != nil:
		return &rpcError{fmt.Sprintf("%s (code %d)", clean(answer.Error.Message), answer.Error.Code)}
	case answer.Result == nil:
		return r.wrong("its answer to " + method + " has no result")
	}
	if err := json.Unmarshal(answer.Result, into); err != nil {
		return r.wrong("its answer to " + method + " does not follow the description: " + clean(err.Error()))
	}
	return nil
}

// chain is the chain's identifier, written as the GraphQL service does.
func (r rpc) chain(ctx context.Context) (string, error) {
	var id string
	if err := r.ask(ctx, &id, "iota_getChainIdentifier"); err != nil {
		return "", err
	}
	if !isChain(id) {
		return "", r.wrong("it does not name its chain")
	}
	return id, nil
}

// head is the newest checkpoint.
func (r rpc) head(ctx context.Context) (uint64, error) {
	var text string
	if err := r.ask(ctx, &text, "iota_getLatestCheckpointSequenceNumber"); err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 53)
	if err != nil {
		return 0, r.wrong("its newest checkpoint has no number")
	}
	return n, nil
}

// ask is call for a question to which there is no no.
func (r rpc) ask(ctx context.Context, into any, method string) error {
	err := r.call(ctx, into, method)
	if no, ok := errors.AsType[*rpcError](err); ok {
		return fmt.Errorf("cannot read from node %s: it answers %s with %s", r.name, method, no.said)
	}
	return err
}

// rpcTransaction is the part of a transaction that we ask for; the node sends more.
type rpcTransaction struct {
	Digest      *string `json:"digest"`
	Checkpoint  *string `json:"checkpoint"`
	TimestampMS *string `json:"timestampMs"`
	Transaction *struct {
		Data *struct {
			Sender *string `json:"sender"`
		} `json:"data"`
	} `json:"transaction"`
	Effects *struct {
		Status *struct {
			Status *string `json:"status"`
		} `json:"status"`
	} `json:"effects"`
	BalanceChanges []struct {
		Owner    json.RawMessage `json:"owner"`
		CoinType *string         `json:"coinType"`
		Amount   *string         `json:"amount"`
	} `json:"balanceChanges"`
}

// transaction asks for one by its digest. final is false while it has no checkpoint.
func (r rpc) transaction(ctx context.Context, digest string) (t transaction, final bool, err error) {
	var wire rpcTransaction
	err = r.call(ctx, &wire, "iota_getTransactionBlock", digest,
		map[string]bool{"showInput": true, "showEffects": true, "showBalanceChanges": true})
	if err != nil {
		return t, false, err
	}
	if wire.Digest == nil || *wire.Digest != digest {
		return t, false, r.wrong("it answers with another transaction than " + digest)
	}
	if wire.Checkpoint == nil {
		return t, false, nil
	}
	if t, err = wire.parse(); err != nil {
		return t, false, r.wrong("transaction " + digest + " " + err.Error())
	}
	return t, true, nil
}

func (w rpcTransaction) parse() (t transaction, err error) {
	t.digest = *w.Digest
	if t.checkpoint, err = strconv.ParseUint(*w.Checkpoint, 10, 53); err != nil {
		return t, errors.New("has a checkpoint without a number")
	}
	if w.TimestampMS != nil {
		ms, err := strconv.ParseInt(*w.TimestampMS, 10, 53)
		if err != nil || ms < 0 {
			return t, errors.New("has no time")
		}
		t.at = time.UnixMilli(ms).UTC()
	}
	if w.Effects == nil || w.Effects.Status == nil || w.Effects.Status.Status == nil {
		return t, errors.New("has no effects")
	}
	switch *w.Effects.Status.Status {
	case "success":
		t.success = true
	case "failure":
	default:
		return t, errors.New("has the status " + clean(*w.Effects.Status.Status))
	}
	if w.Transaction == nil || w.Transaction.Data == nil {
		return t, errors.New("has no input")
	}
	if t.sender, err = nodeAddress(w.Transaction.Data.Sender); err != nil {
		return t, errors.New("has no sender")
	}
	if t.sender == systemSender {
		t.sender = ""
	}
	for _, b := range w.BalanceChanges {
		if b.CoinType == nil || b.Amount == nil {
			return t, errors.New("has a balance change without coin or amount")
		}
		c := change{coinType: *b.CoinType}
		if c.amount, err = parseAmount(*b.Amount); err != nil {
			return t, err
		}
		if c.owner, c.object, err = parseOwner(b.Owner); err != nil {
			return t, err
		}
		t.changes = append(t.changes, c)
	}
	return t, nil
}

// systemSender is whom JSON-RPC names as the sender of the system's transactions; GraphQL names nobody.
const systemSender = "0x0000000000000000000000000000000000000000000000000000000000000000"

// parseOwner reads an owner: an address, an object, or none of them.
func parseOwner(raw json.RawMessage) (owner string, object bool, err error) {
	var word string
	if json.Unmarshal(raw, &word) == nil {
		return "", false, nil // Immutable
	}
	var wire struct {
		AddressOwner *string
		ObjectOwner  *string
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return "", false, errors.New("has a balance change without an owner")
	}
	switch {
	case wire.AddressOwner != nil:
		owner, err = nodeAddress(wire.AddressOwner)
	case wire.ObjectOwner != nil:
		owner, err = nodeAddress(wire.ObjectOwner)
		object = true
	}
	if err != nil {
		return "", false, errors.New("has a balance change with an owner that has no address")
	}
	return owner, object, nil // neither: shared
}
