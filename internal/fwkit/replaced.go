package fwkit

import (
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// WarnOfReplacement warns that the object which replaces this one cannot be created as the workspace is now; err says
// why. It is no error: the same apply may create what is missing, and a destroy makes such a plan first. Nor can the
// destruction wait for it: where another resource is renamed, Terraform destroys this object, then that resource, and
// then creates both.
func WarnOfReplacement(diags *diag.Diagnostics, err error, attribute, object string) {
	if !errors.Is(err, client.ErrNotFound) && !errors.Is(err, client.ErrNoEndpointID) &&
		!errors.Is(err, client.ErrAccountGroup) {
		return // says nothing of the object that is to come
	}
	_, _, detail := explain(err, "", "Its replacement")
	diags.AddAttributeWarning(
		path.Root(attribute),
		"Replacement cannot be created now: "+object,
		fmt.Sprintf("%s\n\nIf this apply creates what is missing, all is well. "+
			"If not, the apply destroys the old one and then fails: correct %s. With create_before_destroy = true in "+
			"the resource's lifecycle block, the old one stays where the new one cannot be created.",
			detail, attribute),
	)
}
