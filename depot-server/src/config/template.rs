//! The file that `init` writes: every setting with its default, commented out, so that what is not touched follows the
//! defaults of later versions, and so that nothing is stated which nobody decided.

use std::fmt::Write as _;

use depot_proto::scope::ProjectPattern;

use super::{
    repositories::reservations,
    setting::{Fallback, Setting, sections},
};

/// Lines of prose are no longer than this.
const WIDTH: usize = 100;

/// The text of the file, in which these names are reserved.
pub(crate) fn template(reserved: &[ProjectPattern]) -> String {
    let mut text = String::new();
    prose(
        &mut text,
        "The configuration of depot-server. Every key is here with its default; remove the # before it to change it. \
         A flag wins over the environment, that over this file. `${VAR}` and `${VAR:-default}` in a string stand for a \
         variable, `$$` for a dollar. Relative paths are meant from the folder of this file.",
    );
    prose(&mut text, "`depot-server config` shows what is in force, and where it comes from.");
    for section in sections() {
        text.push('\n');
        prose(&mut text, &format!("{}.", section.what));
        let _ = writeln!(text, "[{}]", section.name);
        for setting in section.settings {
            text.push('\n');
            explain(&mut text, setting);
            if setting.key == "repositories.python.reserved" && !reserved.is_empty() {
                let _ = writeln!(text, "{} = {}", setting.name(), reservations(reserved));
            }
        }
    }
    text
}

fn explain(text: &mut String, setting: &Setting) {
    let mut words = format!("{}.", setting.what);
    if let Some(outside) = &setting.outside {
        let _ = write!(words, " Also {} and {}.", outside.flag, outside.variable);
    }
    let value = match setting.fallback {
        Fallback::Value(value) => value,
        Fallback::Words { words: fallback, example } => {
            let _ = write!(words, " Default: {fallback}; for example:");
            example
        }
    };
    prose(text, &words);
    let _ = writeln!(text, "#{} = {value}", setting.name());
}

/// Comments, broken between words.
fn prose(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}
