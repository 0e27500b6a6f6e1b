#!/bin/bash
# Makes the bundles of tools/ and their table, with every tool that people make bundles
# with: OpenSSL 3, GnuTLS (certtool), NSS (pk12util), Java's keytool and Bouncy Castle.
# On Debian: apt-get install openssl gnutls-bin libnss3-tools default-jdk-headless
# libbcprov-java libbcpkix-java. The results are committed: the tests need no tool.
# All bundles hold one certificate and its key, which protect nothing.
#
# Each row of the table: file, tool, password, and what `openssl pkcs12` says of it
# (for PEM text, `openssl pkey`): "opens", "opens with -legacy" or "refuses".
set -u
cd "$(dirname "$0")/tools"
rm -f -- *
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jars=/usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar:/usr/share/java/bcutil.jar
ascii=correct-horse-0451
umlaut=pässwörd

# Key wrapping without padding takes a key of whole groups of eight bytes.
until [ -e "$work/key.der" ] && [ $(($(wc -c <"$work/key.der") % 8)) = 0 ]; do
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/key.pem" 2>/dev/null
	openssl pkcs8 -topk8 -nocrypt -in "$work/key.pem" -outform DER -out "$work/key.der"
done
openssl req -x509 -new -key "$work/key.pem" -days 36500 -subj "/CN=sp-tools" -out "$work/cert.pem"
both=(-in "$work/cert.pem" -inkey "$work/key.pem")
cp "$work/cert.pem" certificate.cer.pem

# row FILE TOOL PASSWORD [PASSWORD FOR OPENSSL] adds a row. The last one is there where
# OpenSSL got the password in another encoding.
row() {
	local file=$1 tool=$2 password=$3 verdict=refuses with
	with=(-passin "pass:${4-$3}")
	case $file in
	*.key)
		openssl pkey -in "$file" "${with[@]}" -noout >/dev/null 2>&1 && verdict=opens
		openssl pkey -in "$file" "${with[@]}" -noout -provider legacy -provider default >/dev/null 2>&1 && [ $verdict = refuses ] && verdict="opens with -legacy"
		cat "$work/cert.pem" "$file" >"${file%.key}.pem"
		rm "$file"
		file=${file%.key}.pem
		;;
	*)
		if openssl pkcs12 -in "$file" "${with[@]}" -nodes >/dev/null 2>&1; then
			verdict=opens
		elif openssl pkcs12 -legacy -in "$file" "${with[@]}" -nodes >/dev/null 2>&1; then
			verdict="opens with -legacy"
		fi
		;;
	esac
	printf '%s\t%s\t%s\t%s\n' "$file" "$tool" "$password" "$verdict" >>table.tsv
}

# OpenSSL: each encryption, for key and certificate.
pfx() { # FILE PASSWORD OPTIONS
	local file=$1 password=$2
	shift 2
	openssl pkcs12 -export -legacy "${both[@]}" -name sp -passout "pass:$password" -out "$file" "$@" 2>>"$work/log" || rm -f "$file"
}
for cipher in AES-128-CBC AES-192-CBC AES-256-CBC DES-EDE3-CBC DES-CBC RC2-CBC RC2-40-CBC RC2-64-CBC \
	CAMELLIA-128-CBC CAMELLIA-192-CBC CAMELLIA-256-CBC \
	ARIA-128-CBC ARIA-192-CBC ARIA-256-CBC SM4-CBC SEED-CBC BF-CBC CAST5-CBC RC4 DES-EDE \
	AES-128-ECB AES-128-CFB AES-128-OFB AES-256-ECB AES-256-CFB AES-256-OFB DES-ECB DES-CFB DES-OFB \
	ARIA-192-ECB ARIA-192-CFB ARIA-192-OFB ARIA-192-CTR SM4-ECB SM4-CFB SM4-OFB SM4-CTR SEED-ECB SEED-CFB SEED-OFB \
	CAMELLIA-192-ECB CAMELLIA-192-CFB CAMELLIA-192-OFB CAMELLIA-192-CTR \
	id-aes128-wrap-pad id-aes192-wrap-pad id-aes256-wrap-pad \
	PBE-SHA1-3DES PBE-SHA1-2DES PBE-SHA1-RC2-40 PBE-SHA1-RC2-128 PBE-SHA1-RC4-40 PBE-SHA1-RC4-128 \
	PBE-MD5-DES PBE-MD5-RC2-64 PBE-SHA1-DES PBE-SHA1-RC2-64; do
	file=openssl-$(echo $cipher | tr A-Z a-z).p12
	pfx "$file" $ascii -keypbe $cipher -certpbe $cipher -macalg sha256
	[ -e "$file" ] && row "$file" openssl $ascii
done
pfx openssl-rc2-40-and-3des.p12 $ascii -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-RC2-40 -macalg sha1 && row openssl-rc2-40-and-3des.p12 openssl $ascii
for size in 128 192 256; do
	pfx openssl-id-aes$size-wrap.p12 $ascii -keypbe id-aes$size-wrap -certpbe AES-256-CBC && row openssl-id-aes$size-wrap.p12 openssl $ascii
done
pfx openssl-id-aes256-wrap-pad-and-rc2.p12 $ascii -keypbe id-aes256-wrap-pad -certpbe RC2-40-CBC && row openssl-id-aes256-wrap-pad-and-rc2.p12 openssl $ascii
pfx openssl-key-alone.p12 $ascii -keypbe AES-256-CBC -certpbe NONE && row openssl-key-alone.p12 openssl $ascii
pfx openssl-certificate-alone.p12 $ascii -keypbe NONE -certpbe AES-256-CBC && row openssl-certificate-alone.p12 openssl $ascii
pfx openssl-nothing.p12 $ascii -keypbe NONE -certpbe NONE && row openssl-nothing.p12 openssl $ascii
pfx openssl-no-mac.p12 $ascii -keypbe AES-256-CBC -certpbe AES-256-CBC -nomac && row openssl-no-mac.p12 openssl $ascii
pfx openssl-no-mac-3des.p12 $ascii -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -nomac && row openssl-no-mac-3des.p12 openssl $ascii
pfx openssl-200000.p12 $ascii -keypbe AES-256-CBC -certpbe AES-256-CBC -iter 200000 && row openssl-200000.p12 openssl $ascii
pfx openssl-no-iterations.p12 $ascii -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -noiter -nomaciter && row openssl-no-iterations.p12 openssl $ascii
pfx openssl-windows.p12 $ascii -CSP "Microsoft Enhanced RSA and AES Cryptographic Provider" -LMK -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES && row openssl-windows.p12 openssl $ascii

# OpenSSL: each hash of the MAC.
for hash in md5 sha1 sha224 sha256 sha384 sha512 sha512-224 sha512-256 sha3-224 sha3-256 sha3-384 sha3-512 ripemd160 sm3 blake2b512 whirlpool; do
	pfx openssl-mac-$hash.p12 $ascii -keypbe AES-256-CBC -certpbe AES-256-CBC -macalg $hash
	[ -e openssl-mac-$hash.p12 ] && row openssl-mac-$hash.p12 openssl $ascii
done

# OpenSSL: each form of a password, in the two ways in which a PFX takes one. OpenSSL
# 1.0.2 took the bytes of UTF-8 for characters, which is what UTF-8 in UTF-8 comes to.
for cipher in AES-256-CBC PBE-SHA1-3DES; do
	short=$(echo $cipher | tr A-Z a-z)
	make() { # NAME PASSWORD [PASSWORD FOR OPENSSL]
		pfx "openssl-$short-$1.p12" "${3-$2}" -keypbe $cipher -certpbe $cipher
		row "openssl-$short-$1.p12" openssl "$2" "${3-$2}"
	}
	make empty ""
	make umlaut $umlaut
	make latin1 $umlaut "$(printf '%s' $umlaut | iconv -f utf-8 -t latin1)"
	make greek "κωδικός"
	make emoji "key-🔑-horse"
	make quotes '"quoted" & $HOME'
	make space " around it "
	make long "$(printf 'x%.0s' $(seq 1 200))"
done
pfx openssl-1.0.2-3des-umlaut.p12 "$(printf '%s' $umlaut | iconv -f latin1 -t utf-8)" -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 &&
	row openssl-1.0.2-3des-umlaut.p12 openssl $umlaut
pfx openssl-1.0.2-rc2-greek.p12 "$(printf '%s' κωδικός | iconv -f latin1 -t utf-8)" -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-RC2-40 -macalg sha1 &&
	row openssl-1.0.2-rc2-greek.p12 openssl κωδικός

# OpenSSL: PEM.
for prf in hmac-md5 hmac-sha1 hmacWithMD5 hmacWithSHA1 hmacWithSHA224 hmacWithSHA256 hmacWithSHA384 hmacWithSHA512 hmacWithSHA512-224 hmacWithSHA512-256; do
	openssl pkcs8 -topk8 -in "$work/key.pem" -v2 aes-256-cbc -v2prf $prf -passout pass:$ascii -out openssl-pkcs8-$prf.key 2>>"$work/log" && row openssl-pkcs8-$prf.key openssl $ascii
done
for scheme in PBE-MD5-DES PBE-SHA1-DES PBE-SHA1-RC2-64 PBE-MD5-RC2-64 PBE-SHA1-3DES PBE-SHA1-2DES PBE-SHA1-RC2-40 PBE-SHA1-RC2-128 PBE-SHA1-RC4-40 PBE-SHA1-RC4-128; do
	file=openssl-pkcs8-$(echo $scheme | tr A-Z a-z).key
	openssl pkcs8 -topk8 -in "$work/key.pem" -v1 $scheme -passout pass:$ascii -out "$file" -provider legacy -provider default 2>>"$work/log" && row "$file" openssl $ascii
done
for cipher in aria-256-cbc sm4-cbc seed-cbc bf-cbc cast5-cbc \
	id-aes128-wrap-pad id-aes192-wrap-pad id-aes256-wrap-pad id-aes128-wrap id-aes192-wrap id-aes256-wrap; do
	openssl pkcs8 -topk8 -in "$work/key.pem" -v2 $cipher -passout pass:$ascii -out openssl-pkcs8-$cipher.key -provider legacy -provider default 2>>"$work/log" && row openssl-pkcs8-$cipher.key openssl $ascii
done
openssl pkcs8 -topk8 -in "$work/key.pem" -scrypt -passout pass:$ascii -out openssl-pkcs8-scrypt.key && row openssl-pkcs8-scrypt.key openssl $ascii
openssl pkcs8 -topk8 -in "$work/key.pem" -v2 aes-256-cbc -passout pass: -out openssl-pkcs8-empty.key && row openssl-pkcs8-empty.key openssl ""
openssl pkcs8 -topk8 -in "$work/key.pem" -v2 aes-256-cbc -passout pass:$umlaut -out openssl-pkcs8-umlaut.key && row openssl-pkcs8-umlaut.key openssl $umlaut
openssl pkcs8 -topk8 -nocrypt -in "$work/key.pem" -out openssl-pkcs8.key && row openssl-pkcs8.key openssl ""
openssl rsa -traditional -in "$work/key.pem" -out openssl-pkcs1.key 2>/dev/null && row openssl-pkcs1.key openssl ""
for cipher in des des-ede-cbc des3 des-ede3-cfb aes128 aes192 aes256 aria128 aria-256-ctr camellia192 sm4 seed bf cast rc2 \
	aes-128-cfb1 aes-256-cfb8 aria-256-cfb1 camellia-192-cfb8 des-cfb8 des-ede3-cfb1 des-ede3-cfb8 desx chacha20 rc2-cfb rc2-ofb rc2-40-cbc rc2-64-cbc; do
	openssl rsa -traditional -in "$work/key.pem" -$cipher -passout pass:$ascii -out openssl-pkcs1-$cipher.key -provider legacy -provider default 2>/dev/null &&
		row openssl-pkcs1-$cipher.key openssl $ascii
done

# GnuTLS.
gnutls() { # FILE PASSWORD OPTIONS
	local file=$1 password=$2
	shift 2
	certtool --to-p12 --load-privkey "$work/key.pem" --load-certificate "$work/cert.pem" --p12-name sp --password "$password" --outfile "$file" "$@" >>"$work/log" 2>&1 &&
		row "$file" gnutls "$password"
}
for cipher in 3des 3des-pkcs12 aes-128 aes-192 aes-256 rc2-40 arcfour; do
	gnutls gnutls-$cipher.p12 $ascii --outder --pkcs-cipher $cipher
done
gnutls gnutls-sha1.p12 $ascii --outder --hash sha1
gnutls gnutls-sha512.p12 $ascii --outder --hash sha512
gnutls gnutls-umlaut.p12 $umlaut --outder
gnutls gnutls-3des-umlaut.p12 $umlaut --outder --pkcs-cipher 3des-pkcs12
gnutls gnutls-empty.p12 "" --outder --empty-password
gnutls gnutls-null.p12 "" --outder --null-password
gnutls gnutls-null-3des.p12 "" --outder --null-password --pkcs-cipher 3des-pkcs12
gnutls gnutls-pem.p12 $ascii
for cipher in 3des aes-256 rc2-40; do
	certtool --to-p8 --load-privkey "$work/key.pem" --pkcs8 --password $ascii --pkcs-cipher $cipher --outfile gnutls-pkcs8-$cipher.key >>"$work/log" 2>&1 &&
		row gnutls-pkcs8-$cipher.key gnutls $ascii
done

# NSS, whose files are BER.
mkdir "$work/nss"
certutil -N -d "$work/nss" --empty-password
openssl pkcs12 -export "${both[@]}" -name sp -passout pass:$ascii -out "$work/source.p12"
pk12util -i "$work/source.p12" -d "$work/nss" -W $ascii >>"$work/log"
nss() { # FILE PASSWORD OPTIONS
	local file=$1 password=$2
	shift 2
	pk12util -o "$file" -n sp -d "$work/nss" -W "$password" "$@" >>"$work/log" 2>&1 && row "$file" nss "$password"
}
nss nss.p12 $ascii
nss nss-aes128.p12 $ascii -c AES-128-CBC -C AES-128-CBC -M SHA-512
nss nss-3des.p12 $ascii -c "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC" -C "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC" -M SHA-1
nss nss-rc2.p12 $ascii -c "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC" -C "PKCS #12 V2 PBE With SHA-1 And 40 Bit RC2 CBC" -M SHA-1
nss nss-camellia.p12 $ascii -c CAMELLIA-256-CBC -C CAMELLIA-128-CBC
nss nss-umlaut.p12 $umlaut
nss nss-3des-umlaut.p12 $umlaut -c "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC" -C "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC" -M SHA-1

# Java's keytool, by itself and with Bouncy Castle, whose files are BER.
java() { # FILE PASSWORD OPTIONS
	local file=$1 password=$2
	shift 2
	keytool -importkeystore -srckeystore "$work/source.p12" -srcstoretype PKCS12 -srcstorepass $ascii -destkeystore "$file" -deststorepass "$password" "$@" >>"$work/log" 2>&1 &&
		row "$file" keytool "$password"
}
java keytool.p12 $ascii -deststoretype PKCS12
java keytool-legacy.p12 $ascii -deststoretype PKCS12 -J-Dkeystore.pkcs12.legacy
java keytool-sha512.p12 $ascii -deststoretype PKCS12 -J-Dkeystore.pkcs12.keyProtectionAlgorithm=PBEWithHmacSHA512AndAES_256 \
	-J-Dkeystore.pkcs12.certProtectionAlgorithm=PBEWithHmacSHA512AndAES_128 -J-Dkeystore.pkcs12.macAlgorithm=HmacPBESHA512
java keytool-sha1.p12 $ascii -deststoretype PKCS12 -J-Dkeystore.pkcs12.keyProtectionAlgorithm=PBEWithHmacSHA1AndAES_128 \
	-J-Dkeystore.pkcs12.certProtectionAlgorithm=PBEWithSHA1AndRC2_128 -J-Dkeystore.pkcs12.macAlgorithm=HmacPBESHA1
java keytool-rc4.p12 $ascii -deststoretype PKCS12 -J-Dkeystore.pkcs12.keyProtectionAlgorithm=PBEWithSHA1AndDESede \
	-J-Dkeystore.pkcs12.certProtectionAlgorithm=PBEWithSHA1AndRC4_128 -J-Dkeystore.pkcs12.macAlgorithm=HmacPBESHA256
java keytool-plain-certificate.p12 $ascii -deststoretype PKCS12 -J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE
java keytool-no-mac.p12 $ascii -deststoretype PKCS12 -J-Dkeystore.pkcs12.macAlgorithm=NONE
java keytool-100000.p12 $ascii -deststoretype PKCS12 -J-Dkeystore.pkcs12.keyPbeIterationCount=100000 -J-Dkeystore.pkcs12.certPbeIterationCount=100000
for type in PKCS12 PKCS12-DEF PKCS12-3DES-3DES; do
	java bouncycastle-$type.p12 $ascii -deststoretype $type -destprovidername BC \
		-providerclass org.bouncycastle.jce.provider.BouncyCastleProvider -providerpath /usr/share/java/bcprov.jar
done
java bouncycastle-umlaut.p12 $umlaut -deststoretype PKCS12 -destprovidername BC \
	-providerclass org.bouncycastle.jce.provider.BouncyCastleProvider -providerpath /usr/share/java/bcprov.jar
command java -cp $jars ../Bundles.java "$work/source.p12" $ascii >>"$work/log" 2>&1
for file in bouncycastle-aes*.p12; do row "$file" bouncycastle $ascii; done
sed -i 's/^\(bouncycastle-[^\t]*\tkeytool\)/\1/; s/^\(bouncycastle-[^\t]*\)\tkeytool/\1\tbouncycastle/' table.tsv

# What people do to a file on the way. OpenSSL opens none of it.
base64 -w 0 openssl-aes-256-cbc.p12 >text-base64.txt && row text-base64.txt text $ascii
base64 openssl-aes-256-cbc.p12 >text-base64-lines.txt && row text-base64-lines.txt text $ascii
base64 -w 0 openssl-aes-256-cbc.p12 | tr '+/' '-_' | tr -d = >text-base64url.txt && row text-base64url.txt text $ascii
base64 -w 0 openssl-aes-256-cbc.p12 | base64 -w 0 >text-base64-twice.txt && row text-base64-twice.txt text $ascii
printf '"%s"\n' "$(base64 -w 0 openssl-aes-256-cbc.p12)" >text-quotes.txt && row text-quotes.txt text $ascii
printf 'data:application/x-pkcs12;base64,%s' "$(base64 -w 0 openssl-aes-256-cbc.p12)" >text-data-uri.txt && row text-data-uri.txt text $ascii
{ echo "-----BEGIN CERTIFICATE-----"; base64 -w 64 openssl-aes-256-cbc.p12; echo "-----END CERTIFICATE-----"; } | sed 's/$/\r/' >text-certutil.txt && row text-certutil.txt text $ascii
{ echo "-----BEGIN PKCS12-----"; base64 -w 64 bouncycastle-aes256-sha512.p12; echo "-----END PKCS12-----"; } >text-pkcs12-label.txt && row text-pkcs12-label.txt text $ascii
base64 -w 0 bouncycastle-aes192-scrypt.p12 >text-base64-ber.txt && row text-base64-ber.txt text $ascii
sed 's/^/      /' openssl-pkcs8-hmacWithSHA256.pem >text-indented.txt && row text-indented.txt text $ascii
tr '\n' '\r' <openssl-pkcs8-hmacWithSHA256.pem >text-cr.txt && row text-cr.txt text $ascii
tr '\n' ' ' <openssl-pkcs8-hmacWithSHA256.pem >text-one-line.txt && row text-one-line.txt text $ascii
tr '\n' ' ' <openssl-pkcs1-aes256.pem >text-one-line-pkcs1.txt && row text-one-line-pkcs1.txt text $ascii
sed ':a;N;$!ba;s/\n/\\n/g' openssl-pkcs8-hmacWithSHA256.pem >text-escaped.txt && row text-escaped.txt text $ascii
sed 's/$/\r/' openssl-pkcs8-hmacWithSHA256.pem | iconv -f ascii -t utf-16 >text-utf16.txt && row text-utf16.txt text $ascii
base64 -w 0 openssl-pkcs8-hmacWithSHA256.pem >text-base64-pem.txt && row text-base64-pem.txt text $ascii
printf '%s' "'$(base64 -w 0 openssl-pkcs8-hmacWithSHA256.pem | base64 -w 0)'" >text-base64-pem-twice.txt && row text-base64-pem-twice.txt text $ascii
{ cat openssl-aes-256-cbc.p12; echo; } >text-line-end.p12 && row text-line-end.p12 text $ascii

cat "$work/log" >&2
wc -l table.tsv
