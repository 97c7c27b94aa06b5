//! The entry of a host in a `.netrc`.

use std::ops::Range;

use depot_proto::{claims::TOKEN_USER, redact::Secret};

/// The text with this token for the host, and every other entry as it is.
pub(super) fn with(text: &str, host: &str, token: &Secret) -> String {
    let entry = format!("machine {host}\nlogin {TOKEN_USER}\npassword {}\n", token.expose());
    let words = words(text);
    let begins = |at: usize| matches!(&text[words[at].clone()], "machine" | "default" | "macdef");
    let starts: Vec<usize> =
        (0..words.len()).filter(|at| is_keyword(text, &words, *at) && begins(*at)).collect();
    let own = starts.iter().position(|at| {
        let named = words.get(at + 1).map(|word| text[word.clone()].eq_ignore_ascii_case(host));
        &text[words[*at].clone()] == "machine" && named == Some(true)
    });
    if let Some(own) = own {
        let from = words[starts[own]].start;
        let to = starts.get(own + 1).map_or(text.len(), |next| words[*next].start);
        return format!("{}{entry}{}", &text[..from], &text[to..]);
    }
    // Whatever stands behind an entry for every host is never read.
    let default = starts.iter().find(|at| &text[words[**at].clone()] == "default");
    let at = default.map_or(text.len(), |at| words[*at].start);
    let gap = if at == 0 || text[..at].ends_with('\n') { "" } else { "\n" };
    format!("{}{gap}{entry}{}", &text[..at], &text[at..])
}

/// Whether a word stands where a keyword may: not behind one that takes a value.
fn is_keyword(text: &str, words: &[Range<usize>], at: usize) -> bool {
    let mut next = 0;
    while next < at {
        let takes =
            matches!(&text[words[next].clone()], "machine" | "login" | "password" | "account" | "macdef");
        next += if takes { 2 } else { 1 };
    }
    next == at
}

/// The words of the text that are neither in comments nor in the bodies of macros.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let (mut in_macro, mut start) = (false, 0);
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        if in_macro {
            in_macro = !line.trim().is_empty();
            continue;
        }
        if line.trim_start().starts_with('#') {
            continue;
        }
        let base = line.as_ptr() as usize;
        for word in line.split_whitespace() {
            let from = at + (word.as_ptr() as usize - base);
            in_macro |= word == "macdef";
            words.push(from..from + word.len());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> String {
        with(text, "depot.example", &Secret::from("new".to_owned()))
    }

    #[test]
    fn the_entry_of_a_host_is_set_and_the_others_stay() {
        let new = "machine depot.example\nlogin __token__\npassword new\n";
        let other = "machine other.example login me password machine\n";
        for (before, after) in [
            (String::new(), new.to_owned()),
            (other.to_owned(), format!("{other}{new}")),
            (other.trim_end().to_owned(), format!("{other}{new}")),
            (format!("machine depot.example login a password b\n{other}"), format!("{new}{other}")),
            (format!("{other}machine Depot.example\n  login a\n  password b\n"), format!("{other}{new}")),
            (
                format!("{other}default login x password y\n"),
                format!("{other}{new}default login x password y\n"),
            ),
            (format!("# machine depot.example\n{other}"), format!("# machine depot.example\n{other}{new}")),
            (
                "macdef init\nmachine depot.example\n\nmachine a login b password c\n".to_owned(),
                format!("macdef init\nmachine depot.example\n\nmachine a login b password c\n{new}"),
            ),
        ] {
            assert_eq!(set(&before), after, "{before}");
            assert_eq!(set(&after), after, "a second time: {before}");
        }
    }
}
