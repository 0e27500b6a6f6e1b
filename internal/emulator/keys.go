package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
)

const (
	// tokenKeyBits is the length of the keys that sign tokens. These keys protect nothing, and signing with 2048 bits
	// takes five times as long.
	tokenKeyBits = 1024
	// certificateKeyBits is the length of the keys of client certificates.
	certificateKeyBits = 2048
)

// generated holds the RSA keys that [ReusedKeys] has generated, by their length in bits.
var generated struct {
	sync.Mutex
	keys map[int][]*rsa.PrivateKey
}

// ReusedKeys returns a function for [TenantOptions].NewKey that never returns the same key twice. All tenants with such
// a function share their keys, because generating a key takes longer than most tests, and because no test changes one.
func ReusedKeys() func(bits int) (*rsa.PrivateKey, error) {
	used := map[int]int{} // how many keys of a length were returned
	return func(bits int) (*rsa.PrivateKey, error) {
		generated.Lock()
		defer generated.Unlock()
		if used[bits] == len(generated.keys[bits]) {
			key, err := generateKey(bits)
			if err != nil {
				return nil, err
			}
			if generated.keys == nil {
				generated.keys = map[int][]*rsa.PrivateKey{}
			}
			generated.keys[bits] = append(generated.keys[bits], key)
		}
		used[bits]++
		return generated.keys[bits][used[bits]-1], nil
	}
}

func generateKey(bits int) (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, bits) }
