// Command schemajson prints the provider's schema as `terraform providers schema -json` would.
//
// The documentation generator needs that JSON. Reading the schema from the provider's code has two advantages over
// running a CLI. Nothing needs to be built or installed first. And an older Terraform silently leaves out what it does
// not support, such as identities, list resources and actions, so that their pages would be missing.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/provider"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "schemajson:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	// The schema must not depend on the environment in which this command runs. So the provider sees an empty
	// environment.
	noEnv := func(string) (string, bool) { return "", false }
	server, err := providerserver.NewProtocol6WithError(provider.New("dev", noEnv)())()
	if err != nil {
		return err
	}
	doc, err := describe(ctx, server)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(doc)
}
