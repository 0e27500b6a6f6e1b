// Package certificate is the functions pfx_to_pem and certificate_info: they read a client certificate exactly as the
// provider's own login does.
package certificate

import "github.com/hashicorp/terraform-plugin-framework/function"

// Functions are what this package adds to the provider.
func Functions() []func() function.Function {
	return []func() function.Function{
		func() function.Function { return pfxToPEM{} },
		func() function.Function { return certificateInfo{} },
	}
}
