//! The one place that prints: data to stdout, talk to stderr.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use serde_json::Value;

use crate::args::{Format, OutputArgs};

/// Prints, as loudly as was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    format: Format,
    quiet: bool,
    verbose: bool,
    bars: bool,
}

impl Printer {
    pub(crate) fn new(args: &OutputArgs) -> Self {
        let bars = !args.quiet && !args.no_progress && std::io::stderr().is_terminal();
        Self { format: args.format, quiet: args.quiet, verbose: args.verbose, bars }
    }

    /// Whether a progress bar may be drawn on stderr.
    pub(crate) fn draws_bars(&self) -> bool {
        self.bars
    }

    /// A line of the result, for people.
    pub(crate) fn data(&self, line: &str) {
        if self.format == Format::Text {
            // A reader that went away is no failure of ours.
            let _ = writeln!(std::io::stdout(), "{}", printable(line));
        }
    }

    /// Whether the result is for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// The whole result, for programs.
    pub(crate) fn json(&self, result: &Value) {
        if self.format == Format::Json {
            let _ = writeln!(std::io::stdout(), "{result:#}");
        }
    }

    /// A result that is another program's text, as it is.
    #[expect(clippy::unused_self, reason = "like its siblings: printing goes through here")]
    pub(crate) fn raw(&self, text: &[u8]) {
        let _ = std::io::stdout().write_all(text);
    }

    /// Why it ends before its time, quiet or not; a bar that is drawn stays above it.
    pub(crate) fn interrupted(&self, line: &str) {
        if self.bars {
            Self::talk("");
        }
        Self::talk(line);
    }

    /// What is going on.
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet {
            Self::talk(line);
        }
    }

    /// What is going on in detail.
    pub(crate) fn detail(&self, line: &str) {
        if self.verbose {
            Self::talk(line);
        }
    }

    /// What went wrong, quiet or not.
    #[expect(clippy::unused_self, reason = "like its siblings; that errors are never silenced is its affair")]
    pub(crate) fn error(&self, line: &str) {
        Self::talk(&format!("error: {line}"));
    }

    fn talk(line: &str) {
        let _ = writeln!(std::io::stderr(), "{}", printable(line));
    }
}

/// The result for programs where it is a long list: written as it is found, so that memory does not grow with it.
pub(crate) struct JsonList<'a> {
    printer: &'a Printer,
    is_empty: bool,
}

impl<'a> JsonList<'a> {
    /// Begins the document with these keys and the list of this name.
    pub(crate) fn begin(printer: &'a Printer, head: &Value, name: &str) -> Self {
        let list = Self { printer, is_empty: true };
        list.print("{");
        for key in keys(head) {
            list.print(&format!("\n  {key},"));
        }
        list.print(&format!("\n  {}: [", Value::from(name)));
        list
    }

    /// The next row of the list.
    pub(crate) fn row(&mut self, row: &Value) {
        self.print(&format!("{}\n    {row}", if self.is_empty { "" } else { "," }));
        self.is_empty = false;
    }

    /// Ends the list, and the document with these keys.
    pub(crate) fn end(self, tail: &Value) {
        self.print("\n  ]");
        for key in keys(tail) {
            self.print(&format!(",\n  {key}"));
        }
        self.print("\n}\n");
    }

    fn print(&self, text: &str) {
        if self.printer.is_json() {
            self.printer.raw(text.as_bytes());
        }
    }
}

/// The keys of an object with their values.
fn keys(object: &Value) -> impl Iterator<Item = String> {
    let keys = object.as_object().into_iter().flatten();
    keys.map(|(key, value)| format!("{}: {value}", Value::from(key.as_str())))
}

/// Words of servers and files must not command a terminal, nor pass for lines of ours.
fn printable(line: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    line.chars().map(escape).collect()
}

/// How causes begin that name a layer of the HTTP client, and nothing but what is told by their own cause.
const LAYERS: [&str; 3] = ["error sending request", "client error (", "tcp connect error"];

/// An error with its causes, each said once: some errors name theirs themselves.
pub(crate) fn explain(error: &anyhow::Error) -> String {
    let mut words = String::new();
    let mut causes = error.chain().map(ToString::to_string).peekable();
    while let Some(cause) = causes.next() {
        let is_layer = causes.peek().is_some() && LAYERS.iter().any(|layer| cause.starts_with(layer));
        if words.is_empty() {
            words = cause;
        } else if !is_layer && !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
    }
    words
}

/// A number of bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// How long something took, in seconds, to the hundredth.
pub(crate) fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 100.0).round() / 100.0
}

/// A count with its noun: `1 file`, `2 files`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once_and_layers_of_the_client_are_not() {
        let refused = anyhow::anyhow!("Connection refused (os error 111)");
        let error = refused
            .context("tcp connect error")
            .context("client error (Connect)")
            .context("error sending request")
            .context("`https://index.example/` could not be reached (2 attempts)");
        let told =
            "`https://index.example/` could not be reached (2 attempts): Connection refused (os error 111)";
        assert_eq!(explain(&error), told);
        let error = anyhow::anyhow!("client error (Connect)").context("no way: client error (Connect)");
        assert_eq!(explain(&error), "no way: client error (Connect)");
    }

    #[test]
    fn byte_counts_are_short() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (11_050, "11 kB"),
            (999_600, "1.0 MB"),
            (2_147_483_648, "2.1 GB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
    }

    #[test]
    fn a_cause_is_said_once() {
        let inner = std::io::Error::other("disk on fire");
        let error = anyhow::Error::from(inner).context("cannot write: disk on fire").context("saving failed");
        assert_eq!(explain(&error), "saving failed: cannot write: disk on fire");
    }
}
