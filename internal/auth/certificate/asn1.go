package certificate

import (
	"encoding/asn1"
	"math/big"
)

// The types in this file are ASN.1 structures in the form that package asn1 reads. Elements at the end of a structure
// that are not needed are left out, because package asn1 ignores them. An optional element at the end is an
// asn1.RawValue, because package asn1 would also ignore it if it had a wrong type.

// algorithm is an AlgorithmIdentifier: an object identifier and its parameters (RFC 5280, section 4.1.1.2). The
// parameters are no field, because OpenSSL writes an element that package asn1 refuses for the ciphers of key wrapping.
type algorithm struct {
	Raw asn1.RawContent
	ID  asn1.ObjectIdentifier
}

func (a algorithm) id() string { return a.ID.String() }

// parameters returns the content of the identifier after its object identifier.
func (a algorithm) parameters() []byte {
	_, after, _ := readBER(firstValueIn(a.Raw))
	return after
}

// typedValue is a value and the object identifier of its type: a ContentInfo of CMS (RFC 5652, section 3), a SafeBag or
// a CertBag (RFC 7292, section 4.2).
type typedValue struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue `asn1:"explicit,tag:0"`
}

// pfxValues is a PFX, and macData is its MacData (RFC 7292, section 4).
type (
	pfxValues struct {
		Version  int64
		AuthSafe typedValue
		MAC      asn1.RawValue `asn1:"optional"`
	}
	macData struct {
		Digest struct {
			Algorithm algorithm
			Sum       []byte
		}
		Salt   []byte
		Rounds asn1.RawValue `asn1:"optional"`
	}
)

// encryptedData is an EncryptedData (RFC 5652, section 8). The ciphertext has the type [0] IMPLICIT OCTET STRING.
// Version and Type are not needed. They are not decoded, so that a file in which they are damaged still shows whether
// the password is right.
type encryptedData struct {
	Version asn1.RawValue
	Content struct {
		Type       asn1.RawValue
		Algorithm  algorithm
		Ciphertext asn1.RawValue
	}
}

// encryptedKeyInfo is an EncryptedPrivateKeyInfo (RFC 5958, section 3).
type encryptedKeyInfo struct {
	Algorithm  algorithm
	Ciphertext []byte
}

// The parameters of password-based algorithms: of PKCS#12 and PBES1 (RFC 7292, appendix C; RFC 8018, appendix A.3), of
// PBES2 and PBMAC1 (appendices A.4 and A.5), of PBKDF2 (appendix A.2), of scrypt (RFC 7914, section 7) and of RC2 (RFC
// 8018, appendix B.2.3). The size of a derived key is not needed, because it follows from the cipher.
type (
	saltAndRounds struct {
		Salt   []byte
		Rounds int64
	}
	derivedScheme struct{ Derivation, Scheme algorithm }
	pbkdf2Values  struct {
		Salt   []byte
		Rounds int64
		Size   *big.Int      `asn1:"optional"`
		PRF    asn1.RawValue `asn1:"optional"`
	}
	scryptValues struct {
		Salt    []byte
		N, R, P int64
	}
	rc2Values struct {
		Version int64
		IV      []byte
	}
)

// unmarshal reads the first value of data into to, which points to a type that package asn1 reads. It ignores the data
// after this value.
func unmarshal(data []byte, to any) error {
	if _, err := asn1.Unmarshal(data, to); err != nil {
		return errMalformed
	}
	return nil
}
