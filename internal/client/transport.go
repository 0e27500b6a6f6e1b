package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// NewTransport makes the transport that Entra ID and the workspace are called through. It honours HTTPS_PROXY and
// NO_PROXY, trusts the system's authorities and those in the PEM file caFile (when not empty), and logs each call's
// method, host, path, status and time: never a header, a query or a body, because those carry secrets.
func NewTransport(caFile string) (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	// Terraform runs up to -parallelism calls at once to one host; the default of 2 would close and open connections.
	t.MaxIdleConnsPerHost = 64
	if caFile != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, noAuthorities(err.Error())
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, noAuthorities(caFile + " holds no certificate in PEM form")
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return logged{t}, nil
}

func noAuthorities(why string) error {
	return &auth.Error{Attribute: "ca_certificate_path", Summary: "Cannot read the certificate authorities",
		Detail: why + ". ca_certificate_path is a file with one or more CA certificates in PEM form, trusted beside the system's."}
}

type logged struct{ next http.RoundTripper }

func (l logged) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := l.next.RoundTrip(r)
	fields := map[string]any{"method": r.Method, "host": r.URL.Host, "path": r.URL.Path, "milliseconds": time.Since(start).Milliseconds()}
	if err != nil {
		fields["error"] = err.Error()
		tflog.Debug(r.Context(), "call without an answer", fields)
		return nil, err
	}
	fields["status"] = resp.StatusCode
	tflog.Debug(r.Context(), "call", fields)
	return resp, nil
}

// isTLS tells a failed handshake from a broken connection: trying again changes nothing.
func isTLS(err error) bool {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &verify) || errors.As(err, &record)
}
