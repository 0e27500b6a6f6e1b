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
		MarkdownDescription: "Gives certificate, private key (PKCS#8, not encrypted) and chain of a PFX file as PEM text, in place of three openssl commands. " +
			"The chain has every other certificate of the file, also one that the provider cannot read (it comes last, as it is). " +
			"Functions cannot mark their result as sensitive: wrap it in `sensitive()`.",
		Parameters: []function.Parameter{
			function.StringParameter{Name: "pfx_base64", MarkdownDescription: "The PFX file in base64, as `filebase64()` gives it."},
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
