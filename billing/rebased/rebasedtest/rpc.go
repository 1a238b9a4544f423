package rebasedtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// maxPage is the most that a page may hold, in either way in.
const maxPage = 50

// dict is a JSON object.
type dict = map[string]any

// call answers a JSON-RPC request.
func (s *Server) call(raw []byte, f Faults) any {
	var q struct {
		ID     json.RawMessage   `json:"id"`
		Method string            `json:"method"`
		Params []json.RawMessage `json:"params"`
	}
	if err := json.Unmarshal(raw, &q); err != nil {
		return dict{"jsonrpc": "2.0", "id": nil, "error": dict{"code": -32700, "message": "Parse error"}}
	}
	result, err := s.method(q.Method, arguments(q.Params), f)
	if err != nil {
		return dict{"jsonrpc": "2.0", "id": q.ID, "error": err}
	}
	return dict{"jsonrpc": "2.0", "id": q.ID, "result": result}
}

type arguments []json.RawMessage

// read decodes an argument; one that is missing or null leaves into as it is.
func (a arguments) read(i int, into any) {
	if i < len(a) {
		json.Unmarshal(a[i], into)
	}
}

func (s *Server) method(name string, args arguments, f Faults) (result any, fail dict) {
	_, last := s.bounds(f)
	switch name {
	case "rpc.discover":
		return dict{"openrpc": "1.2.6", "info": dict{"title": "rebasedtest", "version": "1.0.0"}, "methods": []any{}}, nil
	case "iota_getChainIdentifier":
		return f.chain(), nil
	case "iota_getLatestCheckpointSequenceNumber":
		return strconv.FormatUint(last+f.Ahead, 10), nil
	case "iota_getTotalTransactionBlocks":
		return strconv.FormatUint(s.checkpoints[last].total, 10), nil
	case "iotax_getReferenceGasPrice":
		return strconv.Itoa(gasPrice), nil
	case "iota_getCheckpoint":
		return s.rpcCheckpoint(args, last)
	case "iota_getTransactionBlock":
		var id string
		var show options
		args.read(0, &id)
		args.read(1, &show)
		return s.rpcOne(id, show, last, f)
	case "iota_multiGetTransactionBlocks":
		var ids []string
		var show options
		args.read(0, &ids)
		args.read(1, &show)
		list := []any{}
		for _, id := range ids {
			one, fail := s.rpcOne(id, show, last, f)
			if fail != nil {
				return nil, fail
			}
			list = append(list, one)
		}
		return list, nil
	case "iotax_queryTransactionBlocks":
		return s.rpcQuery(args, last, f)
	case "iotax_getBalance", "iotax_getAllBalances":
		owner, coinType := "", short(IOTA)
		args.read(0, &owner)
		args.read(1, &coinType)
		total, coins := s.balance(owner, coinType, last)
		b := dict{"coinType": coinType, "coinObjectCount": coins, "totalBalance": total.String()}
		if name == "iotax_getAllBalances" {
			return []any{b}, nil
		}
		return b, nil
	case "iotax_getCoinMetadata":
		return metadata(), nil
	}
	return nil, dict{"code": -32601, "message": "Method not found"}
}

func metadata() dict {
	return dict{"decimals": 9, "name": "IOTA", "symbol": "IOTA", "description": "The main token of the network.", "iconUrl": nil, "id": hash("metadata", nil)}
}

func (f Faults) chain() string {
	if f.Chain != "" {
		return f.Chain
	}
	return Chain
}

// bounds are the checkpoints that can be seen.
func (s *Server) bounds(f Faults) (first, last uint64) {
	last = uint64(len(s.checkpoints) - 1)
	last -= min(last, f.Behind)
	return min(f.Pruned, last), last
}

func (s *Server) rpcCheckpoint(args arguments, last uint64) (any, dict) {
	var id string
	args.read(0, &id)
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		n = uint64(slices.IndexFunc(s.checkpoints, func(c *checkpoint) bool { return c.digest() == id }))
	}
	if n > last {
		return nil, dict{"code": -32602, "message": "Verified checkpoint not found for " + id}
	}
	c := s.checkpoints[n]
	list := []any{}
	for _, t := range c.list {
		list = append(list, t.digest)
	}
	out := dict{"epoch": "0", "sequenceNumber": strconv.FormatUint(n, 10), "digest": c.digest(), "networkTotalTransactions": strconv.FormatUint(c.total, 10),
		"epochRollingGasCostSummary": gasSummary(c.gas(), decimal), "timestampMs": strconv.FormatInt(c.at.UnixMilli(), 10), "transactions": list,
		"checkpointCommitments": []any{}, "validatorSignature": validatorSignature()}
	if n > 0 {
		out["previousDigest"] = s.checkpoints[n-1].digest()
	}
	return out, nil
}

// validatorSignature has the length of one.
func validatorSignature() string { return base64.StdEncoding.EncodeToString(make([]byte, 48)) }

func (c *checkpoint) gas() (sum [5]uint64) {
	for _, t := range c.list {
		for i, n := range t.gasUsed() {
			sum[i] += n
		}
	}
	return sum
}

func decimal(n uint64) any { return strconv.FormatUint(n, 10) }

func gasSummary(g [5]uint64, write func(uint64) any) dict {
	return dict{"computationCost": write(g[0]), "computationCostBurned": write(g[1]), "storageCost": write(g[2]), "storageRebate": write(g[3]), "nonRefundableStorageFee": write(g[4])}
}

// options say which parts of a transaction are wanted.
type options struct {
	ShowInput, ShowRawInput, ShowEffects, ShowEvents, ShowObjectChanges, ShowBalanceChanges bool
}

func (s *Server) rpcOne(id string, show options, last uint64, f Faults) (any, dict) {
	t := s.known[id]
	if t == nil || f.Hide != nil && f.Hide(id) || t.checkpoint > last {
		return nil, dict{"code": -32602, "message": fmt.Sprintf("Could not find the referenced transaction [TransactionDigest(%s)].", id)}
	}
	return s.rpcTransaction(t, show, f), nil
}

func (s *Server) rpcTransaction(t *transaction, show options, f Faults) dict {
	out := dict{"digest": t.digest}
	if t.checkpoint > 0 && !f.Loose {
		out["checkpoint"] = strconv.FormatUint(t.checkpoint, 10)
		out["timestampMs"] = strconv.FormatInt(s.checkpoints[t.checkpoint].at.UnixMilli(), 10)
	}
	if show.ShowInput {
		out["transaction"] = t.rpcInput()
	}
	if show.ShowRawInput {
		out["rawTransaction"] = base64.StdEncoding.EncodeToString(t.signed())
	}
	if show.ShowEffects {
		out["effects"] = t.rpcEffects()
	}
	if show.ShowEvents {
		out["events"] = []any{}
	}
	if show.ShowObjectChanges {
		out["objectChanges"] = []any{}
	}
	if show.ShowBalanceChanges {
		list := []any{}
		for _, c := range t.moved {
			list = append(list, dict{"owner": c.rpcOwner(), "coinType": short(c.Coin), "amount": c.Amount})
		}
		out["balanceChanges"] = list
	}
	return out
}

func (c Change) rpcOwner() any {
	switch {
	case c.Owner == "":
		return dict{"Shared": dict{"initial_shared_version": 1}}
	case c.Object:
		return dict{"ObjectOwner": c.Owner}
	}
	return dict{"AddressOwner": c.Owner}
}

func (t *transaction) rpcInput() dict {
	inputs, commands := []any{}, []any{}
	for i, p := range t.pays {
		inputs = append(inputs, dict{"type": "pure", "valueType": "u64", "value": strconv.FormatUint(p.Amount, 10)},
			dict{"type": "pure", "valueType": "address", "value": p.To})
		commands = append(commands, dict{"SplitCoins": []any{"GasCoin", []any{dict{"Input": 2 * i}}}},
			dict{"TransferObjects": []any{[]any{dict{"NestedResult": []any{2 * i, 0}}}, dict{"Input": 2*i + 1}}})
	}
	return dict{
		"data": dict{"messageVersion": "v1", "sender": t.sender.Address,
			"transaction": dict{"kind": "ProgrammableTransaction", "inputs": inputs, "transactions": commands},
			"gasData": dict{"payment": []any{reference(t.sender.gas, t.version-1, t.gasBefore())}, "owner": t.sender.Address,
				"price": strconv.Itoa(gasPrice), "budget": strconv.Itoa(gasBudget)}},
		"txSignatures": []any{base64.StdEncoding.EncodeToString(t.sender.sign(scopeTransaction, t.data()))},
	}
}

func reference(id string, version uint64, digest string) dict {
	return dict{"objectId": id, "version": version, "digest": digest}
}

func (t *transaction) rpcEffects() dict {
	gas := dict{"owner": dict{"AddressOwner": t.sender.Address}, "reference": reference(t.sender.gas, t.version, t.gasAfter())}
	status := dict{"status": "success"}
	if t.failed {
		status = dict{"status": "failure", "error": "InsufficientGas"}
	}
	out := dict{"messageVersion": "v1", "status": status, "executedEpoch": "0", "gasUsed": gasSummary(t.gasUsed(), decimal), "transactionDigest": t.digest,
		"gasObject": gas, "mutated": []any{gas},
		"modifiedAtVersions": []any{dict{"objectId": t.sender.gas, "sequenceNumber": strconv.FormatUint(t.version-1, 10)}}}
	created := []any{}
	for _, c := range t.made {
		created = append(created, dict{"owner": dict{"AddressOwner": c.owner}, "reference": reference(c.id, t.version, digest("object", []byte(c.id)))})
	}
	if len(created) > 0 {
		out["created"] = created
	}
	return out
}

func (s *Server) rpcQuery(args arguments, last uint64, f Faults) (any, dict) {
	var query struct {
		Filter  struct{ ToAddress, FromAddress string }
		Options options
	}
	var cursor string
	limit, descending := maxPage, false
	args.read(0, &query)
	args.read(1, &cursor)
	args.read(2, &limit)
	args.read(3, &descending)
	if limit < 1 || limit > maxPage {
		return nil, dict{"code": -32602, "message": fmt.Sprintf("Page size limit %d exceeds max limit %d", limit, maxPage)}
	}
	var list []*transaction
	for _, c := range s.checkpoints[:last+1] {
		for _, t := range c.list {
			if (f.Hide == nil || !f.Hide(t.digest)) && (query.Filter.ToAddress == "" || t.touches(query.Filter.ToAddress)) &&
				(query.Filter.FromAddress == "" || t.sender.Address == query.Filter.FromAddress) {
				list = append(list, t)
			}
		}
	}
	if descending {
		slices.Reverse(list)
	}
	if cursor != "" {
		at := slices.IndexFunc(list, func(t *transaction) bool { return t.digest == cursor })
		if at < 0 {
			return nil, dict{"code": -32602, "message": "Invalid cursor " + cursor}
		}
		list = list[at+1:]
	}
	page := list[:min(limit, len(list))]
	data, next := []any{}, any(nil)
	for _, t := range page {
		data, next = append(data, s.rpcTransaction(t, query.Options, f)), t.digest
	}
	return dict{"data": data, "nextCursor": next, "hasNextPage": len(page) < len(list)}, nil
}
