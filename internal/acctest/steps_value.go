package acctest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// evaluate evaluates the attributes of a block and returns their values in the form that [Protocol] takes. stored must
// be set if Terraform saves the values in plan and state; ephemeral values are then allowed only in write-only
// attributes. The provider block is not stored.
func evaluate(
	schema *tfprotov6.Schema, attributes hclsyntax.Attributes, scope *hcl.EvalContext, stored bool,
) (map[string]any, error) {
	known := map[string]*tfprotov6.SchemaAttribute{}
	for _, a := range schema.Block.Attributes {
		known[a.Name] = a
		if a.Required && attributes[a.Name] == nil {
			//nolint:staticcheck // Terraform's words
			return nil, fmt.Errorf("Error: Missing required argument: The argument %q is required, but no "+
				"definition was found.", a.Name)
		}
	}
	values := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := known[name]
		if a == nil {
			//nolint:staticcheck // Terraform's words
			return nil, fmt.Errorf("Error: Unsupported argument: An argument named %q is not expected here.", name)
		}
		value, diagnostics := attributes[name].Expr.Value(scope)
		if diagnostics.HasErrors() {
			return nil, diagnostics
		}
		value, err := convert.Convert(value, configType(a))
		if err != nil {
			//nolint:staticcheck // Terraform's words
			return nil, fmt.Errorf("Error: Incorrect attribute value type: Inappropriate value for attribute %q: %w",
				name, err)
		}
		if stored && keepsEphemeral(a, value) {
			//nolint:staticcheck // Terraform's words
			return nil, fmt.Errorf("Error: Invalid use of ephemeral value: Ephemeral values are not valid "+
				"for %q.", name)
		}
		values[name] = fromCty(value)
	}
	return values, nil
}

// keepsEphemeral reports whether a value contains an ephemeral value outside of write-only attributes.
func keepsEphemeral(a *tfprotov6.SchemaAttribute, value cty.Value) bool {
	switch {
	case a.WriteOnly:
		return false
	case value.HasMark(ephemeral):
		return true
	case value.IsNull() || !value.IsKnown() || a.NestedType == nil ||
		a.NestedType.Nesting != tfprotov6.SchemaObjectNestingModeSingle:
		return value.HasMarkDeep(ephemeral)
	}
	value, _ = value.Unmark()
	members := value.AsValueMap()
	return slices.ContainsFunc(a.NestedType.Attributes, func(member *tfprotov6.SchemaAttribute) bool {
		return keepsEphemeral(member, members[member.Name])
	})
}

// configType returns the type of an attribute in a configuration, where optional members of objects may be missing.
func configType(a *tfprotov6.SchemaAttribute) cty.Type {
	if a.NestedType == nil {
		return ctyType(a.Type)
	}
	members, optional := map[string]cty.Type{}, []string{}
	for _, member := range a.NestedType.Attributes {
		members[member.Name] = configType(member)
		if !member.Required {
			optional = append(optional, member.Name)
		}
	}
	object := cty.ObjectWithOptionalAttrs(members, optional)
	switch a.NestedType.Nesting {
	case tfprotov6.SchemaObjectNestingModeList:
		return cty.List(object)
	case tfprotov6.SchemaObjectNestingModeSet:
		return cty.Set(object)
	case tfprotov6.SchemaObjectNestingModeMap:
		return cty.Map(object)
	default:
		return object
	}
}

func ctyType(ty tftypes.Type) cty.Type {
	text, err := json.Marshal(ty)
	if err != nil {
		panic(err) // every type can be encoded
	}
	converted, err := ctyjson.UnmarshalType(text)
	if err != nil {
		panic(err) // unreachable, because Terraform encodes types in the same form
	}
	return converted
}

// fromCty converts a value into the form that [Protocol] takes.
func fromCty(v cty.Value) any {
	v, _ = v.UnmarkDeep()
	ty := v.Type()
	switch {
	case !v.IsKnown():
		return Unknown
	case v.IsNull():
		return nil
	case ty == cty.String:
		return v.AsString()
	case ty == cty.Bool:
		return v.True()
	case ty == cty.Number:
		return v.AsBigFloat()
	case ty.IsObjectType() || ty.IsMapType():
		members := map[string]any{}
		for name, member := range v.AsValueMap() {
			members[name] = fromCty(member)
		}
		return members
	default:
		elements := []any{}
		for _, element := range v.AsValueSlice() {
			elements = append(elements, fromCty(element))
		}
		return elements
	}
}

// sensitive and ephemeral mark values in expressions. An output can show a sensitive value only if the output is
// declared sensitive. An ephemeral value is never stored.
const (
	sensitive = "sensitive"
	ephemeral = "ephemeral"
)

// inScope converts an object into the form that expressions use, and marks its sensitive attributes. Sensitive
// attributes of objects in lists, sets and maps are not marked.
func inScope(schema *tfprotov6.Schema, object map[string]any) cty.Value {
	return marked(schema.Block.Attributes, toCty(ctyType(schema.ValueType()), object))
}

func marked(attributes []*tfprotov6.SchemaAttribute, object cty.Value) cty.Value {
	if object.IsNull() || !object.IsKnown() {
		return object
	}
	members := object.AsValueMap()
	for _, a := range attributes {
		switch {
		case a.Sensitive:
			members[a.Name] = members[a.Name].Mark(sensitive)
		case a.NestedType != nil && a.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeSingle:
			members[a.Name] = marked(a.NestedType.Attributes, members[a.Name])
		}
	}
	return cty.ObjectVal(members)
}

// toCty converts a value of [Protocol] into the form that expressions use.
func toCty(ty cty.Type, v any) cty.Value {
	switch {
	case v == any(Unknown):
		return cty.UnknownVal(ty)
	case v == nil:
		return cty.NullVal(ty)
	}
	switch v := v.(type) {
	case string:
		return cty.StringVal(v)
	case bool:
		return cty.BoolVal(v)
	case *big.Float:
		return cty.NumberVal(v)
	case map[string]any:
		return membersToCty(ty, v)
	case []any:
		return elementsToCty(ty, v)
	default:
		panic(fmt.Sprintf("%T", v))
	}
}

func membersToCty(ty cty.Type, values map[string]any) cty.Value {
	members := map[string]cty.Value{}
	if ty.IsMapType() {
		for name, value := range values {
			members[name] = toCty(ty.ElementType(), value)
		}
		if len(members) == 0 {
			return cty.MapValEmpty(ty.ElementType())
		}
		return cty.MapVal(members)
	}
	for name, of := range ty.AttributeTypes() {
		members[name] = toCty(of, values[name])
	}
	return cty.ObjectVal(members)
}

func elementsToCty(ty cty.Type, values []any) cty.Value {
	elements := []cty.Value{}
	for _, value := range values {
		elements = append(elements, toCty(ty.ElementType(), value))
	}
	switch {
	case ty.IsSetType() && len(elements) > 0:
		return cty.SetVal(elements)
	case ty.IsSetType():
		return cty.SetValEmpty(ty.ElementType())
	case len(elements) == 0:
		return cty.ListValEmpty(ty.ElementType())
	default:
		return cty.ListVal(elements)
	}
}
