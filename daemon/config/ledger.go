package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// checkNode wants the URL of an HTTP service, without a password in it.
func checkNode(s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	_, _, portErr := net.SplitHostPort(s)
	switch {
	case checkPrintable(s) != "" || err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		if portErr == nil {
			return "write https:// before it"
		}
		return "write the URL of the service, as in https://node.example/graphql"
	case u.User != nil:
		return "leave out user name and password: settings hold no secrets"
	}
	return ""
}

func checkLedgerAddress(s string) string {
	if reason := spendingKey(s); reason != "" {
		return reason
	}
	if strings.ContainsFunc(s, unicode.IsSpace) {
		return "write one address, without blanks"
	}
	return checkPrintable(s)
}

// spendingKey recognises what opens a wallet, and says why it has no place here; "" for anything else.
func spendingKey(s string) string {
	const never = "the gateway holds addresses only, never what can spend; put this secret back where it was safe and write the address"
	s = strings.ToLower(strings.TrimSpace(s))
	if strings.HasPrefix(s, "iotaprivkey1") {
		return "this is a private key: " + never
	}
	if mnemonic(s) {
		return "this looks like the words of a wallet: " + never
	}
	// An address of IOTA Rebased has the same form, with 0x before it; see addressOf.
	if hex64(s) {
		return "64 hex digits may be a private key: " + never
	}
	return ""
}

// mnemonic reports 12, 15, 18, 21 or 24 words of 3 to 8 letters, the form of BIP-39.
func mnemonic(s string) bool {
	words := strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == ',' })
	if n := len(words); n < 12 || n > 24 || n%3 != 0 {
		return false
	}
	word := regexp.MustCompile(`^[a-z]{3,8}$`)
	return !slices.ContainsFunc(words, func(w string) bool { return !word.MatchString(w) })
}

func hex64(s string) bool {
	ok, _ := regexp.MatchString(`^[0-9a-f]{64}$`, s)
	return ok
}

// checkLedger finds what is wrong between the keys of the ledger. That an address belongs to its network to the last
// letter is seen by whoever knows the network.
func checkLedger(l Ledger) []conflict {
	var found []conflict
	// The value of an address is not repeated: it may be what should never have been written there.
	refuse := func(key, value, remedy string) {
		found = append(found, conflict{Problem{key, show(value), remedy}, "ledger.network"})
	}
	real := l.Network == Stardust || l.Network == Rebased
	if real && l.Node == "" {
		refuse("ledger.node", "", fmt.Sprintf("ledger.network=%s needs a node to ask; write its URL", l.Network))
	}
	if l.SecondNode != "" && l.Network != Rebased && l.Network != "" {
		refuse("ledger.second-node", l.SecondNode, "only ledger.network=rebased asks a second node; leave it out")
	}
	if real && l.Address == "" {
		refuse("ledger.address", "", fmt.Sprintf("ledger.network=%s needs the address that buyers pay to", l.Network))
	}
	hexAddress := strings.HasPrefix(l.Address, "0x") && hex64(strings.ToLower(l.Address[2:]))
	switch {
	case l.Address == "":
	case l.Network == Rebased && !hexAddress:
		refuse("ledger.address", "", "an address of rebased is 0x and 64 hex digits; never write a private key here, which may look the same")
	case l.Network == Stardust && !bech32(l.Address):
		refuse("ledger.address", "", "an address of stardust looks like iota1…, smr1… or tst1…, in small letters")
	case l.Network != Rebased && hexAddress:
		refuse("ledger.address", "", "0x and 64 hex digits are an address of ledger.network=rebased only; elsewhere it may be a private key, and the gateway holds addresses only")
	}
	return found
}

// bech32 reports the form of BIP-173: a readable part, 1, and 38 letters or more that look like no others.
func bech32(s string) bool {
	ok, _ := regexp.MatchString(`^[a-z]{1,10}1[02-9ac-hj-np-z]{38,90}$`, s)
	return ok
}

// feePeriods is how many periods at the default price the fee of one payment on Rebased is worth: about 2,000,000 nanos of
// gas, 1,000,000 for the computation and 980,400 for a coin object, against 500,000 nanos for an hour.
const feePeriods = 4

// cheapPeriods keeps that fee at a sixth of what is bought.
const cheapPeriods = 6 * feePeriods

// ledgerNotes are the things an owner should know about his ledger.
func ledgerNotes(c Config) []Warning {
	var notes []Warning
	for _, n := range []struct{ key, url string }{{"ledger.node", c.Ledger.Node}, {"ledger.second-node", c.Ledger.SecondNode}} {
		if u, err := url.Parse(n.url); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
			notes = append(notes, Warning{n.key, "is asked without TLS: who sits between could invent payments; use https"})
		}
	}
	if c.Ledger.Network == Rebased && c.Price.MinPeriods < cheapPeriods {
		notes = append(notes, Warning{"price.min-periods", fmt.Sprintf("is %d: a payment on rebased costs its sender a fee of about 0.002 IOTA, four hours at the default price; %d keeps that small", c.Price.MinPeriods, cheapPeriods)})
	}
	if c.Publish.Level == Live && c.Ledger.Network == Sandbox {
		notes = append(notes, Warning{"ledger.network", "is sandbox: the live stream is sold for play money"})
	}
	return notes
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
