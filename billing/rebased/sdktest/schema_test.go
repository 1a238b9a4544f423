package sdktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wattgate/wattgate/billing/rebased/rebasedtest"
)

// specs has what the network's makers published.
const specs = "../../../../shared/specs"

// published skips a test where a published file is not at hand.
func published(t *testing.T, pattern string) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(specs, pattern))
	if len(found) == 0 {
		t.Skipf("SKIPPED: the published %s is not here", pattern)
	}
	return found[len(found)-1]
}

// talk lets the SDK and our own reader ask a node, and returns what went over the wire.
func talk(t *testing.T) []rebasedtest.Exchange {
	t.Helper()
	s, us, digests := house(t)
	var ignored any
	run(t, "read.cjs", nil, &ignored, append([]string{s.GraphQL(), s.JSONRPC(), us}, digests...)...)
	read(t, s, us)
	return s.Exchanges()
}

// Our queries are valid in the published schema, and the simulated node's answers are such as it allows.
func TestGraphQLFollowsThePublishedSchema(t *testing.T) {
	schema := published(t, "iota-graphql-schema-*.graphql")
	var list []rebasedtest.Exchange
	for _, e := range talk(t) {
		if e.API == rebasedtest.GraphQL {
			list = append(list, e)
		}
	}
	var checked int
	run(t, "schema.cjs", list, &checked, schema)
	if checked != len(list) || checked < 20 {
		t.Errorf("%d of %d exchanges checked", checked, len(list))
	}
}

// The simulated node's answers follow the published description of JSON-RPC.
func TestJSONRPCFollowsThePublishedDescription(t *testing.T) {
	raw, err := os.ReadFile(published(t, "openrpc-*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d description
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	results := map[string]schema{}
	for _, m := range d.Methods {
		results[m.Name] = m.Result.Schema
	}
	seen := map[string]int{}
	for _, e := range talk(t) {
		if e.API != rebasedtest.JSONRPC {
			continue
		}
		var q struct{ Method string }
		var a struct{ Result any }
		if err := errors.Join(json.Unmarshal(e.Request, &q), json.Unmarshal(e.Response, &a)); err != nil {
			t.Fatal(err)
		}
		s, found := results[q.Method]
		if !found {
			t.Errorf("%s is not described", q.Method)
			continue
		}
		if err := d.check(a.Result, s); err != nil {
			t.Errorf("%s: %v\n%.600s", q.Method, err, e.Response)
		}
		seen[q.Method]++
	}
	if len(seen) < 8 {
		t.Errorf("only %v were seen", seen)
	}
	if d.check(map[string]any{"digest": 5}, results["iota_getTransactionBlock"]) == nil {
		t.Error("the check lets everything pass")
	}
}

// description is as much of OpenRPC and JSON Schema as the published file uses.
type description struct {
	Methods []struct {
		Name   string
		Result struct{ Schema schema }
	}
	Components struct{ Schemas map[string]schema }
}

type schema struct {
	Ref                  string `json:"$ref"`
	Type                 any
	Enum                 []any
	Required             []string
	Properties           map[string]schema
	AdditionalProperties any
	Items                json.RawMessage
	OneOf, AnyOf, AllOf  []schema
	Minimum              *float64
}

// UnmarshalJSON takes the schema true, too, which lets everything pass.
func (s *schema) UnmarshalJSON(raw []byte) error {
	if string(raw) == "true" {
		return nil
	}
	type plain schema
	return json.Unmarshal(raw, (*plain)(s))
}

func (d description) check(v any, s schema) error {
	if name := strings.TrimPrefix(s.Ref, "#/components/schemas/"); name != "" {
		if _, text := v.(string); text && name == "GenericSignature" {
			return nil // the description's own examples are texts, too
		}
		target, found := d.Components.Schemas[name]
		if !found {
			return fmt.Errorf("no schema %s", name)
		}
		return d.check(v, target)
	}
	if err := s.kind(v); err != nil {
		return err
	}
	if s.Enum != nil && !slices.Contains(s.Enum, v) {
		return fmt.Errorf("%v is none of %v", v, s.Enum)
	}
	if n, ok := v.(float64); ok && s.Minimum != nil && n < *s.Minimum {
		return fmt.Errorf("%v is too small", n)
	}
	for _, all := range s.AllOf {
		if err := d.check(v, all); err != nil {
			return err
		}
	}
	if err := d.some(v, s.OneOf); err != nil {
		return err
	}
	if err := d.some(v, s.AnyOf); err != nil {
		return err
	}
	return errors.Join(d.fields(v, s), d.items(v, s))
}

// some holds that a value follows one of several schemas.
func (d description) some(v any, list []schema) (err error) {
	for _, s := range list {
		one := d.check(v, s)
		if one == nil {
			return nil
		}
		err = errors.Join(err, one)
	}
	return err
}

func (s schema) kind(v any) error {
	var kinds []any
	switch k := s.Type.(type) {
	case nil:
		return nil
	case []any:
		kinds = k
	default:
		kinds = []any{k}
	}
	is := "object"
	switch n := v.(type) {
	case nil:
		is = "null"
	case string:
		is = "string"
	case bool:
		is = "boolean"
	case []any:
		is = "array"
	case float64:
		is = "number"
		if n == float64(int64(n)) && !slices.Contains(kinds, any("number")) {
			is = "integer"
		}
	}
	if !slices.Contains(kinds, any(is)) {
		return fmt.Errorf("%v is %s, not %v", v, is, kinds)
	}
	return nil
}

func (d description) fields(v any, s schema) error {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	for _, name := range s.Required {
		if _, found := m[name]; !found {
			return fmt.Errorf("%s is missing", name)
		}
	}
	for name, value := range m {
		p, found := s.Properties[name]
		if !found && s.AdditionalProperties == false {
			return fmt.Errorf("%s is unknown", name)
		}
		if err := d.check(value, p); found && err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (d description) items(v any, s schema) error {
	list, ok := v.([]any)
	if !ok || s.Items == nil {
		return nil
	}
	var one schema
	var each []schema
	if json.Unmarshal(s.Items, &each) != nil {
		if err := json.Unmarshal(s.Items, &one); err != nil {
			return err
		}
	}
	for i, item := range list {
		if each != nil && i < len(each) {
			one = each[i]
		}
		if err := d.check(item, one); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}
