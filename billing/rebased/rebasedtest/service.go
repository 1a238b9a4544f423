package rebasedtest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// query answers a GraphQL request.
func (s *Server) query(raw []byte, f Faults) any {
	var q struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}
	err := json.Unmarshal(raw, &q)
	var data any
	if err == nil {
		data, err = execute(q.Query, q.Variables, s.root(f))
	}
	if err != nil {
		return dict{"data": nil, "errors": []any{dict{"message": err.Error(), "extensions": dict{"code": "BAD_USER_INPUT"}}}}
	}
	return dict{"data": data}
}

// service is the ledger as one request sees it: up to a checkpoint.
type service struct {
	*Server
	f           Faults
	first, last uint64
}

func (s *Server) root(f Faults) object {
	v := service{Server: s, f: f}
	v.first, v.last = s.bounds(f)
	o := object{kind: "Query"}
	o.field = func(name string, args map[string]any) (any, error) {
		switch name {
		case "chainIdentifier":
			return f.chain(), nil
		case "availableRange":
			return v.availableRange(), nil
		case "checkpoint":
			id, _ := args["id"].(map[string]any)
			return v.checkpointBy(id), nil
		case "transactionBlock":
			id, _ := args["digest"].(string)
			return v.transactionBy(id), nil
		case "transactionBlocks":
			return v.transactions(args, nil)
		case "address":
			a, _ := args["address"].(string)
			return v.address(a), nil
		case "coinMetadata":
			return v.metadata(), nil
		case "serviceConfig":
			return plain("ServiceConfig", map[string]any{"maxPageSize": maxPage, "defaultPageSize": defaultPage}), nil
		}
		return nil, o.unknown(name)
	}
	return o
}

// plain is an object whose fields are there already.
func plain(kind string, fields map[string]any) object {
	o := object{kind: kind}
	o.field = func(name string, _ map[string]any) (any, error) {
		v, found := fields[name]
		if !found {
			return nil, o.unknown(name)
		}
		return v, nil
	}
	return o
}

func (v service) availableRange() object {
	first, last := v.checkpoint(v.checkpoints[v.first]), v.checkpoint(v.checkpoints[v.last])
	if v.f.Ahead > 0 {
		last = plain("Checkpoint", map[string]any{"sequenceNumber": v.last + v.f.Ahead, "timestamp": dateTime(v.checkpoints[v.last].at)})
	}
	return plain("AvailableRange", map[string]any{"first": first, "last": last})
}

func (v service) checkpointBy(id map[string]any) *object {
	n := v.last
	if number, ok := id["sequenceNumber"].(float64); ok {
		n = uint64(number)
	} else if text, ok := id["digest"].(string); ok {
		n = uint64(slices.IndexFunc(v.checkpoints, func(c *checkpoint) bool { return c.digest() == text }))
	}
	if n > v.last {
		return nil
	}
	o := v.checkpoint(v.checkpoints[n])
	return &o
}

func (v service) checkpoint(c *checkpoint) object {
	o := object{kind: "Checkpoint"}
	o.field = func(name string, args map[string]any) (any, error) {
		switch name {
		case "digest":
			return c.digest(), nil
		case "sequenceNumber":
			return c.number, nil
		case "timestamp":
			return dateTime(c.at), nil
		case "validatorSignatures":
			return validatorSignature(), nil
		case "previousCheckpointDigest":
			if c.number == 0 {
				return nil, nil
			}
			return v.checkpoints[c.number-1].digest(), nil
		case "networkTotalTransactions":
			return c.total, nil
		case "rollingGasSummary":
			return plain("GasCostSummary", gasSummary(c.gas(), decimal)), nil
		case "epoch":
			return plain("Epoch", map[string]any{"epochId": 0}), nil
		case "transactionBlocks":
			return v.transactions(args, c)
		}
		return nil, o.unknown(name)
	}
	return o
}

// dateTime leaves the milliseconds out where there are none, as the schema allows.
func dateTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.999Z07:00") }

func (v service) transactionBy(id string) *object {
	t := v.known[id]
	if t == nil || t.checkpoint == 0 || t.checkpoint > v.last || v.f.Hide != nil && v.f.Hide(id) {
		return nil
	}
	o := v.transaction(t)
	return &o
}

func (v service) transaction(t *transaction) object {
	o := object{kind: "TransactionBlock"}
	o.field = func(name string, _ map[string]any) (any, error) {
		switch name {
		case "digest":
			return t.digest, nil
		case "sender":
			return plain("Address", map[string]any{"address": t.sender.Address}), nil
		case "signatures":
			return []string{base64.StdEncoding.EncodeToString(t.sender.sign(scopeTransaction, t.data()))}, nil
		case "bcs":
			return base64.StdEncoding.EncodeToString(t.signed()), nil
		case "effects":
			return v.effects(t), nil
		case "kind":
			return plain("ProgrammableTransactionBlock", nil), nil
		}
		return nil, o.unknown(name)
	}
	return o
}

func (v service) effects(t *transaction) object {
	o := object{kind: "TransactionBlockEffects"}
	o.field = func(name string, args map[string]any) (any, error) {
		switch name {
		case "status":
			if t.failed {
				return "FAILURE", nil
			}
			return "SUCCESS", nil
		case "bcs":
			return base64.StdEncoding.EncodeToString(t.effects()), nil
		case "checkpoint":
			return v.checkpoint(v.checkpoints[t.checkpoint]), nil
		case "timestamp":
			return dateTime(v.checkpoints[t.checkpoint].at), nil
		case "balanceChanges":
			return v.balanceChanges(t, args)
		case "events":
			return plain("EventConnection", map[string]any{"pageInfo": pageInfo(false, false, "", ""), "nodes": []object{}}), nil
		case "objectChanges":
			return plain("ObjectChangeConnection", map[string]any{"pageInfo": pageInfo(false, false, "", ""), "nodes": []object{}}), nil
		}
		return nil, o.unknown(name)
	}
	return o
}

func (v service) balanceChanges(t *transaction, args map[string]any) (any, error) {
	list := t.moved
	from, to, err := slice(args, len(list))
	if err != nil {
		return nil, err
	}
	nodes := []object{}
	for _, c := range list[from:to] {
		fields := map[string]any{"owner": nil, "coinType": plain("MoveType", map[string]any{"repr": c.Coin}), "amount": c.Amount}
		if c.Owner != "" {
			fields["owner"] = owner(c)
		}
		nodes = append(nodes, plain("BalanceChange", fields))
	}
	return plain("BalanceChangeConnection", map[string]any{"nodes": nodes,
		"pageInfo": pageInfo(from > 0, to < len(list), index(from, v.last), index(to-1, v.last))}), nil
}

func owner(c Change) object {
	fields := map[string]any{"address": c.Owner, "asObject": nil, "asAddress": plain("Address", map[string]any{"address": c.Owner})}
	if c.Object {
		fields["asObject"] = plain("Object", map[string]any{"address": c.Owner})
	}
	return plain("Owner", fields)
}

func (v service) address(a string) object {
	o := object{kind: "Address"}
	o.field = func(name string, args map[string]any) (any, error) {
		switch name {
		case "address":
			return a, nil
		case "balance":
			coinType := IOTA
			if t, ok := args["type"].(string); ok && short(t) != short(IOTA) {
				coinType = t
			}
			return v.balanceOf(a, coinType), nil
		case "balances":
			return plain("BalanceConnection", map[string]any{"pageInfo": pageInfo(false, false, "", ""), "nodes": []object{v.balanceOf(a, IOTA)}}), nil
		}
		return nil, o.unknown(name)
	}
	return o
}

func (v service) balanceOf(a, coinType string) object {
	total, coins := v.balance(a, coinType, v.last)
	return plain("Balance", map[string]any{"coinType": plain("MoveType", map[string]any{"repr": coinType}), "coinObjectCount": coins, "totalBalance": total.String()})
}

func (v service) metadata() object {
	m := metadata()
	m["address"] = m["id"]
	return plain("CoinMetadata", m)
}

var errCursor = errors.New("invalid cursor")
