package certificate

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"
)

type certificateInfo struct{}

func (certificateInfo) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "certificate_info"
}

func (certificateInfo) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Read a client certificate's subject, thumbprints and dates",
		MarkdownDescription: "Gives subject, issuer, serial number, SHA-1 and SHA-256 thumbprints (hexadecimal) and validity (RFC 3339 in UTC) of a client certificate. " +
			"It reads the bundle as the provider's login does, so what this accepts can log in, dates apart. A certificate beside the key's own that cannot be read " +
			"is ignored without a word, because a function cannot warn; the login warns of it. Nothing of the private key is in the result; " +
			"what Terraform derives from a sensitive argument is sensitive as well: show it with `nonsensitive()`.",
		Parameters: []function.Parameter{
			function.StringParameter{Name: "bundle", MarkdownDescription: "Certificate with its private key: base64 of a PFX or PEM file, or PEM text."},
			password,
		},
		Return: function.ObjectReturn{AttributeTypes: infoTypes},
	}
}

func (certificateInfo) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	c, err := read(ctx, req)
	if err != nil {
		resp.Error = err
		return
	}
	resp.Error = resp.Result.Set(ctx, toInfo(c))
}
