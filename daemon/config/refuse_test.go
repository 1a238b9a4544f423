package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestUnknownKeysNameTheNearest(t *testing.T) {
	for doc, want := range map[string]string{
		`{"plugs":{"discovery":true}}`:          "plugs.discover",
		`{"plug":{"discover":true}}`:            "plugs.discover",
		`{"price":{"minimum-periods":2}}`:       "price.min-periods",
		`{"broker":{"tls_listen":":1"}}`:        "broker.tls-listen",
		`{"publish":{"averageEvery":"60s"}}`:    "publish.average-every",
		`{"pulish":"live"}`:                     "nearest is publish",
		`{"ledger":{"seed":"x"}}`:               "ledger.node",
		`{"Log":{}}`:                            "nearest is log",
		`{"web.listen":":8080"}`:                `{"web": {"listen": …}}`,
		`{"web":{"listen":{"port":8080}}}`:      "write one value",
		`{"web":":8080"}`:                       "web is a group",
		`{"broker":{"listen":":1","listen":1}}`: "twice",
		`{"plugs":{},"plugs":{}}`:               "twice",
		`{"plugs":{"allow":[null]}}`:            "write a list",
		`{"plugs":{"allow":{"a":1}}}`:           "write a list",
		`{"plugs":{"allow":"A,A"}}`:             "twice",
		`{"plugs":{"allow":["A,B"]}}`:           "serial number",
		`{"plugs":{"allow":[""]}}`:              "entry 1",
		`{"plugs":{"discover":1}}`:              "true or false",
		`{"log":{"level":"INFO"}}`:              "debug, info, warn, error",
		`{"ledger":{"network":"bitcoin"}}`:      `"" (empty), sandbox, stardust, rebased`,
		`{"broker":{"max-connections":200.0}}`:  "10 to 10000",
		`{"broker":{"max-connections":"+200"}}`: "10 to 10000",
		`{"price":{"min-periods":0}}`:           "1 to 10000",
	} {
		if got := problem(t, doc); !strings.Contains(got.String(), want) {
			t.Errorf("Parse(%s): %q does not say %q", doc, got, want)
		}
	}
}

func TestBrokenDocuments(t *testing.T) {
	for doc, want := range map[string]string{
		"":                                   "empty",
		" \n":                                "empty",
		"null":                               "object",
		"[]":                                 "object",
		"{} {}":                              "line 1, column",
		"{\n  \"plugs\": {,}\n}":             "line 2, column 13",
		`{"plugs":`:                          "line 1",
		"{\"plugs\": \"\xff\"}":              "UTF-8",
		strings.Repeat("[", 60000):           "not JSON",
		strings.Repeat(" ", maxBytes) + "{}": "longer than 64 KiB",
		`{"plugs":{"allow":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}}`: "nested deeper",
	} {
		if got := problem(t, doc); got.Key != "" || !strings.Contains(got.String(), want) {
			t.Errorf("Parse(%.40q): %q does not say %q", doc, got, want)
		}
	}
}

func TestNonsenseIsAnsweredBriefly(t *testing.T) {
	var doc strings.Builder
	doc.WriteString(`{"x":{`)
	for i := range 5000 {
		fmt.Fprintf(&doc, `"k%d":1,`, i)
	}
	doc.WriteString(`"z":1}}`)
	_, _, err := Parse([]byte(doc.String()))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxProblems+1 || lines[maxProblems] != "cannot read the configuration: it has 4961 more problems" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

func TestAmountsAreExactOrRefused(t *testing.T) {
	for _, literal := range []string{`0.0005`, `"0.0005"`, `0.000000001`, `1`, `"12.50"`, `999999999.999999999`} {
		if got, want := mustParse(t, set("price.amount", literal)).Price.Amount, strings.Trim(literal, `"`); got != want {
			t.Errorf("amount %s became %q", literal, got)
		}
	}
	for _, literal := range []string{`0`, `0.0`, `"0.000000000"`, `-1`, `"-0.5"`, `"+1"`, `1e3`, `5E-4`, `"1e-3"`, `0.0000000001`, `""`, `"."`, `".5"`, `"1."`, `"01"`,
		`"1,5"`, `" 1"`, `"0x10"`, `"NaN"`, `"Inf"`, `"1_000"`, `"٣"`, `1000000000`, `true`, `[1]`} {
		problem(t, set("price.amount", literal))
	}
}

func TestListeners(t *testing.T) {
	for _, good := range []string{"", ":0", ":1884", "127.0.0.1:65535", "[::]:1884", "[fe80::1]:1884"} {
		mustParse(t, set("broker.listen", `"`+good+`"`))
	}
	for _, bad := range []string{"1884", "0.0.0.0", "localhost:1884", ":65536", ":-1", ":+1", ":01", ":http", "::1:1884", "[fe80::1%eth0]:1884", "[fe80::1%a b]:1884", "0.0.0.0:1884\\n", " :1884", "http://0.0.0.0:1"} {
		problem(t, set("broker.listen", `"`+bad+`"`))
	}
}

func TestTwoListenersCannotShareAPort(t *testing.T) {
	got := problem(t, `{"broker":{"listen":"127.0.0.1:8080"}}`)
	if got.Key != "web.listen" || !strings.Contains(got.Remedy, "broker.listen") {
		t.Errorf("got %q", got)
	}
	mustParse(t, `{"broker":{"listen":":0","tls-listen":":0"},"web":{"listen":"","tls-listen":""},"metrics":{"listen":":8080"}}`)
	// A listener that is wrong by itself is one problem, not two.
	problem(t, `{"web":{"listen":"8080"},"metrics":{"listen":":8080"}}`)
}

func TestHosts(t *testing.T) {
	for _, good := range []string{"", "meter.example", "meter", "METER-1.example", "192.0.2.7", "2001:db8::1", "xn--mnchen-3ya.example"} {
		mustParse(t, set("public.host", `"`+good+`"`))
	}
	for _, bad := range []string{"https://meter.example", "meter.example:443", "meter.example/", "-a.example", "a..b", "meter.", "192.0.2", "192.0.2.256", "a b", "fe80::1%eth0", "a\\u0000b", "münchen.example", strings.Repeat("a", 64)} {
		problem(t, set("public.host", `"`+bad+`"`))
	}
	for _, good := range []string{"10.0.0.7", "10.0.0.7:49153", "fridge.lan", "fridge.lan:49153", "[2001:db8::1]:49153", "2001:db8::1"} {
		mustParse(t, set("plugs.addresses", `["`+good+`"]`))
	}
	for _, bad := range []string{"http://10.0.0.7", "10.0.0.7:0", "10.0.0.7:", ":49153", "10.0.0.7/setup.xml", "fe80::1%eth0"} {
		problem(t, set("plugs.addresses", `["`+bad+`"]`))
	}
	for _, bad := range []string{"eth0/1", "eth 0", "an-interface-name-too-long", "a\\nb"} {
		problem(t, set("plugs.interface", `"`+bad+`"`))
	}
}

func TestLiveNeedsALedger(t *testing.T) {
	got := problem(t, set("publish.level", `"live"`))
	if got.Key != "publish.level" || !strings.Contains(got.Remedy, "ledger.network=sandbox") {
		t.Errorf("got %q", got)
	}
	mustParse(t, `{"publish":{"level":"live"},"ledger":{"network":"sandbox"}}`)
	mustParse(t, set("publish.level", `"average"`))
	// A network that is wrong by itself is one problem, not two.
	if got := problem(t, `{"publish":{"level":"live"},"ledger":{"network":"bitcoin"}}`); got.Key != "ledger.network" {
		t.Errorf("got %q", got)
	}
}

func TestSpendingKeysAreRefusedAndNeverRepeated(t *testing.T) {
	words := strings.TrimSpace(strings.Repeat("abandon ", 11) + "about")
	hex := strings.Repeat("0123456789abcdef", 4)
	secrets := []string{"iotaprivkey1qzdlfxn2qa2lj5uprl8pyhexs02sg2wrhdy7qaq50cqgnffw4c2477kg9h3", "IOTAPRIVKEY1QQ", words, strings.ToUpper(words), words + " " + words, hex, "0x" + hex, " " + hex}
	for _, secret := range secrets {
		got := problem(t, set("ledger.address", `"`+secret+`"`))
		if got.Key != "ledger.address" || !strings.Contains(got.Remedy, "addresses only") {
			t.Errorf("%.20s…: got %q", secret, got)
		}
		for _, k := range Keys() {
			_, _, err := Parse([]byte(set(k.Name, `"`+secret+`"`)))
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is repeated: %v", err)
			}
		}
	}
	mustParse(t, set("ledger.address", `"sandbox1qpr7q4w0k6v0u3zt"`))
}

func TestKeysExplainTheDefaults(t *testing.T) {
	want := map[string]string{"plugs.sample-interval": "500ms", "price.amount": "0.0005", "price.period": "1h", "publish.level": "private",
		"broker.listen": "0.0.0.0:1883", "broker.max-connections": "200", "log.level": "info", "plugs.allow": "", "publish.average-every": "1m"}
	for _, k := range Keys() {
		if w, ok := want[k.Name]; ok && k.Default != w {
			t.Errorf("default of %s is shown as %q, want %q", k.Name, k.Default, w)
		}
		delete(want, k.Name)
	}
	if len(want) > 0 {
		t.Errorf("keys missing: %v", want)
	}
}

func TestRealLedgersNeedANodeAndAnAddressOfTheirKind(t *testing.T) {
	const hex = "0x0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	const tst = "tst1qpszqzadsym6wpppd6z037dvlejmjuke7s24hm95s9fg9vpua7vluehe53e"
	mustParse(t, `{"ledger":{"network":"rebased","node":"https://g.example/","second-node":"https://j.example","address":"`+hex+`"}}`)
	mustParse(t, `{"ledger":{"network":"stardust","node":"http://127.0.0.1:14265","address":"`+tst+`"}}`)
	for document, key := range map[string]string{
		`{"ledger":{"network":"rebased","address":"` + hex + `"}}`:                                                               "ledger.node",
		`{"ledger":{"network":"stardust","node":"https://n.example"}}`:                                                           "ledger.address",
		`{"ledger":{"network":"rebased","node":"https://n.example","address":"` + tst + `"}}`:                                    "ledger.address",
		`{"ledger":{"network":"stardust","node":"https://n.example","address":"` + hex + `"}}`:                                   "ledger.address",
		`{"ledger":{"network":"stardust","node":"https://n.example","address":"` + strings.ToUpper(tst) + `"}}`:                  "ledger.address",
		`{"ledger":{"network":"stardust","node":"https://n.example","second-node":"https://o.example","address":"` + tst + `"}}`: "ledger.second-node",
		`{"ledger":{"network":"rebased","node":"n.example:443","address":"` + hex + `"}}`:                                        "ledger.node",
		`{"ledger":{"network":"rebased","node":"https://me:secret@n.example","address":"` + hex + `"}}`:                          "ledger.node",
	} {
		_, _, err := Parse([]byte(document))
		if err == nil || !strings.Contains(err.Error(), key) || strings.Contains(err.Error(), hex[:40]) {
			t.Errorf("%s: %v, want a problem of %s that does not repeat the address", document, err, key)
		}
	}
}

func TestOwnersAreToldOfFeesAndOfNodesWithoutTLS(t *testing.T) {
	const hex = "0x0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	_, notes, err := Parse([]byte(`{"ledger":{"network":"rebased","node":"http://n.example/","second-node":"http://localhost:9000","address":"` + hex + `"}}`))
	if err != nil || len(notes) != 2 || notes[0].Key != "ledger.node" || notes[1].Key != "price.min-periods" {
		t.Errorf("%+v %v", notes, err)
	}
	if _, notes, err := Parse([]byte(`{"price":{"min-periods":24},"ledger":{"network":"rebased","node":"https://n.example/","address":"` + hex + `"}}`)); err != nil || len(notes) != 0 {
		t.Errorf("%+v %v", notes, err)
	}
}
