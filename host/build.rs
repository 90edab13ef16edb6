//! `ASYMGRAD_VERSION`: the version, and the commit that a release is built from, for the provenance of its results.

use std::process::Command;

fn main() {
    let version = env!("CARGO_PKG_VERSION");
    println!("cargo::rerun-if-changed=build.rs");
    // Every commit would build a debug program anew.
    let release = std::env::var("PROFILE").as_deref() == Ok("release");
    match commit_of_package() {
        Some(commit) => println!("cargo::rustc-env=ASYMGRAD_VERSION={version} ({commit})"),
        None => match git(&["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]) {
            Some(commit) if release => {
                println!("cargo::rustc-env=ASYMGRAD_VERSION={version} ({commit})");
                if let Some(head) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
                    println!("cargo::rerun-if-changed={head}");
                }
            }
            _ => println!("cargo::rustc-env=ASYMGRAD_VERSION={version}"),
        },
    }
}

/// The commit of a published package, which lies in no repository of its own: cargo has put this file beside its manifest.
fn commit_of_package() -> Option<String> {
    let text = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let commit = text.split("\"sha1\"").nth(1)?.split('"').nth(1)?;
    Some(commit.chars().take(12).collect())
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
