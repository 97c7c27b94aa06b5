//! How the command ends.

use std::process::ExitCode;

/// The exit code of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// 0: everything asked for was done.
    Done,
    /// 1: it failed; the message says why.
    Failed,
    /// 2: the command was used wrongly.
    Usage,
    /// 3: it finished, and some items failed; they are named at the end.
    Partial,
    /// 130: it was interrupted, by Ctrl-C (SIGINT).
    Interrupted,
    /// 143: it was asked to end (SIGTERM).
    Terminated,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::Failed => 1,
            ExitStatus::Usage => 2,
            ExitStatus::Partial => 3,
            // What a shell reports of a process that a signal ended.
            ExitStatus::Interrupted => 130,
            ExitStatus::Terminated => 143,
        })
    }
}

/// The command was used in a way that clap cannot see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

impl ExitStatus {
    /// The code for an error that ended the command.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        if error.is::<UsageError>() { Self::Usage } else { Self::Failed }
    }
}
