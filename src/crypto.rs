//! Random numbers, digests, signatures and sealing: the only file that knows ring.
//!
//! Sealing is AES-256-GCM with a fresh random nonce for each sealing and the record's id as associated data, so that a
//! sealed credential moved to another record does not open (NIST SP 800-38D). Layout: version byte, nonce (12), ciphertext, tag (16).

use std::fmt;
use std::io;
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use crate::domain::{Digest, Sealed, Secret};

/// SHA-256 of a high-entropy secret: keys and session tokens carry 128 bits and more, so no slow hash is needed.
pub fn sha256(text: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    Digest(bytes)
}

/// Whether both are equal, in a time that does not depend on where they differ.
pub fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (sha256(a), sha256(b));
    a.0.iter()
        .zip(b.0)
        .fold(0, |difference, (x, y)| difference | (x ^ y))
        == 0
}

/// HMAC-SHA256 (RFC 2104) of `body` under `key`, in lower-case hexadecimal digits.
pub fn signature(key: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    tag.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// A text is no RSA key that can sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("this is no RSA private key in PEM (PKCS #8, at least 2048 bits)")]
pub struct NoRsaKey;

/// An RSA key that signs.
pub struct RsaKey(RsaKeyPair);

impl RsaKey {
    /// Reads a PKCS #8 key in PEM (RFC 7468, section 10).
    ///
    /// # Errors
    /// When it is none.
    pub fn from_pem(pem: &str) -> Result<Self, NoRsaKey> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| NoRsaKey)?;
        let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| NoRsaKey)?;
        Ok(Self(pair))
    }

    /// The signature that JSON web tokens call RS256 (RFC 7518, section 3.3): RSASSA-PKCS1-v1_5 with SHA-256.
    ///
    /// # Errors
    /// When the system gives no random bytes to blind it with.
    pub fn rs256(&self, message: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        let random = SystemRandom::new();
        self.0
            .sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
            .map_err(|_| NoRandomness)?;
        Ok(signature)
    }
}

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness;

/// Fills a buffer with random bytes.
///
/// # Errors
/// When the system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A new API key.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_secret() -> Result<Secret, NoRandomness> {
    let mut pool = Zeroizing::new([0u8; 64]);
    let mut next = pool.len();
    Secret::mint(|| {
        if next == pool.len() {
            *pool = random()?;
            next = 0;
        }
        next += 1;
        Ok(pool[next - 1])
    })
}

/// A new token of 32 hexadecimal characters times `N` / 16 bytes of randomness, for sessions and set-up links.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_token<const N: usize>() -> Result<Zeroizing<String>, NoRandomness> {
    let bytes = Zeroizing::new(random::<N>()?);
    let mut text = Zeroizing::new(String::with_capacity(N * 2));
    for byte in bytes.iter() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    Ok(text)
}

/// Tells one sealing from another without giving away what is sealed: the beginning of its nonce, which is random.
pub fn mark(sealed: &Sealed) -> String {
    let nonce = sealed.0.iter().skip(1).take(8);
    nonce.map(|b| format!("{b:02x}")).collect()
}

const VERSION: u8 = 1;
const NONCE_LEN: usize = 12;

/// The key under which provider credentials are sealed.
#[derive(Clone)]
pub struct MasterKey {
    key: LessSafeKey,
    fingerprint: String,
}

/// Why no master key could be had.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is not 32 bytes.
    #[error("{origin} is not a master key: write 64 hexadecimal characters (openssl rand -hex 32)")]
    Malformed {
        /// The variable or file.
        origin: String,
    },
    /// The file could not be read or made.
    #[error(
        "cannot use the master key file {path}: {refusal}; give this user permission to read and write it"
    )]
    File {
        /// Which file.
        path: String,
        /// Why. Part of the sentence, so not told again as the error's source.
        refusal: io::Error,
    },
    /// The system gave no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl MasterKey {
    /// Reads 64 hexadecimal characters, as `REAL200_MASTER_KEY` holds them.
    ///
    /// # Errors
    /// When the text has another form; `origin` says in the message where it came from.
    pub fn from_hex(text: &str, origin: &str) -> Result<Self, MasterKeyError> {
        let malformed = || MasterKeyError::Malformed {
            origin: origin.to_owned(),
        };
        let text = text.trim();
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(malformed());
        }
        let mut bytes = Zeroizing::new([0u8; 32]);
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[i * 2..i * 2 + 2], 16).map_err(|_| malformed())?;
        }
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_ref()).map_err(|_| malformed())?;
        let print = digest(
            &SHA256,
            &[b"real200 master key ".as_slice(), bytes.as_ref()].concat(),
        );
        let fingerprint = print
            .as_ref()
            .iter()
            .take(8)
            .map(|b| format!("{b:02x}"))
            .collect();
        Ok(Self {
            key: LessSafeKey::new(key),
            fingerprint,
        })
    }

    /// Reads the key file, or makes it (mode 0600) with a new key where there is none.
    ///
    /// # Errors
    /// When it can be neither read nor made, or holds no key.
    pub fn from_file(path: &Path) -> Result<Self, MasterKeyError> {
        let shown = path.display().to_string();
        let file_error = |refusal| MasterKeyError::File {
            path: shown.clone(),
            refusal,
        };
        match std::fs::read_to_string(path).map(Zeroizing::new) {
            Ok(text) => Self::from_hex(&text, &shown),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let text = new_token::<32>()?;
                write_private(path, &text).map_err(file_error)?;
                Self::from_hex(&text, &shown)
            }
            Err(e) => Err(file_error(e)),
        }
    }

    /// Tells one master key from another without giving it away.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Seals a secret for the record with this id.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn seal(&self, secret: &str, record: &[u8]) -> Result<Sealed, NoRandomness> {
        let nonce = random::<NONCE_LEN>()?;
        let mut body = secret.as_bytes().to_vec();
        let sealed = self.key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(record),
            &mut body,
        );
        sealed.map_err(|_| NoRandomness)?;
        Ok(Sealed([&[VERSION], nonce.as_slice(), &body].concat()))
    }

    /// Opens what was sealed for this record; `None` when it was sealed with another master key or for another record.
    pub fn open(&self, sealed: &Sealed, record: &[u8]) -> Option<Zeroizing<String>> {
        let (&version, rest) = sealed.0.split_first()?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
        if version != VERSION {
            return None;
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(record), &mut body)
            .ok()?;
        std::str::from_utf8(plain)
            .ok()
            .map(|text| Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.fingerprint)
    }
}

/// Writes a file that only this user can read, and waits until it is on disk.
///
/// # Errors
/// When it is there already, or cannot be written.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    if let Some(dir) = path.parent() {
        std::fs::File::open(dir)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> MasterKey {
        MasterKey::from_hex(&format!("{byte:02x}").repeat(32), "test").unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_record_only() {
        let sealed = key(1).seal("sk-upstream", b"channel-a").unwrap();
        assert_eq!(
            key(1).open(&sealed, b"channel-a").unwrap().as_str(),
            "sk-upstream"
        );
        assert!(key(1).open(&sealed, b"channel-b").is_none());
        assert!(key(2).open(&sealed, b"channel-a").is_none());
        assert!(key(1).open(&Sealed(vec![]), b"channel-a").is_none());
    }

    #[test]
    fn a_flipped_bit_does_not_open() {
        let sealed = key(1).seal("sk-upstream", b"a").unwrap();
        for i in 0..sealed.0.len() {
            let mut flipped = sealed.clone();
            flipped.0[i] ^= 1;
            assert!(key(1).open(&flipped, b"a").is_none(), "byte {i}");
        }
    }

    #[test]
    fn signatures_are_those_of_the_standard() {
        // RFC 4231, test case 2.
        assert_eq!(
            signature("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn an_rsa_key_signs_as_openssl_does() {
        use base64::Engine;
        let pem = include_str!("../tests/fixtures/google/private-key.pem");
        let key = RsaKey::from_pem(pem).unwrap();
        let signature = key.rs256(b"what do ya want for nothing?").unwrap();
        // printf 'what do ya want for nothing?' | openssl dgst -sha256 -sign private-key.pem | base64
        assert_eq!(
            base64::prelude::BASE64_STANDARD.encode(signature),
            "tfpttOchZq8V1lp1OluNvb05zuen2mf/pfNpKoUBICnd7nB5Hb2NtWSIg+shbaFkkpHHaKkQ0Y842PbScU0WjjNlIXHejYpJXpsRh4tgB+9XxeG2rblYS3EBGAjWR9qT9wsC5FbeXtfZXYtdiD7XLWYSeOvDg33TDwSht2DoC+yG5xiOFbme54YPjBhGqlVXvCd7ln3Gf2M1IkqnL7JdMWeIuSAIFY1kjISrwPuRgNqzBlmRvjuoUzXq5aNMRkLRHyX9zHth5+M8CseE24mpyjTj6BTdyw9fWZt++GhPxEJIYzEB0c5E0KF74CjPXV1cJypZbowuo1+3ig7HARuxEg=="
        );
        for none in [
            "",
            "x",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        ] {
            assert_eq!(RsaKey::from_pem(none).err(), Some(NoRsaKey), "{none}");
        }
    }

    #[test]
    fn two_sealings_of_one_secret_differ() {
        assert_ne!(
            key(1).seal("s", b"a").unwrap(),
            key(1).seal("s", b"a").unwrap()
        );
    }

    #[test]
    fn the_key_file_is_private_and_read_again() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let made = MasterKey::from_file(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            MasterKey::from_file(&path).unwrap().fingerprint(),
            made.fingerprint()
        );
        std::fs::write(&path, "short").unwrap();
        assert!(
            MasterKey::from_file(&path)
                .unwrap_err()
                .to_string()
                .contains("64 hexadecimal")
        );
    }

    #[test]
    fn new_keys_parse_and_differ() {
        let (a, b) = (new_secret().unwrap(), new_secret().unwrap());
        assert!(Secret::parse(a.expose()).is_ok());
        assert_ne!(sha256(a.expose()), sha256(b.expose()));
        assert!(equal(a.expose(), a.expose()) && !equal(a.expose(), b.expose()));
    }
}
