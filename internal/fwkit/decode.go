package fwkit

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/attr/xattr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// getter is a plan, a state or a configuration.
type getter interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}

// Decode reads a plan, state or configuration into a model and reports whether that went well.
//
// The framework looks for the fields of a model again each time, with a regular expression for each tag, and that costs
// more than the rest of decoding. So it decodes into an object here, and the fields are remembered. It does the whole
// work where a model is more than a flat struct of the framework's values, and where there is anything to complain of.
// Left out is its search for an element that a set holds twice: Terraform sends none. A state that is not [Whole] is an
// error.
func Decode(ctx context.Context, from getter, target any, diags *diag.Diagnostics) bool {
	if state, ok := from.(tfsdk.State); ok && !Whole(state, target, diags) {
		return false
	}
	if !decodeFlat(ctx, from, reflect.ValueOf(target).Elem()) {
		diags.Append(from.Get(ctx, target)...)
	}
	return !diags.HasError()
}

// decodeFlat sets each field of a model to the attribute of its name. It does nothing and returns false unless fields
// and attributes are the same and have the same types.
func decodeFlat(ctx context.Context, from getter, model reflect.Value) bool {
	fields := fieldsOf(model.Type())
	var object types.Object
	if fields == nil || from.Get(ctx, &object).HasError() || object.IsNull() || object.IsUnknown() {
		return false
	}
	attributes := object.Attributes()
	if len(fields) != len(attributes) {
		return false
	}
	values := make([]reflect.Value, len(fields))
	for i, name := range fields {
		values[i] = reflect.ValueOf(attributes[name])
		if !values[i].IsValid() || values[i].Type() != model.Field(i).Type() {
			return false
		}
	}
	for i, value := range values {
		model.Field(i).Set(value)
	}
	return true
}

var (
	models      sync.Map // struct type → names of its fields, []string
	attribute   = reflect.TypeFor[attr.Value]()
	validatable = reflect.TypeFor[xattr.ValidateableAttribute]()
)

// fieldsOf are the attribute names of a model's fields, in order; none unless every field is a value of the framework
// that is valid as such: others are checked while the framework decodes them.
func fieldsOf(model reflect.Type) []string {
	if names, ok := models.Load(model); ok {
		return names.([]string)
	}
	var names []string
	if model.Kind() != reflect.Struct {
		return nil
	}
	for field := range model.Fields() {
		name := field.Tag.Get("tfsdk")
		if name == "" || name == "-" || slices.Contains(names, name) || !field.IsExported() ||
			!field.Type.Implements(attribute) || field.Type.Implements(validatable) {
			names = nil
			break
		}
		names = append(names, name)
	}
	models.Store(model, names)
	return names
}

// Attributes are the top-level attributes of a plan, state or configuration, read without the schema: to ask the
// framework for one of them costs more than to read all. There are none in null.
type Attributes map[string]tftypes.Value

// AttributesOf reads the field Raw of a plan, state or configuration.
func AttributesOf(raw tftypes.Value) Attributes {
	var attributes Attributes
	if raw.IsNull() || !raw.IsKnown() {
		return nil
	}
	if err := raw.As((*map[string]tftypes.Value)(&attributes)); err != nil {
		panic(err) // the framework decoded it as an object
	}
	return attributes
}

// String is an attribute of type string; null where there are no attributes.
func (a Attributes) String(ctx context.Context, name string) types.String {
	return attributeOf[types.String](ctx, a, name, types.StringType)
}

// Bool is an attribute of type bool; null where there are no attributes.
func (a Attributes) Bool(ctx context.Context, name string) types.Bool {
	return attributeOf[types.Bool](ctx, a, name, types.BoolType)
}

func attributeOf[T attr.Value](ctx context.Context, a Attributes, name string, of attr.Type) (value T) {
	raw, ok := a[name]
	if !ok && a != nil {
		panic("the schema has no attribute " + name)
	}
	if !ok {
		return value // null
	}
	converted, err := of.ValueFromTerraform(ctx, raw)
	if err != nil {
		panic(err) // the framework decoded it by the schema
	}
	return converted.(T)
}

// encode makes a value of that type of a model. It is the reverse of [decodeFlat], and returns false under the same
// conditions.
func encode(ctx context.Context, of tftypes.Type, model any) (tftypes.Value, bool) {
	fields := reflect.ValueOf(model)
	values := map[string]tftypes.Value{}
	for i, name := range fieldsOf(fields.Type()) {
		value, err := fields.Field(i).Interface().(attr.Value).ToTerraformValue(ctx)
		if err != nil {
			return tftypes.Value{}, false
		}
		values[name] = value
	}
	if tftypes.ValidateValue(of, values) != nil {
		return tftypes.Value{}, false
	}
	return tftypes.NewValue(of, values), true
}
