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
		MarkdownDescription: "Returns subject, issuer, serial number, SHA-1 and SHA-256 thumbprints (hexadecimal) " +
			"and validity (RFC 3339 in UTC) of a client certificate.",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name:                "bundle",
				MarkdownDescription: "Certificate with its private key: base64 of a PFX or PEM file, or PEM text.",
			},
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
