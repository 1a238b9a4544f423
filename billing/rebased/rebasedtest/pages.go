package rebasedtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// defaultPage is the size of a page for which none was asked.
const defaultPage = 20

func pageInfo(before, after bool, start, end string) object {
	fields := map[string]any{"hasPreviousPage": before, "hasNextPage": after, "startCursor": nil, "endCursor": nil}
	if start != "" {
		fields["startCursor"], fields["endCursor"] = start, end
	}
	return plain("PageInfo", fields)
}

// place is what a cursor says: a position in the list as of a checkpoint.
type place struct {
	I int    `json:"i"`
	C uint64 `json:"c"`
}

func index(i int, c uint64) string {
	raw, _ := json.Marshal(place{i, c})
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parsePlace(text string) (p place, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &p) != nil || p.I < 0 {
		return p, fmt.Errorf("%w: %.40q", errCursor, text)
	}
	return p, nil
}

// size is how many are asked for, from the front or from the back.
func size(args map[string]any) (n int, back bool, err error) {
	n = defaultPage
	if last, ok := args["last"].(float64); ok {
		n, back = int(last), true
	}
	if first, ok := args["first"].(float64); ok {
		n = int(first)
	}
	if n < 0 || n > maxPage {
		return 0, false, fmt.Errorf("connection's page size of %d exceeds max of %d", n, maxPage)
	}
	return n, back, nil
}

// slice is the part of a list of so many that the arguments of a connection ask for.
func slice(args map[string]any, count int) (from, to int, err error) {
	n, back, err := size(args)
	if err != nil {
		return 0, 0, err
	}
	from, to = 0, count
	if text, ok := args["after"].(string); ok {
		p, err := parsePlace(text)
		if err != nil {
			return 0, 0, err
		}
		from = min(p.I+1, count)
	}
	if text, ok := args["before"].(string); ok {
		p, err := parsePlace(text)
		if err != nil {
			return 0, 0, err
		}
		to = max(from, min(p.I, count))
	}
	if back {
		from = max(from, to-n)
	} else {
		to = min(to, from+n)
	}
	return from, to, nil
}

// transactions is a page of transactions, of one checkpoint or of all, as of the checkpoint in the cursor.
func (v service) transactions(args map[string]any, within *checkpoint) (any, error) {
	n, back, err := size(args)
	if err != nil {
		return nil, err
	}
	seen, low, high := v.last, uint64(0), v.count+1 // of the numbers of transactions, both exclusive
	for name, bound := range map[string]*uint64{"after": &low, "before": &high} {
		text, ok := args[name].(string)
		if !ok {
			continue
		}
		p, err := parsePlace(text)
		if err != nil {
			return nil, err
		}
		if p.C > v.last || p.C < v.first {
			return nil, fmt.Errorf("requested data is outside the available range: checkpoint %d", p.C)
		}
		seen, *bound = p.C, uint64(p.I)
	}
	matches, err := v.matcher(args["filter"], within)
	if err != nil {
		return nil, err
	}
	all := v.sealed(seen, low, high)
	page, before, after, edge := v.scan(all, matches, n, back)
	nodes := []object{}
	for _, t := range page {
		nodes = append(nodes, v.transaction(t))
	}
	start, end := "", ""
	if len(page) > 0 {
		start, end = index(int(page[0].number), seen), index(int(page[len(page)-1].number), seen)
	}
	if edge != nil {
		start, end = index(int(edge.number), seen), index(int(edge.number), seen)
	}
	return plain("TransactionBlockConnection", map[string]any{"nodes": nodes, "pageInfo": pageInfo(before, after, start, end)}), nil
}

// sealed lists the transactions up to a checkpoint with numbers between low and high.
func (v service) sealed(last, low, high uint64) (list []*transaction) {
	for _, c := range v.checkpoints[v.first : last+1] {
		for _, t := range c.list {
			if t.number > low && t.number < high && (v.f.Hide == nil || !v.f.Hide(t.digest)) {
				list = append(list, t)
			}
		}
	}
	return list
}

// scan picks a page out of a list. edge is where it stopped to look, if it did so before the page was full.
func (v service) scan(all []*transaction, matches func(*transaction) bool, n int, back bool) (page []*transaction, before, after bool, edge *transaction) {
	if v.f.PageSize > 0 {
		n = min(n, v.f.PageSize)
	}
	if back {
		for i := len(all) - 1; i >= 0; i-- {
			if !matches(all[i]) {
				continue
			}
			if len(page) == n {
				return page, true, false, nil
			}
			page = append([]*transaction{all[i]}, page...)
		}
		return page, false, false, nil
	}
	for i, t := range all {
		if v.f.Scan > 0 && i == v.f.Scan {
			return page, false, true, all[i-1]
		}
		if !matches(t) {
			continue
		}
		if len(page) == n {
			return page, false, true, nil
		}
		page = append(page, t)
	}
	return page, false, false, nil
}

// matcher is the filter of a query; one that is not known here is an error.
func (v service) matcher(filter any, within *checkpoint) (func(*transaction) bool, error) {
	f, _ := filter.(map[string]any)
	var tests []func(*transaction) bool
	if within != nil {
		tests = append(tests, func(t *transaction) bool { return t.checkpoint == within.number })
	}
	for name, value := range f {
		if value == nil {
			continue
		}
		text, _ := value.(string)
		number, _ := value.(float64)
		switch name {
		case "recvAddress":
			tests = append(tests, func(t *transaction) bool { return t.touches(text) })
		case "sentAddress":
			tests = append(tests, func(t *transaction) bool { return t.sender.Address == text })
		case "afterCheckpoint":
			tests = append(tests, func(t *transaction) bool { return t.checkpoint > uint64(number) })
		case "beforeCheckpoint":
			tests = append(tests, func(t *transaction) bool { return t.checkpoint < uint64(number) })
		case "atCheckpoint":
			tests = append(tests, func(t *transaction) bool { return t.checkpoint == uint64(number) })
		case "kind":
			tests = append(tests, func(*transaction) bool { return text == "PROGRAMMABLE_TX" })
		case "transactionIds":
			ids, _ := value.([]any)
			tests = append(tests, func(t *transaction) bool {
				for _, id := range ids {
					if id == t.digest {
						return true
					}
				}
				return false
			})
		default:
			return nil, fmt.Errorf("unknown argument %q of TransactionBlockFilter", name)
		}
	}
	return func(t *transaction) bool {
		for _, test := range tests {
			if !test(t) {
				return false
			}
		}
		return true
	}, nil
}
