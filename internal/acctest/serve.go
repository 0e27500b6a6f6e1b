package acctest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// serve lets a CLI find another provider, which runs in this process, under that source.
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
	reattach, err := json.Marshal(map[string]any{source: map[string]any{
		"Protocol": string(config.Protocol), "ProtocolVersion": config.ProtocolVersion, "Pid": config.Pid, "Test": config.Test,
		"Addr": map[string]string{"Network": config.Addr.Network(), "String": config.Addr.String()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	cli.Env["TF_REATTACH_PROVIDERS"] = string(reattach)
}
