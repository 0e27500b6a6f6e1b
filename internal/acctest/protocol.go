package acctest

import (
	"context"
	"fmt"
	"iter"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Protocol calls the provider over the plugin protocol, as Terraform does, but without a Terraform process. Tests use
// it for what only newer versions of Terraform request: identities and list resources. The provider runs in this
// process, and a call takes milliseconds.
type Protocol struct {
	server tfprotov6.ProviderServer
	*description
	located bool               // error texts name the attribute that the error is about, as a CLI does
	warned  func(words string) // receives each warning; may be nil
}

// description holds the schemas of a provider. Every server of one provider returns the same schemas, so only the first
// server is asked.
type description struct {
	asked      sync.Once
	schemas    *tfprotov6.GetProviderSchemaResponse
	identities map[string]*tfprotov6.ResourceIdentitySchema

	validated sync.Once // the validation of an empty provider block, which depends on nothing else
}

// ours holds the schemas of this repository's provider.
var ours description

// Object holds the state, the identity and the private data of one resource, as the protocol carries them. The values
// are strings, bools, *big.Float, []any, map[string]any or nil. A test may also supply an int.
type Object struct {
	State, Identity map[string]any
	Private         []byte
	Warnings        string // the warnings of the call that returned the object

	raw *tfprotov6.DynamicValue
}

// Listed is one result of a list resource. State is nil unless the caller requested the resource.
type Listed struct {
	DisplayName string
	Object
	Errors, Warnings string
}

// Protocol starts a provider in the world's environment, with an empty provider block. It ends the test if the provider
// reports an error.
func (w *World) Protocol(t testing.TB) *Protocol {
	t.Helper()
	p := open(t, w.server(), &ours)
	ours.validated.Do(func() {
		if errors := p.validateProvider(t, encode(t, p.schemas.Provider.ValueType(), nil)); errors != "" {
			t.Fatal(errors)
		}
	})
	if errors := p.configureProvider(t, encode(t, p.schemas.Provider.ValueType(), nil)); errors != "" {
		t.Fatal(errors)
	}
	return p
}

// open returns a Protocol for a provider that is not configured yet.
func open(t testing.TB, server tfprotov6.ProviderServer, d *description) *Protocol {
	t.Helper()
	d.asked.Do(func() {
		schemas, err := server.GetProviderSchema(request(t), &tfprotov6.GetProviderSchemaRequest{})
		must(t, err)
		MustHaveNoErrors(t, schemas.Diagnostics)
		identities, err := server.GetResourceIdentitySchemas(request(t), &tfprotov6.GetResourceIdentitySchemasRequest{})
		must(t, err)
		MustHaveNoErrors(t, identities.Diagnostics)
		d.schemas, d.identities = schemas, identities.IdentitySchemas
	})
	return &Protocol{server: server, description: d}
}

// configure validates the provider block and configures the provider. It returns the text of the errors, which is empty
// if there are none.
func (p *Protocol) configure(t testing.TB, values map[string]any) (errors string) {
	t.Helper()
	config := encode(t, p.schemas.Provider.ValueType(), values)
	if errors := p.validateProvider(t, config); errors != "" {
		return errors
	}
	return p.configureProvider(t, config)
}

func (p *Protocol) validateProvider(t testing.TB, config *tfprotov6.DynamicValue) (errors string) {
	t.Helper()
	valid, err := p.server.ValidateProviderConfig(request(t), &tfprotov6.ValidateProviderConfigRequest{Config: config})
	must(t, err)
	return p.errors(valid.Diagnostics)
}

func (p *Protocol) configureProvider(t testing.TB, config *tfprotov6.DynamicValue) (errors string) {
	t.Helper()
	configured, err := p.server.ConfigureProvider(request(t),
		&tfprotov6.ConfigureProviderRequest{TerraformVersion: "1.14.0", Config: config})
	must(t, err)
	return p.errors(configured.Diagnostics)
}

// validate validates the configuration of a resource or, if data is set, of a data source. It returns the text of the
// errors, which is empty if there are none.
func (p *Protocol) validate(t testing.TB, typeName string, data bool, values map[string]any) (errors string) {
	t.Helper()
	if data {
		config := encode(t, p.schemas.DataSourceSchemas[typeName].ValueType(), values)
		valid, err := p.server.ValidateDataResourceConfig(request(t),
			&tfprotov6.ValidateDataResourceConfigRequest{TypeName: typeName, Config: config})
		must(t, err)
		return p.errors(valid.Diagnostics)
	}
	valid, err := p.server.ValidateResourceConfig(request(t), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: typeName, Config: encode(t, p.schemas.ResourceSchemas[typeName].ValueType(), values),
		ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true},
	})
	must(t, err)
	return p.errors(valid.Diagnostics)
}

// schema returns the schema of a block's resource or data source, or nil if the provider has no such type.
func (p *Protocol) schema(b *block) *tfprotov6.Schema {
	if b.data {
		return p.schemas.DataSourceSchemas[b.typeName]
	}
	return p.schemas.ResourceSchemas[b.typeName]
}

// Stop sends the request with which Terraform, when it is interrupted, makes the provider cancel its running
// operations.
func (p *Protocol) Stop(t testing.TB) {
	t.Helper()
	answer, err := p.server.StopProvider(t.Context(), &tfprotov6.StopProviderRequest{})
	must(t, err)
	if answer.Error != "" {
		t.Fatal(answer.Error)
	}
}

// requestContents is the approximate size of what the context of a real plugin request holds, such as loggers and the
// stream.
const requestContents = 16 << 10 // bytes

type requestKey struct{}

// request returns the context of one request. The context is as large as the plugin libraries make it, so that a
// measurement of the memory shows a server that keeps contexts.
func request(t testing.TB) context.Context {
	return context.WithValue(t.Context(), requestKey{}, make([]byte, requestContents))
}

// Stream validates and runs a list resource and yields each result as it arrives. If the configuration is invalid, it
// yields one result that holds the text of the errors.
func (p *Protocol) Stream(
	t testing.TB, typeName string, config map[string]any, includeResource bool, limit int64,
) iter.Seq[Listed] {
	t.Helper()
	schema, ok := p.schemas.ListResourceSchemas[typeName]
	if !ok {
		t.Fatalf("%s is no list resource", typeName)
	}
	server, ok := p.server.(tfprotov6.ListResourceServer)
	if !ok {
		t.Fatal("the server serves no list resources")
	}
	value := encode(t, schema.ValueType(), config)
	valid, err := server.ValidateListResourceConfig(request(t),
		&tfprotov6.ValidateListResourceConfigRequest{TypeName: typeName, Config: value})
	must(t, err)
	if words := p.errors(valid.Diagnostics); words != "" {
		return func(yield func(Listed) bool) { yield(Listed{Errors: words}) }
	}
	stream, err := server.ListResource(request(t), &tfprotov6.ListResourceRequest{TypeName: typeName, Config: value,
		IncludeResource: includeResource, Limit: limit})
	must(t, err)
	return func(yield func(Listed) bool) {
		for r := range stream.Results {
			found := Listed{DisplayName: r.DisplayName, Errors: Errors(r.Diagnostics), Warnings: words(r.Diagnostics,
				tfprotov6.DiagnosticSeverityWarning)}
			if r.Identity != nil {
				found.Identity = decode(t, p.identities[typeName].ValueType(), r.Identity.IdentityData)
			}
			if r.Resource != nil {
				found.raw = r.Resource
				found.State = decode(t, p.schemas.ResourceSchemas[typeName].ValueType(), r.Resource)
			}
			if !yield(found) {
				return
			}
		}
	}
}

// Import imports an object by its id or, if id is empty, by its identity, and then refreshes the object, as Terraform
// does. It returns the text of the errors, which is empty if there are none.
func (p *Protocol) Import(t testing.TB, typeName, id string, identity map[string]any) (o Object, errors string) {
	t.Helper()
	req := &tfprotov6.ImportResourceStateRequest{TypeName: typeName, ID: id}
	if id == "" {
		req.Identity = &tfprotov6.ResourceIdentityData{IdentityData: encode(t, p.identities[typeName].ValueType(),
			identity)}
	}
	resp, err := p.server.ImportResourceState(request(t), req)
	must(t, err)
	if errors := p.errors(resp.Diagnostics); errors != "" {
		return Object{}, errors
	}
	imported := resp.ImportedResources[0]
	o = Object{Private: imported.Private, raw: imported.State}
	if imported.Identity != nil {
		o.Identity = decode(t, p.identities[typeName].ValueType(), imported.Identity.IdentityData)
	}
	return p.Refresh(t, typeName, o)
}

// Refresh reads an object again and returns the object and the text of the errors. If the object no longer exists, the
// returned object has no state.
func (p *Protocol) Refresh(t testing.TB, typeName string, o Object) (Object, string) {
	t.Helper()
	identityType := p.identities[typeName].ValueType()
	req := &tfprotov6.ReadResourceRequest{TypeName: typeName, CurrentState: o.raw, Private: o.Private}
	if o.Identity != nil {
		req.CurrentIdentity = &tfprotov6.ResourceIdentityData{IdentityData: encode(t, identityType, o.Identity)}
	}
	resp, err := p.server.ReadResource(request(t), req)
	must(t, err)
	if errors := p.errors(resp.Diagnostics); errors != "" {
		return Object{}, errors
	}
	checkKnown(t, typeName, unmarshal(t, p.schemas.ResourceSchemas[typeName].ValueType(), resp.NewState))
	now := Object{
		raw: resp.NewState, Private: resp.Private, State: decode(t, p.schemas.ResourceSchemas[typeName].ValueType(),
			resp.NewState),
		Warnings: words(resp.Diagnostics, tfprotov6.DiagnosticSeverityWarning),
	}
	if resp.NewIdentity != nil {
		now.Identity = decode(t, identityType, resp.NewIdentity.IdentityData)
	}
	return now, ""
}

// Apply plans and applies a configuration for an object. The zero value of prior stands for an object that does not
// exist yet, so Apply creates one. A nil configuration destroys the object.
func (p *Protocol) Apply(t testing.TB, typeName string, prior Object, config map[string]any) (o Object, errors string) {
	t.Helper()
	plan, errors := p.Plan(t, typeName, prior, config)
	if errors != "" {
		return Object{}, errors
	}
	return p.ApplyPlan(t, plan, config)
}

// MustApply calls [Protocol.Apply] and ends the test if there is an error.
func (p *Protocol) MustApply(t testing.TB, typeName string, prior Object, config map[string]any) Object {
	t.Helper()
	o, errors := p.Apply(t, typeName, prior, config)
	return mustHave(t, o, errors)
}

// MustImport calls [Protocol.Import] and ends the test if there is an error.
func (p *Protocol) MustImport(t testing.TB, typeName, id string, identity map[string]any) Object {
	t.Helper()
	o, errors := p.Import(t, typeName, id, identity)
	return mustHave(t, o, errors)
}

// MustRefresh calls [Protocol.Refresh] and ends the test if there is an error.
func (p *Protocol) MustRefresh(t testing.TB, typeName string, o Object) Object {
	t.Helper()
	o, errors := p.Refresh(t, typeName, o)
	return mustHave(t, o, errors)
}

// MustBeGone refreshes an object twice, once without an identity and once with the given identity. It reports a test
// error if a refresh still finds the object, and ends the test if a refresh fails.
func (p *Protocol) MustBeGone(t testing.TB, typeName string, o Object, identity map[string]any) {
	t.Helper()
	for _, o.Identity = range []map[string]any{nil, identity} {
		if gone := p.MustRefresh(t, typeName, o); gone.State != nil {
			t.Errorf("still there: %v", gone.State)
		}
	}
}

func mustHave(t testing.TB, o Object, errors string) Object {
	t.Helper()
	if errors != "" {
		t.Fatal(errors)
	}
	return o
}

// Same reports a test error if two states, or two identities, differ.
func Same(t testing.TB, what string, got, want map[string]any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Errors returns the text of the errors among the diagnostics, separated by line breaks. It returns an empty string if
// there are no errors.
func Errors(diagnostics []*tfprotov6.Diagnostic) string {
	return words(diagnostics, tfprotov6.DiagnosticSeverityError)
}

// errors returns the text of the errors among the diagnostics. If p.located is set, each text names the attribute that
// the error is about.
func (p *Protocol) errors(diagnostics []*tfprotov6.Diagnostic) string {
	for _, d := range diagnostics {
		if p.warned != nil && d.Severity == tfprotov6.DiagnosticSeverityWarning {
			p.warned("Warning: " + d.Summary + "\n\n" + d.Detail)
		}
	}
	if !p.located {
		return Errors(diagnostics)
	}
	var lines []string
	for _, d := range diagnostics {
		if d.Severity != tfprotov6.DiagnosticSeverityError {
			continue
		}
		at := ""
		if d.Attribute != nil && len(d.Attribute.Steps()) > 0 {
			at = fmt.Sprintf("  %s = …\n\n", d.Attribute.Steps()[0])
		}
		lines = append(lines, d.Summary+"\n\n"+at+d.Detail)
	}
	return strings.Join(lines, "\n\nError: ")
}

func words(diagnostics []*tfprotov6.Diagnostic, of tfprotov6.DiagnosticSeverity) string {
	var lines []string
	for _, d := range diagnostics {
		if d.Severity == of {
			lines = append(lines, d.Summary+": "+d.Detail)
		}
	}
	return strings.Join(lines, "\n")
}

// MustHaveNoErrors ends the test if the diagnostics contain an error.
func MustHaveNoErrors(t testing.TB, diagnostics []*tfprotov6.Diagnostic) {
	t.Helper()
	if words := Errors(diagnostics); words != "" {
		t.Fatal(words)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func null(t testing.TB, ty tftypes.Type) *tfprotov6.DynamicValue {
	t.Helper()
	v, err := tfprotov6.NewDynamicValue(ty, tftypes.NewValue(ty, nil))
	must(t, err)
	return &v
}

// encode encodes an object of the given type. Attributes that values does not contain become null.
func encode(t testing.TB, ty tftypes.Type, values map[string]any) *tfprotov6.DynamicValue {
	t.Helper()
	if values == nil {
		values = map[string]any{}
	}
	v, err := tfprotov6.NewDynamicValue(ty, toValue(t, ty, values))
	must(t, err)
	return &v
}

func toValue(t testing.TB, ty tftypes.Type, v any) tftypes.Value {
	t.Helper()
	switch v {
	case nil:
		return tftypes.NewValue(ty, nil)
	case any(Unknown):
		return tftypes.NewValue(ty, tftypes.UnknownValue)
	}
	switch ty := ty.(type) {
	case tftypes.Object:
		given, _ := v.(map[string]any)
		attributes := map[string]tftypes.Value{}
		for name, attribute := range ty.AttributeTypes {
			attributes[name] = toValue(t, attribute, given[name])
		}
		for name := range given {
			if _, ok := ty.AttributeTypes[name]; !ok {
				t.Fatalf("there is no attribute %s", name)
			}
		}
		return tftypes.NewValue(ty, attributes)
	case tftypes.Map:
		elements := map[string]tftypes.Value{}
		for name, element := range v.(map[string]any) {
			elements[name] = toValue(t, ty.ElementType, element)
		}
		return tftypes.NewValue(ty, elements)
	case tftypes.Set:
		return tftypes.NewValue(ty, toValues(t, ty.ElementType, v))
	case tftypes.List:
		return tftypes.NewValue(ty, toValues(t, ty.ElementType, v))
	default:
		return tftypes.NewValue(ty, v)
	}
}

func toValues(t testing.TB, ty tftypes.Type, v any) []tftypes.Value {
	t.Helper()
	values := []tftypes.Value{}
	for _, element := range v.([]any) {
		values = append(values, toValue(t, ty, element))
	}
	return values
}

// decode decodes an object. It returns nil if the object is null.
func decode(t testing.TB, ty tftypes.Type, raw *tfprotov6.DynamicValue) map[string]any {
	t.Helper()
	v, err := raw.Unmarshal(ty)
	must(t, err)
	m, _ := fromValue(t, v).(map[string]any)
	return m
}

func fromValue(t testing.TB, v tftypes.Value) any {
	t.Helper()
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	switch {
	case v.Type().Is(tftypes.String):
		return scalar[string](t, v)
	case v.Type().Is(tftypes.Bool):
		return scalar[bool](t, v)
	case v.Type().Is(tftypes.Number):
		return scalar[*big.Float](t, v)
	case v.Type().Is(tftypes.Object{}) || v.Type().Is(tftypes.Map{}):
		out := map[string]any{}
		for name, element := range scalar[map[string]tftypes.Value](t, v) {
			out[name] = fromValue(t, element)
		}
		return out
	default:
		out := []any{}
		for _, element := range scalar[[]tftypes.Value](t, v) {
			out = append(out, fromValue(t, element))
		}
		return out
	}
}

func scalar[T any](t testing.TB, v tftypes.Value) T {
	t.Helper()
	var out T
	must(t, v.As(&out))
	return out
}
