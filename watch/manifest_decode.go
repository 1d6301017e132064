package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	sigsjson "sigs.k8s.io/json"

	"github.com/rollcall-dns/rollcall/zone"
)

// A manifestDecoder makes objects of files' documents, and gathers what is wrong.
type manifestDecoder struct {
	m       *Manifests
	layer   *layer
	marked  bool // entries get fingerprints
	aliased int
	errs    []error
}

func newManifestDecoder(m *Manifests) *manifestDecoder {
	return &manifestDecoder{m: m, layer: newLayer()}
}

// file decodes a file's documents.
func (d *manifestDecoder) file(name string, data []byte) {
	docs, err := parseNodes(name, data)
	d.aliased = maxAliased
	failed, had := len(d.errs), len(d.layer.objects)
	blank := err == nil
	for _, n := range docs {
		blank = blank && isNull(n)
		d.document(name, n, 0)
	}
	if err != nil {
		d.errs = append(d.errs, err)
	}
	if len(d.errs) > failed {
		d.errs[failed] = withTemplateHint(d.errs[failed], data)
	}
	d.layer.files[name] = content{objects: len(d.layer.objects) - had, blank: blank}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func (d *manifestDecoder) fail(err error) { d.errs = append(d.errs, err) }

// document decodes one document: an object, or a list of objects.
func (d *manifestDecoder) document(file string, n *yaml.Node, depth int) {
	if isNull(n) {
		return // nothing but comments
	}
	doc := &document{file: file, line: n.Line, lines: make(map[string]int)}
	w := &docWriter{doc: doc, aliased: &d.aliased}
	n, err := w.resolve(n)
	if err != nil {
		d.fail(err)
		return
	}
	if n.Kind != yaml.MappingNode || depth > 2 {
		d.fail(doc.errorf(doc.line, "not a Kubernetes object: allowed is a mapping with apiVersion and kind"))
		return
	}
	pairs, err := w.pairs(n, 0)
	if err != nil {
		d.fail(err)
		return
	}
	top := make(map[string]pair, len(pairs))
	for _, p := range pairs {
		top[p.key] = p
	}
	kind, version := scalarOf(top["kind"]), scalarOf(top["apiVersion"])
	if kind == "" && isKustomization(file) {
		kind = "Kustomization"
	} else if missing := missingOf(kind, version); missing != "" {
		d.fail(doc.errorf(doc.line, "not a Kubernetes object: %s missing", missing))
		return
	}
	gv, err := schema.ParseGroupVersion(version)
	if err != nil {
		d.fail(doc.errorf(top["apiVersion"].line, "apiVersion %q: %v", version, err))
		return
	}
	items, isList := top["items"]
	if isList && strings.HasSuffix(kind, "List") && (gv.Group == "" && kind == "List" || resourceOf(gv.Group, strings.TrimSuffix(kind, "List")) != nil) {
		d.items(file, gv, strings.TrimSuffix(kind, "List"), items, w, depth)
		return
	}
	res := resourceOf(gv.Group, kind)
	switch {
	case gv.Group == "" && kind == "List": // an empty one
	case res == nil:
		d.m.metrics.skipped.WithLabelValues(kind).Inc()
		d.m.skipped(gv.Group, kind, doc)
	case gv != res.group:
		d.fail(doc.errorf(top["apiVersion"].line, "apiVersion %q of %s is not known: allowed is %q", version, kind, res.group))
	default:
		if err := w.write(n, "", 0); err != nil {
			d.fail(err)
			return
		}
		d.object(doc, *res)
	}
}

// items decodes a list's objects. Those of a ServiceList and its like may
// leave out apiVersion and kind, as the API server does.
func (d *manifestDecoder) items(file string, gv schema.GroupVersion, kind string, items pair, w *docWriter, depth int) {
	n, err := w.resolve(items.value)
	switch {
	case err != nil:
		d.fail(err)
		return
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		return
	case n.Kind != yaml.SequenceNode:
		d.fail(w.doc.errorf(items.line, "items: a list of objects is needed"))
		return
	}
	for _, item := range n.Content {
		if c, err := w.resolve(item); kind != "" && err == nil && c.Kind == yaml.MappingNode {
			typed := *c
			typed.Line = item.Line
			typed.Content = withDefault(typed.Content, "kind", kind)
			typed.Content = withDefault(typed.Content, "apiVersion", gv.String())
			item = &typed
		}
		d.document(file, item, depth+1)
	}
}

// withDefault returns the content of a mapping with a key that it may lack.
func withDefault(content []*yaml.Node, key, value string) []*yaml.Node {
	for i := 0; i+1 < len(content); i += 2 {
		if content[i].Value == key {
			return content
		}
	}
	scalar := func(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }
	return append(content[:len(content):len(content)], scalar(key), scalar(value))
}

// missingOf says which of an object's two names is missing, "" for neither.
func missingOf(kind, version string) string {
	switch {
	case kind == "" && version == "":
		return "apiVersion and kind are"
	case kind == "":
		return "kind is"
	case version == "":
		return "apiVersion is"
	}
	return ""
}

func scalarOf(p pair) string {
	if p.value == nil || p.value.Kind != yaml.ScalarNode || p.value.ShortTag() == "!!null" {
		return ""
	}
	return p.value.Value
}

// isKustomization knows the one file that may lack a kind by custom.
func isKustomization(file string) bool {
	return strings.HasSuffix(file, "kustomization.yaml") || strings.HasSuffix(file, "kustomization.yml")
}

// object decodes one object of a kind that matters.
func (d *manifestDecoder) object(doc *document, res resource) {
	obj := res.object()
	strict, err := sigsjson.UnmarshalStrict(doc.json, obj)
	if err != nil {
		d.fail(typeError(doc, err))
		return
	}
	for _, e := range strict {
		var field sigsjson.FieldError
		line := doc.line
		if errors.As(e, &field) {
			line = doc.lineOf(field.FieldPath())
		}
		d.m.warn("%s:%d: %v is ignored", doc.file, line, e)
	}
	d.accept(doc, obj, res)
}

// accept completes and checks an object, and takes it in. It may change it.
func (d *manifestDecoder) accept(doc *document, obj runtime.Object, res resource) {
	m, err := meta.Accessor(obj)
	if err != nil {
		d.fail(doc.errorf(doc.line, "%v", err))
		return
	}
	if hook := hookOf(res.kind, m); hook != "" {
		d.m.skippedHook(hook, res.kind, doc)
		return
	}
	m.SetResourceVersion("") // an edit in a file leaves it as it was
	m.SetManagedFields(nil)
	nameObject(doc, obj, m)
	if clusterScoped(res.kind) {
		m.SetNamespace("")
	} else if m.GetNamespace() == "" {
		m.SetNamespace(d.m.config.Namespace)
	}
	id := objectID{res.kind, zone.Key{Namespace: m.GetNamespace(), Name: m.GetName()}}
	c := &checker{doc: doc, res: res, id: id, warn: d.m.warn}
	if c.object(obj, m); len(c.errs) > 0 {
		d.errs = append(d.errs, c.errs...)
		return
	}
	if first, ok := d.layer.objects[id]; ok {
		d.fail(doc.errorf(doc.line, "duplicate %s (first at %s): allowed is one object of a kind, namespace and name", id, first.place))
		return
	}
	e := &entry{place: place{doc.file, doc.line}, object: obj}
	if d.marked {
		sum := sha256.Sum256(doc.json)
		e.sum = fingerprint(sum[:])
	}
	switch obj.(type) {
	case *discoveryv1.EndpointSlice, *serviceImport:
		e.object = nil
		if e.trimmed, _, err = d.m.trimmer.trim(obj); err != nil {
			d.fail(doc.errorf(doc.line, "%v", err))
			return
		}
		e.selected = d.m.selectors.of(e.trimmed.Kind()).Matches(labels.Set(m.GetLabels()))
	}
	d.layer.objects[id] = e
}

// nameObject names an EndpointSlice without name, as the API server would, but
// by its content: the same file always gives the same name.
func nameObject(doc *document, obj runtime.Object, m metav1.Object) {
	if _, ok := obj.(*discoveryv1.EndpointSlice); !ok || m.GetName() != "" {
		return
	}
	base := m.GetGenerateName()
	if base == "" {
		base = m.GetLabels()[discoveryv1.LabelServiceName]
		if base == "" {
			base = "endpointslice"
		}
		base += "-"
	}
	text := doc.json
	if text == nil {
		text, _ = json.Marshal(obj) // an API type always has a JSON form
	}
	sum := sha256.Sum256(text)
	m.SetName(base + hex.EncodeToString(sum[:5]))
}

// typeError says a JSON decoding error in a manifest's words.
func typeError(doc *document, err error) error {
	var e *json.UnmarshalTypeError
	if !errors.As(err, &e) {
		return doc.errorf(doc.line, "%v", err)
	}
	if e.Field == "" {
		// From a type that decodes itself; its offset is not the document's.
		return doc.errorf(doc.line, "a %s where %s is needed", e.Value, typeName(e.Type))
	}
	end := doc.endAt(e.Offset)
	return doc.errorf(end.line, "%s: %s where %s is needed", end.field(e.Field), article(e.Value), typeName(e.Type))
}

// article says what encoding/json calls a value.
func article(value string) string {
	switch value {
	case "object":
		return "a mapping"
	case "array":
		return "a list"
	case "bool":
		return "true or false"
	}
	return "a " + value
}

func typeName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a mapping"
	case reflect.Int32:
		return "an integer of 32 bits"
	case reflect.Int64, reflect.Int:
		return "an integer"
	}
	return "a " + t.String()
}
