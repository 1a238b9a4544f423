package rebased

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Sizes of pages. 50 is the most that the public service gives; the product bounds what one answer may cost it.
const (
	pageSize        = 50
	changesInPage   = 20
	changesPerPage  = 50
	addressesAtOnce = 4
)

// The queries. Each asks for the chain, so that an answer from another one is noticed whoever gives it; what one request
// returns is a view of one checkpoint, availableRange.last.
const (
	viewFields = `chainIdentifier availableRange { first { sequenceNumber } last { sequenceNumber timestamp } }`
	changeList = `{ pageInfo { hasNextPage endCursor } nodes { owner { address asObject { address } } coinType { repr } amount } }`

	headQuery    = `query { ` + viewFields + ` }`
	changesQuery = `query ($digest: String!, $first: Int!, $after: String) { ` + viewFields +
		` transactionBlock(digest: $digest) { digest effects { balanceChanges(first: $first, after: $after) ` + changeList + ` } } }`
)

// depositsQuery asks for a page of what each of so many addresses received; $after continues a single one.
func depositsQuery(addresses int) string {
	var params, fields strings.Builder
	for i := range addresses {
		fmt.Fprintf(&params, ", $a%d: IotaAddress!", i)
		fmt.Fprintf(&fields, " a%d: transactionBlocks(first: $first, after: $after, filter: {recvAddress: $a%d, afterCheckpoint: $past})"+
			" { pageInfo { hasNextPage endCursor } nodes { ...paid } }", i, i)
	}
	return `query ($first: Int!, $changes: Int!, $after: String, $past: UInt53` + params.String() + `) { ` + viewFields + fields.String() + ` }
fragment paid on TransactionBlock { digest sender { address } effects { status checkpoint { sequenceNumber timestamp } balanceChanges(first: $changes) ` + changeList + ` } }`
}

// graph asks a GraphQL service.
type graph struct{ *endpoint }

// view is what an answer is a view of.
type view struct {
	chain       string
	first, last uint64 // checkpoints that the node has
	at          time.Time
}

// page is a part of what an address received, oldest first.
type page struct {
	transactions []transaction
	more         bool
	end          string // continues it
}

func (g graph) head(ctx context.Context) (view, error) {
	v, _, err := g.ask(ctx, headQuery, nil)
	return v, err
}

// deposits asks for a page for each address: of transactions in checkpoints from low on, or, for a single address, of what
// follows after. With many changes a transaction is completed.
func (g graph) deposits(ctx context.Context, addresses []string, low uint64, after string) (view, []page, error) {
	vars := map[string]any{"first": pageSize, "changes": changesInPage, "after": nil, "past": nil}
	if low > 0 {
		vars["past"] = low - 1
	}
	if after != "" {
		vars["after"] = after
	}
	for i, a := range addresses {
		vars[fmt.Sprintf("a%d", i)] = a
	}
	v, fields, err := g.ask(ctx, depositsQuery(len(addresses)), vars)
	if err != nil {
		return v, nil, err
	}
	pages := make([]page, len(addresses))
	for i := range pages {
		var wire wireTransactions
		if err := strictly(fields[fmt.Sprintf("a%d", i)], &wire); err != nil {
			return v, nil, g.wrong(err.Error())
		}
		if pages[i], err = g.page(ctx, v.chain, wire); err != nil {
			return v, nil, err
		}
		if n := pages[i].transactions; len(n) > 0 && n[0].checkpoint < low {
			return v, nil, g.wrong(fmt.Sprintf("it was asked for what follows checkpoint %d and lists %d", low, n[0].checkpoint))
		}
	}
	return v, pages, nil
}

// page turns an answer into transactions and sees that they are in sequence, which the cursor stands on.
func (g graph) page(ctx context.Context, chain string, wire wireTransactions) (page, error) {
	p := page{more: wire.PageInfo.more(), end: wire.PageInfo.end()}
	if err := wire.check(); err != nil {
		return p, g.wrong(err.Error())
	}
	for _, node := range wire.Nodes {
		t, rest, err := node.transaction()
		if err != nil {
			return p, g.wrong(err.Error())
		}
		if n := len(p.transactions); n > 0 && p.transactions[n-1].checkpoint > t.checkpoint {
			return p, g.wrong("its transactions are not in the sequence of their checkpoints")
		}
		if rest != "" && t.success {
			if err := g.complete(ctx, chain, &t, rest); err != nil {
				return p, err
			}
		}
		p.transactions = append(p.transactions, t)
	}
	return p, nil
}

// maxChangePages bounds the changes of a transaction: 5,000, twice what the protocol allows it to touch.
const maxChangePages = 100

// complete reads the changes of a transaction that did not fit into the page.
func (g graph) complete(ctx context.Context, chain string, t *transaction, after string) error {
	for range maxChangePages {
		v, fields, err := g.ask(ctx, changesQuery, map[string]any{"digest": t.digest, "first": changesPerPage, "after": after})
		if err != nil {
			return err
		}
		if v.chain != chain {
			return otherChain(g.name, v.chain, chain)
		}
		var wire *wireDetail
		if err := strictly(fields["transactionBlock"], &wire); err != nil {
			return g.wrong(err.Error())
		}
		if wire == nil || wire.Effects == nil || wire.Digest == nil || *wire.Digest != t.digest {
			return g.wrong("it lists transaction " + t.digest + " and then does not know it")
		}
		list, rest, err := wire.Effects.BalanceChanges.list()
		if err != nil {
			return g.wrong(err.Error())
		}
		t.changes = append(t.changes, list...)
		if rest == "" {
			return nil
		}
		after = rest
	}
	return g.wrong("transaction " + t.digest + " has no end of balance changes")
}

// ask sends a query and returns what it is a view of, and the other fields of the answer.
func (g graph) ask(ctx context.Context, query string, vars map[string]any) (view, map[string]json.RawMessage, error) {
	body, err := g.post(ctx, map[string]any{"query": query, "variables": vars})
	if err != nil {
		return view{}, nil, err
	}
	var answer struct {
		Data   map[string]json.RawMessage `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return view{}, nil, g.wrong("its answer is no JSON of a GraphQL service")
	}
	if len(answer.Errors) > 0 {
		return view{}, nil, fmt.Errorf("cannot read from node %s: it says %s", g.name, clean(answer.Errors[0].Message))
	}
	v, err := parseView(answer.Data)
	if err != nil {
		return view{}, nil, g.wrong(err.Error())
	}
	return v, answer.Data, nil
}

// strictly decodes a field that must be there and holds nothing we did not ask for.
func strictly(raw json.RawMessage, into any) error {
	if raw == nil {
		return errors.New("a field is missing from its answer")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("its answer does not follow the schema: %s", clean(err.Error()))
	}
	return nil
}
