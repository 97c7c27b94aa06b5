//! What changes in a file, for people; secrets are not shown.

use std::path::Path;

/// Lines that are shown before and after what changes.
const AROUND: usize = 3;

/// The change of a file, as `diff -u` shows it, in one stretch.
pub(super) fn unified(path: &Path, before: Option<&str>, after: &str) -> Vec<String> {
    let old: Vec<&str> = before.unwrap_or_default().lines().collect();
    let new: Vec<&str> = after.lines().collect();
    let same = |(one, two): &(&&str, &&str)| one == two;
    let head = old.iter().zip(&new).take_while(same).count();
    let rest = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = rest.take_while(same).count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    if head == old_end && head == new_end {
        return Vec::new();
    }
    let from = head.saturating_sub(AROUND);
    let shown = path.display();
    let mut lines = vec![
        if before.is_some() { format!("--- {shown}") } else { "--- /dev/null".to_owned() },
        format!("+++ {shown}"),
        format!(
            "@@ -{},{} +{},{} @@",
            if old.is_empty() { 0 } else { from + 1 },
            (old_end + AROUND).min(old.len()) - from,
            from + 1,
            (new_end + AROUND).min(new.len()) - from
        ),
    ];
    let mut show =
        |sign: &str, part: &[&str]| lines.extend(part.iter().map(|line| format!("{sign}{}", masked(line))));
    show(" ", &new[from..head]);
    show("-", &old[head..old_end]);
    show("+", &new[head..new_end]);
    show(" ", &new[new_end..(new_end + AROUND).min(new.len())]);
    lines
}

/// A line without the passwords in it: those of `.netrc`, and those in URLs.
fn masked(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut hides = false;
    for word in line.split(' ') {
        if hides && !word.is_empty() {
            words.push("***".to_owned());
            hides = false;
            continue;
        }
        hides |= word.trim() == "password";
        words.push(without_user_info(word));
    }
    words.join(" ")
}

fn without_user_info(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(before: Option<&str>, after: &str) -> String {
        unified(Path::new("f"), before, after).join("\n")
    }

    #[test]
    fn what_changes_is_shown_with_what_is_around_it() {
        assert_eq!(lines(None, "a\nb\n"), "--- /dev/null\n+++ f\n@@ -0,0 +1,2 @@\n+a\n+b");
        assert_eq!(
            lines(Some("1\n2\n3\n4\n5\n6\n7\n8\n9"), "1\n2\n3\n4\nfive\n6\n7\n8\n9"),
            "--- f\n+++ f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8"
        );
        assert_eq!(lines(Some("a"), "a\n"), "");
    }

    #[test]
    fn passwords_are_not_shown() {
        let before = "machine a login b password secret1\n  password  secret2\nurl = https://me:secret3@d/x";
        let shown = lines(Some(before), "password secret4\n");
        assert!(!shown.contains("secret") && shown.contains("https://***@d/x"), "{shown}");
    }
}
