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

// version is the provider's version. The release build sets it.
var version = "0.0.0-dev"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger and print what to export")
	flag.Parse()
	log.SetOutput(web.Log(os.Stderr))
	if !*debug { // with -debug the log goes to the debugger's terminal, where a person reads it
		if err := switchOff(unreadLoggers(os.LookupEnv)); err != nil {
			log.Fatal(err)
		}
	}
	if os.Getenv("GOGC") == "" {
		server.CollectLess()
	}
	factory, end := provider.NewProcess(version, os.LookupEnv)
	terminated := make(chan os.Signal, 1)
	// Only SIGTERM is handled here. At an interrupt (SIGINT) Terraform itself stops its providers, and the plugin
	// library ignores the signal in this process.
	signal.Notify(terminated, syscall.SIGTERM)
	if !*debug { // with -debug the provider serves several runs of Terraform, and outlives each of them
		// Otherwise the provider would keep running after Terraform was killed, with secrets in its environment.
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

// stopLimit is how long a terminated process waits for the changes under way. CI runners kill a process ten seconds
// after they have asked it to terminate, or later.
const stopLimit = 8 * time.Second

// report logs each token that could not be revoked; left maps the token's id to the error. At this point, Terraform's
// log is the only output that is still read.
func report(left map[string]error) {
	for id, err := range left {
		log.Printf("token %s is still live: %v", id, err)
	}
}
