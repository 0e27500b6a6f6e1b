package acctest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Unknown is a value that is known only after apply, in a configuration and in a plan.
var Unknown = &struct{ unknown string }{"known after apply"}

// Plan is what the provider answered to a configuration.
type Plan struct {
	Changed  []string       // top-level attributes that differ from state, sorted; none for an empty plan
	Replace  []string       // those of them that demand another object
	State    map[string]any // as planned; see [Unknown]
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

// Plan validates and plans a configuration for an object, as Terraform does: it proposes state where the configuration is
// silent and the attribute is computed. The zero object is created; a nil configuration destroys. A plan that Terraform
// would refuse as invalid fails the test.
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
		TypeName: typeName, PriorState: prior.raw, ProposedNewState: marshal(t, proposed), Config: marshal(t, configured), PriorPrivate: prior.Private,
	}
	if prior.Identity != nil {
		request.PriorIdentity = &tfprotov6.ResourceIdentityData{IdentityData: encode(t, p.identities[typeName].ValueType(), prior.Identity)}
	}
	answer, err := p.server.PlanResourceChange(t.Context(), request)
	must(t, err)
	plan := Plan{
		typeName: typeName, prior: prior, config: request.Config, private: answer.PlannedPrivate, identity: answer.PlannedIdentity, raw: answer.PlannedState,
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

// MustPlan is Plan that must go well.
func (p *Protocol) MustPlan(t testing.TB, typeName string, prior Object, config map[string]any) Plan {
	t.Helper()
	plan, errors := p.Plan(t, typeName, prior, config)
	if errors != "" {
		t.Fatal(errors)
	}
	return plan
}

// ApplyPlan applies a plan that was made; one that replaces destroys first, and plans once more. A state that Terraform
// would refuse, because the plan said otherwise, fails the test.
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
		TypeName: plan.typeName, PriorState: plan.prior.raw, PlannedState: plan.raw, Config: plan.config, PlannedPrivate: plan.private, PlannedIdentity: plan.identity,
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

// deletion is the plan of the first half of a replacement, about which Terraform does not ask.
func (p *Protocol) deletion(t testing.TB, typeName string, prior Object) Plan {
	t.Helper()
	nothing := null(t, p.schemas.ResourceSchemas[typeName].ValueType())
	return Plan{typeName: typeName, prior: prior, config: nothing, raw: nothing, private: prior.Private, destroyed: true}
}

// propose is the state that Terraform proposes: the configuration, and prior state where that is silent and the provider
// may fill in. Also what is only to be written is in it, and the provider removes that from its plan.
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
		case a.NestedType != nil && a.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeSingle && value.IsKnown() && !value.IsNull():
			value = propose(t, a.NestedType.Attributes, old, value)
		}
		out[a.Name] = value
	}
	return tftypes.NewValue(config.Type(), out)
}

// checkPlanned fails the test if the plan has, for an attribute, neither the configured value nor the one in the state.
func checkPlanned(t testing.TB, at string, attributes []*tfprotov6.SchemaAttribute, prior, config, planned tftypes.Value) {
	t.Helper()
	was, want, got := members(t, prior), members(t, config), members(t, planned)
	for _, a := range attributes {
		value, configured, old := got[a.Name], want[a.Name], was[a.Name]
		switch {
		case a.WriteOnly && value.IsNull(), !a.WriteOnly && value.Equal(configured), configured.IsNull() && a.Computed,
			!old.IsNull() && !configured.IsNull() && value.Equal(old):
		case a.NestedType != nil && a.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeSingle && !configured.IsNull() && !value.IsNull() && configured.IsKnown() && value.IsKnown():
			checkPlanned(t, at+a.Name+".", a.NestedType.Attributes, old, configured, value)
		default:
			t.Errorf("Terraform would refuse the plan: %s%s is configured as %s and planned as %s", at, a.Name, configured, value)
		}
	}
}

// checkApplied fails the test where a state differs from what the plan said.
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

// checkKnown fails the test where a state, which is to be saved, has something in it that is not known.
func checkKnown(t testing.TB, typeName string, got tftypes.Value) {
	t.Helper()
	if !got.IsFullyKnown() {
		t.Errorf("Terraform would refuse the state: something in %s is still unknown: %s", typeName, got)
	}
}

// differing are the top-level attributes in which two objects differ; all of them where one is null.
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

// members are the attributes of an object; none of null.
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

// fromPlanned is fromValue that shows what is not known yet, at the top, in objects and in maps.
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

// ResourceTypes are the types of managed resource.
func (p *Protocol) ResourceTypes() []string {
	return slices.Sorted(maps.Keys(p.schemas.ResourceSchemas))
}

// ListTypes are the types of list resource.
func (p *Protocol) ListTypes() []string {
	return slices.Sorted(maps.Keys(p.schemas.ListResourceSchemas))
}

// Attributes returns the attributes of a resource that a configuration can set, by dotted path; a nested attribute is
// listed in addition to the one around it.
func (p *Protocol) Attributes(typeName string) map[string]*tfprotov6.SchemaAttribute {
	return listed("", p.schemas.ResourceSchemas[typeName].Block.Attributes, func(a *tfprotov6.SchemaAttribute) bool { return a.Required || a.Optional })
}

// listed are attributes and those inside them, by dotted path.
func listed(at string, attributes []*tfprotov6.SchemaAttribute, wanted func(*tfprotov6.SchemaAttribute) bool) map[string]*tfprotov6.SchemaAttribute {
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

// Damaged is an object with null at a dotted path of its state, as a bad edit of a state file leaves it.
func (p *Protocol) Damaged(t testing.TB, typeName string, o Object, path string) Object {
	t.Helper()
	o.State = without(o.State, path)
	o.raw = encode(t, p.schemas.ResourceSchemas[typeName].ValueType(), o.State)
	return o
}

// without is a copy of an object that lacks what is at a dotted path.
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

// Stored returns the attributes that a resource's state holds, by dotted path.
func (p *Protocol) Stored(typeName string) map[string]*tfprotov6.SchemaAttribute {
	return listed("", p.schemas.ResourceSchemas[typeName].Block.Attributes, func(*tfprotov6.SchemaAttribute) bool { return true })
}
