package acctest

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/zclconf/go-cty/cty"
)

// state is the content of a Terraform state.
type state struct {
	instances map[string]*instance // the resources and data sources by address
	outputs   map[string]cty.Value
}

// instance is a resource in the state, or the result of a data source.
type instance struct {
	Object
	typeName string
	data     bool
	tainted  bool
	needs    []string
}

func newState() *state {
	return &state{instances: map[string]*instance{}, outputs: map[string]cty.Value{}}
}

func (s *state) clone() *state {
	copied := &state{instances: map[string]*instance{}, outputs: maps.Clone(s.outputs)}
	for address, i := range s.instances {
		one := *i
		copied.instances[address] = &one
	}
	return copied
}

// managed returns the sorted addresses of the managed resources.
func (s *state) managed() (addresses []string) {
	for address, i := range s.instances {
		if !i.data {
			addresses = append(addresses, address)
		}
	}
	slices.Sort(addresses)
	return addresses
}

// json returns the state as terraform show -json would print it.
func (s *state) json() *tfjson.State {
	module := &tfjson.StateModule{}
	for _, address := range slices.Sorted(maps.Keys(s.instances)) {
		i := s.instances[address]
		mode, name := tfjson.ManagedResourceMode, strings.TrimPrefix(address, i.typeName+".")
		if i.data {
			mode, name = tfjson.DataResourceMode, strings.TrimPrefix(address, "data."+i.typeName+".")
		}
		r := &tfjson.StateResource{Address: address, Mode: mode, Type: i.typeName, Name: name, Tainted: i.tainted,
			DependsOn: i.needs}
		r.AttributeValues, _ = toJSON(i.State).(map[string]any)
		r.IdentityValues, _ = toJSON(i.Identity).(map[string]any)
		module.Resources = append(module.Resources, r)
	}
	values := &tfjson.StateValues{RootModule: module, Outputs: map[string]*tfjson.StateOutput{}}
	for name, value := range s.outputs {
		values.Outputs[name] = &tfjson.StateOutput{Value: toJSON(fromCty(value))}
	}
	return &tfjson.State{Values: values}
}

// shim returns the state in the older form that the Check function of a test step receives.
func (s *state) shim() *terraform.State {
	module := &terraform.ModuleState{Path: []string{"root"}, Outputs: map[string]*terraform.OutputState{},
		Resources: map[string]*terraform.ResourceState{}}
	for address, i := range s.instances {
		attributes := map[string]string{}
		for name, value := range i.State {
			flatten(attributes, name, value)
		}
		primary := &terraform.InstanceState{ID: attributes["id"], Attributes: attributes, Tainted: i.tainted}
		module.Resources[address] = &terraform.ResourceState{Type: i.typeName, Primary: primary}
	}
	for name, value := range s.outputs {
		module.Outputs[name] = &terraform.OutputState{Value: toJSON(fromCty(value))}
	}
	return &terraform.State{Modules: []*terraform.ModuleState{module}}
}

// flatten adds a value, and all values nested in it, to a map under dotted names.
func flatten(into map[string]string, name string, value any) {
	switch value := value.(type) {
	case string:
		into[name] = value
	case bool:
		into[name] = strconv.FormatBool(value)
	case *big.Float:
		into[name] = value.Text('f', -1)
	case map[string]any:
		into[name+".%"] = strconv.Itoa(len(value))
		for key, member := range value {
			flatten(into, name+"."+key, member)
		}
	case []any:
		into[name+".#"] = strconv.Itoa(len(value))
		for i, element := range value {
			flatten(into, name+"."+strconv.Itoa(i), element)
		}
	}
}

// toJSON converts a value to the form in which JSON holds it. Unknown members and elements are left out.
func toJSON(v any) any {
	switch v := v.(type) {
	case *big.Float:
		return json.Number(v.Text('f', -1))
	case map[string]any:
		if v == nil {
			return nil
		}
		members := map[string]any{}
		for name, member := range v {
			if member != any(Unknown) {
				members[name] = toJSON(member)
			}
		}
		return members
	case []any:
		elements := []any{}
		for _, element := range v {
			if element != any(Unknown) {
				elements = append(elements, toJSON(element))
			}
		}
		return elements
	default:
		return v
	}
}

// unknown returns which parts of a value are known only after the apply, in the form of after_unknown in a JSON plan.
func unknown(v any) any {
	switch v := v.(type) {
	case map[string]any:
		members := map[string]any{}
		for name, member := range v {
			if found := unknown(member); found != false {
				members[name] = found
			}
		}
		return members
	case []any:
		elements := []any{}
		for _, element := range v {
			elements = append(elements, unknown(element))
		}
		return elements
	default:
		return v == any(Unknown)
	}
}
