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
	factory, end := provider.NewProcess(version, os.LookupEnv)
	err := providerserver.Serve(context.Background(), factory, providerserver.ServeOpts{
		Address: "registry.terraform.io/dbxaccess/dbxaccess",
		Debug:   *debug,
	})
	for id, failure := range end() { // standard error goes to Terraform's log; nobody else listens any more
		log.Printf("token %s is still live: %v", id, failure)
	}
	if err != nil {
		log.Fatal(err)
	}
}
