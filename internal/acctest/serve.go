package acctest

import (
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/provider"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/server"
)

// reattachable holds what a CLI needs to know to connect to a provider that is already running.
type reattachable struct {
	Protocol        string
	ProtocolVersion int
	Pid             int
	Test            bool
	Addr            struct{ Network, String string }
}

// start runs a provider in this process until stop is called. It returns the data with which a CLI connects to the
// provider.
func start(t testing.TB, source string, server func() tfprotov6.ProviderServer) (r reattachable, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	configs, closed := make(chan *plugin.ReattachConfig), make(chan struct{})
	options := []tf6server.ServeOpt{tf6server.WithDebug(ctx, configs, closed)}
	if t, ok := t.(*testing.T); ok {
		options = append(options, tf6server.WithLoggingSink(t))
	}
	go func() {
		if err := tf6server.Serve(source, server, options...); err != nil {
			t.Error(err)
		}
	}()
	config := <-configs
	r = reattachable{Protocol: string(config.Protocol), ProtocolVersion: config.ProtocolVersion, Pid: config.Pid,
		Test: config.Test}
	r.Addr.Network, r.Addr.String = config.Addr.Network(), config.Addr.String()
	return r, func() {
		cancel()
		<-closed
	}
}

// serve runs another provider in this process, until the test ends, and makes it available to the commands of a CLI
// under the given source address.
func serve(t *testing.T, cli *CLI, source string, server func() tfprotov6.ProviderServer) {
	t.Helper()
	running, stop := start(t, "registry.terraform.io/"+source, server)
	t.Cleanup(stop)
	cli.others[source] = running
}

// attach runs this repository's provider in the test process, for one command with the given environment. It returns
// the data with which the command connects to the provider. A separate provider process would take four times as long,
// because one command starts several of them, one after the other.
func (c *CLI) attach(t testing.TB, env map[string]string) (attached map[string]reattachable, stop func()) {
	t.Helper()
	factory, end := provider.NewProcess("0.0.0-test", func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	})
	var process server.Process
	running, hangUp := start(t, c.source, func() tfprotov6.ProviderServer { return process.Serve(factory()) })
	attached = maps.Clone(c.others)
	attached[c.source] = running
	return attached, func() {
		hangUp()
		end() // only a real process logs which tokens it could not revoke
	}
}

// needsProcess reports whether a command needs the provider's binary in a process of its own. That is so if the
// environment sets what applies to a whole process: a log, a proxy, a path, or variables that Azure's libraries read
// themselves. It is also so if the configuration has several provider blocks, because a provider to which a CLI
// connects keeps only the last configuration.
func (c *CLI) needsProcess(t testing.TB, env map[string]string) bool {
	t.Helper()
	if c.Process || c.hasAliases(t) {
		return true
	}
	for name := range env {
		switch prefix, _, _ := strings.Cut(name, "_"); {
		case prefix == "DBXACCESS", prefix == "DATABRICKS", prefix == "ARM" && name != "ARM_USE_CLI",
			strings.HasPrefix(name, "TF_VAR_"):
		default:
			return true
		}
	}
	return false
}

var alias = regexp.MustCompile(`(?m)^\s*alias\s*=`)

func (c *CLI) hasAliases(t testing.TB) (found bool) {
	t.Helper()
	must(t, filepath.WalkDir(c.Dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".tf" {
			return err
		}
		text, err := os.ReadFile(path)
		found = found || alias.Match(text)
		return err
	}))
	return found
}

// reattach returns the environment variable through which a CLI finds running providers.
func reattach(running map[string]reattachable) string {
	text, err := json.Marshal(running)
	if err != nil {
		panic(err) // strings and numbers can always be encoded
	}
	return "TF_REATTACH_PROVIDERS=" + string(text)
}
