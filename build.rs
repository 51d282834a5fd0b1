//! Fills `$OUT_DIR/console`, the folder that the binary embeds. Where it comes from, in order:
//! `REAL200_UI_DIST` or a packaged crate's prebuilt `ui/dist`; `npm ci` and Vite; without npm, or with `REAL200_UI=skip`, one page
//! that says so. Only the console's own sources wake npm; nothing is written into the source tree but `ui/node_modules`.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script is told by the environment"
)]

use std::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn Error>>;

const SOURCES: [&str; 7] = [
    "ui/src",
    "ui/public",
    "ui/build",
    "ui/index.html",
    "ui/package-lock.json",
    "ui/vite.config.ts",
    "ui/tsconfig.json",
];

fn main() -> Outcome<()> {
    println!("cargo:rerun-if-env-changed=REAL200_UI");
    println!("cargo:rerun-if-env-changed=REAL200_UI_DIST");
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?).join("console");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    if let Some(dist) = env::var_os("REAL200_UI_DIST").map(PathBuf::from) {
        println!("cargo:rerun-if-changed={}", dist.display());
        return copy(&dist, &out);
    }
    let (sources, prebuilt) = (Path::new("ui/src"), Path::new("ui/dist"));
    if !sources.exists() && prebuilt.join("index.html").exists() {
        return copy(prebuilt, &out);
    }
    if !sources.exists() {
        return placeholder(&out, "its sources were not there when it was built");
    }
    if env::var_os("REAL200_UI").as_deref() == Some(OsStr::new("skip")) {
        return placeholder(&out, "REAL200_UI=skip was set when it was built");
    }
    if !npm()
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return placeholder(
            &out,
            "there was no npm when it was built (install Node 20 or later and build again)",
        );
    }
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
    }
    build(&out)
}

fn npm() -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir("ui");
    npm
}

fn build(out: &Path) -> Outcome<()> {
    if !is_installed() {
        run(npm().args(["ci", "--no-audit", "--no-fund"]))?;
    }
    run(npm()
        .args(["run", "build", "--", "--emptyOutDir", "--outDir"])
        .arg(out))
}

/// Whether `ui/node_modules` was installed from the lock file as it is now.
fn is_installed() -> bool {
    let changed = |path: &str| fs::metadata(path).and_then(|metadata| metadata.modified());
    match (
        changed("ui/node_modules/.package-lock.json"),
        changed("ui/package-lock.json"),
    ) {
        (Ok(installed), Ok(locked)) => installed >= locked,
        _ => false,
    }
}

fn run(command: &mut Command) -> Outcome<()> {
    let output = command
        .output()
        .map_err(|e| format!("cannot run {command:?}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stdout, output.stderr].concat();
    Err(format!("{command:?} failed:\n{}", String::from_utf8_lossy(&words)).into())
}

fn copy(from: &Path, to: &Path) -> Outcome<()> {
    for entry in fs::read_dir(from)
        .map_err(|e| format!("cannot read the console at {}: {e}", from.display()))?
    {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn placeholder(out: &Path, why: &str) -> Outcome<()> {
    println!("cargo:warning=the console is left out of this build: {why}");
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Real200</title>\
         <h1>This build has no console</h1><p>The gateway works; its console was left out, because {why}.</p></html>"
    );
    Ok(fs::write(out.join("index.html"), page)?)
}
