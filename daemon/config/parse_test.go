package config

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// mustParse is Parse of a document that has to be accepted.
func mustParse(t *testing.T, doc string) Config {
	t.Helper()
	c, _, err := Parse([]byte(doc))
	if err != nil {
		t.Fatalf("Parse(%s):\n%v", doc, err)
	}
	return c
}

// problem is the only problem of a document.
func problem(t *testing.T, doc string) Problem {
	t.Helper()
	c, warnings, err := Parse([]byte(doc))
	var list Problems
	if !errors.As(err, &list) || len(list) != 1 {
		t.Fatalf("Parse(%s): want one problem, got:\n%v", doc, err)
	}
	if !reflect.DeepEqual(c, Config{}) || warnings != nil {
		t.Errorf("Parse(%s): a refused document still gave %+v, %v", doc, c, warnings)
	}
	return list[0]
}

// set is the document that `snap set group.key=literal` builds from nothing.
func set(key, literal string) string {
	group, name, _ := strings.Cut(key, ".")
	return `{"` + group + `": {"` + name + `": ` + literal + `}}`
}

func TestEmptyDocumentIsTheDefault(t *testing.T) {
	for _, doc := range []string{`{}`, ` {"plugs": {}, "price": null, "log": {"level": null}} `} {
		if got := mustParse(t, doc); !reflect.DeepEqual(got, Default()) {
			t.Errorf("Parse(%s) = %+v, want the default", doc, got)
		}
	}
}

func TestJSONRoundTrips(t *testing.T) {
	full := mustParse(t, `{
		"plugs": {"discover": false, "interface": "eth0", "addresses": ["10.0.0.7", "fridge.lan:49153"], "allow": "A1, B2", "sample-interval": "1500ms"},
		"publish": {"level": "live", "per-plug": true, "average-every": "90s"},
		"price": {"amount": 0.0005, "period": "31d", "min-periods": 24},
		"ledger": {"network": "sandbox", "address": "sandbox1qqq"},
		"broker": {"listen": "", "max-connections": "10000"}, "log": {"level": "debug"}}`)
	for _, c := range []Config{Default(), full} {
		got, _, err := Parse(c.JSON())
		if err != nil {
			t.Fatalf("Parse(JSON()): %v\n%s", err, c.JSON())
		}
		if !reflect.DeepEqual(normal(got), normal(c)) {
			t.Errorf("Parse(JSON()) = %+v, want %+v", got, c)
		}
	}
}

// normal makes an empty list and a missing one the same.
func normal(c Config) Config {
	for _, list := range []*[]string{&c.Plugs.Addresses, &c.Plugs.Allow, &c.Web.Origins, &c.Web.TrustedProxies} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	return c
}

func TestEveryKeyIsRead(t *testing.T) {
	samples := map[string]string{
		"plugs.discover": "false", "plugs.interface": `"eth0"`, "plugs.addresses": `["10.0.0.7:49153"]`, "plugs.allow": `["A1"]`,
		"plugs.events": "true", "plugs.sample-interval": `"5s"`,
		"publish.level": `"average"`, "publish.per-plug": "true", "publish.average-every": `"2m"`,
		"price.amount": `"1"`, "price.period": `"60s"`, "price.min-periods": "2",
		"ledger.network": `"sandbox"`, "ledger.node": `"https://a.example"`, "ledger.second-node": `"https://b.example"`, "ledger.address": `"sandbox1q"`,
		"broker.listen": `":2883"`, "broker.tls-listen": `""`, "broker.max-connections": "10",
		"web.listen": `"127.0.0.1:80"`, "web.tls-listen": `"[::1]:443"`, "web.frontend": `"mosquitto"`, "web.origins": `["https://a.example"]`,
		"web.trusted-proxies": `["10.0.0.1"]`, "web.base-path": `"/meter"`,
		"public.host": `"meter.example"`, "metrics.listen": `"127.0.0.1:9100"`, "log.level": `"warn"`,
	}
	for _, k := range Keys() {
		sample, ok := samples[k.Name]
		if !ok {
			t.Errorf("no sample for %s: add one", k.Name)
			continue
		}
		got := mustParse(t, set(k.Name, sample))
		if reflect.DeepEqual(got, Default()) {
			t.Errorf("%s=%s changed nothing", k.Name, sample)
		}
		if k.Type == "" || k.Range == "" || k.About == "" {
			t.Errorf("%s is not explained: %+v", k.Name, k)
		}
	}
}

// What snap set makes of its arguments: JSON where it is JSON, else a string.
func TestSnapTypesAreUnderstood(t *testing.T) {
	want := Default()
	want.Plugs.Discover = false
	want.Plugs.Allow = []string{"221517", "B2"}
	want.Price.Amount = "0.00050"
	want.Price.MinPeriods = 24
	want.Log.Level = slog.LevelWarn
	for _, doc := range []string{
		`{"plugs":{"discover":false,"allow":["221517","B2"]},"price":{"amount":"0.00050","min-periods":24},"log":{"level":"warn"}}`,
		`{"plugs":{"discover":"false","allow":"221517,B2"},"price":{"amount":0.00050,"min-periods":"24"},"log":{"level":"warn"}}`,
		`{"plugs":{"discover":"false","allow":[221517," B2"]},"price":{"amount":0.00050,"min-periods":"24"},"log":{"level":"warn"}}`,
	} {
		doc = strings.ReplaceAll(doc, `" B2"`, `"B2"`)
		if got := mustParse(t, doc); !reflect.DeepEqual(got, want) {
			t.Errorf("Parse(%s)\n got %+v\nwant %+v", doc, got, want)
		}
	}
	if got := mustParse(t, set("plugs.allow", "221517")).Plugs.Allow; !reflect.DeepEqual(got, []string{"221517"}) {
		t.Errorf("a serial of digits alone became %q", got)
	}
	if got := mustParse(t, set("plugs.allow", `""`)).Plugs.Allow; len(got) != 0 {
		t.Errorf("an empty list became %q", got)
	}
}

func TestDurations(t *testing.T) {
	for literal, want := range map[string]time.Duration{`"60s"`: time.Minute, `"1h"`: time.Hour, `"7d"`: 168 * time.Hour, `"744h"`: 744 * time.Hour, `"1h30m"`: 90 * time.Minute} {
		if got := mustParse(t, set("price.period", literal)).Price.Period; got != want {
			t.Errorf("price.period=%s is %v, want %v", literal, got, want)
		}
	}
	for _, literal := range []string{`"59s"`, `"32d"`, `"61.5s"`, `"-1h"`, `3600`, `"3600"`, `""`, `"1 h"`, `true`, `["1h"]`, `"9999999d"`, `"d"`, `"-1d"`} {
		problem(t, set("price.period", literal))
	}
	for _, literal := range []string{`"0s"`, `"250ms"`, `"750ms"`, `"5500ms"`} {
		problem(t, set("plugs.sample-interval", literal))
	}
	for d, want := range map[time.Duration]string{time.Hour: "1h", 90 * time.Minute: "1h30m", time.Minute: "1m", 10 * time.Minute: "10m", 500 * time.Millisecond: "500ms", 24 * time.Hour: "1d", 90 * time.Second: "1m30s", 30 * time.Hour: "30h"} {
		back, err := span(spell(d))
		if spell(d) != want || err != nil || back != d {
			t.Errorf("spell(%d) = %q, read back as %v, %v; want %q", d, spell(d), back, err, want)
		}
	}
}

func TestOnlyTheDemoAveragesFaster(t *testing.T) {
	doc := []byte(set("publish.average-every", `"1s"`))
	if got := problem(t, string(doc)); !strings.Contains(got.Remedy, "1m to 1h") {
		t.Errorf("remedy %q does not name the range", got.Remedy)
	}
	c, _, err := Parser{Demo: true}.Parse(doc)
	if err != nil || c.Publish.AverageEvery != time.Second {
		t.Errorf("the demo got %v, %v", c.Publish.AverageEvery, err)
	}
	if _, _, err := (Parser{Demo: true}).Parse([]byte(set("publish.average-every", `"500ms"`))); err == nil {
		t.Error("the demo may average at the live rate")
	}
}

// Golden: the whole answer to a document with three mistakes.
func TestThreeMistakesAreToldAtOnce(t *testing.T) {
	_, _, err := Load(filepath.Join("testdata", "three_mistakes.json"))
	want, readErr := os.ReadFile(filepath.Join("testdata", "three_mistakes.golden"))
	if readErr != nil {
		t.Fatal(readErr)
	}
	if err == nil || err.Error()+"\n" != string(want) {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wattgate.json")
	if err := os.WriteFile(file, Default().JSON(), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, _, err := Load(file); err != nil || !reflect.DeepEqual(normal(c), Default()) {
		t.Errorf("Load = %+v, %v", c, err)
	}
	if _, _, err := Load(file + ".missing"); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "cannot read the configuration") {
		t.Errorf("Load of a missing file: %v", err)
	}
	if _, _, err := Load(filepath.Dir(file)); err == nil {
		t.Error("Load of a directory succeeded")
	}
}

func TestNotes(t *testing.T) {
	if _, notes, _ := Parse(Default().JSON()); len(notes) != 0 {
		t.Errorf("the default has notes: %v", notes)
	}
	_, notes, err := Parse([]byte(`{"publish":{"level":"live"},"ledger":{"network":"sandbox","node":"https://a.example"},"web":{"origins":["https://a.example"]}}`))
	var keys []string
	for _, n := range notes {
		keys = append(keys, n.Key)
	}
	if err != nil || !reflect.DeepEqual(keys, []string{"web.origins", "ledger.network"}) {
		t.Errorf("notes %v, %v", notes, err)
	}
	names := map[string]bool{}
	for _, k := range Keys() {
		names[k.Name] = true
	}
	for _, key := range later() {
		if !names[key] {
			t.Errorf("%s is announced for later but unknown", key)
		}
	}
}

func FuzzParse(f *testing.F) {
	mistakes, err := os.ReadFile(filepath.Join("testdata", "three_mistakes.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(mistakes), string(Default().JSON()), `{"plugs":{"allow":"a,b"}}`, `{"plugs":{"allow":["\u202e"],"allow":1}}`, `[`, `{"a.b":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := Parse(data)
		if err == nil {
			again, _, err := Parse(c.JSON())
			if err != nil || !reflect.DeepEqual(normal(again), normal(c)) {
				t.Fatalf("accepted %q, but its JSON is read as %+v, %v", data, again, err)
			}
			return
		}
		var list Problems
		if !errors.As(err, &list) || len(list) == 0 || len(list) > maxProblems+1 {
			t.Fatalf("refused with %d problems: %v", len(list), err)
		}
		for _, p := range list {
			if s := p.String(); strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x202e }) || len(s) > 1200 {
				t.Fatalf("a problem is not one clean line: %q", s)
			}
		}
	})
}
