package certificate

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse parses damaged bundles of every kind. Parsing must not panic or hang, and no error may repeat the input.
func FuzzParse(f *testing.F) {
	var names []string
	for _, pattern := range []string{
		"testdata/*.p*", "testdata/*.jks", "testdata/tools/bouncycastle-aes*", "testdata/tools/gnutls-p*",
		"testdata/tools/text-*", "testdata/tools/openssl-*rc*",
		"testdata/tools/openssl-seed*", "testdata/tools/openssl-pkcs*-aria*", "testdata/tools/openssl-pkcs1-*cfb*",
		"testdata/tools/openssl-pkcs1-*20*", "testdata/tools/openssl-*wrap*",
	} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		names = append(names, files...)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, password) // Parse also tries an empty password
	}
	f.Fuzz(func(t *testing.T, data []byte, password string) {
		// The limit of work is small, because an expensive key derivation would leave time for few inputs.
		c, _, err := parse(data, password, Origin{}, &budget{left: 50_000, memory: maxMemory})
		if (c == nil) == (err == nil) {
			t.Fatalf("certificate %v with error %v", c, err)
		}
		if err == nil {
			return
		}
		var e *Error
		if !errors.As(err, &e) || e.Summary == "" || e.Detail == "" {
			t.Fatalf("error %#v is not for a person", err)
		}
		if len(password) >= 12 && len(data) >= 100 {
			checkNoLeak(t, e.Error(), data, password)
		}
	})
}
