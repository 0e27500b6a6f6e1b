package certificate

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"
)

type pfxToPEM struct{}

func (pfxToPEM) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "pfx_to_pem"
}

func (pfxToPEM) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Turn a PFX file into PEM",
		MarkdownDescription: "Returns certificate, private key (PKCS#8, not encrypted) and chain of a PFX file as " +
			"PEM text. It replaces three `openssl` commands.",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name:                "pfx_base64",
				MarkdownDescription: "The PFX file in base64, as `filebase64()` gives it.",
			},
			password,
		},
		Return: function.ObjectReturn{AttributeTypes: pemTypes},
	}
}

func (pfxToPEM) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	c, err := read(ctx, req)
	if err != nil {
		resp.Error = err
		return
	}
	result, cause := toPEM(c)
	if cause != nil {
		resp.Error = refuse(cause)
		return
	}
	resp.Error = resp.Result.Set(ctx, result)
}
