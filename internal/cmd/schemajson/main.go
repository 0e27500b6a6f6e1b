// Command schemajson prints the provider's schema as `terraform providers schema -json` would.
//
// The documentation generator needs that JSON. Asking our own code has two virtues over asking a CLI: nothing is built or
// installed first, and an older Terraform leaves out what it does not know (identity, list resources, actions), whose
// pages would then silently be missing.
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
	// A schema must not depend on who runs this: the provider sees an empty environment.
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
