// Package certificate contains the functions pfx_to_pem and certificate_info, which read a client certificate exactly
// as the provider's own login does.
package certificate

import (
	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
)

// NewPFXToPEM returns the function pfx_to_pem.
func NewPFXToPEM() function.Function {
	return bundleFunction{
		name: "pfx_to_pem",
		definition: function.Definition{
			Summary: "Convert a PFX file to PEM",
			MarkdownDescription: "Returns certificate, private key (PKCS#8, not encrypted) and chain of a PFX file " +
				"as PEM text. It does the work of three `openssl` commands.",
			Return: function.ObjectReturn{AttributeTypes: pemTypes},
		},
		bundle: function.StringParameter{
			Name: "pfx_base64", MarkdownDescription: "The PFX file in base64, as `filebase64()` returns it.",
		},
		result: func(c *certificate.Certificate) (any, error) { return toPEM(c) },
	}
}

// NewCertificateInfo returns the function certificate_info.
func NewCertificateInfo() function.Function {
	return bundleFunction{
		name: "certificate_info",
		definition: function.Definition{
			Summary: "Read a client certificate's subject, thumbprints and dates",
			MarkdownDescription: "Returns subject, issuer, serial number, SHA-1 and SHA-256 thumbprints " +
				"(hexadecimal) and validity (RFC 3339 in UTC) of a client certificate.",
			Return: function.ObjectReturn{AttributeTypes: infoTypes},
		},
		bundle: function.StringParameter{
			Name:                "bundle",
			MarkdownDescription: "Certificate with its private key: base64 of a PFX or PEM file, or PEM text.",
		},
		result: func(c *certificate.Certificate) (any, error) { return toInfo(c), nil },
	}
}
