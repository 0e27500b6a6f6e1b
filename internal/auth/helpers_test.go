package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
)

// password is the password of the bundles in certificate/testdata.
const password = "correct-horse-0451"

func testFile(t testing.TB, name string) []byte {
	t.Helper()
	return testFileAt(t, filepath.Join("certificate", "testdata", name))
}

var sharedKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newCertificate(t testing.TB, notBefore, notAfter time.Time) *certificate.Certificate {
	t.Helper()
	key := sharedKey()
	template := &x509.Certificate{SerialNumber: big.NewInt(0x1234), Subject: pkix.Name{CommonName: "made"},
		NotBefore: notBefore, NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := certificate.Parse(slices.Concat(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})), "", certificate.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pemOf returns the certificate and its key as PEM text.
func pemOf(t testing.TB, c *certificate.Certificate) []byte {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.Key)
	if err != nil {
		t.Fatal(err)
	}
	return append(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Leaf().Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
}

// formats returns the texts that fmt prints for the values with its usual verbs.
func formats(values ...any) []string {
	var texts []string
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			texts = append(texts, fmt.Sprintf(verb, v), fmt.Sprintf(verb, []any{v}))
		}
	}
	return texts
}

func wantError(t testing.TB, err error, summary string, details ...string) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want *Error %q", err, err, summary)
	}
	if e.Summary != summary {
		t.Fatalf("summary is %q, want %q (%s)", e.Summary, summary, e.Detail)
	}
	for _, detail := range details {
		if !strings.Contains(e.Detail, detail) {
			t.Errorf("detail of %q lacks %q:\n%s", summary, detail, e.Detail)
		}
	}
	return e
}

// checkNoLeak fails if a message contains the password or 24 bytes in a row of the input, as they are or in base64.
func checkNoLeak(t testing.TB, message string, data []byte, password string) {
	t.Helper()
	if len(password) >= 6 && strings.Contains(message, password) {
		t.Errorf("the message shows the password: %s", message)
	}
	const window = 24
	encoded := []byte(base64.StdEncoding.EncodeToString(data))
	for _, secret := range [][]byte{data, encoded} {
		for i := 0; i+window <= len(secret); i += window / 2 {
			if part := secret[i : i+window]; bytes.Contains([]byte(message), part) &&
				!bytes.Contains([]byte(fixedTexts), part) {
				t.Fatalf("the message repeats the input: %q in %s", part, message)
			}
		}
	}
}

// fixedTexts are messages about inputs without content. checkNoLeak ignores their words, because an input may contain
// the same words by chance.
var fixedTexts = func() string {
	var all strings.Builder
	for _, sample := range []string{"", "0", "-----BEGIN", "-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE " +
		"KEY-----\n"} {
		_, _, err := certificate.Parse([]byte(sample), "", certificate.Origin{})
		fmt.Fprintln(&all, err)
	}
	return all.String()
}()
