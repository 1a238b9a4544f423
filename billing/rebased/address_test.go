package rebased_test

import (
	"strings"
	"testing"

	"github.com/wattgate/wattgate/billing/rebased"
)

func TestAnAddressIsReadAsWalletsWriteIt(t *testing.T) {
	const want = "0x9f8e5379678525edf768d7b507dc1ba9016fc4f0eac976ab7f74077d95fba312"
	for _, text := range []string{want, " " + want + "\n", strings.ToUpper(want), "0x" + strings.ToUpper(want[2:])} {
		if got, err := rebased.ParseAddress(text); got != want || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "zero": "0x" + strings.Repeat("0", 64), "framework": "0x" + strings.Repeat("0", 63) + "2", "system": "0x" + strings.Repeat("0", 60) + "dee9",
		"short": "0x2", "too short": want[:65], "too long": want + "0", "no hex": want[:65] + "g", "a name": "shop.iota", "stardust": "iota1qrhacyfwlcnzkvzteumekfkrrwks98mpdm37cj4xx3drvmjvnep6xqgyzyx",
		"two": want + "," + want, "coin type": "0x2::iota::IOTA", "look-alike": "Ox" + want[2:],
	} {
		if got, err := rebased.ParseAddress(text); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// What can spend is refused and never repeated, for the error ends up in a log.
func TestSecretsAreRefusedAndNotRepeated(t *testing.T) {
	hexKey := "9f8e5379678525edf768d7b507dc1ba9016fc4f0eac976ab7f74077d95fba312"
	for name, text := range map[string]string{
		"iotaprivkey":      "iotaprivkey1qzf8qrzl9ffs3m7dwhl6jvp6nhhs3w2rwzc8zz6p9l6k8r3u5v3qx0000",
		"upper case":       "IOTAPRIVKEY1QZF8QRZL9FFS3M7DWHL6JVP6NHHS3W2RWZC8ZZ6P9L6K8R3U5V3QX0000",
		"suiprivkey":       "suiprivkey1qzf8qrzl9ffs3m7dwhl6jvp6nhhs3w2rwzc8zz6p9l6k8r3u5v3qx0000",
		"12 words":         "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
		"24 words":         strings.Repeat("zoo ", 23) + "vote",
		"words over lines": strings.Repeat("zoo\n", 23) + "vote",
		"hex":              hexKey,
		"hex seed":         hexKey + hexKey,
		"0x seed":          "0x" + hexKey + hexKey,
		"keystore":         "AJ+OU3lnhSXt92jXtQfcG6kBb8Tw6sl2q390B32V+6MS",
	} {
		_, err := rebased.ParseAddress(text)
		if err == nil || !strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for word := range strings.FieldsSeq(text) {
			if len(word) > 6 && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(word)) {
				t.Errorf("%s is repeated: %v", name, err)
			}
		}
	}
}
