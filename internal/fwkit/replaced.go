package fwkit

import (
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

// WarnOfReplacement adds a warning that the replacement of an object cannot be created in the workspace as it is now.
// err says why. It adds nothing for an error that says nothing about the replacement.
//
// It is a warning and no error, because the same apply may create what is missing, and because a destroy computes such
// a plan first. Terraform cannot delay the destruction of the old object either: if another resource is renamed,
// Terraform destroys this object, then the other resource, and then creates both.
func WarnOfReplacement(diags *diag.Diagnostics, err error, attribute, object string) {
	if !errors.Is(err, client.ErrNotFound) && !errors.Is(err, client.ErrNoEndpointID) &&
		!errors.Is(err, client.ErrAccountGroup) {
		return // err does not show whether the replacement can be created
	}
	_, _, detail := explain(err, "", "Its replacement")
	diags.AddAttributeWarning(
		path.Root(attribute),
		"Replacement cannot be created now: "+object,
		fmt.Sprintf("%s\n\nIf this apply creates what is missing, the replacement succeeds. Otherwise the apply "+
			"destroys the old object and then fails, so correct %s first. With create_before_destroy = true in the "+
			"resource's lifecycle block, the old object stays if the new one cannot be created.",
			detail, attribute),
	)
}
