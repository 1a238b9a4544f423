//go:build !arm && !386

package stardust

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	iotago "github.com/iotaledger/iota.go/v3"

	"github.com/wattgate/wattgate/billing"
)

// ParseAddress checks an address of a Stardust network: bech32 that begins with iota, smr, rms or tst, which it returns.
// What may be a secret is refused with words that do not repeat it.
func ParseAddress(text string) (hrp string, err error) {
	if looksSecret(text) {
		return "", errors.New("cannot use this as an address: it looks like a private key or the words of a wallet (keep it off the gateway, consider it known from now on, and give the address, which begins with iota1, smr1, rms1 or tst1)")
	}
	prefix, _, err := iotago.ParseBech32(text)
	if err != nil {
		return "", fmt.Errorf("cannot use the address %.100q: %w (copy it again, whole)", text, err)
	}
	switch prefix {
	case iotago.PrefixMainnet, iotago.PrefixShimmer, iotago.PrefixTestnet, "tst":
		return string(prefix), nil
	}
	return "", fmt.Errorf("cannot use the address %.100q: it begins with %.20q (want iota1, smr1, rms1 or tst1)", text, prefix)
}

// looksSecret reports whether text may be a seed, a private key or a mnemonic.
func looksSecret(text string) bool {
	plain := strings.TrimSpace(strings.ToLower(text))
	return strings.HasPrefix(plain, "iotaprivkey") || len(strings.Fields(plain)) >= 12 ||
		regexp.MustCompile(`^(0x)?([0-9a-f]{64}|[0-9a-f]{128})$`).MatchString(plain) || // a seed or a private key
		regexp.MustCompile(`^[a-z9]{81}$`).MatchString(plain) // a seed of 2017
}

// MinDeposit is the smallest amount, in base units, that an output to an address may hold with a tag and metadata of these
// lengths in bytes, where a virtual byte costs so many units. A cost of 0 demands nothing.
func MinDeposit(vbyteCost uint32, tagLen, metadataLen int) billing.Units {
	rent := iotago.RentStructure{VByteCost: vbyteCost, VBFactorData: iotago.VByteCostFactorData, VBFactorKey: iotago.VByteCostFactorKey}
	o := &iotago.BasicOutput{Conditions: iotago.UnlockConditions{&iotago.AddressUnlockCondition{Address: &iotago.Ed25519Address{}}}}
	if tagLen > 0 {
		o.Features = append(o.Features, &iotago.TagFeature{Tag: make([]byte, tagLen)})
	}
	if metadataLen > 0 {
		o.Features = append(o.Features, &iotago.MetadataFeature{Data: make([]byte, metadataLen)})
	}
	return billing.Units(rent.MinRent(o))
}

func unixTime(seconds uint32) string { return time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339) }
