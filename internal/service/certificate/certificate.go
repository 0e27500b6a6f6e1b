// Package certificate contains the functions pfx_to_pem and certificate_info, which read a client certificate exactly
// as the provider's own login does.
package certificate

import "github.com/hashicorp/terraform-plugin-framework/function"

// Functions returns the functions that this package adds to the provider.
func Functions() []func() function.Function {
	return []func() function.Function{
		func() function.Function { return pfxToPEM{} },
		func() function.Function { return certificateInfo{} },
	}
}
