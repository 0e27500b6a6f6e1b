package client

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHandshakeFailureIsFinal checks that a TLS handshake which fails for a reason other than the network is a final
// error, whatever the method, and even if the host has answered before. It would fail each time, and nothing has been
// sent.
func TestHandshakeFailureIsFinal(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(*tls.Config){
		"certificate that cannot be parsed": func(c *tls.Config) {
			c.Certificates = []tls.Certificate{{Certificate: [][]byte{[]byte("no certificate")},
				PrivateKey: c.Certificates[0].PrivateKey}}
		},
		"alert: no common version":         func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"alert: no certificate for a name": func(c *tls.Config) { c.Certificates = nil; c.GetCertificate = noCertificate },
		"alert: client certificate, 1.2": func(c *tls.Config) {
			c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
		},
		"alert: client certificate, 1.3": func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.Config.ErrorLog = silentLog()
			server.StartTLS()
			t.Cleanup(server.Close)
			trusting := server.Client().Transport.(*http.Transport).Clone()
			broken(server.TLS)

			for _, answered := range []bool{false, true} {
				for _, method := range []string{"GET", "POST"} {
					var counted *counting
					var err error
					// In TLS 1.3 the server's alert comes after this side has ended its handshake. Writing the request
					// may then fail before the alert is read. That error says less, and is not what is tested here.
					for try := 0; try == 0 || try < 20 && isNetwork(err); try++ {
						counted = &counting{next: logged{trusting}}
						c := newClientOver(t, counted, func(cfg *Config) { cfg.Host = server.URL })
						c.transport.answered.Store(answered)
						err = call(t.Context(), c, method)
					}
					var e *Error
					if !errors.As(err, &e) || !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrAnswerLost) ||
						counted.n.Load() != 1 {
						t.Errorf("%s, answered before %t: %d attempts, %v", method, answered, counted.n.Load(), err)
					}
					if e != nil && !strings.Contains(e.Message, "TLS handshake") {
						t.Errorf("it does not say that the handshake failed: %s", e.Message)
					}
				}
			}
		})
	}
}

func noCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }

// TestHandshakeBrokenByTheNetwork checks that any method is sent again after the network broke off a TLS handshake:
// nothing was sent, and the next handshake may succeed.
func TestHandshakeBrokenByTheNetwork(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport).Clone()
	dials := 0
	transport.DialContext = nil
	//nolint:staticcheck // the short form is enough here
	transport.Dial = func(network, address string) (net.Conn, error) {
		conn, err := net.Dial(network, address)
		if dials++; dials == 1 && err == nil {
			conn.Close()
		}
		return conn, err
	}
	c := newClientOver(t, transport, func(cfg *Config) { cfg.Host = server.URL })
	c.transport.answered.Store(true)
	if err := call(t.Context(), c, "POST"); err != nil || dials != 2 {
		t.Errorf("%d connections, %v", dials, err)
	}
}
