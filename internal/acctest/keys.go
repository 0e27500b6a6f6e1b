package acctest

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
)

// generated holds the RSA keys that this process has generated. All worlds share the keys, because generating one takes
// longer than most tests, and because no test changes a key.
var generated struct {
	sync.Mutex
	keys []*rsa.PrivateKey
}

// keys returns a function that supplies RSA keys to one world and never returns the same key twice.
func keys() func() (*rsa.PrivateKey, error) {
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
