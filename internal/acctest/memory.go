package acctest

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"

	"google.golang.org/grpc/test/bufconn"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

func init() {
	transport := http.DefaultTransport.(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if l, ok := inMemory.Load(address); ok {
			return l.(*bufconn.Listener).DialContext(ctx)
		}
		return dial(ctx, network, address)
	}
}

// inMemory are the servers that only this process can reach.
var inMemory sync.Map // host:port → *bufconn.Listener

// NewInMemory starts a world without a socket, for a bubble of testing/synctest: there the clock stands still while anybody
// works, and jumps while everybody waits, so that a retry after a minute costs nothing. Its services get their addresses
// from [World.Answer].
func NewInMemory(t testing.TB) *World {
	t.Helper()
	return newWorld(t, emulator.NewScenarioIn(emulator.TenantOptions{NewKey: keys()}))
}

// bufferSize is that of a connection in each direction, in bytes.
const bufferSize = 64 << 10

// Answer serves a handler over TLS at a name and a port of the world, in memory, until stop is called, which closes every
// connection. No two worlds of a process may use one address at the same time.
func (w *World) Answer(t testing.TB, certificate tls.Certificate, address string, handler http.Handler) (stop func()) {
	t.Helper()
	listener := bufconn.Listen(bufferSize)
	if _, taken := inMemory.LoadOrStore(address, listener); taken {
		t.Fatalf("%s is another world's", address)
	}
	server := &http.Server{
		Handler: handler, ErrorLog: log.New(io.Discard, "", 0), Protocols: new(http.Protocols),
		// A key exchange that costs little: nobody listens in.
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP256}},
	}
	server.Protocols.SetHTTP1(true) // as the emulator's own servers
	go func() { _ = server.ServeTLS(listener, "", "") }()
	return func() {
		inMemory.Delete(address)
		_ = server.Close()
	}
}
