package acctest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// reattach is where a CLI looks for providers that run already.
const reattach = "TF_REATTACH_PROVIDERS"

// serve lets a CLI find another provider, which runs in this process, under that source, beside those that it finds already.
func serve(t *testing.T, cli *CLI, source string, server func() tfprotov6.ProviderServer) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	configs, closed := make(chan *plugin.ReattachConfig), make(chan struct{})
	go func() {
		if err := tf6server.Serve("registry.terraform.io/"+source, server, tf6server.WithDebug(ctx, configs, closed), tf6server.WithLoggingSink(t)); err != nil {
			t.Error(err)
		}
	}()
	config := <-configs
	t.Cleanup(func() {
		cancel()
		<-closed
	})
	served := map[string]any{}
	if before := cli.Env[reattach]; before != "" {
		if err := json.Unmarshal([]byte(before), &served); err != nil {
			t.Fatal(err)
		}
	}
	served[source] = map[string]any{
		"Protocol": string(config.Protocol), "ProtocolVersion": config.ProtocolVersion, "Pid": config.Pid, "Test": config.Test,
		"Addr": map[string]string{"Network": config.Addr.Network(), "String": config.Addr.String()},
	}
	all, err := json.Marshal(served)
	if err != nil {
		t.Fatal(err)
	}
	cli.Env[reattach] = string(all)
}
