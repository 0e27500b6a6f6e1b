#!/bin/sh
# Makes the certificate bundles beside it with OpenSSL 3 and Java's keytool, the
# tools that people make them with. The outputs are committed: tests need neither
# tool. The keys protect nothing; the certificates are valid for 100 years.
set -eu
cd "$(dirname "$0")"
password=correct-horse-0451
days=36500
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

self() { # key subject certificate
	openssl req -x509 -new -key "$1" -subj "$2" -days $days -out "$3"
}

# One self-signed certificate, its key, and a stranger's key.
openssl genrsa -out "$work/key.pem" 2048
openssl genrsa -out "$work/other.pem" 2048
self "$work/key.pem" "/CN=sp-test/O=Contoso" "$work/cert.pem"

# PEM
cat "$work/cert.pem" "$work/key.pem" >pkcs8.pem
cat "$work/key.pem" "$work/cert.pem" >key-first.pem
openssl rsa -in "$work/key.pem" -traditional -out "$work/pkcs1.pem"
cat "$work/cert.pem" "$work/pkcs1.pem" >pkcs1.pem
openssl pkcs8 -topk8 -v2 aes-256-cbc -in "$work/key.pem" -passout pass:$password -out "$work/aes.pem"
cat "$work/cert.pem" "$work/aes.pem" >encrypted-aes.pem
openssl pkcs8 -topk8 -scrypt -in "$work/key.pem" -passout pass:$password -out "$work/scrypt.pem"
cat "$work/cert.pem" "$work/scrypt.pem" >encrypted-scrypt.pem
openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -in "$work/key.pem" -passout pass:$password -out "$work/pbes1.pem"
cat "$work/cert.pem" "$work/pbes1.pem" >encrypted-pbes1.pem
openssl rsa -in "$work/key.pem" -traditional -aes256 -passout pass:$password -out "$work/dek.pem"
cat "$work/cert.pem" "$work/dek.pem" >dek-info.pem
cp "$work/cert.pem" cert-only.pem
cp "$work/key.pem" key-only.pem
cat "$work/cert.pem" "$work/other.pem" >mismatch.pem
cat "$work/cert.pem" "$work/key.pem" "$work/other.pem" >two-keys.pem
iconv -f ascii -t utf-16 pkcs8.pem >utf16.pem
tr '\n' ' ' <pkcs8.pem >one-line.pem

# PEM as tools and editors leave it
sed 's/$/\r/' pkcs8.pem >crlf.pem
{ printf '\357\273\277'; cat pkcs8.pem; } >bom.pem
{ openssl x509 -in "$work/cert.pem" -text; cat "$work/key.pem"; } >text.pem
openssl pkcs8 -topk8 -v2 des3 -in "$work/key.pem" -passout pass:$password -out "$work/des3.pem"
cat "$work/cert.pem" "$work/des3.pem" >encrypted-des3.pem
openssl pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA1 -in "$work/key.pem" -passout pass:$password -out "$work/aes128.pem"
cat "$work/cert.pem" "$work/aes128.pem" >encrypted-aes128.pem
openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA512 -in "$work/key.pem" -passout pass:$password -out "$work/sha512.pem"
cat "$work/cert.pem" "$work/sha512.pem" >encrypted-sha512.pem
openssl rsa -in "$work/key.pem" -traditional -des3 -passout pass:$password -out "$work/dek3.pem"
cat "$work/cert.pem" "$work/dek3.pem" >dek-info-des3.pem
openssl genrsa -out "$work/large.pem" 4096
self "$work/large.pem" "/CN=sp-large" "$work/large-cert.pem"
cat "$work/large-cert.pem" "$work/large.pem" >rsa4096.pem
openssl req -new -key "$work/key.pem" -subj "/CN=sp-test" -out request.pem
openssl pkey -in "$work/key.pem" -pubout -out public.pem
cp "$work/key.pem" "$work/ssh"
ssh-keygen -p -N '' -f "$work/ssh" >/dev/null 2>&1
cat "$work/cert.pem" "$work/ssh" >openssh.pem
printf '<!DOCTYPE html>\n<html><body>Sign in to continue</body></html>\n' >page.html

# Keys that Entra ID does not take
openssl genpkey -algorithm ed25519 -out "$work/ed25519.pem"
self "$work/ed25519.pem" "/CN=sp-ed25519" "$work/ed25519-cert.pem"
cat "$work/ed25519-cert.pem" "$work/ed25519.pem" >ed25519.pem
openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out "$work/pss.pem"
self "$work/pss.pem" "/CN=sp-pss" "$work/pss-cert.pem"
cat "$work/pss-cert.pem" "$work/pss.pem" >rsa-pss.pem
openssl ecparam -name prime256v1 -genkey -noout -out "$work/ec.pem"
self "$work/ec.pem" "/CN=sp-ec" "$work/ec-cert.pem"
cat "$work/ec-cert.pem" "$work/ec.pem" >ec-sec1.pem
openssl pkcs8 -topk8 -nocrypt -in "$work/ec.pem" -out "$work/ec8.pem"
cat "$work/ec-cert.pem" "$work/ec8.pem" >ec-pkcs8.pem
openssl genrsa -out "$work/short.pem" 1024
self "$work/short.pem" "/CN=sp-short" "$work/short-cert.pem"
cat "$work/short-cert.pem" "$work/short.pem" >short.pem

# A certificate of a curve that Go does not know
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:brainpoolP256r1 -nodes -days $days -subj "/CN=sp-brainpool" \
	-keyout /dev/null -out brainpool.pem

# Not bundles
openssl x509 -in "$work/cert.pem" -outform DER -out cert.cer
openssl crl2pkcs7 -nocrl -certfile "$work/cert.pem" -outform DER -out cert.p7b
openssl crl2pkcs7 -nocrl -certfile "$work/cert.pem" -out p7b.pem
openssl rsa -in "$work/key.pem" -outform DER -out key.der

# A chain of three, its leaf last in the PEM
openssl genrsa -out "$work/leaf.pem" 2048
openssl req -x509 -new -key "$work/other.pem" -subj "/CN=Test Root" -days $days -out "$work/root-cert.pem"
openssl req -new -key "$work/key.pem" -subj "/CN=Test Issuing" -out "$work/mid.csr"
printf 'basicConstraints=critical,CA:TRUE\n' >"$work/ca.ext"
openssl x509 -req -in "$work/mid.csr" -CA "$work/root-cert.pem" -CAkey "$work/other.pem" -days $days -extfile "$work/ca.ext" -out "$work/mid-cert.pem"
openssl req -new -key "$work/leaf.pem" -subj "/CN=sp-leaf" -out "$work/leaf.csr"
openssl x509 -req -in "$work/leaf.csr" -CA "$work/mid-cert.pem" -CAkey "$work/key.pem" -days $days -out "$work/leaf-cert.pem"
cat "$work/root-cert.pem" "$work/mid-cert.pem" "$work/leaf-cert.pem" "$work/leaf.pem" >chain.pem
cat "$work/mid-cert.pem" "$work/leaf-cert.pem" "$work/root-cert.pem" "$work/leaf.pem" >leaf-between.pem
cat "$work/root-cert.pem" "$work/mid-cert.pem" >"$work/cas.pem"

# PFX
pfx() { # output, then options
	out=$1
	shift
	openssl pkcs12 -export -out "$out" "$@"
}
both="-in $work/cert.pem -inkey $work/key.pem"
pfx modern.pfx $both -passout pass:$password
pfx modern-sha512.pfx $both -passout pass:$password -macalg sha512
pfx legacy.pfx $both -passout pass:$password -legacy
pfx modern-empty.pfx $both -passout pass:
pfx legacy-empty.pfx $both -passout pass: -legacy
pfx utf8.pfx $both -passout pass:pässwörd
pfx nomac.pfx $both -passout pass: -nomac -keypbe NONE -certpbe NONE
pfx nomac-encrypted.pfx $both -passout pass:$password -nomac
pfx no-key.pfx -in "$work/cert.pem" -nokeys -passout pass:$password
pfx ec.pfx -in "$work/ec-cert.pem" -inkey "$work/ec.pem" -passout pass:$password
pfx short.pfx -in "$work/short-cert.pem" -inkey "$work/short.pem" -passout pass:$password
pfx chain.pfx -in "$work/leaf-cert.pem" -inkey "$work/leaf.pem" -certfile "$work/cas.pem" -passout pass:$password
pfx chain-legacy.pfx -in "$work/leaf-cert.pem" -inkey "$work/leaf.pem" -certfile "$work/cas.pem" -passout pass:$password -legacy
pfx sha1-mac.pfx $both -passout pass:$password -macalg sha1
pfx des3-sha1.pfx $both -passout pass:$password -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1
pfx aes128.pfx $both -passout pass:$password -certpbe AES-128-CBC -keypbe AES-128-CBC
pfx plain-certificate.pfx $both -passout pass:$password -certpbe NONE
pfx plain-key.pfx $both -passout pass:$password -keypbe NONE
pfx iterations.pfx $both -passout pass:$password -iter 100000
pfx no-iterations.pfx $both -passout pass:$password -noiter -nomaciter
pfx windows.pfx $both -passout pass:$password -name "sp test" -CSP "Microsoft Enhanced RSA and AES Cryptographic Provider" -LMK
pfx long-password.pfx $both -passout pass:$password$password$password$password
pfx ed25519.pfx -in "$work/ed25519-cert.pem" -inkey "$work/ed25519.pem" -passout pass:$password
pfx chain-empty.pfx -in "$work/leaf-cert.pem" -inkey "$work/leaf.pem" -certfile "$work/cas.pem" -passout pass:
openssl pkcs12 -in windows.pfx -nodes -passin pass:$password -out bag-attributes.pem
openssl pkcs12 -in chain.pfx -passin pass:$password -passout pass:$password -out chain-encrypted.pem
base64 -w 0 modern.pfx >modern.pfx.base64
{ cat modern.pfx; echo; } >trailing.pfx
head -c 1000 modern.pfx >truncated.pfx
base64 modern-empty.pfx >modern-empty.pfx.base64
base64 pkcs8.pem >pkcs8.pem.base64

rm -f keytool.p12
keytool -genkeypair -alias sp -keyalg RSA -keysize 2048 -dname "CN=sp-keytool" -validity $days \
	-storetype PKCS12 -keystore keytool.p12 -storepass $password
rm -f keytool-legacy.p12 keytool-chain.p12 keytool.jks keytool.jceks
keytool -J-Dkeystore.pkcs12.legacy -genkeypair -alias sp -keyalg RSA -keysize 2048 -dname "CN=sp-keytool" -validity $days \
	-storetype PKCS12 -keystore keytool-legacy.p12 -storepass $password
keytool -importkeystore -srckeystore chain.pfx -srcstoretype PKCS12 -srcstorepass $password \
	-destkeystore keytool-chain.p12 -deststoretype PKCS12 -deststorepass $password
for type in jks jceks; do
	keytool -genkeypair -alias sp -keyalg RSA -keysize 2048 -dname "CN=sp-keytool" -validity $days \
		-storetype $type -keystore keytool.$type -storepass $password -keypass $password
done
