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

// inMemory holds the listeners of servers that only this process can reach, by address.
var inMemory sync.Map // host:port → *bufconn.Listener

// NewInMemory starts a world that uses no network sockets, for tests in a bubble of testing/synctest. The clock of such
// a bubble jumps ahead when every goroutine waits, so that a retry after a minute takes no real time. [World.Answer]
// gives the world's services their addresses.
func NewInMemory(t testing.TB) *World {
	t.Helper()
	w := newWorld(t, emulator.NewScenarioIn(emulator.TenantOptions{NewKey: emulator.ReusedKeys()}))
	w.withCertificate(t)
	return w
}

// bufferSize is the size of a connection's buffer in each direction, in bytes.
const bufferSize = 64 << 10

// Answer starts an in-memory TLS server that serves the handler at the given host and port. The returned function stop
// ends the server and closes every connection. Two worlds of one process cannot use the same address at the same time.
func (w *World) Answer(t testing.TB, certificate tls.Certificate, address string, handler http.Handler) (stop func()) {
	t.Helper()
	listener := bufconn.Listen(bufferSize)
	if _, taken := inMemory.LoadOrStore(address, listener); taken {
		t.Fatalf("%s is another world's", address)
	}
	server := &http.Server{
		Handler: handler, ErrorLog: log.New(io.Discard, "", 0), Protocols: new(http.Protocols),
		// X25519 alone, as for the emulator's own servers. The client offers a key for it at once, so that no server
		// asks for another one.
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
			CurvePreferences: []tls.CurveID{tls.X25519}},
	}
	server.Protocols.SetHTTP1(true) // as for the emulator's own servers
	go func() { _ = server.ServeTLS(listener, "", "") }()
	return func() {
		inMemory.Delete(address)
		_ = server.Close()
	}
}
