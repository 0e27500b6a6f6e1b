package fwkit

import (
	"reflect"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-jsontypes/jsontypes"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// sample is a flat model with an attribute of every kind that the services use.
type sample struct {
	Name     types.String   `tfsdk:"name"`
	Count    types.Int64    `tfsdk:"count"`
	On       types.Bool     `tfsdk:"on"`
	Set      types.Set      `tfsdk:"set"`
	List     types.List     `tfsdk:"list"`
	Map      types.Map      `tfsdk:"map"`
	Object   types.Object   `tfsdk:"object"`
	Timeouts timeouts.Value `tfsdk:"timeouts"`
}

// embedded is flat, too: its attributes are those of the struct that it embeds.
type embedded struct{ sample }

// Models that [decodeFlat] refuses: the framework decodes them, or reports that they do not fit the schema.
type (
	nested struct {
		Name     types.String              `tfsdk:"name"`
		Count    *int64                    `tfsdk:"count"`
		On       types.Bool                `tfsdk:"on"`
		Set      []types.String            `tfsdk:"set"`
		List     []string                  `tfsdk:"list"`
		Map      map[string]string         `tfsdk:"map"`
		Object   *struct{ A types.String } `tfsdk:"object"`
		Timeouts timeouts.Value            `tfsdk:"timeouts"`
	}
	short struct {
		Name types.String `tfsdk:"name"`
	}
	untagged  struct{ Name types.String }
	otherType struct {
		Name types.Bool `tfsdk:"name"`
	}
)

func sampleSchema(t *testing.T) schema.Schema {
	return schema.Schema{Attributes: map[string]schema.Attribute{
		"name": schema.StringAttribute{Optional: true}, "count": schema.Int64Attribute{Optional: true}, "on": schema.BoolAttribute{Optional: true},
		"set":      schema.SetAttribute{Optional: true, ElementType: types.StringType},
		"list":     schema.ListAttribute{Optional: true, ElementType: types.StringType},
		"map":      schema.MapAttribute{Optional: true, ElementType: types.StringType},
		"object":   schema.SingleNestedAttribute{Optional: true, Attributes: map[string]schema.Attribute{"a": schema.StringAttribute{Optional: true}}},
		"timeouts": Timeouts(t.Context(), time.Minute),
	}}
}

// states returns five states: one with values, one with null attributes, one with unknown attributes, a null state and
// an unknown state.
func states(t *testing.T) map[string]tfsdk.State {
	s := sampleSchema(t)
	ty := s.Type().TerraformType(t.Context()).(tftypes.Object)
	text := func(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }
	values, nulls, unknowns := map[string]tftypes.Value{}, map[string]tftypes.Value{}, map[string]tftypes.Value{}
	for name, of := range ty.AttributeTypes {
		nulls[name], unknowns[name] = tftypes.NewValue(of, nil), tftypes.NewValue(of, tftypes.UnknownValue)
		switch of := of.(type) {
		case tftypes.Set, tftypes.List:
			values[name] = tftypes.NewValue(of, []tftypes.Value{text("a"), text("b")})
		case tftypes.Map:
			values[name] = tftypes.NewValue(of, map[string]tftypes.Value{"k": text("v")})
		case tftypes.Object:
			members := map[string]tftypes.Value{}
			for member := range of.AttributeTypes {
				members[member] = text("5m")
			}
			values[name] = tftypes.NewValue(of, members)
		}
	}
	values["name"], values["count"], values["on"] = text("iris"), tftypes.NewValue(tftypes.Number,
		3), tftypes.NewValue(tftypes.Bool, true)
	return map[string]tfsdk.State{
		"values":   {Schema: s, Raw: tftypes.NewValue(ty, values)},
		"nulls":    {Schema: s, Raw: tftypes.NewValue(ty, nulls)},
		"unknowns": {Schema: s, Raw: tftypes.NewValue(ty, unknowns)},
		"null":     {Schema: s, Raw: tftypes.NewValue(ty, nil)},
		"unknown":  {Schema: s, Raw: tftypes.NewValue(ty, tftypes.UnknownValue)},
	}
}

// TestDecode decodes each state into each model with Decode and with the framework, and compares the values and whether
// there are errors.
func TestDecode(t *testing.T) {
	for name, state := range states(t) {
		for _, model := range []any{sample{}, nested{}, embedded{}, short{}, untagged{}, otherType{}} {
			ours, theirs := reflect.New(reflect.TypeOf(model)), reflect.New(reflect.TypeOf(model))
			var diags diag.Diagnostics
			ok := Decode(t.Context(), state, ours.Interface(), &diags)
			want := state.Get(t.Context(), theirs.Interface())
			if !reflect.DeepEqual(ours.Interface(), theirs.Interface()) || len(diags) != len(want) ||
				ok == want.HasError() {
				t.Errorf("%s into %T: %+v and %v, want %+v and %v", name, model, ours, diags, theirs, want)
			}
		}
	}
	if fieldsOf(reflect.TypeFor[sample]()) == nil || fieldsOf(reflect.TypeFor[embedded]()) == nil {
		t.Error("a flat model is left to the framework")
	}
}

// TestDecodeChecks checks that Decode still validates a value whose type validates itself, such as JSON.
func TestDecodeChecks(t *testing.T) {
	s := schema.Schema{Attributes: map[string]schema.Attribute{"text": schema.StringAttribute{Required: true,
		CustomType: jsontypes.NormalizedType{}}}}
	state := tfsdk.State{Schema: s, Raw: tftypes.NewValue(s.Type().TerraformType(t.Context()),
		map[string]tftypes.Value{"text": tftypes.NewValue(tftypes.String, "{")})}
	var model struct {
		Text jsontypes.Normalized `tfsdk:"text"`
	}
	var diags diag.Diagnostics
	if Decode(t.Context(), state, &model, &diags) {
		t.Error("text that is no JSON is decoded as JSON")
	}
}

func TestAttributes(t *testing.T) {
	for name, state := range states(t) {
		if name == "unknown" {
			continue // no provider gets an unknown state or plan from Terraform
		}
		var text types.String
		var on types.Bool
		state.GetAttribute(t.Context(), Path("name"), &text)
		state.GetAttribute(t.Context(), Path("on"), &on)
		attributes := AttributesOf(state.Raw)
		if got := attributes.String(t.Context(), "name"); !got.Equal(text) {
			t.Errorf("%s: name is %s, want %s", name, got, text)
		}
		if got := attributes.Bool(t.Context(), "on"); !got.Equal(on) {
			t.Errorf("%s: on is %s, want %s", name, got, on)
		}
	}
}

// TestSetIdentity checks that SetIdentity takes the attributes of the identity from the model, also from a struct that
// the model embeds, and takes no other attribute.
func TestSetIdentity(t *testing.T) {
	type common struct {
		Workspace types.String `tfsdk:"workspace"`
		Other     types.Bool   `tfsdk:"other"`
	}
	type model struct {
		common
		Other types.Int64  `tfsdk:"another"`
		Name  types.String `tfsdk:"name"`
	}
	s := identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"name": identityschema.StringAttribute{RequiredForImport: true}, "workspace": identityschema.StringAttribute{OptionalForImport: true},
	}}
	for _, m := range []model{
		{}, {Name: types.StringValue("iris")}, {Name: types.StringUnknown()},
		{Name: types.StringValue("iris"), common: common{Workspace: types.StringValue("42"), Other: types.BoolValue(true)}, Other: types.Int64Value(1)},
	} {
		null := tftypes.NewValue(s.Type().TerraformType(t.Context()), nil)
		ours, theirs := &tfsdk.ResourceIdentity{Schema: s, Raw: null}, &tfsdk.ResourceIdentity{Schema: s, Raw: null}
		var diags diag.Diagnostics
		SetIdentity(t.Context(), ours, m, &diags)
		want := theirs.Set(t.Context(), struct {
			Name      types.String `tfsdk:"name"`
			Workspace types.String `tfsdk:"workspace"`
		}{m.Name, m.Workspace})
		if !ours.Raw.Equal(theirs.Raw) || len(diags) != len(want) {
			t.Errorf("%+v: %s and %v, want %s and %v", m, ours.Raw, diags, theirs.Raw, want)
		}
	}
	SetIdentity(t.Context(), nil, model{}, nil) // without an identity there is nothing to set
}
