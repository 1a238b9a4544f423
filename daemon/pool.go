package daemon

import (
	"context"
	"strings"

	"github.com/wattgate/wattgate/billing/rebased"
	"github.com/wattgate/wattgate/billing/stardust"
	"github.com/wattgate/wattgate/daemon/config"
	"github.com/wattgate/wattgate/daemon/control"
)

// ownerAddresses tells how much of the pool is left.
func (g *Gateway) ownerAddresses(ctx context.Context, _ []byte) (any, error) {
	left, all, err := g.shop.AddressesLeft(ctx, g.now())
	return control.Pool{Left: left, All: all}, err
}

// ownerImportAddresses adds addresses that were made elsewhere, one a line.
func (g *Gateway) ownerImportAddresses(ctx context.Context, body []byte) (any, error) {
	var req control.ImportAddresses
	if err := control.Decode(body, &req); err != nil {
		return nil, err
	}
	added, err := g.shop.ImportAddresses(ctx, strings.Fields(req.Addresses), g.checkAddress, g.now())
	if err != nil {
		return nil, ownerError(err)
	}
	g.log.Info("addresses imported", "new", added)
	left, all, err := g.shop.AddressesLeft(ctx, g.now())
	return control.Pool{Left: left, All: all, Added: added}, err
}

// checkAddress says whether an address can receive on the network of now.
func (g *Gateway) checkAddress(address string) error {
	var err error
	switch g.config().Ledger.Network {
	case config.Stardust:
		_, err = stardust.ParseAddress(address)
	case config.Rebased:
		_, err = rebased.ParseAddress(address)
	}
	return err
}
