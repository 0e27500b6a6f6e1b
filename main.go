// Command terraform-provider-dbxaccess serves the provider to Terraform and OpenTofu.
package main

import (
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/provider"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/server"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// version is set by the release build.
var version = "0.0.0-dev"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger and print what to export")
	flag.Parse()
	log.SetOutput(web.Log(os.Stderr))
	if !*debug { // there the log goes to the debugger's own terminal
		if err := switchOff(unreadLoggers(os.LookupEnv)); err != nil {
			log.Fatal(err)
		}
	}
	if os.Getenv("GOGC") == "" {
		server.CollectLess()
	}
	factory, end := provider.NewProcess(version, os.LookupEnv)
	terminated := make(chan os.Signal, 1)
	// An interrupt is Terraform's to handle, and the plugin library ignores it here.
	signal.Notify(terminated, syscall.SIGTERM)
	if !*debug { // a debugger serves several runs of Terraform
		// When Terraform is killed, the provider would keep running, with the secrets of its environment.
		go func() {
			waitForParent()
			terminated <- syscall.SIGTERM
		}()
	}
	var process server.Process
	go func() {
		<-terminated
		process.Stop(stopLimit)
		report(end())
		os.Exit(1)
	}()
	var opts []tf6server.ServeOpt
	if *debug {
		opts = append(opts, tf6server.WithManagedDebug())
	}
	err := tf6server.Serve("registry.terraform.io/dbxaccess/dbxaccess",
		func() tfprotov6.ProviderServer { return process.Serve(factory()) }, opts...)
	report(end())
	if err != nil {
		log.Fatal(err)
	}
}

// stopLimit is how long a termination waits for what is under way: runners kill ten seconds after a termination, or
// later.
const stopLimit = 8 * time.Second

// report logs which tokens could not be revoked. Terraform's log is the only output that is still read.
func report(left map[string]error) {
	for id, err := range left {
		log.Printf("token %s is still live: %v", id, err)
	}
}
