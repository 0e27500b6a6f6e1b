package acctest

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Process is the provider's real binary in a process of its own. A test calls it over the plugin protocol, as Terraform
// does, but without a Terraform process.
type Process struct {
	PID int

	conn *grpc.ClientConn
}

// Process starts the provider's binary in the world's environment. The process ends with the test.
func (w *World) Process(t testing.TB) *Process {
	t.Helper()
	must(t, build())
	file, err := binaryFile()
	must(t, err)
	cmd := exec.Command(file)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range w.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	// These are the settings with which Terraform starts a provider.
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{MagicCookieKey: "TF_PLUGIN_MAGIC_COOKIE",
			MagicCookieValue: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"},
		VersionedPlugins: map[int]plugin.PluginSet{6: {"provider": connection{}}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		Cmd:              cmd, SkipHostEnv: true,
		Logger: hclog.NewNullLogger(),
	})
	t.Cleanup(client.Kill)
	protocol, err := client.Client()
	must(t, err)
	conn, err := protocol.Dispense("provider")
	must(t, err)
	return &Process{PID: cmd.Process.Pid, conn: conn.(*grpc.ClientConn)}
}

// connection is a plugin whose client is the bare connection.
type connection struct{ plugin.NetRPCUnsupportedPlugin }

func (connection) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }

func (connection) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

// Read configures the provider with an empty provider block and reads a data source, whose configuration is JSON. It
// sends the requests that Terraform sends. The answer is a ReadDataSource.Response in the encoding of protocol buffers.
// An error means that the process has not answered, or that it returned diagnostics for a configuration.
func (p *Process) Read(t testing.TB, typeName, config string) (answer []byte, err error) {
	t.Helper()
	value := func(text string) []byte { return field(2, []byte(text)) } // a DynamicValue with the field json
	source := append(field(1, []byte(typeName)), field(2, value(config))...)
	for _, call := range []struct {
		method  string
		request []byte
	}{
		{"GetProviderSchema", nil},
		{"ValidateProviderConfig", field(1, value("{}"))},
		{"ConfigureProvider", append(field(1, []byte("1.14.0")), field(2, value("{}"))...)},
		{"ValidateDataResourceConfig", source},
		{"ReadDataSource", source},
	} {
		err = p.conn.Invoke(t.Context(), "/tfplugin6.Provider/"+call.method, call.request, &answer,
			grpc.ForceCodec(encoded{}), grpc.MaxCallRecvMsgSize(64<<20)) // as Terraform does
		if err != nil {
			return nil, fmt.Errorf("%s: %w", call.method, err)
		}
		// The answers of these two hold nothing but diagnostics.
		if configures := call.method == "ConfigureProvider" || call.method == "ValidateDataResourceConfig"; configures &&
			len(answer) > 0 {
			return nil, fmt.Errorf("%s: %q", call.method, answer)
		}
	}
	return answer, nil
}

// field encodes a field of a protocol buffer that holds text, bytes or a message.
func field(number byte, content []byte) []byte {
	const lengthDelimited = 2
	return append(binary.AppendUvarint([]byte{number<<3 | lengthDelimited}, uint64(len(content))), content...)
}

// encoded is a codec for messages that are encoded already.
type encoded struct{}

func (encoded) Name() string { return "proto" }

func (encoded) Marshal(message any) ([]byte, error) { return message.([]byte), nil }

func (encoded) Unmarshal(content []byte, message any) error {
	*message.(*[]byte) = content
	return nil
}
