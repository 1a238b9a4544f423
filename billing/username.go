package billing

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// maxUsername is the length of the longest user name, in bytes.
const maxUsername = 32

// reservedWords are names that a person would take for the gateway's own or the owner's.
const reservedWords = " admin administrator anonymous broker daemon everyone gateway guest mosquitto nobody none null operator owner public root support system wattgate "

// reservedPrefixes belong to the gateway's own users at the broker.
var reservedPrefixes = [...]string{"gw-", "probe-"}

// lowerBase32 is how random names are written: no padding, nothing to confuse.
var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// CheckUsername reports whether a buyer or an owner may use the name: ^[a-z0-9][a-z0-9_-]{2,31}$ and not reserved.
func CheckUsername(name string) error {
	ok := len(name) >= 3 && len(name) <= maxUsername && name[0] != '_' && name[0] != '-' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
	if !ok {
		return refuse(CodeUsername, "cannot use this user name", "use 3 to 32 of a-z 0-9 _ -, beginning with a letter or digit")
	}
	reserved := strings.Contains(reservedWords, " "+name+" ")
	for _, p := range reservedPrefixes {
		reserved = reserved || strings.HasPrefix(name, p)
	}
	if reserved {
		return refuse(CodeUsername, "cannot use this user name: it is reserved", "choose another one")
	}
	return nil
}

// newUsername makes up a name for a buyer who wants none in particular: 50 random bits, so two never meet in practice
// and CheckUsername holds.
func newUsername() string {
	var raw [7]byte
	rand.Read(raw[:])
	return "u-" + lowerBase32.EncodeToString(raw[:])[:10]
}

// withSuffix makes another name of one that was taken meanwhile.
func withSuffix(name string) string {
	var raw [2]byte
	rand.Read(raw[:])
	return name[:min(len(name), maxUsername-5)] + "-" + hex.EncodeToString(raw[:])
}
