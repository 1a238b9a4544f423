//go:build !arm && !386

package stardust

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing"
	"github.com/wattgate/wattgate/billing/stardust/node"
)

// maxMetadata of an output in this protocol, in bytes.
const maxMetadata = iotago.MaxMetadataLength

// addresses that receive, by their key, as they were written.
type addresses map[string]string

// depositOf is what the output is for the owner of the addresses; ok is false when it is none of his. The sender is not
// filled in.
func depositOf(o node.Output, ours addresses) (d billing.Deposit, ok bool, err error) {
	owner, hold := lockOf(o.Output)
	if owner == nil || ours[owner.Key()] == "" {
		return d, false, nil
	}
	amount := o.Output.Deposit()
	features := o.Output.FeatureSet()
	if back := o.Output.UnlockConditionSet().StorageDepositReturn(); back != nil {
		amount -= min(back.Amount, amount)
	}
	if amount > math.MaxInt64 {
		return d, false, fmt.Errorf("%w: output %s is of %d units", node.ErrAnswer, o.ID.ToHex(), amount)
	}
	d = billing.Deposit{ID: o.ID.ToHex(), Address: ours[owner.Key()], Amount: billing.Units(amount), At: o.At, Hold: hold}
	if tag := features.TagFeature(); tag != nil {
		d.Reference = referenceOf(tag.Tag)
	}
	if data := features.MetadataFeature(); data != nil && len(data.Data) <= maxMetadata {
		d.Metadata = data.Data
	}
	return d, true, nil
}

// lockOf is whom the output is for, nil if nobody in particular, and why it is no plain money.
func lockOf(o iotago.Output) (owner iotago.Address, hold string) {
	conditions := o.UnlockConditionSet()
	if a := conditions.Address(); a != nil {
		owner = a.Address
	}
	switch o := o.(type) {
	case *iotago.BasicOutput:
		hold = conditionsOf(conditions, len(o.NativeTokens))
	case *iotago.NFTOutput:
		hold = "it is an NFT and its storage deposit, not a payment"
	case *iotago.AliasOutput:
		if controller := conditions.StateControllerAddress(); controller != nil {
			owner = controller.Address
		}
		hold = "it is an alias and its storage deposit, not a payment"
	default: // a foundry belongs to an alias, the treasury to the network
		owner = nil
	}
	return owner, hold
}

// conditionsOf says in words what keeps the output from being plain money.
func conditionsOf(conditions iotago.UnlockConditionSet, tokens int) string {
	var why []string
	if back := conditions.StorageDepositReturn(); back != nil {
		why = append(why, fmt.Sprintf("%d units of it must be sent back", back.Amount))
	}
	if lock := conditions.Timelock(); lock != nil {
		why = append(why, fmt.Sprintf("it is locked until %s", unixTime(lock.UnixTime)))
	}
	if end := conditions.Expiration(); end != nil {
		why = append(why, fmt.Sprintf("it goes back to its payer unless it is claimed before %s", unixTime(end.UnixTime)))
	}
	if tokens > 0 {
		why = append(why, "it brings native tokens along")
	}
	return strings.Join(why, "; ")
}

// referenceOf is the tag as text if it is text, else in hexadecimal with 0x. Tags of ours are ASCII.
func referenceOf(tag []byte) string {
	text := string(tag)
	if utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	return iotago.EncodeHex(tag)
}
