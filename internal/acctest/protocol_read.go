package acctest

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// Types returns the sorted names of what the provider serves. The names of data sources have the prefix "data.", and
// those of ephemeral resources the prefix "ephemeral.".
func (p *Protocol) Types() (types []string) {
	for name := range p.schemas.ResourceSchemas {
		types = append(types, name)
	}
	for name := range p.schemas.DataSourceSchemas {
		types = append(types, "data."+name)
	}
	for name := range p.schemas.EphemeralResourceSchemas {
		types = append(types, "ephemeral."+name)
	}
	slices.Sort(types)
	return types
}

// Read validates the configuration of a data source and reads the data source. The returned state is nil if there are
// errors.
func (p *Protocol) Read(
	t testing.TB, typeName string, config map[string]any,
) (state map[string]any, warnings, errors string) {
	t.Helper()
	schema, ok := p.schemas.DataSourceSchemas[typeName]
	if !ok {
		t.Fatalf("%s is no data source", typeName)
	}
	value := encode(t, schema.ValueType(), config)
	valid, err := p.server.ValidateDataResourceConfig(request(t),
		&tfprotov6.ValidateDataResourceConfigRequest{TypeName: typeName, Config: value})
	must(t, err)
	if errors := p.errors(valid.Diagnostics); errors != "" {
		return nil, "", errors
	}
	resp, err := p.server.ReadDataSource(request(t), &tfprotov6.ReadDataSourceRequest{TypeName: typeName,
		Config: value})
	must(t, err)
	warnings = words(resp.Diagnostics, tfprotov6.DiagnosticSeverityWarning)
	if errors := p.errors(resp.Diagnostics); errors != "" {
		return nil, warnings, errors
	}
	checkKnown(t, typeName, unmarshal(t, schema.ValueType(), resp.State))
	return decode(t, schema.ValueType(), resp.State), warnings, ""
}

// Opened is an open ephemeral resource.
type Opened struct {
	Result map[string]any

	typeName string
	private  []byte
}

// Open validates the configuration of an ephemeral resource, opens the resource, and returns it together with the texts
// of the warnings and errors.
func (p *Protocol) Open(t testing.TB, typeName string, config map[string]any) (o Opened, warnings, errors string) {
	t.Helper()
	schema, ok := p.schemas.EphemeralResourceSchemas[typeName]
	if !ok {
		t.Fatalf("%s is no ephemeral resource", typeName)
	}
	value := encode(t, schema.ValueType(), config)
	valid, err := p.server.ValidateEphemeralResourceConfig(request(t),
		&tfprotov6.ValidateEphemeralResourceConfigRequest{TypeName: typeName, Config: value})
	must(t, err)
	if errors := p.errors(valid.Diagnostics); errors != "" {
		return Opened{}, "", errors
	}
	resp, err := p.server.OpenEphemeralResource(request(t), &tfprotov6.OpenEphemeralResourceRequest{TypeName: typeName,
		Config: value})
	must(t, err)
	warnings = words(resp.Diagnostics, tfprotov6.DiagnosticSeverityWarning)
	if errors := p.errors(resp.Diagnostics); errors != "" {
		return Opened{}, warnings, errors
	}
	return Opened{decode(t, schema.ValueType(), resp.Result), typeName, resp.Private}, warnings, ""
}

// Close closes an open ephemeral resource and returns the texts of the warnings and errors.
func (p *Protocol) Close(t testing.TB, o Opened) (warnings, errors string) {
	t.Helper()
	resp, err := p.server.CloseEphemeralResource(request(t),
		&tfprotov6.CloseEphemeralResourceRequest{TypeName: o.typeName, Private: o.private})
	must(t, err)
	return words(resp.Diagnostics, tfprotov6.DiagnosticSeverityWarning), p.errors(resp.Diagnostics)
}

// Invoke validates, plans and runs an action. It returns the action's progress messages and the texts of its warnings
// and errors.
func (p *Protocol) Invoke(
	t testing.TB, typeName string, config map[string]any,
) (progress []string, warnings, errors string) {
	t.Helper()
	schema, ok := p.schemas.ActionSchemas[typeName]
	if !ok {
		t.Fatalf("%s is no action", typeName)
	}
	server, ok := p.server.(tfprotov6.ActionServer)
	if !ok {
		t.Fatal("the server serves no actions")
	}
	value := encode(t, schema.Schema.ValueType(), config)
	valid, err := server.ValidateActionConfig(request(t), &tfprotov6.ValidateActionConfigRequest{ActionType: typeName,
		Config: value})
	must(t, err)
	if errors := p.errors(valid.Diagnostics); errors != "" {
		return nil, "", errors
	}
	planned, err := server.PlanAction(request(t), &tfprotov6.PlanActionRequest{ActionType: typeName, Config: value})
	must(t, err)
	if errors := p.errors(planned.Diagnostics); errors != "" {
		return nil, "", errors
	}
	stream, err := server.InvokeAction(request(t), &tfprotov6.InvokeActionRequest{ActionType: typeName, Config: value})
	must(t, err)
	for event := range stream.Events {
		switch kind := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			progress = append(progress, kind.Message)
		case tfprotov6.CompletedInvokeActionEventType:
			return progress, words(kind.Diagnostics, tfprotov6.DiagnosticSeverityWarning), p.errors(kind.Diagnostics)
		}
	}
	t.Fatalf("%s did not say that it was complete", typeName)
	return nil, "", ""
}
