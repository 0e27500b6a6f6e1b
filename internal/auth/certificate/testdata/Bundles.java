import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.X509Certificate;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.crypto.util.PBKDF2Config;
import org.bouncycastle.crypto.util.PBKDFConfig;
import org.bouncycastle.crypto.util.ScryptConfig;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.OutputEncryptor;
import org.bouncycastle.pkcs.PKCS12PfxPdu;
import org.bouncycastle.pkcs.PKCS12PfxPduBuilder;
import org.bouncycastle.pkcs.PKCS12SafeBag;
import org.bouncycastle.pkcs.bc.BcPKCS12MacCalculatorBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS12SafeBagBuilder;
import org.bouncycastle.pkcs.jcajce.JcePKCS12MacCalculatorBuilder;
import org.bouncycastle.pkcs.jcajce.JcePKCSPBEOutputEncryptorBuilder;

/** Writes PFX files with the low-level interface of Bouncy Castle, for tools.sh. */
public class Bundles {
    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        char[] password = args[1].toCharArray();
        KeyStore source = KeyStore.getInstance("PKCS12");
        source.load(new FileInputStream(args[0]), password);
        String alias = source.aliases().nextElement();
        PrivateKey key = (PrivateKey) source.getKey(alias, password);
        X509Certificate certificate = (X509Certificate) source.getCertificate(alias);

        AlgorithmIdentifier sha512 = new AlgorithmIdentifier(PKCSObjectIdentifiers.id_hmacWithSHA512, DERNull.INSTANCE);
        AlgorithmIdentifier sha3 = new AlgorithmIdentifier(NISTObjectIdentifiers.id_hmacWithSHA3_256);
        write("aes256-sha512", key, certificate, password, NISTObjectIdentifiers.id_aes256_CBC,
            new PBKDF2Config.Builder().withPRF(sha512).withIterationCount(2048).build(), false);
        write("aes128-sha3", key, certificate, password, NISTObjectIdentifiers.id_aes128_CBC,
            new PBKDF2Config.Builder().withPRF(sha3).withIterationCount(2048).build(), false);
        write("aes192-scrypt", key, certificate, password, NISTObjectIdentifiers.id_aes192_CBC,
            new ScryptConfig.Builder(2048, 8, 1).build(), false);
        write("aes256-sha512-three-safes", key, certificate, password, NISTObjectIdentifiers.id_aes256_CBC,
            new PBKDF2Config.Builder().withPRF(sha512).withIterationCount(2048).build(), true);
    }

    static void write(String name, PrivateKey key, X509Certificate certificate, char[] password, ASN1ObjectIdentifier cipher,
        PBKDFConfig derivation, boolean third) throws Exception {
        OutputEncryptor encryptor = new JcePKCSPBEOutputEncryptorBuilder(derivation, cipher).setProvider("BC").build(password);
        PKCS12PfxPduBuilder builder = new PKCS12PfxPduBuilder();
        builder.addData(new JcaPKCS12SafeBagBuilder(key, encryptor).build());
        builder.addEncryptedData(encryptor, new PKCS12SafeBag[] {new JcaPKCS12SafeBagBuilder(certificate).build()});
        if (third) {
            builder.addEncryptedData(encryptor, new PKCS12SafeBag[] {new JcaPKCS12SafeBagBuilder(certificate).build()});
        }
        PKCS12PfxPdu pfx = builder.build(new JcePKCS12MacCalculatorBuilder(NISTObjectIdentifiers.id_sha256).setProvider("BC"), password);
        try (FileOutputStream out = new FileOutputStream("bouncycastle-" + name + ".p12")) {
            out.write(pfx.getEncoded("BER"));
        }
    }
}
