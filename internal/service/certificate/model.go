package certificate

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
)

type pemModel struct {
	CertificatePEM string `tfsdk:"certificate_pem"`
	PrivateKeyPEM  string `tfsdk:"private_key_pem"`
	ChainPEM       string `tfsdk:"chain_pem"`
}

var pemTypes = map[string]attr.Type{
	"certificate_pem": types.StringType,
	"private_key_pem": types.StringType,
	"chain_pem":       types.StringType,
}

func toPEM(c *certificate.Certificate) (pemModel, error) {
	key, err := c.PrivateKeyPEM()
	return pemModel{CertificatePEM: c.CertificatePEM(), PrivateKeyPEM: key, ChainPEM: c.ChainPEM()}, err
}

type infoModel struct {
	Subject          string `tfsdk:"subject"`
	Issuer           string `tfsdk:"issuer"`
	Serial           string `tfsdk:"serial"`
	ThumbprintSHA1   string `tfsdk:"thumbprint_sha1"`
	ThumbprintSHA256 string `tfsdk:"thumbprint_sha256"`
	NotBefore        string `tfsdk:"not_before"`
	NotAfter         string `tfsdk:"not_after"`
}

var infoTypes = map[string]attr.Type{
	"subject": types.StringType, "issuer": types.StringType, "serial": types.StringType,
	"thumbprint_sha1": types.StringType, "thumbprint_sha256": types.StringType,
	"not_before": types.StringType, "not_after": types.StringType,
}

func toInfo(c *certificate.Certificate) infoModel {
	return infoModel{
		Subject:          c.Subject,
		Issuer:           c.Issuer,
		Serial:           c.Serial,
		ThumbprintSHA1:   c.ThumbprintSHA1,
		ThumbprintSHA256: c.ThumbprintSHA256,
		NotBefore:        c.NotBefore.UTC().Format(time.RFC3339), NotAfter: c.NotAfter.UTC().Format(time.RFC3339),
	}
}
