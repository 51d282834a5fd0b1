//! API keys: the credential itself ([`Secret`]), what is kept of it ([`Digest`], [`Masked`]) and its record ([`ApiKey`]).

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::id::{AccountId, BudgetId, KeyId};
use super::permissions::Permissions;
use super::quota::{Quota, RateLimit};
use super::time::Timestamp;

/// The plain text of an API key: `sk-real200-` + 26 random characters + 6 characters of checksum, all of `[0-9A-Za-z]`.
///
/// The checksum is the CRC-32 (ISO-HDLC) of all that stands before it, in base 62, as GitHub's tokens carry it: a scanner,
/// and the gateway, can tell a mistyped or invented key without a look-up. It prints as its mask, cannot be serialized, and
/// is wiped from memory when dropped.
pub struct Secret(Zeroizing<String>);

const PREFIX: &str = "sk-real200-";
const RANDOM_LEN: usize = 26;
const CHECKSUM_LEN: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The text has not the form of an API key, or its checksum is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an API key of this gateway")]
pub struct MalformedSecret;

impl Secret {
    /// Makes a key of random bytes. Bytes of 248 and more are passed over, so that each character is equally likely.
    ///
    /// # Errors
    /// Whatever the source of randomness reports.
    pub fn mint<E>(mut random_byte: impl FnMut() -> Result<u8, E>) -> Result<Self, E> {
        let mut text = Zeroizing::new(String::with_capacity(
            PREFIX.len() + RANDOM_LEN + CHECKSUM_LEN,
        ));
        text.push_str(PREFIX);
        while text.len() < PREFIX.len() + RANDOM_LEN {
            let byte = random_byte()?;
            if byte < 248 {
                text.push(char::from(ALPHABET[usize::from(byte % 62)]));
            }
        }
        let checksum = checksum(&text);
        text.extend(checksum.iter().copied().map(char::from));
        Ok(Self(text))
    }

    /// Checks form and checksum of a presented key.
    ///
    /// # Errors
    /// When it cannot be a key of this gateway.
    pub fn parse(text: &str) -> Result<Self, MalformedSecret> {
        let random = text.strip_prefix(PREFIX).ok_or(MalformedSecret)?;
        if random.len() != RANDOM_LEN + CHECKSUM_LEN
            || !random.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            return Err(MalformedSecret);
        }
        let (signed, tail) = text.split_at(text.len() - CHECKSUM_LEN);
        if checksum(signed) != tail.as_bytes() {
            return Err(MalformedSecret);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The plain text: for the one answer that shows it, and for hashing.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What may be shown of it for ever.
    pub fn masked(&self) -> Masked {
        Masked(format!(
            "{}···{}",
            &self.0[..8],
            &self.0[self.0.len() - 4..]
        ))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.masked())
    }
}

/// A text of the client's as it may be written down: an API key that was put in the wrong place is taken out.
pub fn without_keys(text: &str) -> String {
    let mut rest = text;
    let mut clean = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once(PREFIX) {
        clean.push_str(before);
        clean.push_str("(an API key)");
        rest = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    }
    clean.push_str(rest);
    clean
}

fn checksum(signed: &str) -> [u8; CHECKSUM_LEN] {
    let mut rest = crc32fast::hash(signed.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

/// SHA-256 of a secret: what is stored in its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// The first 8 and last 4 characters of a key, joined by `···`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Masked(String);

impl Masked {
    /// As shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The record of an API key.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// The account that owns it.
    pub account_id: AccountId,
    /// The counter that its consumption is booked on.
    pub budget_id: BudgetId,
    /// What its owner calls it; may be empty.
    pub name: String,
    /// Stands for the key itself; `None` once deleted, so that nothing is left to match.
    pub digest: Option<Digest>,
    /// What is shown of it.
    pub masked: Masked,
    /// The owner's switch.
    pub status: KeyStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it no longer works; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// When it is to be switched off, as after a rotation; `None`: it is not planned.
    pub disable_at: Option<Timestamp>,
    /// When it was deleted; the record stays, so that the call log keeps its name.
    pub deleted_at: Option<Timestamp>,
    /// The key that it replaced.
    pub rotated_from: Option<KeyId>,
    /// The key that replaced it.
    pub rotated_to: Option<KeyId>,
    /// What it may consume.
    pub quota: Quota,
    /// How fast.
    pub rate_limit: RateLimit,
    /// Of what.
    pub permissions: Permissions,
}

impl ApiKey {
    /// Whether its time is over at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether it is switched on at `now`: the owner's switch, or the time at which it was to be switched off.
    pub fn status_at(&self, now: Timestamp) -> KeyStatus {
        match self.disable_at {
            Some(at) if at <= now => KeyStatus::Disabled,
            _ => self.status,
        }
    }

    /// When it stops working by itself: it expires or is switched off, whichever comes first.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.expires_at.into_iter().chain(self.disable_at).min()
    }
}

/// The owner's switch on a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum KeyStatus {
    /// It works, unless expired.
    Active,
    /// It does not, until enabled.
    Disabled,
}

impl KeyStatus {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn minted(bytes: &[u8]) -> Secret {
        let mut bytes = bytes.iter().copied().cycle();
        Secret::mint(|| Ok::<_, Infallible>(bytes.next().unwrap())).unwrap()
    }

    #[test]
    fn the_masked_value_is_the_first_8_and_last_4_characters() {
        let secret = minted(&[10, 35, 61]);
        let text = secret.expose().to_owned();
        assert_eq!(
            secret.masked().as_str(),
            format!("sk-real2···{}", &text[text.len() - 4..])
        );
        assert_eq!(
            format!("{secret:?}"),
            format!("Secret({})", secret.masked())
        );
    }

    #[test]
    fn a_key_in_the_wrong_place_is_not_written_down() {
        let secret = minted(&[10, 35, 61]);
        let text = format!("model {0}, agent {0}/1.0", secret.expose());
        assert_eq!(
            without_keys(&text),
            "model (an API key), agent (an API key)/1.0"
        );
        assert_eq!(without_keys("gpt-4o"), "gpt-4o");
    }

    #[test]
    fn bytes_that_would_favour_some_characters_are_passed_over() {
        let secret = minted(&[255, 248, 0]);
        assert!(
            secret
                .expose()
                .starts_with("sk-real200-00000000000000000000000000")
        );
    }

    proptest! {
        #[test]
        fn what_is_minted_parses(bytes in prop::collection::vec(0u8..248, 26)) {
            let secret = minted(&bytes);
            prop_assert_eq!(secret.expose().len(), 43);
            prop_assert!(Secret::parse(secret.expose()).is_ok());
        }

        #[test]
        fn one_wrong_character_is_noticed(bytes in prop::collection::vec(0u8..248, 26), place in 11usize..43, other in 0usize..62) {
            let secret = minted(&bytes);
            let mut text = secret.expose().as_bytes().to_vec();
            prop_assume!(text[place] != ALPHABET[other]);
            text[place] = ALPHABET[other];
            prop_assert!(Secret::parse(std::str::from_utf8(&text).unwrap()).is_err());
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            prop_assert!(Secret::parse(&text).is_err());
        }
    }
}
