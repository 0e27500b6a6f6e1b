// Package server wraps the framework's own protocol server and corrects four things, each in one place.
//
// The framework (terraform-plugin-framework v1.19.0, internal/proto6server/serve.go) registers each request's context
// for cancellation and never removes it. So everything that the context refers to stays in memory until the provider
// stops: loggers, decoded values, the stream. A plan of a thousand resources is some four thousand requests. Therefore
// each request gets a [scope], a context that releases its contents as soon as the request has returned. What the
// framework itself derives from the context is small, but adds up for ten thousand resources. [ongoing] makes the
// framework forget that, too.
//
// OpenTofu sends no data for a null argument of a function, and the framework rejects such a request as broken. Package
// server replaces an argument without data by null.
//
// A provider can return warnings about itself only when it is configured. A warning that arises later, at the first
// call, is added to the answer of that call.
//
// Many messages contain names, comments and addresses that others chose. Every message to a person passes through
// [web.Shown] here, so that none of them repeats a secret or controls the terminal.
package server

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// framework lists what the framework's server serves. State stores are left out, because the provider has none.
type framework interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
	tfprotov6.ActionServer
}

// server implements each request of the protocol by a method of its own. If it embedded another server, a request that
// a newer protocol adds would bypass it unnoticed. Without one, such a request is a compile error.
type server struct {
	next framework
	// warnings returns the provider's warnings that arose after its configuration.
	warnings func() []*tfprotov6.Diagnostic
	process  *Process
	ongoing  *ongoing
}

var _ framework = server{}

// New returns a protocol server for a provider.
func New(p provider.Provider) tfprotov6.ProviderServer {
	next, ok := providerserver.NewProtocol6(p)().(framework)
	if !ok {
		panic("the framework's server serves neither list resources nor actions") // go.mod pins one that does
	}
	s := server{
		next:     next,
		warnings: func() []*tfprotov6.Diagnostic { return nil },
		process:  &Process{},
		ongoing:  newOngoing(next),
	}
	if p, ok := p.(warner); ok {
		s.warnings = func() []*tfprotov6.Diagnostic { return shown(p.TakeWarnings()) }
	}
	return s
}

// warner is a provider that has warnings which arise only while it is used.
type warner interface {
	// TakeWarnings returns each warning once.
	TakeWarnings() []*tfprotov6.Diagnostic
}

// during serves one request with a context that ends with the request, and passes the answer's messages through [show].
func during[Request, Response any](
	ctx context.Context, s server, req Request, serve func(context.Context, Request) (Response, error),
) (Response, error) {
	ctx, end := s.ongoing.begin(ctx)
	defer end()
	resp, err := serve(ctx, req)
	if err == nil {
		show(resp)
	}
	return resp, err
}

// warned is during, and adds the provider's warnings to the answer.
func warned[Request, Response any](
	ctx context.Context, s server, req Request, serve func(context.Context, Request) (Response, error),
) (Response, error) {
	resp, err := during(ctx, s, req, serve)
	if diagnostics := diagnosticsOf(resp); diagnostics != nil && err == nil {
		*diagnostics = append(*diagnostics, s.warnings()...)
	}
	return resp, err
}

func (s server) GetMetadata(
	ctx context.Context, req *tfprotov6.GetMetadataRequest,
) (*tfprotov6.GetMetadataResponse, error) {
	return during(ctx, s, req, s.next.GetMetadata)
}

func (s server) GetProviderSchema(
	ctx context.Context, req *tfprotov6.GetProviderSchemaRequest,
) (*tfprotov6.GetProviderSchemaResponse, error) {
	return during(ctx, s, req, s.next.GetProviderSchema)
}

func (s server) GetResourceIdentitySchemas(
	ctx context.Context, req *tfprotov6.GetResourceIdentitySchemasRequest,
) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return during(ctx, s, req, s.next.GetResourceIdentitySchemas)
}

func (s server) ValidateProviderConfig(
	ctx context.Context, req *tfprotov6.ValidateProviderConfigRequest,
) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return during(ctx, s, req, s.next.ValidateProviderConfig)
}

func (s server) ConfigureProvider(
	ctx context.Context, req *tfprotov6.ConfigureProviderRequest,
) (*tfprotov6.ConfigureProviderResponse, error) {
	return during(ctx, s, req, s.next.ConfigureProvider)
}

func (s server) StopProvider(
	ctx context.Context, req *tfprotov6.StopProviderRequest,
) (*tfprotov6.StopProviderResponse, error) {
	return during(ctx, s, req, s.next.StopProvider)
}

func (s server) ValidateResourceConfig(
	ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return during(ctx, s, req, s.next.ValidateResourceConfig)
}

func (s server) UpgradeResourceState(
	ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	return during(ctx, s, req, s.next.UpgradeResourceState)
}

func (s server) UpgradeResourceIdentity(
	ctx context.Context, req *tfprotov6.UpgradeResourceIdentityRequest,
) (*tfprotov6.UpgradeResourceIdentityResponse, error) {
	return during(ctx, s, req, s.next.UpgradeResourceIdentity)
}

func (s server) ReadResource(
	ctx context.Context, req *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	return warned(ctx, s, req, s.next.ReadResource)
}

func (s server) PlanResourceChange(
	ctx context.Context, req *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	return warned(ctx, s, req, s.next.PlanResourceChange)
}

func (s server) ApplyResourceChange(
	ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	ctx, done, err := s.process.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return warned(ctx, s, req, s.next.ApplyResourceChange)
}

func (s server) ImportResourceState(
	ctx context.Context, req *tfprotov6.ImportResourceStateRequest,
) (*tfprotov6.ImportResourceStateResponse, error) {
	return warned(ctx, s, req, s.next.ImportResourceState)
}

func (s server) MoveResourceState(
	ctx context.Context, req *tfprotov6.MoveResourceStateRequest,
) (*tfprotov6.MoveResourceStateResponse, error) {
	return during(ctx, s, req, s.next.MoveResourceState)
}

func (s server) GenerateResourceConfig(
	ctx context.Context, req *tfprotov6.GenerateResourceConfigRequest,
) (*tfprotov6.GenerateResourceConfigResponse, error) {
	return during(ctx, s, req, s.next.GenerateResourceConfig)
}

func (s server) ValidateDataResourceConfig(
	ctx context.Context, req *tfprotov6.ValidateDataResourceConfigRequest,
) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return during(ctx, s, req, s.next.ValidateDataResourceConfig)
}

func (s server) ReadDataSource(
	ctx context.Context, req *tfprotov6.ReadDataSourceRequest,
) (*tfprotov6.ReadDataSourceResponse, error) {
	return warned(ctx, s, req, s.next.ReadDataSource)
}

func (s server) GetFunctions(
	ctx context.Context, req *tfprotov6.GetFunctionsRequest,
) (*tfprotov6.GetFunctionsResponse, error) {
	return during(ctx, s, req, s.next.GetFunctions)
}

func (s server) CallFunction(
	ctx context.Context, req *tfprotov6.CallFunctionRequest,
) (*tfprotov6.CallFunctionResponse, error) {
	return during(ctx, s, withNulls(req), s.next.CallFunction)
}

func (s server) ValidateEphemeralResourceConfig(
	ctx context.Context, req *tfprotov6.ValidateEphemeralResourceConfigRequest,
) (*tfprotov6.ValidateEphemeralResourceConfigResponse, error) {
	return during(ctx, s, req, s.next.ValidateEphemeralResourceConfig)
}

func (s server) OpenEphemeralResource(
	ctx context.Context, req *tfprotov6.OpenEphemeralResourceRequest,
) (*tfprotov6.OpenEphemeralResourceResponse, error) {
	ctx, done, err := s.process.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return warned(ctx, s, req, s.next.OpenEphemeralResource)
}

func (s server) RenewEphemeralResource(
	ctx context.Context, req *tfprotov6.RenewEphemeralResourceRequest,
) (*tfprotov6.RenewEphemeralResourceResponse, error) {
	return during(ctx, s, req, s.next.RenewEphemeralResource)
}

func (s server) CloseEphemeralResource(
	ctx context.Context, req *tfprotov6.CloseEphemeralResourceRequest,
) (*tfprotov6.CloseEphemeralResourceResponse, error) {
	return during(ctx, s, req, s.next.CloseEphemeralResource)
}

func (s server) ValidateListResourceConfig(
	ctx context.Context, req *tfprotov6.ValidateListResourceConfigRequest,
) (*tfprotov6.ValidateListResourceConfigResponse, error) {
	return during(ctx, s, req, s.next.ValidateListResourceConfig)
}

// ListResource returns before its results are read, so the context of the request lives until the last result is read.
func (s server) ListResource(
	ctx context.Context, req *tfprotov6.ListResourceRequest,
) (*tfprotov6.ListResourceServerStream, error) {
	ctx, end := s.ongoing.begin(ctx)
	stream, err := s.next.ListResource(ctx, req)
	if err != nil || stream == nil || stream.Results == nil {
		end()
		return stream, err
	}
	results := stream.Results
	stream.Results = func(yield func(tfprotov6.ListResourceResult) bool) {
		defer end()
		results(func(result tfprotov6.ListResourceResult) bool {
			shown(result.Diagnostics)
			return yield(result)
		})
	}
	return stream, nil
}

func (s server) ValidateActionConfig(
	ctx context.Context, req *tfprotov6.ValidateActionConfigRequest,
) (*tfprotov6.ValidateActionConfigResponse, error) {
	return during(ctx, s, req, s.next.ValidateActionConfig)
}

func (s server) PlanAction(
	ctx context.Context, req *tfprotov6.PlanActionRequest,
) (*tfprotov6.PlanActionResponse, error) {
	return during(ctx, s, req, s.next.PlanAction)
}

// InvokeAction returns before its events are read, so the context of the request lives until the last event is read.
func (s server) InvokeAction(
	ctx context.Context, req *tfprotov6.InvokeActionRequest,
) (*tfprotov6.InvokeActionServerStream, error) {
	ctx, end := s.ongoing.begin(ctx)
	stream, err := s.next.InvokeAction(ctx, req)
	if err != nil || stream == nil || stream.Events == nil {
		end()
		return stream, err
	}
	events := stream.Events
	stream.Events = func(yield func(tfprotov6.InvokeActionEvent) bool) {
		defer end()
		events(func(event tfprotov6.InvokeActionEvent) bool {
			switch kind := event.Type.(type) {
			case tfprotov6.ProgressInvokeActionEventType:
				kind.Message = web.Shown(kind.Message)
				event.Type = kind
			case tfprotov6.CompletedInvokeActionEventType:
				kind.Diagnostics = append(shown(kind.Diagnostics), s.warnings()...)
				event.Type = kind
			}
			return yield(event)
		})
	}
	return stream, nil
}

// withNulls returns a copy of the request with null in place of each argument that holds no data.
func withNulls(req *tfprotov6.CallFunctionRequest) *tfprotov6.CallFunctionRequest {
	if req == nil {
		return nil
	}
	filled := *req
	filled.Arguments = make([]*tfprotov6.DynamicValue, len(req.Arguments))
	for i, argument := range req.Arguments {
		if argument == nil || len(argument.MsgPack) == 0 && len(argument.JSON) == 0 {
			argument = &tfprotov6.DynamicValue{MsgPack: []byte{0xc0}} // nil in MessagePack
		}
		filled.Arguments[i] = argument
	}
	return &filled
}
