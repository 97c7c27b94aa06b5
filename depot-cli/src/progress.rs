//! How far a run is: a bar on a terminal, a line for each file elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Printer;

/// Told of everything that happens to the files of a run.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    printer: Printer,
    bar: ProgressBar,
}

impl Progress {
    /// Starts on this many files.
    pub(crate) fn start(printer: &Printer, files: usize) -> Self {
        let bar = if printer.draws_bars() {
            let bar = ProgressBar::with_draw_target(Some(files as u64), ProgressDrawTarget::stderr());
            let template = "{bar:30} {pos}/{len} files  {wide_msg}";
            bar.set_style(
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        } else {
            ProgressBar::hidden()
        };
        Self { printer: printer.clone(), bar }
    }

    /// A file was begun.
    pub(crate) fn begin(&self, filename: &str) {
        self.bar.set_message(filename.to_owned());
    }

    /// A file is done, and there is nothing to say about it.
    pub(crate) fn advance(&self) {
        self.bar.inc(1);
    }

    /// A file is done, with the line that says so.
    pub(crate) fn done(&self, line: &str) {
        self.bar.inc(1);
        if !self.printer.draws_bars() {
            self.printer.say(line);
        }
    }

    /// A file is done, and there is nothing to say about it.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }

    /// Something a person should know at once.
    pub(crate) fn warn(&self, line: &str) {
        self.bar.suspend(|| self.printer.say(&format!("warning: {line}")));
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
