package certificate

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		password string
		subject  string
		chain    int
		warning  string
	}{
		"pkcs8.pem":               {},
		"key-first.pem":           {},
		"pkcs1.pem":               {},
		"encrypted-aes.pem":       {password: password},
		"encrypted-scrypt.pem":    {password: password},
		"pkcs8.pem.base64":        {},
		"chain.pem":               {subject: "CN=sp-leaf", chain: 3},
		"modern.pfx":              {password: password},
		"modern-sha512.pfx":       {password: password},
		"legacy.pfx":              {password: password},
		"modern-empty.pfx":        {},
		"legacy-empty.pfx":        {},
		"modern-empty.pfx.base64": {},
		"utf8.pfx":                {password: "pässwörd"},
		"nomac.pfx":               {},
		"chain.pfx":               {password: password, subject: "CN=sp-leaf", chain: 3},
		"chain-legacy.pfx":        {password: password, subject: "CN=sp-leaf", chain: 3},
		"trailing.pfx":            {password: password},
		"keytool.p12":             {password: password, subject: "CN=sp-keytool"},
		"keytool-legacy.p12":      {password: password, subject: "CN=sp-keytool"},
		"keytool-chain.p12":       {password: password, subject: "CN=sp-leaf", chain: 3},
		"crlf.pem":                {},
		"bom.pem":                 {},
		"text.pem":                {},
		"bag-attributes.pem":      {},
		"chain-encrypted.pem":     {password: password, subject: "CN=sp-leaf", chain: 3},
		"leaf-between.pem":        {subject: "CN=sp-leaf", chain: 3},
		"encrypted-des3.pem":      {password: password},
		"encrypted-aes128.pem":    {password: password},
		"rsa4096.pem":             {subject: "CN=sp-large"},
		"sha1-mac.pfx":            {password: password},
		"des3-sha1.pfx":           {password: password},
		"aes128.pfx":              {password: password},
		"plain-certificate.pfx":   {password: password},
		"plain-key.pfx":           {password: password},
		"iterations.pfx":          {password: password},
		"no-iterations.pfx":       {password: password},
		"windows.pfx":             {password: password},
		"long-password.pfx":       {password: strings.Repeat(password, 4)},
		"chain-empty.pfx":         {subject: "CN=sp-leaf", chain: 3},
		"modern.pfx.base64":       {password: password},
		"encrypted-pbes1.pem":     {password: password},
		"encrypted-sha512.pem":    {password: password},
		"dek-info-des3.pem":       {password: password},
		"dek-info.pem":            {password: password},
		"utf16.pem":               {},
		"one-line.pem":            {},
		"nomac-encrypted.pfx":     {password: password},
		"two-keys.pem":            {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, warnings, err := Parse(testFile(t, name), test.password, Origin{})
			if err != nil {
				t.Fatal(err)
			}
			if len(warnings) != 0 {
				t.Errorf("warnings: %+v", warnings)
			}
			subject := test.subject
			if subject == "" {
				subject = "CN=sp-test,O=Contoso"
			}
			if c.Subject != subject {
				t.Errorf("subject is %q, want %q", c.Subject, subject)
			}
			if len(c.Chain) != max(test.chain, 1) {
				t.Errorf("chain has %d certificates, want %d", len(c.Chain), max(test.chain, 1))
			}
			if !c.Key.PublicKey.Equal(c.Leaf().PublicKey) {
				t.Error("the leaf does not belong to the key")
			}
			for i := 1; i < len(c.Chain); i++ {
				if !bytes.Equal(c.Chain[i-1].RawIssuer, c.Chain[i].RawSubject) {
					t.Errorf("certificate %d of the chain is not the issuer of the one before", i)
				}
			}
			if c.NotAfter.Year() < 2100 {
				t.Errorf("ends %v: the bundle was made for a hundred years", c.NotAfter)
			}
			if len(c.ThumbprintSHA1) != 40 || len(c.ThumbprintSHA256) != 64 ||
				c.ThumbprintSHA1 != strings.ToUpper(c.ThumbprintSHA1) {
				t.Errorf("thumbprints %q, %q", c.ThumbprintSHA1, c.ThumbprintSHA256)
			}
		})
	}
}

// TestParseThumbprint checks that the thumbprint of a certificate does not depend on the form of the bundle.
func TestParseThumbprint(t *testing.T) {
	t.Parallel()
	block, _ := pem.Decode(testFile(t, "cert-only.pem"))
	want := fmt.Sprintf("%X", sha1.Sum(block.Bytes))
	for name, password := range map[string]string{"pkcs8.pem": "", "modern.pfx": password,
		"encrypted-aes.pem": password} {
		c, _, err := Parse(testFile(t, name), password, Origin{})
		if err != nil {
			t.Fatal(err)
		}
		if c.ThumbprintSHA1 != want {
			t.Errorf("%s: thumbprint %s, want %s", name, c.ThumbprintSHA1, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		file, password string
		summary        string
		detail         []string
	}{
		{"encrypted-aes.pem", "wrong-password-77", "Client certificate password is wrong", []string{"openssl pkey -noout"}},
		{"encrypted-scrypt.pem", "wrong-password-77", "Client certificate password is wrong", nil},
		{"encrypted-aes.pem", "", "Client certificate needs a password", []string{"Set the password"}},
		{"encrypted-des3.pem", "wrong-password-77", "Client certificate password is wrong", nil},
		{"ed25519.pem", "", "Client certificate key is not RSA", []string{"Ed25519 key", "openssl req -x509 -newkey rsa:3072"}},
		{"ed25519.pfx", password, "Client certificate key is not RSA", []string{"Ed25519 key"}},
		{"rsa-pss.pem", "", "Client certificate key is not RSA", []string{"RSA-PSS"}},
		{"openssh.pem", "", "Client certificate key is in the format of OpenSSH", []string{"ssh-keygen -p -m PKCS8"}},
		{"keytool.jks", password, "Client certificate is a Java keystore", []string{"keytool -importkeystore"}},
		{"keytool.p12", "wrong-password-77", "Client certificate password is wrong", nil},
		{"request.pem", "", "Client certificate is in an unknown format", []string{"without a certificate"}},
		{"public.pem", "", "Client certificate is in an unknown format", []string{"without a certificate"}},
		{"page.html", "", "Client certificate is in an unknown format", nil},
		{"ec-sec1.pem", "", "Client certificate key is not RSA", []string{"EC key", "openssl req -x509 -newkey rsa:3072"}},
		{"ec-pkcs8.pem", "", "Client certificate key is not RSA", []string{"EC key"}},
		{"ec.pfx", password, "Client certificate key is not RSA", []string{"EC key"}},
		{"short.pem", "", "Client certificate key is too short", []string{"1024 bits", "2048"}},
		{"short.pfx", password, "Client certificate key is too short", []string{"1024 bits"}},
		{"cert-only.pem", "", "Client certificate has no private key", []string{"public certificate (.cer)", "PFX"}},
		{"cert.cer", "", "Client certificate has no private key", []string{"a single certificate"}},
		{"cert.p7b", "", "Client certificate has no private key", []string{".p7b"}},
		{"p7b.pem", "", "Client certificate has no private key", []string{".p7b"}},
		{"no-key.pfx", password, "Client certificate has no private key", []string{"PFX without a key"}},
		{"key-only.pem", "", "Client certificate is missing beside its key", []string{"openssl pkcs12 -export -inkey sp.pfx -in cert.pem"}},
		{"key.der", "", "Client certificate is missing beside its key", nil},
		{"mismatch.pem", "", "Client certificate and private key do not match", []string{"1 certificate"}},
		{"modern.pfx", "wrong-password-77", "Client certificate password is wrong", []string{"nor with an empty password", "openssl pkcs12 -info -noout"}},
		{"legacy.pfx", "wrong-password-77", "Client certificate password is wrong", nil},
		{"modern.pfx", "", "Client certificate needs a password", nil},
		{"modern.pfx", "wrong-password-🔑", "Client certificate password is wrong", nil},
		{"truncated.pfx", password, "Client certificate is damaged", []string{"cut short"}},
		{"generate.sh", "", "Client certificate is in an unknown format", nil},
	} {
		t.Run(test.file+" "+test.summary, func(t *testing.T) {
			t.Parallel()
			data := testFile(t, test.file)
			_, _, err := Parse(data, test.password, Origin{})
			e := wantError(t, err, test.summary, test.detail...)
			checkNoLeak(t, e.Error(), data, test.password)
		})
	}
}

// TestPasswordHints checks that the error for a wrong password names the mistake, if the password shows it.
func TestPasswordHints(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"modern.pfx", "nomac-encrypted.pfx", "encrypted-aes.pem", "dek-info.pem"} {
		for given, says := range map[string]string{
			password + "\n": "The password has a line break at its end. Without that, the " +
				"password is right",
			password + "\r\n": "The password has a line break at its end. Without that, the " +
				"password is right",
			" " + password: "The password has white space around it. Without that, the " +
				"password is right",
			`"` + password + `"`: "The password has quotation marks around it. Without that, the " +
				"password is right",
			"'" + password + "' ": "The password has quotation marks around it. Without that, the " +
				"password is right",
			`"another-one-0453"`:          "The password has quotation marks around it. These characters count as part of the password",
			"$(pfxPassword)":              "The password is $(…), a variable that the pipeline did not replace",
			"%PFX_PASSWORD%":              "The password is %…%, a variable that the pipeline did not replace",
			"${{ secrets.PFX_PASSWORD }}": "The password is ${{…}}, a variable that the pipeline did not replace",
		} {
			_, _, err := Parse(testFile(t, file), given, Origin{Password: "ARM_CLIENT_CERTIFICATE_PASSWORD in the " +
				"environment"})
			e := wantError(t, err, "Client certificate password is wrong", says,
				"with ARM_CLIENT_CERTIFICATE_PASSWORD in the environment, nor with an empty password")
			if !e.AtPassword {
				t.Error("the password is not pointed at")
			}
			checkNoLeak(t, e.Error(), nil, given)
		}
	}
}

// TestNotABundle checks that the error names what was configured in place of a bundle.
func TestNotABundle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	existing := filepath.Join(dir, "bundle")
	if err := os.WriteFile(existing, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	readAsText := strings.ToValidUTF8(string(testFile(t, "modern.pfx")), "\ufffd")
	for text, test := range map[string]struct{ summary, says string }{
		"$(pfx)":                            {"Client certificate is a variable that was not replaced", "$(…)"},
		`"${PFX}"`:                          {"Client certificate is a variable that was not replaced", "${…}"},
		"%PFX%\r\n":                         {"Client certificate is a variable that was not replaced", "%…%"},
		"#{Pfx}#":                           {"Client certificate is a variable that was not replaced", "#{…}#"},
		existing:                            {"Client certificate is a path", "Set the path in ARM_CLIENT_CERTIFICATE_PATH."},
		"/secrets/bundle":                   {"Client certificate is a path", "path of a file"},
		`C:\certs\bundle`:                   {"Client certificate is a path", "path of a file"},
		"certs/sp.p12":                      {"Client certificate is a path", "path of a file"},
		"~/bundle":                          {"Client certificate is a path", "path of a file"},
		"not base64!":                       {"Client certificate is not base64", "neither PEM text nor valid base64"},
		"bm90IGEgYnVuZGxlIGF0IGFsbA==":      {"Client certificate is in an unknown format", "neither a PFX file"},
		readAsText:                          {"Client certificate is damaged", "filebase64() instead of file()"},
		"-----BEGIN CERTIFICATE-----\nMIIB": {"Client certificate is broken PEM", "no END line"},
	} {
		_, _, err := Parse([]byte(text), "", Origin{PathSetting: "ARM_CLIENT_CERTIFICATE_PATH"})
		wantError(t, err, test.summary, test.says)
	}
}

// TestParseOfGo checks that Parse reads what the encoders of go-pkcs12 write. Its newest form has a MAC of the form
// PBMAC1 (RFC 9579), and its other encoders write the forms of other tools.
func TestParseOfGo(t *testing.T) {
	t.Parallel()
	c := newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	for name, encoder := range map[string]*pkcs12.Encoder{
		"PBMAC1": pkcs12.Modern2026, "modern": pkcs12.Modern2023, "3DES": pkcs12.LegacyDES, "RC2": pkcs12.LegacyRC2,
	} {
		pfx, err := encoder.Encode(c.Key, c.Leaf(), nil, password)
		if err != nil {
			t.Fatal(err)
		}
		read, warnings, err := Parse(pfx, password, Origin{})
		if err != nil || len(warnings) != 0 || read.ThumbprintSHA256 != c.ThumbprintSHA256 {
			t.Errorf("%s: %v, %v, %v", name, read, warnings, err)
		}
		_, _, err = Parse(pfx, "wrong-password-77", Origin{})
		wantError(t, err, "Client certificate password is wrong")
	}
	pfx, err := pkcs12.Passwordless.Encode(c.Key, c.Leaf(), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, warnings, err := Parse(pfx, password, Origin{}); err != nil || len(warnings) != 1 {
		t.Errorf("passwordless: %v, %v", warnings, err)
	}
}

// TestParseRubbish checks that data of any size that is not a bundle is an error within a short time.
func TestParseRubbish(t *testing.T) {
	t.Parallel()
	rubbish := make([]byte, 10<<20)
	if _, err := rand.Read(rubbish); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		data    []byte
		summary string
	}{
		"nothing":       {nil, "Client certificate is empty"},
		"blanks":        {[]byte(" \n\t"), "Client certificate is empty"},
		"10 MB":         {append([]byte{0}, rubbish...), "Client certificate is too large"},
		"1 MB":          {append([]byte{0}, rubbish[:1<<20]...), "Client certificate is in an unknown format"},
		"1 MB of zeros": {make([]byte, 1<<20), "Client certificate is in an unknown format"},
		"like DER":      {append([]byte{0x30, 0x82, 0x10, 0x00}, rubbish[:5000]...), "Client certificate is damaged"},
		"like PEM":      {append([]byte("-----BEGIN CERTIFICATE-----\n"), rubbish[:5000]...), "Client certificate is broken PEM"},
	} {
		began := time.Now()
		_, _, err := Parse(test.data, password, Origin{})
		e := wantError(t, err, test.summary)
		if time.Since(began) > 10*time.Second {
			t.Errorf("%s took %v", name, time.Since(began))
		}
		checkNoLeak(t, e.Error(), test.data[:min(len(test.data), 1<<16)], password)
	}
}

func TestCertificateAsPEM(t *testing.T) {
	t.Parallel()
	c, _, err := Parse(testFile(t, "chain.pfx"), password, Origin{})
	if err != nil {
		t.Fatal(err)
	}
	key, err := c.PrivateKeyPEM()
	if err != nil || strings.Count(c.ChainPEM(), "BEGIN CERTIFICATE") != 2 ||
		!strings.HasPrefix(key, "-----BEGIN PRIVATE KEY-----") {
		t.Fatalf("chain %s, error %v", c.ChainPEM(), err)
	}
	again, _, err := Parse([]byte(key+c.ChainPEM()+c.CertificatePEM()), "", Origin{})
	if err != nil || again.ThumbprintSHA256 != c.ThumbprintSHA256 || len(again.Chain) != 3 {
		t.Errorf("%v, %v", again, err)
	}
}

func TestParseUnusedPassword(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"modern-empty.pfx", "legacy-empty.pfx", "nomac.pfx", "pkcs8.pem"} {
		_, warnings, err := Parse(testFile(t, name), password, Origin{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(warnings) != 1 || !strings.HasPrefix(warnings[0].Summary, "Client certificate bundle has no "+
			"password: ") {
			t.Errorf("%s: warnings %+v", name, warnings)
		}
		if strings.Contains(fmt.Sprint(warnings), password) {
			t.Errorf("%s: the warning shows the password", name)
		}
	}
}

func TestCheckValidity(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	until := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	c := newCertificate(t, from, until)
	for name, test := range map[string]struct {
		now     time.Time
		summary string
		want    []string
		warning string
	}{
		"well within":   {now: until.Add(-31 * 24 * time.Hour)},
		"soon":          {now: until.Add(-29 * 24 * time.Hour), warning: "Client certificate expires soon: CN=made"},
		"expired":       {now: until.Add(20*24*time.Hour + time.Hour), summary: "Client certificate expired", want: []string{"CN=made", c.ThumbprintSHA1, "2026-11-01", "20 days ago", "Certificates & secrets"}},
		"just expired":  {now: until.Add(90 * time.Minute), summary: "Client certificate expired", want: []string{"1 hour ago"}},
		"not yet valid": {now: from.Add(-3 * 24 * time.Hour), summary: "Client certificate is not yet valid", want: []string{c.ThumbprintSHA1, "2026-01-01", "in 3 days", "clock", "2025-12-29T00:00:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			warning, err := c.CheckValidity(test.now)
			if test.summary != "" {
				wantError(t, err, test.summary, test.want...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (warning == nil) != (test.warning == "") || warning != nil && warning.Summary != test.warning {
				t.Errorf("warning %+v, want %q", warning, test.warning)
			}
		})
	}
}

func TestCertificateFormatsWithoutKey(t *testing.T) {
	t.Parallel()
	c, _, err := Parse(testFile(t, "pkcs8.pem"), "", Origin{})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "certificate", c)
	for _, text := range append(formats(c, *c), string(encoded), log.String()) {
		if strings.Contains(text, c.Key.D.String()) || strings.Contains(text, c.Key.Primes[0].String()) ||
			strings.Contains(text, "Primes") {
			t.Errorf("the key shows in %.80q", text)
		}
	}
}
