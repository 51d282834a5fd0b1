//! The master key in the data directory, and its change.
//!
//! `real200 rekey` cannot be left half done, wherever it is cut off:
//! 1. the new key is written beside the old one, to `master.key.new` (whole or not at all: under another name first);
//! 2. everything is sealed anew in one batch of the journal, which says with which key;
//! 3. `master.key.new` takes the place of `master.key`.
//!
//! Whoever opens the directory next looks at what the journal says. If that is the key in `master.key.new`, step 3 is done
//! then; if not, nothing has changed, and the file goes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::crypto::{self, MasterKey, write_private};
use crate::state::{self, Actor, Resealed};
use crate::storage::Store;

const VARIABLE: &str = "REAL200_MASTER_KEY";

fn current(dir: &Path) -> PathBuf {
    dir.join("master.key")
}

fn next(dir: &Path) -> PathBuf {
    dir.join("master.key.new")
}

/// Not yet whole.
fn unfinished(dir: &Path) -> PathBuf {
    dir.join("master.key.tmp")
}

/// The master key of a data directory that is open: from the environment, where it is set there, or from its file. A change
/// that was cut off is finished or undone first.
///
/// # Errors
/// One sentence that says what to change.
pub fn master_key(dir: &Path, variable: Option<&str>, store: &Store) -> anyhow::Result<MasterKey> {
    let given = variable
        .map(|text| MasterKey::from_hex(text, VARIABLE))
        .transpose()?;
    settle(dir, given.as_ref(), store)?;
    match given {
        Some(key) => Ok(key),
        None => Ok(MasterKey::from_file(&current(dir))?),
    }
}

/// Finishes or undoes a change of the key that was cut off.
fn settle(dir: &Path, given: Option<&MasterKey>, store: &Store) -> anyhow::Result<()> {
    remove(&unfinished(dir))?;
    let next = next(dir);
    if !exists(&next)? {
        return Ok(());
    }
    let new = MasterKey::from_file(&next)?;
    let sealed_with = state::sealed_with(store).map_err(|e| anyhow!(e.for_operator()))?;
    let is_used = sealed_with.as_deref() == Some(new.fingerprint());
    match given {
        _ if !is_used => {
            remove(&next)?;
            tracing::info!("a change of the master key was cut off before anything had changed");
        }
        None => {
            put_in_place(dir)?;
            tracing::info!("finished a change of the master key that was cut off");
        }
        // Whoever gives the key keeps it, too: this copy has done its duty.
        Some(given) if given.fingerprint() == new.fingerprint() => remove(&next)?,
        Some(_) => bail!(
            "{VARIABLE} is no longer the master key: set it to the key in {}",
            next.display()
        ),
    }
    Ok(())
}

/// What came of a change of the key.
#[derive(Debug)]
pub struct Rekeyed {
    /// What was sealed anew.
    pub resealed: Resealed,
    /// Tells the new key from others.
    pub fingerprint: String,
    /// The key came from the environment: it has to be set there to the one in this file.
    pub to_set: Option<PathBuf>,
}

/// Changes the master key of a stopped gateway's data directory to the one in a file, or to one that is made.
///
/// # Errors
/// One sentence that says what to change; nothing has changed then, or what has is finished when the directory is opened next.
pub fn rekey(
    dir: &Path,
    variable: Option<&str>,
    new_key_file: Option<&Path>,
    store: &Store,
    clock: &Clock,
) -> anyhow::Result<Rekeyed> {
    let old = master_key(dir, variable, store)?;
    let text = match new_key_file {
        Some(file) => read_key(file)?,
        None => crypto::new_token::<32>()?,
    };
    let origin = new_key_file.map_or_else(|| "the new key".to_owned(), |f| f.display().to_string());
    let new = MasterKey::from_hex(&text, &origin)?;
    if new.fingerprint() == old.fingerprint() {
        bail!("{origin} is the master key already; nothing was changed");
    }
    stage(dir, &text)?;
    let actor = Actor::command_line();
    let resealed =
        state::reseal(store, clock, (&old, &new), &actor).map_err(|e| anyhow!(e.for_operator()))?;
    let to_set = match variable {
        None => {
            put_in_place(dir)?;
            None
        }
        Some(_) => Some(next(dir)),
    };
    Ok(Rekeyed {
        resealed,
        fingerprint: new.fingerprint().to_owned(),
        to_set,
    })
}

fn read_key(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = fs::read_to_string(file).map(Zeroizing::new);
    let text = text.with_context(|| format!("cannot read the new key from {}", file.display()))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Step 1.
fn stage(dir: &Path, text: &str) -> anyhow::Result<()> {
    let (unfinished, next) = (unfinished(dir), next(dir));
    let staged = write_private(&unfinished, text).and_then(|()| rename(dir, &unfinished, &next));
    staged.with_context(|| format!("cannot write the new master key to {}", next.display()))
}

/// Step 3.
fn put_in_place(dir: &Path) -> anyhow::Result<()> {
    let (next, current) = (next(dir), current(dir));
    let words = || {
        format!(
            "cannot put {} in the place of {}",
            next.display(),
            current.display()
        )
    };
    rename(dir, &next, &current).with_context(words)
}

/// Renames, and waits until that is on disk.
fn rename(dir: &Path, from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    File::open(dir)?.sync_all()
}

fn exists(path: &Path) -> anyhow::Result<bool> {
    path.try_exists()
        .with_context(|| format!("cannot look for {}", path.display()))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e).with_context(|| format!("cannot remove {}", path.display())),
    }
}

#[cfg(test)]
mod tests;
