//! What is printed when the gateway is ready: readable at a glance.

use std::io::{self, Write};
use std::net::SocketAddr;

use anyhow::anyhow;

use crate::domain::ChannelStatus;
use crate::state::State;

const MODELS_SHOWN: usize = 6;

/// Prints version, console, set-up link, channels and models to standard output.
///
/// # Errors
/// When no set-up link can be made.
pub fn print(state: &State, listen: SocketAddr) -> anyhow::Result<()> {
    let base = base_url(listen);
    let mut text = format!("\nReal200 {}\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<10} {value}\n"));
    line("Console", &format!("{base}/console"));
    if let Some(token) = state
        .sessions
        .new_setup_token()
        .map_err(|e| anyhow!(e.for_operator()))?
    {
        line(
            "Set up",
            &format!("{base}/console/setup?token={}", token.as_str()),
        );
        line("", "open this link once to make the first admin");
    }
    line("API", &format!("{base}/v1"));
    line("Data", &state.settings.data_dir.display().to_string());
    let channels = state
        .channels
        .list()
        .map_err(|e| anyhow!(e.for_operator()))?;
    let describe = |view: &crate::state::ChannelView| {
        let off = if view.channel.status == ChannelStatus::Disabled {
            ", disabled"
        } else {
            ""
        };
        format!(
            "{} ({}{off})",
            view.channel.name,
            view.channel.kind.as_str()
        )
    };
    line(
        "Channels",
        &list(channels.iter().map(describe).collect(), usize::MAX),
    );
    line(
        "Models",
        &list(
            state
                .channels
                .served_models()
                .into_iter()
                .map(|model| model.name)
                .collect(),
            MODELS_SHOWN,
        ),
    );
    let mut unreadable = state.channels.unreadable();
    let webhooks = state.webhooks.unreadable().into_iter();
    unreadable.extend(webhooks.map(|name| format!("{name} (webhook)")));
    if !unreadable.is_empty() {
        line("", "");
        line(
            "ATTENTION",
            &format!(
                "the master key is not the one that sealed the secrets of: {}",
                unreadable.join(", ")
            ),
        );
        line(
            "",
            "start with the former REAL200_MASTER_KEY or master.key, or enter these secrets again in the console",
        );
    }
    text.push('\n');
    // A closed standard output must not keep the gateway from serving.
    let _ = io::stdout()
        .write_all(text.as_bytes())
        .and_then(|()| io::stdout().flush());
    Ok(())
}

/// An address that a browser on this machine can open.
fn base_url(listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        format!("http://localhost:{}", listen.port())
    } else {
        format!("http://{listen}")
    }
}

fn list(names: Vec<String>, most: usize) -> String {
    match names.len() {
        0 => "none yet: add one in the console".to_owned(),
        count if count > most => format!("{}, and {} more", names[..most].join(", "), count - most),
        _ => names.join(", "),
    }
}
