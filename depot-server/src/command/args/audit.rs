//! What can be typed about the journal.

use clap::{Args, Subcommand};
use depot_proto::{ProjectName, Timestamp};

use super::{DataDir, OutputFormat};

#[derive(Debug, Subcommand)]
pub(in super::super) enum AuditVerb {
    /// Show who changed what, the oldest first; or who fetched a file
    Show(AuditShow),
    /// Walk the whole journal, and say where its chain is broken: exit code 3 if it is
    Verify(AuditVerify),
}

#[derive(Debug, Args)]
pub(in super::super) struct AuditShow {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// Only what concerns this project
    #[arg(long, value_name = "NAME")]
    pub(in super::super) project: Option<ProjectName>,
    /// Only what this user did, or what was done to their account
    #[arg(long, value_name = "NAME")]
    pub(in super::super) user: Option<String>,
    /// Only what came since: a time as 2026-11-21T08:00:00Z, a day as 2026-11-21, or an age as 90d or 12h
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(in super::super) since: Option<Timestamp>,
    /// Instead of changes show who fetched this file; `log.downloads` has that recorded
    #[arg(long, value_name = "FILE")]
    pub(in super::super) downloads: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}

#[derive(Debug, Args)]
pub(in super::super) struct AuditVerify {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}

fn since(text: &str) -> Result<Timestamp, String> {
    let wrong =
        || "write a time as 2026-11-21T08:00:00Z, a day as 2026-11-21, or an age as 90d or 12h".to_owned();
    let seconds_of = |unit: char| match unit {
        'd' => Some(24 * 60 * 60),
        'h' => Some(60 * 60),
        _ => None,
    };
    if let Some(unit) = text.chars().last().and_then(seconds_of) {
        let number: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
        let ago = number.checked_mul(unit).filter(|_| number >= 0).ok_or_else(wrong)?;
        return Timestamp::from_seconds(crate::clock::now().seconds() - ago).ok_or_else(wrong);
    }
    let text = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    text.parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_a_day_and_an_age_are_read() {
        assert_eq!(since("2026-11-21").unwrap(), since("2026-11-21T00:00:00Z").unwrap());
        assert!(since("2d").unwrap() < since("12h").unwrap());
        for wrong in ["", "d", "-1d", "yesterday", "2026-13-01", "99999999999999999d"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
