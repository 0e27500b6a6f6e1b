package certificate

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
)

// bundleFunction is a function whose arguments are a certificate bundle and its password.
type bundleFunction struct {
	name       string
	definition function.Definition // without the parameters
	bundle     function.StringParameter
	result     func(*certificate.Certificate) (any, error)
}

func (f bundleFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = f.name
}

func (f bundleFunction) Definition(
	_ context.Context,
	_ function.DefinitionRequest,
	resp *function.DefinitionResponse,
) {
	resp.Definition = f.definition
	resp.Definition.Parameters = []function.Parameter{f.bundle, function.StringParameter{
		Name: "password", AllowNullValue: true,
		MarkdownDescription: "Password of the bundle; `null` or empty when it has none.",
	}}
}

func (f bundleFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	c, refusal := read(ctx, req)
	if refusal != nil {
		resp.Error = refusal
		return
	}
	result, err := f.result(c)
	if err != nil {
		resp.Error = refuse(err)
		return
	}
	resp.Error = resp.Result.Set(ctx, result)
}

// refuse returns the error about a certificate bundle as an error of the function's first argument.
func refuse(err error) *function.FuncError {
	if failure, ok := errors.AsType[*certificate.Error](err); ok {
		return function.NewArgumentFuncError(0, failure.Summary+". "+failure.Detail)
	}
	return function.NewArgumentFuncError(0, err.Error())
}

// read reads the bundle and the password from the arguments of a function, and parses the bundle as the provider's
// login does.
func read(ctx context.Context, req function.RunRequest) (*certificate.Certificate, *function.FuncError) {
	var bundle string
	var password *string
	if err := req.Arguments.Get(ctx, &bundle, &password); err != nil {
		return nil, err
	}
	if password == nil {
		password = new(string)
	}
	c, warnings, err := certificate.Parse([]byte(bundle), *password, certificate.Origin{})
	if err != nil {
		return nil, refuse(err)
	}
	// A function cannot return warnings, so they go to the log.
	for _, w := range warnings {
		tflog.Warn(ctx, w.Summary+". "+w.Detail)
	}
	return c, nil
}
