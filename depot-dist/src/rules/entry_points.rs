//! `entry_points.txt`: installers make files of the names in it, and source code of the targets.

use std::collections::HashSet;

use super::{Verdict, list};
use crate::member;

/// The groups whose names become programs.
const SCRIPTS: [&str; 2] = ["console_scripts", "gui_scripts"];

pub(super) fn check(raw: &[u8], verdict: &mut Verdict) {
    let Ok(text) = str::from_utf8(raw) else {
        verdict.add(&list::ENTRY_POINTS, "entry_points.txt is not UTF-8");
        return;
    };
    let mut section = None;
    let mut seen = HashSet::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let refuse = |what: &str, verdict: &mut Verdict| {
            let line = member::display(trimmed.as_bytes());
            verdict.add(&list::ENTRY_POINTS, format!("entry_points.txt has {what}: `{line}`"));
        };
        if let Some(name) = trimmed.strip_prefix('[') {
            let name = name.split_once(']').map(|(name, _)| name);
            section = name;
            if name.is_none_or(|name| !seen.insert((name, ""))) {
                refuse("a section that cannot be read, or is there twice", verdict);
            }
            continue;
        }
        let Some(group) = section else {
            refuse("something before its first section", verdict);
            continue;
        };
        let is_script = SCRIPTS.contains(&group);
        let is_folded = line.starts_with([' ', '\t']);
        if is_folded && !is_script {
            continue;
        }
        let Some((name, target)) = trimmed.split_once('=') else {
            refuse("a line without `=`", verdict);
            continue;
        };
        let (name, target) = (name.trim(), target.trim());
        // A folded line goes on where the last one ended, and would be no entry of its own.
        if is_folded {
            refuse("a folded line", verdict);
        } else if !seen.insert((group, name)) {
            refuse("a name twice", verdict);
        } else if is_script && !is_program(name) {
            refuse("a program whose name has more than letters, digits, `_`, `.` and `-`", verdict);
        } else if is_script && !is_target(target) {
            refuse("a program that is not of the form `module:function`", verdict);
        }
    }
}

fn is_program(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    name.chars().all(fits) && !name.chars().all(|c| c == '.')
}

/// `module.path:object.path [extras]`
fn is_target(target: &str) -> bool {
    let path = |text: &str| {
        text.split('.').all(|part| {
            let part = part.trim();
            !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
    };
    let (named, extras) = target.split_once('[').unwrap_or((target, "]"));
    let Some((module, object)) = named.split_once(':') else { return false };
    path(module.trim()) && path(object.trim()) && extras.trim_end().ends_with(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> bool {
        let mut verdict = Verdict::default();
        check(text.as_bytes(), &mut verdict);
        verdict.is_refused()
    }

    #[test]
    fn what_builders_write_is_taken() {
        for text in [
            "",
            "[console_scripts]\ntea = tea.pot:pour\nhot.tea-2=tea.pot : Pot.pour [hot,sweet]\n",
            "# made by hand\n[console_scripts]\n\n[tea.plugins]\nany thing:at all = mod\n  ule:x\n = \n",
            "[gui_scripts]\ntee = tée:tee\n",
        ] {
            assert!(!refused(text), "{text}");
        }
    }

    #[test]
    fn programs_that_leave_their_folder_or_smuggle_code_are_refused() {
        for line in [
            "../tea = tea:pour",
            "/bin/tea = tea:pour",
            "tea\\pot = tea:pour",
            ".. = tea:pour",
            "tea pot = tea:pour",
            " = tea:pour",
            "tea = tea:pour; import os",
            "tea = tea:pour()",
            "tea = tea:",
            "tea =",
            "tea = tea",
            "tea",
            "tea = a:b\ntea = c:d",
            "tea = a:b\n  pot = c:d",
        ] {
            assert!(refused(&format!("[console_scripts]\n{line}\n")), "{line}");
        }
        assert!(refused("tea = a:b\n[console_scripts]\n") && refused("[console_scripts\n"));
        assert!(refused("[a]\n[a]\n"));
    }
}
