package certificate

import (
	"bytes"
	"crypto/cipher"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"
)

// Each cipher that is written here gives what its standard says, in both directions.
func TestCipherVectors(t *testing.T) {
	t.Parallel()
	const count16 = "000102030405060708090a0b0c0d0e0f"
	const count = count16 + "101112131415161718191a1b1c1d1e1f"
	const there = "0123456789abcdeffedcba9876543210"
	rc2 := func(bits int) func([]byte) (cipher.Block, error) {
		return func(key []byte) (cipher.Block, error) { return newRC2(key, bits), nil }
	}
	for _, test := range []struct {
		source              string
		new                 func([]byte) (cipher.Block, error)
		key, plain, crypted string
	}{
		{"RFC 5794, A.1", newARIA, count[:32], "00112233445566778899aabbccddeeff", "d718fbd6ab644c739da95f3be6451778"},
		{"RFC 5794, A.2", newARIA, count[:48], "00112233445566778899aabbccddeeff", "26449c1805dbe7aa25a468ce263a9e79"},
		{"RFC 5794, A.3", newARIA, count, "00112233445566778899aabbccddeeff", "f92bd7c79fb72e2f2b8f80c1972d24fc"},
		{"RFC 4269, B.1", newSEED, strings.Repeat("0", 32), count16, "5ebac6e0054e166819aff1cc6d346cdb"},
		{"RFC 4269, B.2", newSEED, count16, strings.Repeat("0", 32), "c11f22f20140505084483597e4370f43"},
		{"GB/T 32907, A.1", newSM4, there, there, "681edf34d206965e86b3e94f536e4246"},
		{"RFC 3713, A, 128 bits", newCamellia, there, there, "67673138549669730857065648eabe43"},
		{"RFC 3713, A, 192 bits", newCamellia, there + "0011223344556677", there, "b4993401b3e996f84ee5cee7d79b09b9"},
		{"RFC 3713, A, 256 bits", newCamellia, there + "00112233445566778899aabbccddeeff", there, "9acc237dff16d76c20ef7c919e3a7509"},
		{"RFC 2268, 5, 63 bits", rc2(63), "0000000000000000", "0000000000000000", "ebb773f993278eff"},
		{"RFC 2268, 5, 64 bits", rc2(64), "ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"},
		{"RFC 2268, 5, 128 bits", rc2(128), "88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"},
	} {
		t.Run(test.source, func(t *testing.T) {
			t.Parallel()
			block, err := test.new(unhex(t, test.key))
			if err != nil {
				t.Fatal(err)
			}
			plain, crypted := unhex(t, test.plain), unhex(t, test.crypted)
			got := make([]byte, block.BlockSize())
			if block.Decrypt(got, crypted); !bytes.Equal(got, plain) {
				t.Errorf("decrypted: %x", got)
			}
			if strings.HasPrefix(test.source, "RFC 2268") {
				return // it only decrypts
			}
			if block.Encrypt(got, plain); !bytes.Equal(got, crypted) {
				t.Errorf("encrypted: %x", got)
			}
		})
	}
}

// What OpenSSL does not open either comes with no command: it would not help.
func TestEncryptionThatOpenSSLRefuses(t *testing.T) {
	t.Parallel()
	derivation := sequence(objectID(t, oidPBKDF2), sequence(octets([]byte("12345678")), value(0x02, []byte{1})))
	pbes2With := func(id string) []byte {
		return sequence(objectID(t, oidPBES2), sequence(derivation, sequence(objectID(t, id), octets(make([]byte, 8)))))
	}
	pbes1 := sequence(octets([]byte("12345678")), value(0x02, []byte{1}))
	for name, scheme := range map[string][]byte{
		"IDEA":                       pbes2With("1.3.6.1.4.1.188.7.1.1.2"),
		"RC5":                        pbes2With("1.2.840.113549.3.8"),
		"DES with MD2":               sequence(objectID(t, oidPBES1+"1"), pbes1),
		"RC2 with MD2":               sequence(objectID(t, oidPBES1+"4"), pbes1),
		"the algorithm 1.2.3.4":      pbes2With("1.2.3.4"),
		"the algorithm 1.2.840.9999": sequence(objectID(t, "1.2.840.9999"), pbes1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			info := sequence(scheme, octets(make([]byte, 64)))
			inPFX := pfxFile(t, func(b []byte) []byte { return octets(b) }, safe(t, bag(t, oidShroudedKeyBag, info), testParts(t).certBag(t)))
			inPEM := append(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: info}), testFile(t, "cert-only.pem")...)
			for summary, bundle := range map[string][]byte{
				"Client certificate uses an unsupported encryption":     inPFX,
				"Client certificate key uses an unsupported encryption": inPEM,
			} {
				_, _, err := Parse(bundle, password, Origin{})
				e := wantError(t, err, summary)
				if !strings.Contains(e.Detail, name+",") || !strings.Contains(e.Detail, "OpenSSL does not open it either") || strings.Contains(e.Detail, "run:") {
					t.Errorf("it says %q", e.Detail)
				}
			}
		})
	}
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
