//! Logs: lines for a person at a terminal, JSON for a collector, always on stderr.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Lines of text.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether this is a level, or a filter such as `info,hyper=debug`. A bare word must be a level: the filter itself would
/// take a misspelled one for the name of a module, and log nothing else.
pub(crate) fn is_filter(text: &str) -> bool {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_known = |part: &str| {
        part.contains(['=', '[']) || LEVELS.iter().any(|level| level.eq_ignore_ascii_case(part.trim()))
    };
    text.split(',').all(is_known) && EnvFilter::try_new(text).is_ok()
}

/// Starts logging. `level` is a level, or a filter such as `info,depot_server=debug`.
pub(crate) fn start(level: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            builder.with_target(false).with_ansi(colours).try_init()
        }
    };
    // Another subscriber is there already when the command runs inside another program.
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started by someone else");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_level_is_no_filter() {
        for text in ["off", "INFO", "info,hyper=debug", "hyper=debug,warn", "depot_server[request]=trace"] {
            assert!(is_filter(text), "{text}");
        }
        for text in ["", "inof", "info,", "verbose", "hyper", "hyper=loud", "info debug"] {
            assert!(!is_filter(text), "{text}");
        }
    }
}
