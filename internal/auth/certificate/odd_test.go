package certificate

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"
)

// The functions below build parts of PFX files that no available tool writes.

func value(tag byte, parts ...[]byte) []byte {
	content := slices.Concat(parts...)
	var b cryptobyte.Builder
	b.AddASN1(der.Tag(tag), func(b *cryptobyte.Builder) { b.AddBytes(content) })
	return b.BytesOrPanic()
}

// endless returns a BER value of indefinite length.
func endless(tag byte, parts ...[]byte) []byte {
	return slices.Concat([]byte{tag, 0x80}, slices.Concat(parts...), []byte{0, 0})
}

func sequence(parts ...[]byte) []byte { return value(0x30, parts...) }
func tagged(parts ...[]byte) []byte   { return value(0xa0, parts...) }
func octets(parts ...[]byte) []byte   { return value(0x04, parts...) }

func objectID(t testing.TB, text string) []byte {
	t.Helper()
	id, err := x509.ParseOID(text)
	if err != nil {
		t.Fatal(err)
	}
	content, err := id.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return value(0x06, content)
}

// pieces returns an octet string that is cut into pieces. The second piece is cut into pieces, too.
func pieces(content []byte) []byte {
	n := len(content) / 3
	return endless(0x24, octets(content[:n]), endless(0x24, octets(content[n:n+7]),
		value(0x24, octets(content[n+7:2*n]))), octets(content[2*n:]))
}

type parts struct {
	key, certificate []byte
}

// testParts returns the key and the certificate of pkcs8.pem.
func testParts(t testing.TB) parts {
	t.Helper()
	var p parts
	for rest := testFile(t, "pkcs8.pem"); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return p
		}
		if block.Type == "CERTIFICATE" {
			p.certificate = block.Bytes
		} else {
			p.key = block.Bytes
		}
	}
}

func bag(t testing.TB, kind string, content []byte, attributes ...[]byte) []byte {
	t.Helper()
	return sequence(append([][]byte{objectID(t, kind), tagged(content)}, attributes...)...)
}

func (p parts) keyBag(t testing.TB, attributes ...[]byte) []byte {
	t.Helper()
	return bag(t, oidKeyBag, p.key, attributes...)
}

func (p parts) certBag(t testing.TB, attributes ...[]byte) []byte {
	t.Helper()
	return bag(t, oidCertBag, sequence(objectID(t, oidX509Certificate), tagged(octets(p.certificate))), attributes...)
}

func safe(t testing.TB, bags ...[]byte) []byte {
	t.Helper()
	return sequence(objectID(t, oidData), tagged(octets(sequence(bags...))))
}

// pfxFile returns a complete PFX file with a MAC. wrap encodes the contents as an octet string.
func pfxFile(t testing.TB, wrap func([]byte) []byte, safes ...[]byte) []byte {
	t.Helper()
	contents := sequence(safes...)
	salt := []byte("12345678")
	key, err := pkcs12Key(sha256Digest, salt, formsOf(password).wide[0], 3, 2048, 32, &budget{left: maxWork})
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(contents)
	return endless(0x30, value(0x02, []byte{3}),
		endless(0x30, objectID(t, oidData), endless(0xa0, wrap(contents))),
		sequence(sequence(sequence(objectID(t, "2.16.840.1.101.3.4.2.1"), value(0x05)), octets(mac.Sum(nil))),
			octets(salt), value(0x02, []byte{0x08, 0x00})))
}

// TestForgedPFX checks that Parse and OpenSSL both open PFX files with rare but valid structures.
func TestForgedPFX(t *testing.T) {
	t.Parallel()
	p := testParts(t)
	other := parts{key: p.key, certificate: firstBlock(t, "rsa4096.pem")}
	badName := value(0x31, sequence(objectID(t, "1.2.840.113549.1.9.20"),
		value(0x31, value(0x1e, []byte{0xd8, 0x00, 0x00}))))
	nest := func(bag []byte, depth int) []byte {
		for range depth {
			bag = sequence(objectID(t, oidSafeContentsBag), tagged(sequence(bag)))
		}
		return bag
	}
	whole := func(content []byte) []byte { return octets(content) }
	for name, file := range map[string][]byte{
		"plain":                     pfxFile(t, whole, safe(t, p.keyBag(t), p.certBag(t))),
		"in pieces":                 pfxFile(t, pieces, safe(t, p.keyBag(t), p.certBag(t))),
		"three safes":               pfxFile(t, whole, safe(t, p.keyBag(t)), safe(t, other.certBag(t)), safe(t, p.certBag(t))),
		"nested":                    pfxFile(t, whole, safe(t, nest(p.keyBag(t), 1), nest(p.certBag(t), 5))),
		"name that is not UTF-16":   pfxFile(t, whole, safe(t, p.keyBag(t, badName), p.certBag(t, badName))),
		"unknown kinds of bags":     pfxFile(t, whole, safe(t, bag(t, "1.2.3.4", octets()), p.keyBag(t), p.certBag(t))),
		"the same key twice":        pfxFile(t, whole, safe(t, p.keyBag(t), p.certBag(t), p.keyBag(t))),
		"lengths longer than usual": longLengths(pfxFile(t, whole, safe(t, p.keyBag(t), p.certBag(t)))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, warnings, err := Parse(file, password, Origin{})
			if err != nil || len(warnings) != 0 || c.Subject != "CN=sp-test,O=Contoso" {
				t.Fatalf("%v, %v, %v", c, warnings, err)
			}
			_, _, err = Parse(file, "wrong-password-77", Origin{})
			wantError(t, err, "Client certificate password is wrong")
			if name == "name that is not UTF-16" { // OpenSSL does not print such a name
				return
			}
			path := filepath.Join(t.TempDir(), "forged.p12")
			put(t, path, file)
			if _, err := exec.LookPath("openssl"); err != nil {
				return
			}
			if out, err := exec.CommandContext(t.Context(), "openssl", "pkcs12", "-in", path, "-passin", "pass:"+
				password, "-nodes").CombinedOutput(); err != nil {
				t.Errorf("OpenSSL does not open it: %v\n%.300s", err, out)
			}
		})
	}
	// The depth of nesting is limited.
	_, _, err := Parse(pfxFile(t, whole, safe(t, nest(p.keyBag(t), 200), p.certBag(t))), password, Origin{})
	wantError(t, err, "Client certificate is damaged")
}

// longLengths returns a file whose outermost length begins with zeros, which BER allows and DER does not.
func longLengths(file []byte) []byte {
	content := file[2 : len(file)-2]
	n := len(content)
	return append([]byte{0x30, 0x85, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)}, content...)
}

func firstBlock(t testing.TB, name string) []byte {
	t.Helper()
	block, _ := pem.Decode(testFile(t, name))
	if block == nil {
		t.Fatalf("%s has no block", name)
	}
	return block.Bytes
}

// oddCertificate returns a certificate for the key that Go refuses to read, because the bytes from are replaced by to.
func oddCertificate(t testing.TB, key *rsa.PrivateKey, from, to []byte) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte{0x5a, 0x5a, 0x5a, 0x5a, 0x01}),
		Subject:      pkix.Name{CommonName: "sp-odd", Organization: []string{"AxxB"}},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		DNSNames: []string{"qqqq.example"},
	}
	content, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(content, from, to)
	if bytes.Equal(changed, content) {
		t.Fatal("nothing was changed")
	}
	if _, err := x509.ParseCertificate(changed); err == nil {
		t.Fatal("Go reads it: the test shows nothing")
	}
	return changed
}

func withKey(t testing.TB, key *rsa.PrivateKey, certificates ...[]byte) []byte {
	t.Helper()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	for _, c := range certificates {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})...)
	}
	return out
}

// TestUnreadableCertificateOfTheKey checks that Parse accepts a certificate of the key that Go refuses to read.
// Microsoft Entra ID needs only its thumbprint and a signature, so such a certificate can log in.
func TestUnreadableCertificateOfTheKey(t *testing.T) {
	t.Parallel()
	key := sharedKey()
	for name, test := range map[string]struct {
		from, to []byte
		subject  string
		serial   string
	}{
		"negative serial number": {[]byte{0x5a, 0x5a, 0x5a, 0x5a, 0x01}, []byte{0xda, 0x5a, 0x5a, 0x5a, 0x01}, "CN=sp-odd,O=AxxB", "-25A5A5A5FF"},
		"name of a wrong type":   {[]byte("AxxB"), []byte("A@*B"), "CN=sp-odd,O=A@*B", "5A5A5A5A01"},
		"malformed extension":    {[]byte("qqqq.example"), []byte("qqqq.\xff\xff\xffmple"), "CN=sp-odd,O=AxxB", "5A5A5A5A01"},
		// The names of an organization and of an application have the types 2.5.4.10 and 2.5.4.3.
		"malformed organization": {[]byte{0x06, 0x03, 0x55, 0x04, 0x0a}, []byte{0x06, 0x03, 0x55, 0x04, 0x8a}, "CN=sp-odd", "5A5A5A5A01"},
		"malformed common name":  {[]byte{0x06, 0x03, 0x55, 0x04, 0x03}, []byte{0x06, 0x03, 0x55, 0x04, 0x83}, "O=AxxB", "5A5A5A5A01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := oddCertificate(t, key, test.from, test.to)
			c, warnings, err := Parse(withKey(t, key, firstBlock(t, "cert-only.pem"), content), "", Origin{})
			if err != nil {
				t.Fatal(err)
			}
			if len(warnings) != 0 {
				t.Errorf("warnings: %+v", warnings)
			}
			if c.Subject != test.subject || c.Serial != test.serial || !bytes.Equal(c.Leaf().Raw, content) {
				t.Errorf("%s, serial %s", c.Subject, c.Serial)
			}
			if _, err := c.CheckValidity(time.Now().AddDate(2, 0, 0)); err == nil {
				t.Error("its end is not known")
			}
			// Parse also reads the certificate that is written as PEM text.
			private, err := c.PrivateKeyPEM()
			if err != nil {
				t.Fatal(err)
			}
			if again, _, err := Parse([]byte(c.CertificatePEM()+private), "", Origin{}); err != nil ||
				again.ThumbprintSHA256 != c.ThumbprintSHA256 {
				t.Errorf("%v, %v", again, err)
			}
		})
	}
}

// TestUnreadableCertificateIsIgnored checks that a certificate that Go refuses to read is left out with a warning, if
// it is not the certificate of the key.
func TestUnreadableCertificateIsIgnored(t *testing.T) {
	t.Parallel()
	key, another := sharedKey(), parsedKey(t, "rsa4096.pem")
	own := newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0)).Leaf().Raw
	for name, test := range map[string]struct {
		odd    []byte
		reason string
	}{
		"negative serial number": {oddCertificate(t, another, []byte{0x5a, 0x5a, 0x5a, 0x5a, 0x01}, []byte{0xda, 0x5a, 0x5a, 0x5a, 0x01}), "negative serial number"},
		"brainpool curve":        {firstBlock(t, "brainpool.pem"), "unsupported elliptic curve"},
		"malformed name":         {oddCertificate(t, another, []byte("AxxB"), []byte("A@*B")), "invalid PrintableString"},
		"rubbish":                {[]byte{0x30, 0x03, 0x02, 0x01, 0x00}, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, warnings, err := Parse(withKey(t, key, test.odd, own), "", Origin{})
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Chain) != 1 || len(warnings) != 1 || warnings[0].Summary != "Client certificate bundle has a "+
				"certificate that cannot be read: CN=made" ||
				!strings.Contains(warnings[0].Detail, test.reason) {
				t.Errorf("chain of %d, warnings %+v", len(c.Chain), warnings)
			}
			// A conversion of the bundle to PEM text keeps the certificate.
			if block, _ := pem.Decode([]byte(c.ChainPEM())); block == nil || !bytes.Equal(block.Bytes, test.odd) {
				t.Errorf("the rest of the bundle as PEM: %q", c.ChainPEM())
			}
			// If the bundle has no other certificate, the error contains Go's reason.
			_, _, err = Parse(withKey(t, key, test.odd), "", Origin{})
			wantError(t, err, "Client certificate cannot be read", test.reason)
		})
	}
}

func parsedKey(t testing.TB, name string) *rsa.PrivateKey {
	t.Helper()
	c, _, err := Parse(testFile(t, name), "", Origin{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Key
}

// TestDamagedLeaf checks that Parse refuses a certificate of the key whose parts have other types than a certificate
// has.
func TestDamagedLeaf(t *testing.T) {
	t.Parallel()
	key := sharedKey()
	serial := []byte{0x02, 0x05, 0x5a, 0x5a, 0x5a, 0x5a, 0x01}
	for name, change := range map[string]struct{ from, to []byte }{
		"serial number": {serial, append([]byte{0x04}, serial[1:]...)},
		"signature":     {append(bytes.Clone(serial), 0x30), append(bytes.Clone(serial), 0x31)},
		"issuer":        {[]byte{0x05, 0x00, 0x30, 0x20, 0x31}, []byte{0x05, 0x00, 0x24, 0x20, 0x31}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := Parse(withKey(t, key, oddCertificate(t, key, change.from, change.to)), "", Origin{})
			wantError(t, err, "Client certificate cannot be read")
		})
	}
}

// TestDamagedPFXOpensWithPassword checks that the message about a damaged file does not blame the password, if the
// password decrypts the contents and only their type, which is not needed, is damaged.
func TestDamagedPFXOpensWithPassword(t *testing.T) {
	t.Parallel()
	file := testFile(t, "modern.pfx")
	kind := objectID(t, oidData)
	at := bytes.Index(file, append(kind, 0x30)) // the type of encrypted contents is followed by their algorithm
	if at < 0 {
		t.Fatal("the file has no encrypted contents")
	}
	file[at+len(kind)-1] |= 0x80
	_, _, err := Parse(file, password, Origin{})
	wantError(t, err, "Client certificate was changed after it was written")
}
