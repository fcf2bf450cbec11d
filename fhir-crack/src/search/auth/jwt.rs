use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA384, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use crate::search::error::Error;
use crate::search::secret::Secret;

/// Life time of an assertion; SMART allows five minutes at most.
const LIFE_SECONDS: u64 = 240;

/// A private key that signs the assertions of SMART Backend Services.
pub(super) enum Signer {
    Rs384(Box<RsaKeyPair>),
    Es384(Box<EcdsaKeyPair>),
}

impl Signer {
    /// Reads an RSA or P-384 key from PEM.
    pub(super) fn read(pem: &Secret) -> Result<Signer, Error> {
        let refused =
            || Error::configuration("the private key is neither RSA nor P-384 in PEM that can be used");
        let key = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).map_err(|_| refused())?;
        match key {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der())
                .map(|pair| Signer::Rs384(Box::new(pair)))
                .map_err(|_| refused()),
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                if let Ok(pair) = RsaKeyPair::from_pkcs8(der) {
                    return Ok(Signer::Rs384(Box::new(pair)));
                }
                EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der, &SystemRandom::new())
                    .map(|pair| Signer::Es384(Box::new(pair)))
                    .map_err(|_| refused())
            }
            _ => Err(refused()),
        }
    }

    /// A signed assertion for a token endpoint; `None` if the system gives no random numbers.
    pub(super) fn assertion(&self, client_id: &str, key_id: &str, audience: &str) -> Option<Secret> {
        let random = SystemRandom::new();
        let mut nonce = [0; 16];
        random.fill(&mut nonce).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let mut head = json!({ "alg": self.name(), "typ": "JWT" });
        if !key_id.is_empty() {
            head["kid"] = json!(key_id);
        }
        let claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "exp": now + LIFE_SECONDS,
            "iat": now,
            "jti": URL_SAFE_NO_PAD.encode(nonce),
        });
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(head.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = match self {
            Signer::Rs384(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA384, &random, signed.as_bytes(), &mut signature)
                    .ok()?;
                signature
            }
            Signer::Es384(pair) => pair.sign(&random, signed.as_bytes()).ok()?.as_ref().to_vec(),
        };
        Some(Secret::new(format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        )))
    }

    fn name(&self) -> &'static str {
        match self {
            Signer::Rs384(_) => "RS384",
            Signer::Es384(_) => "ES384",
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use ring::signature::{ECDSA_P384_SHA384_FIXED, KeyPair, RSA_PKCS1_2048_8192_SHA384, UnparsedPublicKey};

    use super::*;

    fn parts(token: &Secret) -> (String, serde_json::Value, serde_json::Value, Vec<u8>) {
        let (signed, signature) = token.expose().rsplit_once('.').expect("three parts");
        let (head, claims) = signed.split_once('.').expect("three parts");
        let read =
            |part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("json");
        (
            signed.to_owned(),
            read(head),
            read(claims),
            URL_SAFE_NO_PAD.decode(signature).expect("base64"),
        )
    }

    #[test]
    fn es384_is_signed_and_unique() {
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &SystemRandom::new())
            .expect("key");
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der.as_ref())
        );
        let signer = Signer::read(&Secret::new(pem)).expect("signer");
        let Signer::Es384(pair) = &signer else {
            panic!("not P-384")
        };
        let token = signer
            .assertion("client", "kid-1", "https://auth.example/token")
            .expect("token");
        let (signed, head, claims, signature) = parts(&token);
        UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, pair.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .expect("signature");
        assert_eq!(head, json!({"alg": "ES384", "typ": "JWT", "kid": "kid-1"}));
        assert_eq!(
            (&claims["iss"], &claims["sub"]),
            (&json!("client"), &json!("client"))
        );
        assert_eq!(claims["aud"], "https://auth.example/token");
        assert!(claims["exp"].as_u64().expect("exp") - claims["iat"].as_u64().expect("iat") <= 300);
        let again = signer
            .assertion("client", "", "https://auth.example/token")
            .expect("token");
        assert_ne!(parts(&again).2["jti"], claims["jti"]);
    }

    #[test]
    fn rs384_is_signed() {
        // made for this test and used nowhere else
        let signer =
            Signer::read(&Secret::new(include_str!("../../../tests/search/keys/rsa.pem"))).expect("signer");
        let Signer::Rs384(pair) = &signer else {
            panic!("not RSA")
        };
        let (signed, head, _, signature) = parts(&signer.assertion("c", "", "a").expect("token"));
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA384, pair.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .expect("signature");
        assert_eq!(head, json!({"alg": "RS384", "typ": "JWT"}));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "key",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            assert!(Signer::read(&Secret::new(text)).is_err());
        }
    }
}
