package acctest

import (
	"context"
	"maps"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// values holds the attributes of an object in the form that [Protocol] takes. nil means that there is no object.
type values map[string]any

// shelf is a fake provider: it stores objects ("things"), and its fields make it misbehave. It implements the plugin
// protocol itself, because the plugin framework would correct some of the misbehaviour.
type shelf struct {
	plan, apply, read, look func(values) // hooks that change an answer before it is sent

	planError, applyError, readError, deleteError, invalid, warning string

	importNote                                         string // the note of an imported thing
	halfError                                          string // the error of the first creation, after the thing exists
	replaceFor                                         string // the note that requires a replacement of the thing
	planNothing, applyNothing, mistype, undead, forget bool
	repeat                                             bool // keep write-only values in a plan
	looks                                              int  // a counter that the hooks may use

	mu      sync.Mutex
	things  map[string]values // the stored things by id
	journal []string
}

func newShelf() *shelf { return &shelf{things: map[string]values{}} }

// stored reports whether a thing with the given name exists. Only hooks call stored, and hooks run while the mutex is
// locked.
func (s *shelf) stored(name string) bool { return s.things["id of "+name] != nil }

// serve returns a new server of the fake provider.
func (s *shelf) serve() tfprotov6.ProviderServer { return &shelfServer{shelf: s} }

// thingSchema is the schema of the resource dbxaccess_thing. viewSchema is the schema of the data source
// dbxaccess_view, which returns its argument "of" as "seen".
var (
	thingSchema = &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{Attributes: []*tfprotov6.SchemaAttribute{
		{Name: "name", Type: tftypes.String, Required: true},
		{Name: "note", Type: tftypes.String, Optional: true},
		{Name: "size", Type: tftypes.Number, Optional: true, Computed: true},
		{Name: "secret", Type: tftypes.String, Optional: true, WriteOnly: true},
		{Name: "key", Type: tftypes.String, Computed: true, Sensitive: true},
		{Name: "id", Type: tftypes.String, Computed: true},
		{Name: "stamp", Type: tftypes.String, Computed: true},
	}}}
	viewSchema = &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{Attributes: []*tfprotov6.SchemaAttribute{
		{Name: "of", Type: tftypes.String, Required: true},
		{Name: "seen", Type: tftypes.String, Computed: true},
	}}}
)

type shelfServer struct {
	tfprotov6.ProviderServer // calls of other methods panic, because this interface is nil
	*shelf
}

func diagnostics(severity tfprotov6.DiagnosticSeverity, words string) []*tfprotov6.Diagnostic {
	if words == "" {
		return nil
	}
	return []*tfprotov6.Diagnostic{{Severity: severity, Summary: words}}
}

func failing(words string) []*tfprotov6.Diagnostic {
	return diagnostics(tfprotov6.DiagnosticSeverityError, words)
}

// unpack and pack convert objects from and to the protocol's encoding. They panic if a value does not have the given
// type.
func unpack(ty tftypes.Type, raw *tfprotov6.DynamicValue) values {
	v, err := raw.Unmarshal(ty)
	if err != nil {
		panic(err)
	}
	object, _ := fromPlanned(noTest{}, v).(map[string]any)
	return object
}

func pack(ty tftypes.Type, v values) *tfprotov6.DynamicValue {
	value := tftypes.NewValue(ty, nil)
	if v != nil {
		value = toValue(noTest{}, ty, map[string]any(v))
	}
	raw, err := tfprotov6.NewDynamicValue(ty, value)
	if err != nil {
		panic(err)
	}
	return &raw
}

func changed(hook func(values), v values) {
	if hook != nil && v != nil {
		hook(v)
	}
}

func (s *shelfServer) PlanResourceChange(
	_ context.Context, req *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ty := thingSchema.ValueType()
	prior, next := unpack(ty, req.PriorState), unpack(ty, req.ProposedNewState)
	answer := &tfprotov6.PlanResourceChangeResponse{PlannedState: req.ProposedNewState}
	if next == nil {
		return answer, nil
	}
	answer.Diagnostics = failing(s.planError)
	if prior == nil {
		for _, name := range []string{"key", "id", "stamp", "size"} {
			if next[name] == nil {
				next[name] = Unknown
			}
		}
	} else if prior["name"] != next["name"] {
		answer.RequiresReplace = append(answer.RequiresReplace, tftypes.NewAttributePath().WithAttributeName("name"))
		for _, name := range []string{"key", "id", "stamp"} {
			next[name] = Unknown
		}
	}
	if s.replaceFor != "" && next["note"] == any(s.replaceFor) {
		answer.RequiresReplace = append(answer.RequiresReplace, tftypes.NewAttributePath().WithAttributeName("note"))
	}
	if !s.repeat {
		next["secret"] = nil
	}
	changed(s.plan, next)
	if s.planNothing {
		next = nil
	}
	answer.PlannedState = pack(ty, next)
	return answer, nil
}

func (s *shelfServer) ApplyResourceChange(
	_ context.Context, req *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ty := thingSchema.ValueType()
	prior, next := unpack(ty, req.PriorState), unpack(ty, req.PlannedState)
	answer := &tfprotov6.ApplyResourceChangeResponse{NewState: req.PriorState}
	if next == nil {
		if answer.Diagnostics = failing(s.deleteError); s.deleteError == "" {
			s.journal = append(s.journal, "delete "+prior["name"].(string))
			delete(s.things, prior["id"].(string))
			if !s.undead {
				answer.NewState = pack(ty, nil)
			}
		}
		return answer, nil
	}
	if answer.Diagnostics = failing(s.applyError); s.applyError != "" {
		return answer, nil
	}
	name := next["name"].(string)
	verb := "update "
	if prior == nil {
		verb = "create "
	}
	s.journal = append(s.journal, verb+name)
	computed := values{"key": "key of " + name, "id": "id of " + name, "stamp": "now", "size": 1}
	for attribute, value := range computed {
		if next[attribute] == any(Unknown) {
			next[attribute] = value
		}
	}
	s.things[next["id"].(string)] = maps.Clone(next)
	if answer.Diagnostics = failing(s.halfError); s.halfError == "" {
		answer.Diagnostics = diagnostics(tfprotov6.DiagnosticSeverityWarning, s.warning)
	}
	s.halfError = ""
	changed(s.apply, next)
	if s.applyNothing {
		next = nil
	}
	answer.NewState = pack(ty, next)
	if s.mistype {
		other := tftypes.Object{AttributeTypes: map[string]tftypes.Type{}}
		members := map[string]tftypes.Value{}
		for name, of := range ty.(tftypes.Object).AttributeTypes {
			members[name] = toValue(noTest{}, of, next[name])
			if name == "stamp" {
				of, members[name] = tftypes.Bool, tftypes.NewValue(tftypes.Bool, true)
			}
			other.AttributeTypes[name] = of
		}
		raw, err := tfprotov6.NewDynamicValue(other, tftypes.NewValue(other, members))
		if err != nil {
			return nil, err
		}
		answer.NewState = &raw
	}
	return answer, nil
}

func (s *shelfServer) ReadResource(
	_ context.Context, req *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ty := thingSchema.ValueType()
	now := maps.Clone(s.things[unpack(ty, req.CurrentState)["id"].(string)])
	if s.forget {
		now = nil
	}
	changed(s.read, now)
	return &tfprotov6.ReadResourceResponse{NewState: pack(ty, now), Diagnostics: failing(s.readError)}, nil
}

func (s *shelfServer) ImportResourceState(
	_ context.Context, req *tfprotov6.ImportResourceStateRequest,
) (*tfprotov6.ImportResourceStateResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if thing := s.things[req.ID]; thing != nil && s.importNote != "" {
		thing["note"] = s.importNote
	}
	return &tfprotov6.ImportResourceStateResponse{ImportedResources: []*tfprotov6.ImportedResource{
		{TypeName: req.TypeName, State: pack(thingSchema.ValueType(), values{"id": req.ID})},
	}}, nil
}

func (s *shelfServer) ReadDataSource(
	_ context.Context, req *tfprotov6.ReadDataSourceRequest,
) (*tfprotov6.ReadDataSourceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ty := viewSchema.ValueType()
	seen := unpack(ty, req.Config)
	seen["seen"] = seen["of"]
	changed(s.look, seen)
	return &tfprotov6.ReadDataSourceResponse{State: pack(ty, seen)}, nil
}

func (s *shelfServer) GetMetadata(
	context.Context, *tfprotov6.GetMetadataRequest,
) (*tfprotov6.GetMetadataResponse, error) {
	return &tfprotov6.GetMetadataResponse{
		Resources:   []tfprotov6.ResourceMetadata{{TypeName: "dbxaccess_thing"}},
		DataSources: []tfprotov6.DataSourceMetadata{{TypeName: "dbxaccess_view"}},
	}, nil
}

func (s *shelfServer) GetProviderSchema(
	context.Context, *tfprotov6.GetProviderSchemaRequest,
) (*tfprotov6.GetProviderSchemaResponse, error) {
	return &tfprotov6.GetProviderSchemaResponse{
		Provider:          &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{}},
		ResourceSchemas:   map[string]*tfprotov6.Schema{"dbxaccess_thing": thingSchema},
		DataSourceSchemas: map[string]*tfprotov6.Schema{"dbxaccess_view": viewSchema},
	}, nil
}

func (s *shelfServer) GetResourceIdentitySchemas(
	context.Context, *tfprotov6.GetResourceIdentitySchemasRequest,
) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

func (s *shelfServer) ValidateProviderConfig(
	_ context.Context, req *tfprotov6.ValidateProviderConfigRequest,
) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: req.Config}, nil
}

func (s *shelfServer) ConfigureProvider(
	context.Context, *tfprotov6.ConfigureProviderRequest,
) (*tfprotov6.ConfigureProviderResponse, error) {
	return &tfprotov6.ConfigureProviderResponse{}, nil
}

func (s *shelfServer) StopProvider(
	context.Context, *tfprotov6.StopProviderRequest,
) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func (s *shelfServer) ValidateResourceConfig(
	context.Context, *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{Diagnostics: failing(s.invalid)}, nil
}

func (s *shelfServer) ValidateDataResourceConfig(
	context.Context, *tfprotov6.ValidateDataResourceConfigRequest,
) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return &tfprotov6.ValidateDataResourceConfigResponse{}, nil
}

func (s *shelfServer) UpgradeResourceState(
	_ context.Context, req *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	ty := thingSchema.ValueType()
	v, err := req.RawState.Unmarshal(ty)
	if err != nil {
		return nil, err
	}
	raw, err := tfprotov6.NewDynamicValue(ty, v)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &raw}, err
}

// noTest makes the conversion functions panic instead of failing a test, because the fake provider has no test object.
type noTest struct{ testing.TB }

func (noTest) Helper()           {}
func (noTest) Fatal(args ...any) { panic(args) }
