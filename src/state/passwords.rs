//! Passwords: argon2id (RFC 9106, with OWASP's parameters m = 46 MiB, t = 1, p = 1), a few at a time.
//!
//! Each hash takes 46 MiB, so their number at once is bounded: a flood of log-ins waits in line instead of exhausting memory.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::domain::{Code, Error, Result};

const MEMORY_KIB: u32 = 46 * 1024;
const AT_ONCE: usize = 2;
const MIN_LEN: usize = 8;
const MAX_LEN: usize = 1024;

/// Hashes and checks passwords.
#[derive(Clone)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    /// Checked against where there is no account, so that a wrong name takes as long as a wrong password.
    decoy: Arc<str>,
}

/// Whether a password may be set.
///
/// # Errors
/// `invalid_field` when it is too short or too long.
pub fn check_password(password: &str) -> Result<()> {
    if (MIN_LEN..=MAX_LEN).contains(&password.len()) {
        return Ok(());
    }
    Err(Error::new(
        Code::InvalidField,
        format!("A password has {MIN_LEN} to {MAX_LEN} characters."),
    )
    .param("password"))
}

/// Hashes a password on this thread, for the command line.
///
/// # Errors
/// When the system gives no random salt.
pub fn hash_password(password: &str) -> Result<String> {
    hasher()?
        .hash_password(password.as_bytes())
        .map(|hash: PasswordHash| hash.to_string())
        .map_err(|e| Error::internal(e.to_string()))
}

fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, 1, 1, None).map_err(|e| Error::internal(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

impl Passwords {
    pub(super) fn new() -> Result<Self> {
        let decoy = crate::crypto::new_token::<16>().map_err(Error::internal)?;
        Ok(Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            decoy: hash_password(&decoy)?.into(),
        })
    }

    /// Hashes a password off the calling thread.
    pub(super) async fn hash(&self, password: Zeroizing<String>) -> Result<String> {
        check_password(&password)?;
        self.in_turn(move || hash_password(&password)).await?
    }

    /// Whether the password belongs to the hash; without a hash it takes as long and is always wrong.
    pub(super) async fn matches(
        &self,
        password: Zeroizing<String>,
        hash: Option<String>,
    ) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.to_string());
        if password.len() > MAX_LEN {
            return Ok(false);
        }
        let matches = self.in_turn(move || {
            let hash = PasswordHash::new(&hash).map_err(|e| Error::internal(e.to_string()))?;
            Ok::<_, Error>(
                hasher()?
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok(),
            )
        });
        Ok(matches.await?? && known)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(Error::internal)?;
        let work = move || {
            let done = work();
            drop(turn);
            done
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new().unwrap();
        let own = |text: &str| Zeroizing::new(text.to_owned());
        let hash = passwords.hash(own("correct horse")).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"),
            "{hash}"
        );
        assert!(
            passwords
                .matches(own("correct horse"), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .matches(own("wrong horse"), Some(hash))
                .await
                .unwrap()
        );
        assert!(!passwords.matches(own("correct horse"), None).await.unwrap());
    }

    #[test]
    fn a_short_password_is_refused_with_words() {
        assert_eq!(
            check_password("short").unwrap_err().code,
            Code::InvalidField
        );
    }
}
