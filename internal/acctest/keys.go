package acctest

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
)

// generated are the RSA keys of this process so far. Generating one takes longer than most tests, and no test changes one,
// so all worlds share them.
var generated struct {
	sync.Mutex
	keys []*rsa.PrivateKey
}

// keys returns a source of RSA keys for one world, in which no key comes twice.
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
