package emulator

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
)

// generated holds the RSA keys that [ReusedKeys] has generated.
var generated struct {
	sync.Mutex
	keys []*rsa.PrivateKey
}

// ReusedKeys returns a function for [TenantOptions].NewKey that never returns the same key twice. All tenants with such
// a function share their keys, because generating a key takes longer than most tests, and because no test changes one.
func ReusedKeys() func() (*rsa.PrivateKey, error) {
	next := 0
	return func() (*rsa.PrivateKey, error) {
		generated.Lock()
		defer generated.Unlock()
		if next == len(generated.keys) {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				return nil, err
			}
			generated.keys = append(generated.keys, key)
		}
		next++
		return generated.keys[next-1], nil
	}
}
