package daemon

import (
	"encoding/json"
	"net/http"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/rebased"
	"github.com/wattgate/wattgate/daemon/config"
)

// maxClaim bounds a claim, in bytes; a signature has some hundred.
const maxClaim = 8 << 10

// webClaim credits a deposit that matched no order, to the order that its payer names and signs for.
func (g *Gateway) webClaim(w http.ResponseWriter, r *http.Request) {
	var claim billing.Claim
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxClaim))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&claim); err != nil {
		webError(w, http.StatusBadRequest, "bad-request", "cannot read the claim: "+err.Error(), `send {"network":"…","payment":"…","order":"…","signature":"…"}`)
		return
	}
	changes, err := g.shop.Claim(r.Context(), claim, g.verifierOfClaims(), g.now())
	if err != nil {
		g.webRefused(w, err)
		return
	}
	g.tell(changes)
	g.Nudge()
	reply, err := g.shop.OrderState(r.Context(), claim.Order, g.now())
	if err != nil {
		g.webRefused(w, err)
		return
	}
	webJSON(w, http.StatusOK, reply)
}

// verifierOfClaims checks who signed, where the network has signatures for messages; nil elsewhere.
func (g *Gateway) verifierOfClaims() func(sender string, message []byte, signature string) error {
	if g.config().Ledger.Network == config.Rebased {
		return rebased.VerifyPersonalMessage
	}
	return nil
}
