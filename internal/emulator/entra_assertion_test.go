package emulator

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// A forgery is a client assertion that would be accepted unless a test changes one part of it.
type forgery struct {
	method jwt.SigningMethod
	header map[string]any
	claims jwt.MapClaims
	key    any
	raw    func(signed string) string
}

func TestAssertions(t *testing.T) {
	tenant := NewTenant(TenantOptions{Domain: "fabrikam.example"})
	app := tenant.RegisterApp("deployer")
	entra := tenant.Entra()
	path := "/" + tenant.ID + "/oauth2/v2.0/token"
	audience := "https://example.com" + path

	pair := goodPair()
	for _, cert := range []*x509.Certificate{expiredPair().cert, futurePair().cert, pair.cert} {
		app.AddCertificate(cert)
	}
	sum1 := func(p keyPair) []byte { sum := sha1.Sum(p.cert.Raw); return sum[:] }
	sum256 := func(p keyPair) []byte { sum := sha256.Sum256(p.cert.Raw); return sum[:] }
	std, rawStd, url64, rawURL := base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding

	header := func(name, value string) func(*forgery) {
		return func(f *forgery) {
			delete(f.header, "x5t#S256")
			f.header[name] = value
		}
	}
	also := func(name string, value any) func(*forgery) { return func(f *forgery) { f.header[name] = value } }
	claim := func(name string, value any) func(*forgery) { return func(f *forgery) { f.claims[name] = value } }
	without := func(name string) func(*forgery) { return func(f *forgery) { delete(f.claims, name) } }
	signedBy := func(p keyPair) func(*forgery) {
		return func(f *forgery) { f.key, f.header["x5t#S256"] = p.key, std.EncodeToString(sum256(p)) }
	}
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	rs256 := func(f *forgery) { f.method = jwt.SigningMethodRS256 }
	none := func(f *forgery) { f.method, f.key = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType }
	public, err := x509.MarshalPKIXPublicKey(&pair.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}

	for _, tc := range []struct {
		name   string
		change func(*forgery)
		code   int // 0 if the assertion is accepted
		text   string
	}{
		{"as MSAL makes it", func(*forgery) {}, 0, ""},
		{"RS256", rs256, 0, ""},
		{"x5t#S256 unpadded", header("x5t#S256", rawStd.EncodeToString(sum256(pair))), 0, ""},
		{"x5t#S256 base64url", header("x5t#S256", url64.EncodeToString(sum256(pair))), 0, ""},
		{"x5t#S256 base64url unpadded", header("x5t#S256", rawURL.EncodeToString(sum256(pair))), 0, ""},
		{"x5t base64", header("x5t", std.EncodeToString(sum1(pair))), 0, ""},
		{"x5t base64 unpadded", header("x5t", rawStd.EncodeToString(sum1(pair))), 0, ""},
		{"x5t base64url", header("x5t", url64.EncodeToString(sum1(pair))), 0, ""},
		{"x5t base64url unpadded", header("x5t", rawURL.EncodeToString(sum1(pair))), 0, ""},
		{"kid in hex", header("kid", hex.EncodeToString(sum1(pair))), 0, ""},
		{"kid in capital hex", header("kid", strings.ToUpper(hex.EncodeToString(sum1(pair)))), 0, ""},
		{"kid base64url", header("kid", rawURL.EncodeToString(sum1(pair))), 0, ""},
		{"kid base64", header("kid", std.EncodeToString(sum1(pair))), 0, ""},
		{"kid is only a hint if x5t#S256 is present", also("kid", "whatever"), 0, ""},
		{"audience by domain", claim("aud", "https://example.com/fabrikam.example/oauth2/v2.0/token"), 0, ""},
		{"audience in an array", claim("aud", []string{"https://elsewhere.example", audience}), 0, ""},
		{"expired within leeway", claim("exp", in(-4*time.Minute)), 0, ""},
		{"early within leeway", claim("nbf", in(4*time.Minute)), 0, ""},
		{"no nbf", without("nbf"), 0, ""},

		{"not a token", func(f *forgery) { f.raw = func(string) string { return "abc" } }, 50027, "cannot be read"},
		{"alg none", none, 50027, "'none'"},
		{"HS256 with the public key", func(f *forgery) { f.method, f.key = jwt.SigningMethodHS256, public }, 50027, "'HS256'"},
		{"HS256 with the certificate", func(f *forgery) { f.method, f.key = jwt.SigningMethodHS256, pair.cert.Raw }, 50027, "'HS256'"},
		{"PS512", func(f *forgery) { f.method = jwt.SigningMethodPS512 }, 50027, "'PS512'"},
		{"typ missing", also("typ", nil), 50027, "typ"},
		{"critical extension", also("crit", []string{"b64"}), 50027, "critical"},
		{"no thumbprint", func(f *forgery) { delete(f.header, "x5t#S256") }, 50027, "No certificate thumbprint"},
		{"thumbprint in no alphabet", header("x5t", "5b:1d:f4"), 50027, "cannot be read"},
		{"exp a string", claim("exp", "tomorrow"), 50027, "cannot be read"},
		{"exp missing", without("exp"), 50027, "'exp'"},
		{"jti missing", without("jti"), 50027, "'jti'"},
		{"jti empty", claim("jti", ""), 50027, "'jti'"},

		{"hex in x5t", header("x5t", hex.EncodeToString(sum1(pair))), 700027, "The key was not found."},
		{"SHA-256 in x5t", header("x5t", std.EncodeToString(sum256(pair))), 700027, "The key was not found."},
		{"x5t does not rescue a wrong x5t#S256", func(f *forgery) {
			f.header["x5t#S256"], f.header["x5t"] = std.EncodeToString(sum256(otherPair())), std.EncodeToString(
				sum1(pair))
		}, 700027, "The key was not found."},
		{"certificate of nobody", signedBy(otherPair()), 700027, strings.ToUpper(hex.EncodeToString(sum256(otherPair())))},
		{"certificate expired", signedBy(expiredPair()), 700027, "The key used is expired."},
		{"certificate not yet valid", signedBy(futurePair()), 700027, "The key used is not yet valid."},
		{"signed by another key", func(f *forgery) { f.key = otherPair().key }, 700027, "did not match the expected signature"},
		{"claims changed after signing", func(f *forgery) {
			f.raw = func(signed string) string {
				parts := strings.Split(signed, ".")
				parts[1] = rawURL.EncodeToString([]byte(`{"aud":"` + audience + `","iss":"` + app.ClientID +
					`","sub":"` + app.ClientID + `","jti":"x","exp":9999999999}`))
				return strings.Join(parts, ".")
			}
		}, 700027, "did not match the expected signature"},
		{"signature cut off", func(f *forgery) {
			f.raw = func(signed string) string { return signed[:strings.LastIndex(signed, ".")+1] }
		}, 700027, "did not match the expected signature"},

		{"audience missing", without("aud"), 700023, "audience"},
		{"audience of another tenant", claim("aud", "https://example.com/"+uuid.NewString()+"/oauth2/v2.0/token"), 700023, "audience"},
		{"audience of another host", claim("aud", "https://elsewhere.example"+path), 700023, "audience"},
		{"audience is the v1 endpoint", claim("aud", "https://example.com/"+tenant.ID+"/oauth2/token"), 700023, "audience"},
		{"issuer is another app", claim("iss", uuid.NewString()), 700021, "client_id"},
		{"issuer missing", without("iss"), 700021, "client_id"},
		{"subject is another app", claim("sub", uuid.NewString()), 50048, "Subject"},
		{"subject missing", without("sub"), 50048, "Subject"},
		{"expired", claim("exp", in(-6*time.Minute)), 700024, "expiry time of assertion"},
		{"early", claim("nbf", in(6*time.Minute)), 700024, "assertion valid from"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newForgery(app, pair, audience)
			tc.change(f)
			w := postForm(entra, path, assertionForm(app, f.sign(t)), nil)
			if tc.code == 0 {
				if w.Code != 200 {
					t.Errorf("refused: %s", w.Body)
				}
				return
			}
			status, name := 401, "invalid_client"
			if tc.code == 50027 {
				status, name = 400, "invalid_request"
			}
			checkComplaint(t, w.Code, w.Body.Bytes(), status, tc.code, name, tc.text)
		})
	}
}

func newForgery(app *App, pair keyPair, audience string) *forgery {
	sum := sha256.Sum256(pair.cert.Raw)
	now := time.Now()
	return &forgery{
		method: jwt.SigningMethodPS256,
		header: map[string]any{"x5t#S256": base64.StdEncoding.EncodeToString(sum[:])},
		claims: jwt.MapClaims{
			"aud": audience, "iss": app.ClientID, "sub": app.ClientID, "jti": uuid.NewString(),
			"nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
		},
		key: pair.key,
		raw: func(signed string) string { return signed },
	}
}

func (f *forgery) sign(t *testing.T) string {
	t.Helper()
	token := jwt.NewWithClaims(f.method, f.claims)
	for name, value := range f.header {
		token.Header[name] = value
	}
	signed, err := token.SignedString(f.key)
	if err != nil {
		t.Fatal(err)
	}
	return f.raw(signed)
}

func assertionForm(app *App, assertion string) url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {app.ClientID}, "scope": {databricksScope},
		"client_assertion_type": {assertionType}, "client_assertion": {assertion},
	}
}

func TestAssertionIsGoodOnce(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	app, other := tenant.RegisterApp("deployer"), tenant.RegisterApp("other")
	app.AddCertificate(goodPair().cert)
	other.AddCertificate(goodPair().cert)
	entra := tenant.Entra()
	path := "/" + tenant.ID + "/oauth2/v2.0/token"

	f := newForgery(app, goodPair(), "https://example.com"+path)
	signed := f.sign(t)
	form := assertionForm(app, signed)

	// A refused assertion does not count as used.
	tampered := assertionForm(app, signed[:len(signed)-4]+"AAAA")
	w := postForm(entra, path, tampered, nil)
	checkComplaint(t, w.Code, w.Body.Bytes(), 401, 700027, "invalid_client", "signature")
	if w := postForm(entra, path, form, nil); w.Code != 200 {
		t.Fatalf("first use: %s", w.Body)
	}
	w = postForm(entra, path, form, nil)
	checkComplaint(t, w.Code, w.Body.Bytes(), 401, 50013, "invalid_client", "used before")

	// Each application chooses the ids of its own assertions, so two applications may use the same id.
	same := newForgery(other, goodPair(), "https://example.com"+path)
	same.claims["jti"] = f.claims["jti"]
	if w := postForm(entra, path, assertionForm(other, same.sign(t)), nil); w.Code != 200 {
		t.Errorf("same id, other application: %s", w.Body)
	}

	tenant.SetSwitches(Switches{AcceptReplayedAssertion: true})
	if w := postForm(entra, path, form, nil); w.Code != 200 {
		t.Errorf("replay with the switch: %s", w.Body)
	}
	tenant.SetSwitches(Switches{AcceptReplayedAssertion: true, AcceptAssertionWithoutID: true})
	f = newForgery(app, goodPair(), "https://example.com"+path)
	delete(f.claims, "jti")
	if w := postForm(entra, path, assertionForm(app, f.sign(t)), nil); w.Code != 200 {
		t.Errorf("no id with the switch: %s", w.Body)
	}
}

func TestAssertionIsJudgedByRealTime(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	app := tenant.RegisterApp("deployer")
	app.AddCertificate(goodPair().cert)
	path := "/" + tenant.ID + "/oauth2/v2.0/token"
	tenant.Clock.Advance(48 * time.Hour)
	f := newForgery(app, goodPair(), "https://example.com"+path)
	if w := postForm(tenant.Entra(), path, assertionForm(app, f.sign(t)), nil); w.Code != 200 {
		t.Errorf("refused: %s", w.Body)
	}
	app.RemoveCertificates()
	f = newForgery(app, goodPair(), "https://example.com"+path)
	w := postForm(tenant.Entra(), path, assertionForm(app, f.sign(t)), nil)
	checkComplaint(t, w.Code, w.Body.Bytes(), 401, 700027, "invalid_client", "The key was not found.")
}

func TestAssertionOfAnotherType(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	app := tenant.RegisterApp("deployer")
	app.AddCertificate(goodPair().cert)
	path := "/" + tenant.ID + "/oauth2/v2.0/token"
	form := assertionForm(app, newForgery(app, goodPair(), "https://example.com"+path).sign(t))
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")
	w := postForm(tenant.Entra(), path, form, nil)
	checkComplaint(t, w.Code, w.Body.Bytes(), 400, 50027, "invalid_request", "saml2-bearer")
}

func TestClientCertificateFitsItsKey(t *testing.T) {
	pair := goodPair()
	if public, ok := pair.cert.PublicKey.(*rsa.PublicKey); !ok || !public.Equal(&pair.key.PublicKey) ||
		public.N.BitLen() != 2048 {
		t.Error("the certificate does not hold the key")
	}
	if err := pair.cert.CheckSignature(pair.cert.SignatureAlgorithm, pair.cert.RawTBSCertificate,
		pair.cert.Signature); err != nil {
		t.Error(err)
	}
}
