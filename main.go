// Command terraform-provider-dbxaccess serves the provider to Terraform and OpenTofu.
package main

import (
	"context"
	"flag"
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/provider"
)

// version is set by the release build.
var version = "0.0.0-dev"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger and print what to export")
	flag.Parse()
	settings := decide(os.LookupEnv)
	if *debug {
		settings.off = nil // the log goes to the debugger's own terminal
	}
	if err := settings.apply(); err != nil {
		log.Fatal(err)
	}
	err := providerserver.Serve(context.Background(), provider.New(version, os.LookupEnv), providerserver.ServeOpts{
		Address: "registry.terraform.io/dbxaccess/dbxaccess",
		Debug:   *debug,
	})
	if err != nil {
		log.Fatal(err)
	}
}
