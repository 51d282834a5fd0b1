//! Holds the code to the floors of `src/lib.rs`: no import runs upwards, none in a circle, and what only one place may know
//! is known there only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Top-level modules by floor.
const FLOORS: [(&str, u8); 21] = [
    ("domain", 0),
    ("client", 1),
    ("clock", 1),
    ("crypto", 1),
    ("log_lines", 1),
    ("outbound", 1),
    ("resource", 1),
    ("storage", 1),
    ("state", 2),
    ("gateway", 3),
    ("console", 3),
    ("config", 4),
    ("first_start", 4),
    ("banner", 4),
    ("connections", 4),
    ("progress", 4),
    ("rekey", 4),
    ("upgrade", 4),
    ("server", 4),
    ("cli", 4),
    ("main", 4),
];

/// A crate, the paths it may be named under, and why.
const KEPT_TO: [(&str, &str, &str); 7] = [
    ("sled", "storage/", "the database could be replaced"),
    (
        "bincode",
        "storage/codec.rs",
        "the encoding could be replaced",
    ),
    ("ring", "crypto.rs", "cryptography is in one place"),
    (
        "hyper",
        "client/",
        "which connection may be used again is decided in one place",
    ),
    (
        "tokio_rustls",
        "client/",
        "whom a connection is made to is decided in one place",
    ),
    ("flate2", "client/", "codings are undone in one place"),
    (
        "rust_embed",
        "console/assets.rs",
        "the console's files are served in one place",
    ),
];

fn sources() -> BTreeMap<String, String> {
    fn walk(dir: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    walk(&root, &root, &mut found);
    found
}

/// Code without its comments and without its unit tests.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    text[..end]
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Top-level modules that `crate::…` paths name, braces (`use crate::{a, b}`) included.
fn named(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let list = match rest.strip_prefix('{') {
            Some(inside) => inside.split('}').next().unwrap_or(""),
            None => rest
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or(""),
        };
        for item in list.split(',') {
            let name: String = item
                .trim()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            names.insert(name);
        }
    }
    names
}

fn module(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

fn floor(module: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, floor)| *floor)
}

#[test]
fn no_import_runs_upwards() {
    for (file, text) in sources().iter().filter(|(file, _)| *file != "lib.rs") {
        let own = floor(module(file)).unwrap_or_else(|| {
            panic!("{file} stands on no floor: add it to FLOORS and to src/lib.rs")
        });
        for name in named(&code(text)) {
            if let Some(other) = floor(&name) {
                assert!(
                    other <= own,
                    "{file} (floor {own}) imports crate::{name} (floor {other})"
                );
            }
        }
    }
}

#[test]
fn gateway_and_console_do_not_know_each_other() {
    for (file, text) in &sources() {
        let names = named(&code(text));
        assert!(
            !(module(file) == "gateway" && names.contains("console")),
            "{file}"
        );
        assert!(
            !(module(file) == "console" && names.contains("gateway")),
            "{file}"
        );
    }
}

#[test]
fn top_level_modules_form_no_circle() {
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in sources().iter().filter(|(file, _)| *file != "lib.rs") {
        let own = module(file).to_owned();
        let names = named(&code(text))
            .into_iter()
            .filter(|name| floor(name).is_some() && *name != own);
        arrows.entry(own.clone()).or_default().extend(names);
    }
    while !arrows.is_empty() {
        let leaf = arrows
            .iter()
            .find(|(_, to)| to.iter().all(|name| !arrows.contains_key(name)))
            .map(|(name, _)| name.clone());
        let Some(leaf) = leaf else {
            panic!("a circle: {arrows:#?}")
        };
        arrows.remove(&leaf);
    }
}

#[test]
fn a_crate_that_one_place_may_know_is_named_there_only() {
    for (file, text) in &sources() {
        let code = code(text);
        for (name, home, why) in KEPT_TO {
            let used = code.match_indices(&format!("{name}::")).any(|(at, _)| {
                !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            });
            assert!(
                !used || home.split(' ').any(|home| file.starts_with(home)),
                "{file} names {name}: {why}"
            );
        }
    }
}

#[test]
fn the_ground_has_no_io_no_async_and_no_clock() {
    for (file, text) in sources()
        .iter()
        .filter(|(file, _)| module(file) == "domain")
    {
        let code = code(text);
        for banned in [
            "actix_web",
            "tokio",
            "std::fs",
            "std::thread",
            "Instant",
            "SystemTime",
            "async fn",
        ] {
            assert!(!code.contains(banned), "{file} has {banned}");
        }
    }
}

#[test]
fn every_file_says_what_lives_in_it() {
    for (file, text) in &sources() {
        assert!(text.starts_with("//!"), "{file} does not start with //!");
    }
}
