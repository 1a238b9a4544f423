package rebasedtest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// object is a value of a type of the schema: its fields are computed when they are asked for.
type object struct {
	kind  string
	field func(name string, args map[string]any) (any, error)
}

// unknown is the error of a field that a type does not have here.
func (o object) unknown(name string) error {
	return fmt.Errorf("unknown field %q on type %q", name, o.kind)
}

// execution is one request.
type execution struct {
	document  document
	variables map[string]any
}

// ordered is a JSON object that keeps the sequence of its fields, as GraphQL does.
type ordered struct {
	names  []string
	values map[string]any
}

// MarshalJSON writes the fields in their sequence.
func (o *ordered) MarshalJSON() ([]byte, error) {
	var out strings.Builder
	out.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			out.WriteByte(',')
		}
		value, err := json.Marshal(o.values[name])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%q:%s", name, value)
	}
	out.WriteByte('}')
	return []byte(out.String()), nil
}

// execute answers a request from the root of a schema.
func execute(query string, variables map[string]any, root object) (any, error) {
	d, err := parse(query)
	if err != nil {
		return nil, err
	}
	e := execution{d, map[string]any{}}
	for _, v := range d.variables {
		value, given := variables[v.name]
		if !given && v.standard != nil {
			value, given = v.standard, true
		}
		if v.required && value == nil {
			return nil, fmt.Errorf("variable %q is required", v.name)
		}
		if given {
			e.variables[v.name] = value
		}
	}
	return e.object(root, d.fields)
}

func (e execution) object(o object, fields []selection) (any, error) {
	out := &ordered{values: map[string]any{}}
	merged, err := e.collect(o.kind, fields, nil)
	if err != nil {
		return nil, err
	}
	for _, f := range merged {
		if f.name == "__typename" {
			out.names, out.values[f.alias] = append(out.names, f.alias), o.kind
			continue
		}
		value, err := o.field(f.name, e.arguments(f.args))
		if err != nil {
			return nil, err
		}
		if value, err = e.complete(value, f); err != nil {
			return nil, err
		}
		out.names, out.values[f.alias] = append(out.names, f.alias), value
	}
	return out, nil
}

// complete goes down into objects and lists.
func (e execution) complete(value any, f selection) (any, error) {
	switch v := value.(type) {
	case *object:
		if v == nil {
			return nil, nil
		}
		return e.complete(*v, f)
	case object:
		if f.fields == nil {
			return nil, fmt.Errorf("field %q of type %q must have a selection of subfields", f.name, v.kind)
		}
		return e.object(v, f.fields)
	case []object:
		list := []any{}
		for _, o := range v {
			one, err := e.complete(o, f)
			if err != nil {
				return nil, err
			}
			list = append(list, one)
		}
		return list, nil
	}
	if f.fields != nil && value != nil {
		return nil, fmt.Errorf("field %q must not have a selection", f.name)
	}
	return value, nil
}

// collect resolves fragments and conditions and merges fields of the same name.
func (e execution) collect(kind string, fields []selection, into []selection) ([]selection, error) {
	for _, f := range fields {
		if !e.included(f) {
			continue
		}
		var err error
		switch {
		case f.spread != "":
			fragment, found := e.document.fragments[f.spread]
			if !found {
				return nil, fmt.Errorf("unknown fragment: %q", f.spread)
			}
			into, err = e.collect(kind, fragment, into)
		case f.inline:
			if f.on == "" || f.on == kind {
				into, err = e.collect(kind, f.fields, into)
			}
		default:
			into = merge(into, f)
		}
		if err != nil {
			return nil, err
		}
	}
	return into, nil
}

func merge(into []selection, f selection) []selection {
	for i, have := range into {
		if have.alias == f.alias {
			if f.fields != nil {
				into[i].fields = append(append([]selection{}, have.fields...), f.fields...)
			}
			return into
		}
	}
	return append(into, f)
}

func (e execution) included(f selection) bool {
	for _, c := range f.include {
		if yes, _ := e.value(c.value).(bool); yes != c.want {
			return false
		}
	}
	return true
}

func (e execution) arguments(args map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range args {
		out[name] = e.value(v)
	}
	return out
}

func (e execution) value(v any) any {
	switch v := v.(type) {
	case ref:
		return e.variables[string(v)]
	case map[string]any:
		return e.arguments(v)
	case symbol:
		return string(v)
	}
	return v
}
