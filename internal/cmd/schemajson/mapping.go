package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// shortName is the key under which the documentation generator tfplugindocs looks for the schema. It does not find a
// schema under the full registry address.
const shortName = "dbxaccess"

// The types below are the published JSON format of provider schemas, version 1.0. The field order and omitempty follow
// Terraform's own types.
type (
	document struct {
		FormatVersion string                    `json:"format_version"`
		Schemas       map[string]providerSchema `json:"provider_schemas"`
	}
	providerSchema struct {
		Provider           schema                    `json:"provider"`
		Resources          map[string]schema         `json:"resource_schemas,omitempty"`
		DataSources        map[string]schema         `json:"data_source_schemas,omitempty"`
		EphemeralResources map[string]schema         `json:"ephemeral_resource_schemas,omitempty"`
		ListResources      map[string]schema         `json:"list_resource_schemas,omitempty"`
		Functions          map[string]function       `json:"functions,omitempty"`
		Identities         map[string]identitySchema `json:"resource_identity_schemas,omitempty"`
		Actions            map[string]actionSchema   `json:"action_schemas,omitempty"`
	}
	schema struct {
		Version int64  `json:"version"`
		Block   *block `json:"block,omitempty"`
	}
	actionSchema struct {
		Block *block `json:"block,omitempty"`
	}
	block struct {
		Attributes         map[string]attribute   `json:"attributes,omitempty"`
		BlockTypes         map[string]nestedBlock `json:"block_types,omitempty"`
		Description        string                 `json:"description,omitempty"`
		DescriptionKind    string                 `json:"description_kind,omitempty"`
		Deprecated         bool                   `json:"deprecated,omitempty"`
		DeprecationMessage string                 `json:"deprecation_message,omitempty"`
	}
	nestedBlock struct {
		NestingMode string `json:"nesting_mode,omitempty"`
		Block       *block `json:"block,omitempty"`
		MinItems    int64  `json:"min_items,omitempty"`
		MaxItems    int64  `json:"max_items,omitempty"`
	}
	attribute struct {
		Type               json.RawMessage `json:"type,omitempty"`
		NestedType         *nestedType     `json:"nested_type,omitempty"`
		Description        string          `json:"description,omitempty"`
		DescriptionKind    string          `json:"description_kind,omitempty"`
		Deprecated         bool            `json:"deprecated,omitempty"`
		DeprecationMessage string          `json:"deprecation_message,omitempty"`
		Required           bool            `json:"required,omitempty"`
		Optional           bool            `json:"optional,omitempty"`
		Computed           bool            `json:"computed,omitempty"`
		Sensitive          bool            `json:"sensitive,omitempty"`
		WriteOnly          bool            `json:"write_only,omitempty"`
	}
	nestedType struct {
		Attributes  map[string]attribute `json:"attributes,omitempty"`
		NestingMode string               `json:"nesting_mode,omitempty"`
	}
	identitySchema struct {
		Version    int64                        `json:"version"`
		Attributes map[string]identityAttribute `json:"attributes,omitempty"`
	}
	identityAttribute struct {
		Type              json.RawMessage `json:"type,omitempty"`
		Description       string          `json:"description,omitempty"`
		RequiredForImport bool            `json:"required_for_import,omitempty"`
		OptionalForImport bool            `json:"optional_for_import,omitempty"`
	}
	function struct {
		Description        string          `json:"description,omitempty"`
		Summary            string          `json:"summary,omitempty"`
		DeprecationMessage string          `json:"deprecation_message,omitempty"`
		ReturnType         json.RawMessage `json:"return_type"`
		Parameters         []parameter     `json:"parameters,omitempty"`
		VariadicParameter  *parameter      `json:"variadic_parameter,omitempty"`
	}
	parameter struct {
		Name        string          `json:"name,omitempty"`
		Description string          `json:"description,omitempty"`
		IsNullable  bool            `json:"is_nullable,omitempty"`
		Type        json.RawMessage `json:"type"`
	}
)

func describe(ctx context.Context, server tfprotov6.ProviderServer) (document, error) {
	got, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err == nil {
		err = failed(got.Diagnostics)
	}
	if err != nil {
		return document{}, fmt.Errorf("read provider schema: %w", err)
	}
	ids, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err == nil {
		err = failed(ids.Diagnostics)
	}
	if err != nil {
		return document{}, fmt.Errorf("read identity schemas: %w", err)
	}
	return document{FormatVersion: "1.0", Schemas: map[string]providerSchema{shortName: {
		Provider:           fromSchema(got.Provider),
		Resources:          mapValues(got.ResourceSchemas, fromSchema),
		DataSources:        mapValues(got.DataSourceSchemas, fromSchema),
		EphemeralResources: mapValues(got.EphemeralResourceSchemas, fromSchema),
		ListResources:      mapValues(got.ListResourceSchemas, fromSchema),
		Functions:          mapValues(got.Functions, fromFunction),
		Identities:         mapValues(ids.IdentitySchemas, fromIdentity),
		Actions: mapValues(got.ActionSchemas, func(a *tfprotov6.ActionSchema) actionSchema {
			return actionSchema{Block: fromSchema(a.Schema).Block}
		}),
	}}}, nil
}

func failed(diags []*tfprotov6.Diagnostic) error {
	var errs []error
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			errs = append(errs, fmt.Errorf("%s: %s", d.Summary, d.Detail))
		}
	}
	return errors.Join(errs...)
}

func mapValues[A, B any](in map[string]A, f func(A) B) map[string]B {
	out := make(map[string]B, len(in))
	for k, v := range in {
		out[k] = f(v)
	}
	return out
}

func fromSchema(s *tfprotov6.Schema) schema {
	if s == nil {
		return schema{}
	}
	return schema{Version: s.Version, Block: fromBlock(s.Block)}
}

func fromBlock(b *tfprotov6.SchemaBlock) *block {
	out := &block{
		Attributes:         fromAttributes(b.Attributes),
		BlockTypes:         make(map[string]nestedBlock, len(b.BlockTypes)),
		Description:        b.Description,
		DescriptionKind:    kind(b.DescriptionKind),
		Deprecated:         b.Deprecated,
		DeprecationMessage: b.DeprecationMessage,
	}
	for _, n := range b.BlockTypes {
		out.BlockTypes[n.TypeName] = nestedBlock{
			NestingMode: strings.ToLower(n.Nesting.String()),
			Block:       fromBlock(n.Block),
			MinItems:    n.MinItems,
			MaxItems:    n.MaxItems,
		}
	}
	return out
}

func fromAttributes(in []*tfprotov6.SchemaAttribute) map[string]attribute {
	out := make(map[string]attribute, len(in))
	for _, a := range in {
		attr := attribute{
			Type:               typeJSON(a.Type),
			Description:        a.Description,
			DescriptionKind:    kind(a.DescriptionKind),
			Deprecated:         a.Deprecated,
			DeprecationMessage: a.DeprecationMessage,
			Required:           a.Required,
			Optional:           a.Optional,
			Computed:           a.Computed,
			Sensitive:          a.Sensitive,
			WriteOnly:          a.WriteOnly,
		}
		if a.NestedType != nil {
			attr.NestedType = &nestedType{
				Attributes:  fromAttributes(a.NestedType.Attributes),
				NestingMode: strings.ToLower(a.NestedType.Nesting.String()),
			}
		}
		out[a.Name] = attr
	}
	return out
}

func fromIdentity(s *tfprotov6.ResourceIdentitySchema) identitySchema {
	out := identitySchema{Version: s.Version, Attributes: make(map[string]identityAttribute, len(s.IdentityAttributes))}
	for _, a := range s.IdentityAttributes {
		out.Attributes[a.Name] = identityAttribute{
			Type:              typeJSON(a.Type),
			Description:       a.Description,
			RequiredForImport: a.RequiredForImport,
			OptionalForImport: a.OptionalForImport,
		}
	}
	return out
}

func fromFunction(f *tfprotov6.Function) function {
	out := function{
		Description:        f.Description,
		Summary:            f.Summary,
		DeprecationMessage: f.DeprecationMessage,
		ReturnType:         typeJSON(f.Return.Type),
	}
	for _, p := range f.Parameters {
		out.Parameters = append(out.Parameters, fromParameter(p))
	}
	if f.VariadicParameter != nil {
		p := fromParameter(f.VariadicParameter)
		out.VariadicParameter = &p
	}
	return out
}

func fromParameter(p *tfprotov6.FunctionParameter) parameter {
	return parameter{Name: p.Name, Description: p.Description, IsNullable: p.AllowNullValue, Type: typeJSON(p.Type)}
}

func kind(k tfprotov6.StringKind) string { return strings.ToLower(k.String()) }

func typeJSON(t tftypes.Type) json.RawMessage {
	if t == nil {
		return nil
	}
	// The provider's server has already encoded and decoded this type, so encoding it cannot fail.
	out, _ := t.MarshalJSON() //nolint:staticcheck // deprecated for outsiders; it is the wire format we want
	return out
}
