package billing

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// TestProtocolNamesEverything: what the documents and refusals contain stands in the page that clients are written from.
func TestProtocolNamesEverything(t *testing.T) {
	raw, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	for _, doc := range []any{Offer{}, OfferProduct{}, OfferKey{}, Endpoints{}, Order{}, Invoice{}, Receipt{}, header{}} {
		for _, name := range members(reflect.TypeOf(doc)) {
			if !strings.Contains(page, "`"+name+"`") {
				t.Errorf("%T: the page does not name %s", doc, name)
			}
		}
	}
	for _, name := range append(members(reflect.TypeFor[Claim]()), members(reflect.TypeFor[Money]())...) {
		if !strings.Contains(page, `"`+name+`":`) {
			t.Errorf("the page does not show %s", name)
		}
	}
	for _, code := range constants(t, "refusal.go", "Code") {
		if !strings.Contains(page, "\n| `"+code+"` | ") {
			t.Errorf("the page does not explain the code %s", code)
		}
	}
	for _, kind := range constants(t, "reference.go", "ReferenceKind") {
		if !strings.Contains(page, "\n| `"+kind+"` | ") {
			t.Errorf("the page does not explain the reference kind %s", kind)
		}
	}
	_, text, _ := strings.Cut(page, "```\nwattgate/claim/v1")
	text, _, _ = strings.Cut(text, "\n```")
	if message := string(ClaimMessage("fingerprint", Claim{Network: "NETWORK", Payment: "DIGEST", Order: "ORDER HASH"})); "wattgate/claim/v1"+
		strings.Replace(text, "FINGERPRINT", "fingerprint", 1) != message {
		t.Errorf("the page says\n%s\nthe message of a claim is\n%s", text, message)
	}
}

// members are the names of a document's members in JSON.
func members(doc reflect.Type) (names []string) {
	for field := range doc.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// constants are the values of the string constants of a type.
func constants(t *testing.T, file, kind string) (values []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) == 0 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		typed, named := spec.Type.(*ast.Ident)
		// The first constant of a group may be the only one with its type written out.
		if ok && literal.Kind == token.STRING && named && typed.Name == kind {
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		return true
	})
	if len(values) < 3 && kind == "Code" || len(values) == 0 {
		t.Fatalf("%s has only the constants %q of %s", file, values, kind)
	}
	return values
}
