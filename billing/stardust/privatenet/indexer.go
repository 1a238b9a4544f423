package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/iotaledger/hive.go/serializer/v2"
	inx "github.com/iotaledger/inx/go"
	iotago "github.com/iotaledger/iota.go/v3"
)

// The indexer's place in the node's API: /api/indexer/v1/….
const (
	indexRoute = "indexer/v1"
	indexPath  = "/indexer"
)

// indexer answers which unspent outputs an address has. It stands in for the official indexer, which wallets need, and
// keeps nothing: each question reads the whole ledger, which is small here.
type indexer struct {
	inx  inx.INXClient
	port int // of the control address
}

// register makes the node pass the indexer's questions on.
func (x *indexer) register(ctx context.Context) error {
	_, err := x.inx.RegisterAPIRoute(ctx, &inx.APIRouteRequest{Route: indexRoute, Host: "127.0.0.1", Port: uint32(x.port), Path: indexPath})
	return err
}

// outputs answers GET /outputs/basic; of other kinds there are none that it knows of.
func (x *indexer) outputs(w http.ResponseWriter, r *http.Request) {
	answer := struct {
		LedgerIndex uint32   `json:"ledgerIndex"`
		PageSize    int      `json:"pageSize"`
		Items       []string `json:"items"`
	}{PageSize: 1000, Items: []string{}}
	var owner iotago.Address
	if text := r.FormValue("address"); text != "" {
		var err error
		if _, owner, err = iotago.ParseBech32(text); err != nil {
			http.Error(w, `{"error":{"code":"400","message":"cannot read the address"}}`, http.StatusBadRequest)
			return
		}
	}
	err := x.unspent(r.Context(), func(ledger uint32, id iotago.OutputID, o iotago.Output) {
		answer.LedgerIndex = ledger
		if basic, ok := o.(*iotago.BasicOutput); ok && r.PathValue("kind") == "basic" && wanted(basic, owner, r) {
			answer.Items = append(answer.Items, id.ToHex())
		}
	})
	if err != nil {
		http.Error(w, `{"error":{"code":"503","message":"cannot read the ledger"}}`, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

// wanted applies the filters of the question that concern basic outputs.
func wanted(o *iotago.BasicOutput, owner iotago.Address, r *http.Request) bool {
	conditions := o.UnlockConditionSet()
	if owner != nil && !conditions.Address().Address.Equal(owner) {
		return false
	}
	for name, has := range map[string]bool{
		"hasTimelock": conditions.HasTimelockCondition(), "hasExpiration": conditions.HasExpirationCondition(),
		"hasStorageDepositReturn": conditions.HasStorageDepositReturnCondition(), "hasNativeTokens": len(o.NativeTokens) > 0,
	} {
		if want, err := strconv.ParseBool(r.FormValue(name)); err == nil && want != has {
			return false
		}
	}
	return true
}

// unspent calls each with every unspent output.
func (x *indexer) unspent(ctx context.Context, each func(ledger uint32, id iotago.OutputID, o iotago.Output)) error {
	stream, err := x.inx.ReadUnspentOutputs(ctx, &inx.NoParams{})
	if err != nil {
		return err
	}
	for {
		u, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		o, err := u.GetOutput().UnwrapOutput(serializer.DeSeriModeNoValidation, nil)
		if err != nil {
			return err
		}
		each(u.GetLedgerIndex(), u.GetOutput().UnwrapOutputID(), o)
	}
}
