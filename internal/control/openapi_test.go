package control

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/rollcall-dns/rollcall/resolver/fault"
)

// node is what a part of the OpenAPI file has.
type node = map[string]any

// openAPI reads the file.
func openAPI(t testing.TB) node {
	t.Helper()
	text, err := os.ReadFile("../../docs/control.openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// at returns what stands at a path of keys; references are followed.
func at(doc node, from any, keys ...string) any {
	for _, key := range keys {
		n, ok := from.(node)
		if !ok {
			return nil
		}
		if ref, ok := n["$ref"].(string); ok {
			n = at(doc, doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(node)
		}
		from = n[key]
	}
	if n, ok := from.(node); ok {
		if ref, ok := n["$ref"].(string); ok {
			return at(doc, doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
	}
	return from
}

// TestRoutesAreDocumented: each route is in the file, and nothing else.
func TestRoutesAreDocumented(t *testing.T) {
	doc := openAPI(t)
	var documented, served []string
	for path, methods := range doc["paths"].(node) {
		for method := range methods.(node) {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	for _, r := range routes() {
		served = append(served, r.method+" "+r.path)
	}
	slices.Sort(documented)
	slices.Sort(served)
	if diff := cmp.Diff(documented, served); diff != "" {
		t.Errorf("(-documented +served):\n%s", diff)
	}
}

// TestBodiesAreDocumented: each field of a body is in the file, and nothing else.
func TestBodiesAreDocumented(t *testing.T) {
	doc := openAPI(t)
	compare := func(what string, schema any, body any) {
		t.Helper()
		properties, _ := at(doc, schema, "properties").(node)
		documented := slices.Sorted(maps.Keys(properties))
		if diff := cmp.Diff(documented, fields(reflect.TypeOf(body))); diff != "" {
			t.Errorf("%s (-documented +served):\n%s", what, diff)
		}
	}
	for _, r := range routes() {
		operation := at(doc, doc, "paths", r.path, strings.ToLower(r.method))
		schema := at(doc, operation, "requestBody", "content", "application/json", "schema")
		switch r.body.(type) {
		case nil:
			if schema != nil {
				t.Errorf("%s %s has no body", r.method, r.path)
			}
		case manifest:
		default:
			compare(r.method+" "+r.path, schema, r.body)
		}
	}
	schemas := doc["components"].(node)["schemas"].(node)
	compare("Error", schemas["Error"], failure{})
	compare("Fault", schemas["Fault"], faultBody{})
	compare("Query", schemas["Query"], query{})
	var actions []string
	for _, a := range at(doc, schemas["Fault"], "properties", "do", "enum").([]any) {
		actions = append(actions, a.(string))
	}
	var known []string
	for _, a := range fault.Actions {
		known = append(known, string(a))
	}
	if diff := cmp.Diff(actions, known); diff != "" {
		t.Errorf("actions (-documented +known):\n%s", diff)
	}
}

// fields returns the names that JSON has of a struct's fields, in order.
func fields(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TestExamples: each example of the file works, and replies what the file says.
func TestExamples(t *testing.T) {
	doc := openAPI(t)
	examples := 0
	for _, r := range routes() {
		operation := at(doc, doc, "paths", r.path, strings.ToLower(r.method))
		path := r.path
		parameters, _ := at(doc, operation, "parameters").([]any)
		for _, p := range parameters {
			example, err := json.Marshal(p.(node)["example"])
			if err != nil {
				t.Fatal(err)
			}
			path = strings.ReplaceAll(path, "{"+p.(node)["name"].(string)+"}", string(example))
		}
		contents, _ := at(doc, operation, "requestBody", "content").(node)
		if r.body == nil {
			contents = node{"": nil}
		}
		if len(contents) == 0 {
			t.Errorf("%s %s has no example", r.method, r.path)
		}
		for media, content := range contents {
			t.Run(strings.TrimSpace(r.method+" "+r.path+" "+media), func(t *testing.T) {
				body := ""
				switch example := at(doc, content, "example").(type) {
				case nil:
					if media != "" {
						t.Fatal("no example")
					}
				case string:
					body = example
				default:
					b, err := json.Marshal(example)
					if err != nil {
						t.Fatal(err)
					}
					body = string(b)
				}
				s := startServing(t)
				s.do(t, "POST", "/v1/faults", `{"name": "web.default.svc.cluster.local", "do": "servfail", "count": 1}`)
				s.ask(t, "web.default.svc.cluster.local.")
				reply := s.send(t, r.method, path, media, body)
				want := at(doc, operation, "responses").(node)
				documented, ok := want[strconv.Itoa(reply.Code)]
				if !ok || reply.Code >= 300 {
					t.Fatalf("status %d, want one of %v below 300: %s", reply.Code, slices.Sorted(maps.Keys(want)), reply.Body)
				}
				if example := at(doc, documented, "content", "application/json", "example"); example != nil {
					var got any
					if err := json.Unmarshal(reply.Body.Bytes(), &got); err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(shape(example), shape(got)); diff != "" {
						t.Errorf("the reply (-documented +served):\n%s", diff)
					}
				} else if reply.Code != http.StatusNoContent || reply.Body.Len() > 0 {
					t.Errorf("a body that is not documented: %d %s", reply.Code, reply.Body)
				}
			})
			examples++
		}
	}
	if examples < len(routes()) {
		t.Errorf("%d examples for %d routes", examples, len(routes()))
	}
}

// shape returns a value's keys and types alone.
func shape(v any) any {
	switch v := v.(type) {
	case node:
		keys := node{}
		for k, e := range v {
			keys[k] = shape(e)
		}
		return keys
	case []any:
		if len(v) == 0 {
			return "empty"
		}
		return []any{shape(v[0])}
	case string:
		return "string"
	case int, float64:
		return "number"
	}
	return v
}
