//go:build unix

package certificate

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// mostTime and mostMemory are the processor time, and the memory in bytes, that any bundle may take. The most work
	// that the limits allow takes about a second, and under the race detector some six; without limits it takes
	// minutes.
	mostTime   = 20 * time.Second
	mostMemory = 64 << 20
)

func integer(n int64) []byte {
	var content []byte
	for shift := 56; shift >= 0; shift -= 8 {
		content = append(content, byte(n>>shift))
	}
	for len(content) > 1 && content[0] == 0 && content[1] < 0x80 {
		content = content[1:]
	}
	return value(0x02, content)
}

// pbes2 returns an AlgorithmIdentifier for PBES2 with AES-256 and the given key derivation.
func pbes2(t testing.TB, derivation []byte) []byte {
	t.Helper()
	return sequence(objectID(t, oidPBES2), sequence(derivation, sequence(objectID(t, "2.16.840.1.101.3.4.1.42"),
		octets(make([]byte, 16)))))
}

func pbkdf2Of(t testing.TB, rounds int64) []byte {
	t.Helper()
	return sequence(objectID(t, oidPBKDF2), sequence(octets([]byte("12345678")), integer(rounds),
		sequence(objectID(t, "1.2.840.113549.2.9"), value(0x05))))
}

func scryptOf(t testing.TB, n, r, p int64) []byte {
	t.Helper()
	return sequence(objectID(t, oidScrypt), sequence(octets([]byte("12345678")), integer(n), integer(r), integer(p)))
}

func shroudedKey(t testing.TB, scheme []byte) []byte {
	t.Helper()
	return bag(t, oidShroudedKeyBag, sequence(scheme, octets(make([]byte, 1024))))
}

// aesKey returns a bag with content as an encrypted private key. The encryption is valid, so that a malicious content
// is decrypted and parsed.
func aesKey(t testing.TB, content []byte) []byte {
	t.Helper()
	secret, err := pbkdf2.Key(sha256.New, password, []byte("12345678"), 1, 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	padding := 16 - len(content)%16
	plain := append(bytes.Clone(content), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(plain, plain)
	return bag(t, oidShroudedKeyBag, sequence(pbes2(t, pbkdf2Of(t, 1)), octets(plain)))
}

// wrappedKey returns a bag with a wrapped key, so large that a file can hold 60 of them.
func wrappedKey(t testing.TB) []byte {
	t.Helper()
	scheme := sequence(objectID(t, oidPBES2),
		sequence(pbkdf2Of(t, 1), sequence(objectID(t, "2.16.840.1.101.3.4.1.48"))))
	return bag(t, oidShroudedKeyBag, sequence(scheme, octets(make([]byte, 30_000))))
}

// legacyKey returns a PEM key that is encrypted as in RFC 1423 with the named cipher.
func legacyKey(name string, vector, size int) []byte {
	return pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": name + "," + strings.Repeat("00", vector)},
		Bytes: make([]byte, size),
	})
}

func repeated(n int, part []byte) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = part
	}
	return list
}

// TestHostileBundles checks that no bundle makes the provider take much processor time or memory. It measures processor
// time and allocated bytes, because these do not depend on the load of the machine.
func TestHostileBundles(t *testing.T) {
	p := testParts(t)
	plain := func(bags ...[]byte) []byte {
		return sequence(integer(3), sequence(objectID(t, oidData), tagged(octets(sequence(safe(t, bags...))))))
	}
	deep := bytes.Repeat([]byte{0x30, 0x80}, 500_000)
	deepStrings := bytes.Repeat([]byte{0x24, 0x80}, 500_000)
	bigKey := sequence(integer(0), sequence(objectID(t, "1.2.840.113549.1.1.1"), value(0x05)),
		octets(sequence(integer(0),
			value(0x02, bytes.Repeat([]byte{0x7f}, 400_000)), integer(65537),
			value(0x02, bytes.Repeat([]byte{0x7f}, 400_000)), integer(3), integer(5), integer(1),
			integer(1), integer(1))))
	var wrapped string
	for wrapped = strings.Repeat("QUJD", 200_000); len(wrapped) < 1_500_000; {
		wrapped = base64.StdEncoding.EncodeToString([]byte(wrapped))
	}
	many := parts{certificate: firstBlock(t, "pkcs8.pem")}
	// A MAC that fits, with a negative number of rounds. It must not add to the work that is left for the keys.
	negativeMAC := func(bags ...[]byte) []byte {
		safes := sequence(safe(t, bags...))
		key, err := pkcs12Key(sha1Digest, []byte("12345678"), formsOf(password).wide[0], 3, 1, 20,
			&budget{left: maxWork})
		if err != nil {
			t.Fatal(err)
		}
		sum := hmac.New(sha1.New, key)
		sum.Write(safes)
		digest := sequence(sequence(objectID(t, "1.3.14.3.2.26"), value(0x05)), octets(sum.Sum(nil)))
		rounds := value(0x02, []byte{0xfc, 0, 0, 0, 0, 0, 0})
		return sequence(integer(3), sequence(objectID(t, oidData), tagged(octets(safes))),
			sequence(digest, octets([]byte("12345678")), rounds))
	}
	// Parse does all the work that it allows for these bundles and for "rounds in sum", which shows how long that takes.
	// These two are allowed a tenth of the work and of the time.
	small := map[string]bool{"rounds of PKCS#12": true, "scrypt in parallel": true}
	for name, data := range map[string][]byte{
		"depth":                  deep,
		"depth of strings":       deepStrings,
		"depth in a MAC'd file":  pfxFile(t, func(b []byte) []byte { return octets(b) }, deep[:900_000]),
		"many small values":      endless(0x30, bytes.Repeat([]byte{0x05, 0x00}, 500_000)),
		"many small pieces":      endless(0x24, bytes.Repeat([]byte{0x04, 0x00}, 500_000)),
		"long length":            {0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"longer length":          append([]byte{0x30, 0xff}, bytes.Repeat([]byte{0xff}, 200)...),
		"long tag":               bytes.Repeat([]byte{0x3f, 0xff}, 200_000),
		"rounds":                 plain(shroudedKey(t, pbes2(t, pbkdf2Of(t, 1<<40))), p.certBag(t)),
		"rounds in sum":          plain(append(repeated(700, shroudedKey(t, pbes2(t, pbkdf2Of(t, 1_000_000)))), p.certBag(t))...),
		"rounds of PKCS#12":      plain(append(repeated(700, shroudedKey(t, sequence(objectID(t, oidPKCS12PBE+"3"), sequence(octets([]byte("12345678")), integer(1_000_000))))), p.certBag(t))...),
		"memory of scrypt":       plain(shroudedKey(t, pbes2(t, scryptOf(t, 1<<20, 1<<10, 1))), p.certBag(t)),
		"scrypt in sum":          plain(append(repeated(700, shroudedKey(t, pbes2(t, scryptOf(t, 1<<14, 15, 1)))), p.certBag(t))...),
		"scrypt in parallel":     plain(shroudedKey(t, pbes2(t, scryptOf(t, 1<<10, 8, 1<<7))), p.certBag(t)),
		"negative rounds":        plain(shroudedKey(t, pbes2(t, sequence(objectID(t, oidPBKDF2), sequence(octets([]byte("1")), value(0x02, []byte{0xff}))))), p.certBag(t)),
		"negative rounds of MAC": negativeMAC(append(repeated(150, shroudedKey(t, pbes2(t, pbkdf2Of(t, 1_000_000)))), p.certBag(t))...),
		"key wrapping":           plain(append(repeated(60, wrappedKey(t)), p.certBag(t))...),
		"CFB1 of a large key":    legacyKey("DES-EDE3-CFB1", 8, 1<<20),
		"CFB1 of many keys":      bytes.Repeat(legacyKey("DES-EDE3-CFB1", 8, maxKeySize), 60),
		"CFB8 of many keys":      bytes.Repeat(legacyKey("CAMELLIA-256-CFB8", 16, maxKeySize), 60),
		"large key":              plain(bag(t, oidKeyBag, bigKey), p.certBag(t)),
		"large encrypted key":    plain(aesKey(t, bigKey), p.certBag(t)),
		"deep encrypted key":     plain(aesKey(t, deep[:800_000]), p.certBag(t)),
		"many keys":              plain(append(repeated(500, p.keyBag(t)), p.certBag(t))...),
		"many certificates":      plain(append(repeated(900, many.certBag(t)), p.keyBag(t))...),
		"many PEM certificates":  bytes.Repeat(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: many.certificate}), 700),
		"many PEM blocks":        bytes.Repeat([]byte("-----BEGIN X-----\nAA==\n-----END X-----\n"), 45_000),
		"PEM without ends":       bytes.Repeat([]byte("-----BEGIN X-----"), 100_000),
		"PEM with many headers":  []byte("-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("A: b\n", 300_000) + "AA==\n-----END PRIVATE KEY-----\n"),
		"base64 many times over": []byte(wrapped),
		"quotes":                 []byte(strings.Repeat(`"`, 1_500_000)),
	} {
		for _, secret := range []string{password, "", "pässwörd"} {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			limit, work := mostTime, &budget{left: maxWork, memory: maxMemory}
			if small[name] {
				limit, work.left = mostTime/10, maxWork/10
			}
			began := processorTime(t)
			_, _, err := parse(data, secret, Origin{}, work)
			spent := processorTime(t) - began
			runtime.ReadMemStats(&after)
			if err == nil && name != "many certificates" {
				t.Errorf("%s: it opens", name)
			}
			allocated := after.TotalAlloc - before.TotalAlloc
			if spent > limit {
				t.Errorf("%s: took %v", name, spent)
			}
			// The total of all allocations is an upper limit for the memory in use at any time.
			if allocated > mostMemory {
				t.Errorf("%s: took %d MiB", name, allocated>>20)
			}
			t.Logf("%s: %v, %d KiB, %.90v", name, spent, allocated>>10, err)
			if spent > limit/80 {
				break // another password would need the same work
			}
		}
	}
}

func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano())
}
