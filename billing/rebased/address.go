package rebased

import (
	"encoding/hex"
	"errors"
	"strings"
)

// addressBytes is the size of an address, and sadly of a secret key too.
const addressBytes = 32

// errSecret never carries the text it is about: errors end up in logs.
var errSecret = errors.New("this looks like a secret key, not an address; it is not repeated here, and should be regarded as known to others " +
	"(hint: give the address, 0x and 64 hexadecimal digits; wattgate never needs a key)")

// ParseAddress reads an address, 0x and 64 hexadecimal digits, and returns it in lower case. It refuses addresses of the
// system, where money would be lost, and what is recognisably a secret: an iotaprivkey, a mnemonic, bare hexadecimal
// digits, a key as the command line wallet keeps it. A secret key written as 0x and 64 digits cannot be told from an
// address and is accepted. The errors do not repeat the text.
func ParseAddress(text string) (string, error) {
	text = strings.TrimSpace(text)
	if secret(text) {
		return "", errSecret
	}
	lower := strings.ToLower(text)
	digits, found := strings.CutPrefix(lower, "0x")
	raw, err := hex.DecodeString(digits)
	if !found || err != nil || len(raw) != addressBytes {
		return "", errors.New("cannot read the address: an IOTA address is 0x and 64 hexadecimal digits (copy it from the wallet)")
	}
	// The lowest 65,536 are packages and objects of the system, such as 0x2; nobody has the key to one.
	if strings.Trim(digits[:60], "0") == "" {
		return "", errors.New("cannot use this address: it belongs to the system, nobody could spend what arrives there (copy yours from the wallet)")
	}
	return lower, nil
}

// secret reports whether text is recognisably something that can spend.
func secret(text string) bool {
	if strings.Contains(strings.ToLower(text), "privkey") {
		return true
	}
	if len(strings.Fields(text)) >= 12 { // a mnemonic has 12 to 24 words
		return true
	}
	if _, err := hex.DecodeString(text); err == nil && len(text) >= 2*addressBytes {
		return true // a seed or a key without 0x
	}
	if _, err := hex.DecodeString(strings.TrimPrefix(text, "0x")); err == nil && len(text) >= 2+4*addressBytes {
		return true // a seed or a key pair with 0x
	}
	// The keystore of the command line wallet: a flag and 32 bytes in base64.
	return len(text) == 44 && strings.Trim(text, base64Digits) == ""
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
