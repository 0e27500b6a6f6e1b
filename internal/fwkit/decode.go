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

// getter is the method that a plan, a state and a configuration of the framework have in common.
type getter interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}

// Decode reads a plan, state or configuration into the model that target points to, and reports whether diags has no
// error afterwards. It adds an error for a state that is not [CheckRequiredValues].
//
// The framework's own Get looks up the fields of a model on every call, with one regular expression per tag, and that
// costs more than the rest of decoding. So Decode asks the framework for a plain object, and remembers the fields of
// each model. It calls Get with the model only if the model is not a flat struct of framework values, or if Get would
// report an error. For a flat model Decode does not search sets for duplicate elements, as Get does, because Terraform
// never sends any.
func Decode(ctx context.Context, from getter, target any, diags *diag.Diagnostics) bool {
	if state, ok := from.(tfsdk.State); ok && !CheckRequiredValues(state, target, diags) {
		return false
	}
	if !decodeFlat(ctx, from, reflect.ValueOf(target).Elem()) {
		diags.Append(from.Get(ctx, target)...)
	}
	return !diags.HasError()
}

// decodeFlat sets each field of a model to the attribute that the field's tag names. It returns false, and changes
// nothing, if fields and attributes differ in names or types, or if the object is null or unknown.
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
	for i, f := range fields {
		values[i] = reflect.ValueOf(attributes[f.attribute])
		if !values[i].IsValid() || values[i].Type() != f.of {
			return false
		}
	}
	for i, value := range values {
		model.FieldByIndex(fields[i].index).Set(value)
	}
	return true
}

var (
	models      sync.Map // reflect.Type of a model → []modelField
	attribute   = reflect.TypeFor[attr.Value]()
	validatable = reflect.TypeFor[xattr.ValidateableAttribute]()
)

// modelField is a field of a model, or of a struct that the model embeds.
type modelField struct {
	attribute string
	of        reflect.Type
	index     []int
}

// fieldsOf returns the fields of a model. It returns nil if the model is not a flat struct of framework values, or if
// the type of a field validates its own value: only the framework's decoding calls that validation.
func fieldsOf(model reflect.Type) []modelField {
	if fields, ok := models.Load(model); ok {
		return fields.([]modelField)
	}
	var fields []modelField
	if model.Kind() != reflect.Struct {
		return nil
	}
	for _, field := range reflect.VisibleFields(model) {
		name := field.Tag.Get("tfsdk")
		if field.Anonymous && name == "" && field.Type.Kind() == reflect.Struct {
			continue // its own fields follow
		}
		twice := slices.ContainsFunc(fields, func(f modelField) bool { return f.attribute == name })
		if name == "" || name == "-" || twice || !field.IsExported() ||
			!field.Type.Implements(attribute) || field.Type.Implements(validatable) {
			fields = nil
			break
		}
		fields = append(fields, modelField{name, field.Type, field.Index})
	}
	models.Store(model, fields)
	return fields
}

// Attributes holds the top-level attributes of a plan, state or configuration by name. It is read without the schema,
// because asking the framework for one attribute costs more than reading all of them. It is nil if the object is null
// or unknown.
type Attributes map[string]tftypes.Value

// AttributesOf returns the attributes of a plan, state or configuration. raw is the field Raw of that plan, state or
// configuration.
func AttributesOf(raw tftypes.Value) Attributes {
	var attributes Attributes
	if raw.IsNull() || !raw.IsKnown() {
		return nil
	}
	if err := raw.As((*map[string]tftypes.Value)(&attributes)); err != nil {
		panic(err) // cannot happen, because the framework has decoded raw as an object
	}
	return attributes
}

// String returns an attribute of type string; null if a is nil. It panics if the schema has no attribute of that name.
func (a Attributes) String(ctx context.Context, name string) types.String {
	return attributeOf[types.String](ctx, a, name, types.StringType)
}

// Bool returns an attribute of type bool; null if a is nil. It panics if the schema has no attribute of that name.
func (a Attributes) Bool(ctx context.Context, name string) types.Bool {
	return attributeOf[types.Bool](ctx, a, name, types.BoolType)
}

func attributeOf[T attr.Value](ctx context.Context, a Attributes, name string, of attr.Type) (value T) {
	raw, ok := a[name]
	if !ok && a != nil {
		panic("the schema has no attribute " + name)
	}
	if !ok {
		return value // the zero value of a framework type is null
	}
	converted, err := of.ValueFromTerraform(ctx, raw)
	if err != nil {
		panic(err) // cannot happen, because the framework has decoded raw by the schema
	}
	return converted.(T)
}
