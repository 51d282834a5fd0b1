//! `[[channel]]` and `[[model]]`: channels and models as code. Their fields are those of the API.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Config, ConfigError, DEFAULT_FILE, nearest};
use crate::console::as_code;
use crate::domain::Error;
use crate::state::{NewChannel, OwnPrice};

/// Tables as they stand in the file; secrets may be in them, so they are not shown.
#[derive(Clone, PartialEq, Default, Deserialize)]
#[serde(transparent)]
pub struct Entries(pub Vec<toml::Table>);

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} entries", self.0.len())
    }
}

/// What the file says of channels and models.
#[derive(Debug)]
pub struct Configured {
    /// The file, as it was named.
    pub file: String,
    /// Its channels, each of another name.
    pub channels: Vec<NewChannel>,
    /// Its models.
    pub models: Vec<(String, OwnPrice)>,
}

/// Fields of a channel that can be read from elsewhere: `credential_env` names a variable, `credential_file` a file.
const SECRETS: [&str; 2] = ["credential", "proxy"];

fn elsewhere(field: &str) -> [String; 2] {
    [format!("{field}_env"), format!("{field}_file")]
}

fn channel_keys() -> Vec<String> {
    let mut keys = as_code::channel_fields();
    keys.extend(SECRETS.into_iter().flat_map(elsewhere));
    keys
}

fn model_keys() -> Vec<String> {
    let mut keys = as_code::model_fields();
    keys.push("name".to_owned());
    keys
}

/// Refuses keys that no entry has.
pub(super) fn check_keys(config: &Config) -> Result<(), ConfigError> {
    for (section, entries, known) in [
        ("channel", &config.channel, channel_keys()),
        ("model", &config.model, model_keys()),
    ] {
        let mut keys = entries.0.iter().flat_map(toml::Table::keys);
        if let Some(wrong) = keys.find(|key| !known.contains(key)) {
            let wrong = format!("{section}.{wrong}");
            let known = known.iter().map(|key| format!("{section}.{key}"));
            return Err(ConfigError(format!(
                "unknown configuration key {wrong}{}",
                nearest(&wrong, known)
            )));
        }
    }
    Ok(())
}

impl Config {
    /// The channels and models of the file. Only here are the variables and files read that hold their secrets.
    ///
    /// # Errors
    /// One sentence that names file, entry and field and says what to change.
    pub fn configured(&self) -> Result<Configured, ConfigError> {
        let file = self.file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        let file = file.display().to_string();
        let place = |section: &str, name: &str| format!("[[{section}]] {name:?} in {file}");
        let mut channels = Vec::new();
        for (name, mut table) in named("channel", &self.channel, &file)? {
            let place = place("channel", &name);
            fill_in(&mut table).map_err(|words| ConfigError(format!("{place}: {words}")))?;
            let fields = json(table).map_err(|words| ConfigError(format!("{place}: {words}")))?;
            channels.push(as_code::channel(fields).map_err(|e| refused(&place, &e))?);
        }
        let mut models = Vec::new();
        for (name, mut table) in named("model", &self.model, &file)? {
            let place = place("model", &name);
            table.remove("name");
            let fields = json(table).map_err(|words| ConfigError(format!("{place}: {words}")))?;
            let own = as_code::model(fields).map_err(|e| refused(&place, &e))?;
            models.push((name, own));
        }
        Ok(Configured {
            file,
            channels,
            models,
        })
    }
}

fn refused(place: &str, error: &Error) -> ConfigError {
    let words = &error.message;
    match error.param.as_deref() {
        Some(field) if field != "." => ConfigError(format!("{place}: {field}: {words}")),
        Some(_) | None => ConfigError(format!("{place}: {words}")),
    }
}

/// Each entry by its name, which no other has: by its name it is found again at the next start.
fn named(
    section: &str,
    entries: &Entries,
    file: &str,
) -> Result<Vec<(String, toml::Table)>, ConfigError> {
    let mut seen = BTreeSet::new();
    let mut named = Vec::new();
    for table in &entries.0 {
        let name = table.get("name").and_then(toml::Value::as_str);
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        let Some(name) = name else {
            return Err(ConfigError(format!(
                "a [[{section}]] in {file} has no name; give each one"
            )));
        };
        if !seen.insert(name.to_owned()) {
            return Err(ConfigError(format!(
                "there are two [[{section}]] named {name:?} in {file}; give each its own name"
            )));
        }
        named.push((name.to_owned(), table.clone()));
    }
    Ok(named)
}

/// Puts secrets in that are kept elsewhere.
#[expect(
    clippy::disallowed_methods,
    reason = "the configuration names the variable"
)]
fn fill_in(table: &mut toml::Table) -> Result<(), String> {
    for field in SECRETS {
        let [variable, file] = elsewhere(field);
        let given = [field, variable.as_str(), file.as_str()];
        if given.iter().filter(|key| table.contains_key(**key)).count() > 1 {
            return Err(format!("give one of {}", given.join(", ")));
        }
        let text = |key: &str, value: &toml::Value| {
            let text = value.as_str().map(str::to_owned);
            text.ok_or_else(|| format!("{key} must be a text"))
        };
        let secret = if let Some(value) = table.remove(&variable) {
            let name = text(&variable, &value)?;
            let value = std::env::var(&name);
            value.map_err(|_| format!("{variable}: the variable {name} is not set"))?
        } else if let Some(value) = table.remove(&file) {
            let path = text(&file, &value)?;
            let read = std::fs::read_to_string(&path);
            read.map_err(|e| format!("{file}: cannot read {path}: {e}"))?
        } else {
            continue;
        };
        let secret = secret.trim().to_owned();
        table.insert(field.to_owned(), toml::Value::String(secret));
    }
    Ok(())
}

/// The entry as the API would get it. TOML has no null, so `overrides` may also be a JSON text.
fn json(table: toml::Table) -> Result<Map<String, Value>, String> {
    let fields = serde_json::to_value(table).map_err(|e| e.to_string())?;
    let Value::Object(mut fields) = fields else {
        return Err("this is no table".to_owned());
    };
    if let Some(Value::String(text)) = fields.get("overrides") {
        let read = serde_json::from_str(text);
        let read = read.map_err(|e| format!("overrides: this is no JSON: {e}"))?;
        fields.insert("overrides".to_owned(), read);
    }
    Ok(fields)
}
