package acctest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Unknown stands, in a configuration and in a plan, for a value that is known only after the apply.
var Unknown = &struct{ unknown string }{"known after apply"}

// Plan is the provider's planned change for the configuration of one resource.
type Plan struct {
	Changed  []string       // top-level attributes that differ from the state, sorted; empty for a plan without changes
	Replace  []string       // the changed attributes that require a replacement of the object
	State    map[string]any // the planned attributes; values may be [Unknown]
	Warnings string

	typeName  string
	prior     Object
	config    *tfprotov6.DynamicValue
	planned   tftypes.Value
	private   []byte
	identity  *tfprotov6.ResourceIdentityData
	raw       *tfprotov6.DynamicValue
	destroyed bool
}

// Plan validates and plans a configuration for an object, as Terraform does. For a computed attribute that the
// configuration does not set, it proposes the value from the state. The zero value of prior plans a creation, and a nil
// configuration plans the destruction. Plan fails the test if Terraform would reject the plan as invalid. It returns
// the text of the errors, which is empty if there are none.
func (p *Protocol) Plan(t testing.TB, typeName string, prior Object, config map[string]any) (Plan, string) {
	t.Helper()
	schema := p.schemas.ResourceSchemas[typeName]
	ty := schema.ValueType()
	if prior.raw == nil {
		prior.raw = null(t, ty)
	}
	was := unmarshal(t, ty, prior.raw)
	configured, proposed := tftypes.NewValue(ty, nil), tftypes.NewValue(ty, nil)
	if config != nil {
		configured = toValue(t, ty, config)
		proposed = propose(t, schema.Block.Attributes, was, configured)
		if errors := p.validate(t, typeName, false, config); errors != "" {
			return Plan{}, errors
		}
	}
	request := &tfprotov6.PlanResourceChangeRequest{
		TypeName: typeName, PriorState: prior.raw, ProposedNewState: marshal(t, proposed),
		Config: marshal(t, configured), PriorPrivate: prior.Private,
	}
	if prior.Identity != nil {
		request.PriorIdentity = &tfprotov6.ResourceIdentityData{IdentityData: encode(t,
			p.identities[typeName].ValueType(), prior.Identity)}
	}
	answer, err := p.server.PlanResourceChange(t.Context(), request)
	must(t, err)
	plan := Plan{
		typeName: typeName, prior: prior, config: request.Config, private: answer.PlannedPrivate,
		identity: answer.PlannedIdentity, raw: answer.PlannedState,
		Warnings: words(answer.Diagnostics, tfprotov6.DiagnosticSeverityWarning), destroyed: config == nil,
	}
	if errors := p.errors(answer.Diagnostics); errors != "" {
		return plan, errors
	}
	plan.planned = unmarshal(t, ty, answer.PlannedState)
	plan.State, _ = fromPlanned(t, plan.planned).(map[string]any)
	if config != nil {
		if plan.planned.IsNull() {
			t.Fatalf("Terraform would refuse the plan: %s is configured and planned as null", typeName)
		}
		checkPlanned(t, "", schema.Block.Attributes, was, configured, plan.planned)
	}
	plan.Changed = differing(t, was, plan.planned)
	for _, path := range answer.RequiresReplace {
		name, ok := path.Steps()[0].(tftypes.AttributeName)
		if ok && !was.IsNull() && slices.Contains(plan.Changed, string(name)) {
			plan.Replace = append(plan.Replace, string(name))
		}
	}
	slices.Sort(plan.Replace)
	return plan, ""
}

// MustPlan calls [Protocol.Plan] and ends the test if there is an error.
func (p *Protocol) MustPlan(t testing.TB, typeName string, prior Object, config map[string]any) Plan {
	t.Helper()
	plan, errors := p.Plan(t, typeName, prior, config)
	if errors != "" {
		t.Fatal(errors)
	}
	return plan
}

// ApplyPlan applies a plan. If the plan replaces the object, ApplyPlan destroys the object first, and then plans and
// creates a new object. It fails the test if Terraform would reject the new state because the state contradicts the
// plan.
func (p *Protocol) ApplyPlan(t testing.TB, plan Plan, config map[string]any) (o Object, errors string) {
	t.Helper()
	if len(plan.Replace) > 0 {
		if _, errors := p.Apply(t, plan.typeName, plan.prior, nil); errors != "" {
			return plan.prior, errors
		}
		return p.Apply(t, plan.typeName, Object{}, config)
	}
	schema := p.schemas.ResourceSchemas[plan.typeName]
	answer, err := p.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: plan.typeName, PriorState: plan.prior.raw, PlannedState: plan.raw, Config: plan.config,
		PlannedPrivate: plan.private, PlannedIdentity: plan.identity,
	})
	must(t, err)
	o = Object{
		raw: answer.NewState, Private: answer.Private, State: decode(t, schema.ValueType(), answer.NewState),
		Warnings: words(answer.Diagnostics, tfprotov6.DiagnosticSeverityWarning),
	}
	if answer.NewIdentity != nil {
		o.Identity = decode(t, p.identities[plan.typeName].ValueType(), answer.NewIdentity.IdentityData)
	}
	errors = p.errors(answer.Diagnostics)
	if errors == "" && !plan.destroyed {
		got := unmarshal(t, schema.ValueType(), answer.NewState)
		checkKnown(t, plan.typeName, got)
		if got.IsNull() {
			return Object{}, "The provider returned no object"
		}
		checkApplied(t, "", plan.planned, got)
	}
	if errors == "" && plan.destroyed && o.State != nil {
		errors = "The provider returned an object after its deletion"
	}
	return o, errors
}

// deletion returns the plan that destroys the old object in a replacement. Terraform does not ask the provider to plan
// this part.
func (p *Protocol) deletion(t testing.TB, typeName string, prior Object) Plan {
	t.Helper()
	nothing := null(t, p.schemas.ResourceSchemas[typeName].ValueType())
	return Plan{typeName: typeName, prior: prior, config: nothing, raw: nothing, private: prior.Private,
		destroyed: true}
}

// propose returns the new state that Terraform proposes to the provider. It takes the configured values, and for a
// computed attribute that is not configured, the value from the prior state. The proposed state includes write-only
// values, which the provider must remove from its plan.
// https://github.com/hashicorp/terraform/blob/main/internal/plans/objchange/objchange.go
func propose(t testing.TB, attributes []*tfprotov6.SchemaAttribute, prior, config tftypes.Value) tftypes.Value {
	t.Helper()
	was, now := members(t, prior), members(t, config)
	out := map[string]tftypes.Value{}
	for _, a := range attributes {
		old, known := was[a.Name]
		if !known {
			old = tftypes.NewValue(a.ValueType(), nil)
		}
		value := now[a.Name]
		switch {
		case a.Computed && value.IsNull():
			value = old
		case a.NestedType != nil && a.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeSingle &&
			value.IsKnown() && !value.IsNull():
			value = propose(t, a.NestedType.Attributes, old, value)
		}
		out[a.Name] = value
	}
	return tftypes.NewValue(config.Type(), out)
}

// checkPlanned fails the test if the plan has, for an attribute, neither the configured value nor the value in the
// state. A computed attribute that is not configured may have any planned value.
func checkPlanned(
	t testing.TB, at string, attributes []*tfprotov6.SchemaAttribute, prior, config, planned tftypes.Value,
) {
	t.Helper()
	was, want, got := members(t, prior), members(t, config), members(t, planned)
	for _, a := range attributes {
		value, configured, old := got[a.Name], want[a.Name], was[a.Name]
		switch {
		case a.WriteOnly && value.IsNull(), !a.WriteOnly && value.Equal(configured), configured.IsNull() && a.Computed,
			!old.IsNull() && !configured.IsNull() && value.Equal(old):
		case a.NestedType != nil && a.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeSingle &&
			!configured.IsNull() && !value.IsNull() && configured.IsKnown() && value.IsKnown():
			checkPlanned(t, at+a.Name+".", a.NestedType.Attributes, old, configured, value)
		default:
			t.Errorf("Terraform would refuse the plan: %s%s is configured as %s and planned as %s", at, a.Name,
				configured, value)
		}
	}
}

// checkApplied fails the test if the state after an apply differs from the known values of the plan.
func checkApplied(t testing.TB, at string, planned, got tftypes.Value) {
	t.Helper()
	switch {
	case !planned.IsKnown():
	case got.IsNull() != planned.IsNull():
		t.Errorf("Terraform would refuse the state: %s was planned as %s and is %s", at, planned, got)
	case !got.IsNull() && planned.Type().Is(tftypes.Object{}):
		is := members(t, got)
		for name, value := range members(t, planned) {
			checkApplied(t, at+"."+name, value, is[name])
		}
	case !planned.Equal(got) && planned.IsFullyKnown():
		t.Errorf("Terraform would refuse the state: %s was planned as %s and is %s", at, planned, got)
	}
}

// checkKnown fails the test if a state that Terraform would save contains an unknown value.
func checkKnown(t testing.TB, typeName string, got tftypes.Value) {
	t.Helper()
	if !got.IsFullyKnown() {
		t.Errorf("Terraform would refuse the state: something in %s is still unknown: %s", typeName, got)
	}
}

// differing returns the sorted names of the top-level attributes in which two objects differ. If only one of the
// objects is null, it returns the names of all attributes.
func differing(t testing.TB, a, b tftypes.Value) (names []string) {
	t.Helper()
	is, was := members(t, b), members(t, a)
	for name := range a.Type().(tftypes.Object).AttributeTypes {
		if a.IsNull() != b.IsNull() || !a.IsNull() && !is[name].Equal(was[name]) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// members returns the attributes of an object, or an empty map if the object is null or unknown.
func members(t testing.TB, v tftypes.Value) map[string]tftypes.Value {
	t.Helper()
	out := map[string]tftypes.Value{}
	if v.Type() != nil && !v.IsNull() && v.IsKnown() {
		must(t, v.As(&out))
	}
	return out
}

func marshal(t testing.TB, v tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	raw, err := tfprotov6.NewDynamicValue(v.Type(), v)
	must(t, err)
	return &raw
}

func unmarshal(t testing.TB, ty tftypes.Type, raw *tfprotov6.DynamicValue) tftypes.Value {
	t.Helper()
	v, err := raw.Unmarshal(ty)
	must(t, err)
	return v
}

// fromPlanned converts a value as fromValue does, but returns [Unknown] for unknown values at the top level, in objects
// and in maps.
func fromPlanned(t testing.TB, v tftypes.Value) any {
	t.Helper()
	switch {
	case !v.IsKnown():
		return Unknown
	case (v.Type().Is(tftypes.Object{}) || v.Type().Is(tftypes.Map{})) && !v.IsNull():
		out := map[string]any{}
		for name, member := range members(t, v) {
			out[name] = fromPlanned(t, member)
		}
		return out
	default:
		return fromValue(t, v)
	}
}

// ResourceTypes returns the sorted names of the provider's managed resource types.
func (p *Protocol) ResourceTypes() []string {
	return slices.Sorted(maps.Keys(p.schemas.ResourceSchemas))
}

// ListTypes returns the sorted names of the provider's list resource types.
func (p *Protocol) ListTypes() []string {
	return slices.Sorted(maps.Keys(p.schemas.ListResourceSchemas))
}

// Attributes returns the attributes of a resource that a configuration can set, by dotted path. The result contains
// nested attributes as well as the attributes that enclose them.
func (p *Protocol) Attributes(typeName string) map[string]*tfprotov6.SchemaAttribute {
	return listed("", p.schemas.ResourceSchemas[typeName].Block.Attributes, func(a *tfprotov6.SchemaAttribute) bool {
		return a.Required || a.Optional
	})
}

// listed returns the wanted attributes and nested attributes, by dotted path.
func listed(
	at string, attributes []*tfprotov6.SchemaAttribute, wanted func(*tfprotov6.SchemaAttribute) bool,
) map[string]*tfprotov6.SchemaAttribute {
	found := map[string]*tfprotov6.SchemaAttribute{}
	for _, a := range attributes {
		if wanted(a) {
			found[at+a.Name] = a
		}
		if a.NestedType != nil {
			maps.Copy(found, listed(at+a.Name+".", a.NestedType.Attributes, wanted))
		}
	}
	return found
}

// Damaged returns a copy of an object whose state has null at a dotted path, as a wrong manual edit of a state file
// would leave it.
func (p *Protocol) Damaged(t testing.TB, typeName string, o Object, path string) Object {
	t.Helper()
	o.State = without(o.State, path)
	o.raw = encode(t, p.schemas.ResourceSchemas[typeName].ValueType(), o.State)
	return o
}

// without returns a copy of an object from which the value at a dotted path is removed.
func without(object map[string]any, path string) map[string]any {
	first, rest, nested := strings.Cut(path, ".")
	object = maps.Clone(object)
	inner, isObject := object[first].(map[string]any)
	switch {
	case !nested:
		delete(object, first)
	case isObject:
		object[first] = without(inner, rest)
	}
	return object
}

// Stored returns all attributes, including nested ones, in the schema of a resource's state, by dotted path.
func (p *Protocol) Stored(typeName string) map[string]*tfprotov6.SchemaAttribute {
	return listed("", p.schemas.ResourceSchemas[typeName].Block.Attributes, func(*tfprotov6.SchemaAttribute) bool {
		return true
	})
}
