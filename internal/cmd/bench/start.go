package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
)

// handshake is the configuration with which Terraform starts a provider. It is copied from internal/plugin/serve.go in
// Terraform's repository.
var handshake = plugin.HandshakeConfig{
	ProtocolVersion:  6,
	MagicCookieKey:   "TF_PLUGIN_MAGIC_COOKIE",
	MagicCookieValue: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
}

// coldStarts returns, per subject, the median time from the start of the provider to its handshake with Terraform, in
// seconds. The first start, which reads the file from disk, counts like the others.
func (b *bench) coldStarts() (map[subject]float64, error) {
	fmt.Fprintln(b.progress, "Starts.")
	taken := map[subject][]float64{}
	for range b.options.starts {
		for _, s := range []subject{empty, ours} {
			client := plugin.NewClient(&plugin.ClientConfig{
				HandshakeConfig:  handshake,
				Plugins:          plugin.PluginSet{},
				Cmd:              exec.CommandContext(b.ctx, filepath.Join(b.folder(s), "provider")),
				AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
				AutoMTLS:         true,
				Logger:           hclog.NewNullLogger(),
			})
			began := time.Now()
			_, err := client.Start()
			seconds := time.Since(began).Seconds()
			client.Kill()
			if err != nil {
				return nil, fmt.Errorf("start of %s: %w", s, err)
			}
			taken[s] = append(taken[s], seconds)
		}
	}
	return map[subject]float64{empty: median(taken[empty]), ours: median(taken[ours])}, nil
}
