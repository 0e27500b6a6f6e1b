package certificate

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestCipherVectors checks the ciphers that this package implements against the test vectors of their standards, in
// both directions.
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
		{"OpenSSL 3, DESX", newDESX, "0123456789abcdeff1e0d3c2b5a49786fedcba9876543210", "4e6f772069732074", "c327092461e40219"},
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
			if block.Encrypt(got, plain); !bytes.Equal(got, crypted) {
				t.Errorf("encrypted: %x", got)
			}
		})
	}
}

// TestModeVectors checks the modes that this package implements against the test vectors of their standards.
func TestModeVectors(t *testing.T) {
	t.Parallel()
	const count16 = "000102030405060708090a0b0c0d0e0f"
	const sampleKey = "2b7e151628aed2a6abf7158809cf4f3c"
	const carried = "6d29da5bd16a472910e8c0bdb47edfc8499c3222cc168d3721747fc2b21266d9f15c8339f10f354d16cc9b8e118eb182bf858ce5718fa4e76389ea4eb50a9475" +
		"ebc17a3b93d30a5802739e841950e3bfddb3f6f44eda6d6082d558fc6cb863a0d58325d200a316e2c0620d2321c9ee4ff1b236c7de304fa135a1f1fe195136e1d2b6"
	for _, test := range []struct {
		source         string
		use            encryption
		key, iv        string
		plain, crypted string
	}{
		{"NIST SP 800-38A, F.3.2", encryption{aes128, cfb1}, sampleKey, count16, "6bc1", "68b3"},
		{"NIST SP 800-38A, F.3.8", encryption{aes128, cfb8}, sampleKey, count16, "6bc1bee22e409f96e93d7e117393172aae2d", "3b79424c9c0dd436bace9e0ed4586a4f32b9"},
		{"RFC 8439, 2.4.2", encryption{chaCha20, chaCha20Stream}, count16 + "101112131415161718191a1b1c1d1e1f", "01000000000000000000004a00000000", hex.EncodeToString([]byte("Ladies and Gentlemen")), "6e2e359a2568f98041ba0728dd0d6981e97e7aec"},
		{"OpenSSL 3, counter that carries", encryption{chaCha20, chaCha20Stream}, count16 + "101112131415161718191a1b1c1d1e1f", "ffffffff000000000000004a00000000", strings.Repeat("00", 130), carried},
		{"RFC 3394, 4.1", encryption{aes128, wrap}, count16, "", "00112233445566778899aabbccddeeff", "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"},
		{"RFC 3394, 4.6", encryption{aes256, wrap}, count16 + "101112131415161718191a1b1c1d1e1f", "", "00112233445566778899aabbccddeeff" + count16,
			"28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"},
		{"RFC 5649, 6, 20 bytes", encryption{aes192, wrapPadded}, "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", "", "c37b7e6492584340bed12207808941155068f738",
			"138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"},
		{"RFC 5649, 6, 7 bytes", encryption{aes192, wrapPadded}, "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", "", "466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"},
	} {
		t.Run(test.source, func(t *testing.T) {
			t.Parallel()
			got, err := test.use.decrypt(unhex(t, test.key), unhex(t, test.iv), unhex(t, test.crypted))
			if err != nil || hex.EncodeToString(got) != test.plain {
				t.Errorf("decrypted: %x, %v", got, err)
			}
		})
	}
}

// TestUnwrapKeyChecks checks that unwrapping a key detects a wrong check value, a wrong padding, and a change of any
// bit of the ciphertext.
func TestUnwrapKeyChecks(t *testing.T) {
	t.Parallel()
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, check, plain string
		padded             bool
		want               string // the unwrapped key; "" for a wrong password
	}{
		{"padding of seven", "a65959a600000011", "111111111111111111111111111111111100000000000000", true, "1111111111111111111111111111111111"},
		{"no padding", "a65959a600000010", "11111111111111111111111111111111", true, "11111111111111111111111111111111"},
		{"padding that is not zero", "a65959a600000011", "111111111111111111111111111111111100000000000001", true, ""},
		{"padding of eight", "a65959a600000010", "111111111111111111111111111111110000000000000000", true, ""},
		{"length beyond the end", "a65959a600000011", "11111111111111111111111111111111", true, ""},
		{"length with its top bit", "a65959a680000010", "11111111111111111111111111111111", true, ""},
		{"single semiblock", "a65959a600000005", "1111111111000000", true, "1111111111"},
		{"check of no padding", "a6a6a6a6a6a6a6a6", "11111111111111111111111111111111", true, ""},
		{"check", "a6a6a6a6a6a6a6a6", "11111111111111111111111111111111", false, "11111111111111111111111111111111"},
		{"check of padding", "a65959a600000010", "11111111111111111111111111111111", false, ""},
	} {
		ciphertext := wrapKey(block, unhex(t, test.check), unhex(t, test.plain))
		got, err := unwrapKey(block, ciphertext, test.padded)
		if test.want == "" {
			if !errors.Is(err, errWrongPassword) {
				t.Errorf("%s: %x, %v", test.name, got, err)
			}
			continue
		}
		if err != nil || hex.EncodeToString(got) != test.want {
			t.Errorf("%s: %x, %v", test.name, got, err)
		}
		for bit := range 8 * len(ciphertext) {
			changed := bytes.Clone(ciphertext)
			changed[bit/8] ^= 1 << (bit % 8)
			if got, err := unwrapKey(block, changed, test.padded); !errors.Is(err, errWrongPassword) {
				t.Errorf("%s with bit %d changed: %x, %v", test.name, bit, got, err)
			}
		}
	}
	for _, size := range []int{0, 8, 15, 17, 31} {
		for _, padded := range []bool{false, true} {
			if got, err := unwrapKey(block, make([]byte, size), padded); !errors.Is(err, errMalformed) {
				t.Errorf("%d bytes: %x, %v", size, got, err)
			}
		}
	}
	if got, err := unwrapKey(block, make([]byte, 16), false); !errors.Is(err, errMalformed) {
		t.Errorf("a single semiblock without padding: %x, %v", got, err)
	}
}

// wrapKey wraps a key (RFC 3394, section 2.2.1) with any check value.
func wrapKey(block cipher.Block, check, plain []byte) []byte {
	work := slices.Concat(check, plain)
	if len(plain) == 8 {
		block.Encrypt(work, work)
		return work
	}
	for step := 1; step <= 6*len(plain)/8; step++ {
		part := work[8+(step-1)*8%len(plain):][:8]
		both := slices.Concat(work[:8], part)
		block.Encrypt(both, both)
		binary.BigEndian.PutUint64(work, binary.BigEndian.Uint64(both)^uint64(step))
		copy(part, both[8:])
	}
	return work
}

// TestEncryptionThatOpenSSLRefuses checks that the error for an encryption that OpenSSL does not open either suggests
// no command, because no command would help.
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
			inPFX := pfxFile(t, func(b []byte) []byte {
				return octets(b)
			}, safe(t, bag(t, oidShroudedKeyBag, info), testParts(t).certBag(t)))
			inPEM := append(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: info}),
				testFile(t, "cert-only.pem")...)
			for summary, bundle := range map[string][]byte{
				"Client certificate uses an unsupported encryption":     inPFX,
				"Client certificate key uses an unsupported encryption": inPEM,
			} {
				_, _, err := Parse(bundle, password, Origin{})
				e := wantError(t, err, summary)
				if !strings.Contains(e.Detail, name+",") ||
					!strings.Contains(e.Detail, "OpenSSL cannot decrypt it either") ||
					strings.Contains(e.Detail, "run:") {
					t.Errorf("it says %q", e.Detail)
				}
			}
		})
	}
}

// TestKeyOfRFC1423ThatOpenSSLRefuses checks that the error for a key with an unsupported cipher of RFC 1423 suggests no
// command, and that it repeats the cipher's name only if that has the form of a name.
func TestKeyOfRFC1423ThatOpenSSLRefuses(t *testing.T) {
	t.Parallel()
	const unknown = "an unknown cipher"
	for name, said := range map[string]string{
		"IDEA-CBC": "IDEA-CBC", "RC5-CBC": "RC5-CBC", "AES-128-GCM": "AES-128-GCM", "AES-128-ECB": "AES-128-ECB", "AES": "AES", "-CBC": "-CBC", "RC4": "RC4",
		"DES-CFB\xff\x1b[31m": unknown, "": unknown, strings.Repeat("A", 21): unknown, "AES 128": unknown,
	} {
		block := &pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": name + ",0123456789ABCDEF"},
			Bytes: make([]byte, 64)}
		_, _, err := Parse(append(pem.EncodeToMemory(block), testFile(t, "cert-only.pem")...), password, Origin{})
		e := wantError(t, err, "Client certificate key uses an unsupported encryption", "encrypted with "+said+",",
			"OpenSSL cannot decrypt it either")
		if strings.Contains(e.Detail, "run:") {
			t.Errorf("it says %q", e.Detail)
		}
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
