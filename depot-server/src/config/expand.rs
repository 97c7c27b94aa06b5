//! `${VAR}` and `${VAR:-default}` in the strings of the file.

use std::ffi::OsString;

/// Where variables are looked up: the environment of the process, or that of a test.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Why a string cannot be expanded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ExpandError {
    /// The variable is not set, and no default stands beside it.
    #[error("the variable `{0}` is not set: set it, or write `${{{0}:-default}}`")]
    Unset(String),
    /// Its value is no Unicode text.
    #[error("the variable `{0}` does not hold text")]
    NoText(String),
    /// A dollar that begins neither a variable nor another dollar.
    #[error("a `$` begins `${{VAR}}` or `${{VAR:-default}}`: write `$$` for a dollar")]
    Lone,
    /// A brace that is never closed.
    #[error("`${{` has no `}}`")]
    Open,
    /// Something that cannot be a variable's name.
    #[error("`{0}` is no name of a variable: write `${{VAR}}` or `${{VAR:-default}}`")]
    NoName(String),
    /// A variable inside a default.
    #[error("a default cannot hold another `$`")]
    Nested,
}

/// Puts values in the place of variables. A default also stands in for a variable that is set and empty, as in a shell.
/// What was put in is not expanded again.
pub(super) fn expand(text: &str, lookup: Lookup<'_>) -> Result<String, ExpandError> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            rest = after;
            continue;
        }
        let inside = after.strip_prefix('{').ok_or(ExpandError::Lone)?;
        let (inside, after) = inside.split_once('}').ok_or(ExpandError::Open)?;
        expanded.push_str(&variable(inside, lookup)?);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn variable(inside: &str, lookup: Lookup<'_>) -> Result<String, ExpandError> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if !is_name(name) {
        return Err(ExpandError::NoName(name.to_owned()));
    }
    if default.is_some_and(|default| default.contains('$')) {
        return Err(ExpandError::Nested);
    }
    let value = lookup(name).map(OsString::into_string).transpose();
    let value = value.map_err(|_| ExpandError::NoText(name.to_owned()))?;
    match (value, default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(ExpandError::Unset(name.to_owned())),
    }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lookup(name: &str) -> Option<OsString> {
        match name {
            "HOST" => Some("10.0.0.1".into()),
            "EMPTY" => Some(OsString::new()),
            "MONEY" => Some("${HOST}$$".into()),
            #[cfg(unix)]
            "BYTES" => Some(std::os::unix::ffi::OsStringExt::from_vec(vec![0xff])),
            _ => None,
        }
    }

    #[test]
    fn variables_give_way_to_their_values() {
        for (text, expanded) in [
            ("", ""),
            ("plain } text {", "plain } text {"),
            ("${HOST}", "10.0.0.1"),
            ("http://${HOST}:${PORT:-8080}/", "http://10.0.0.1:8080/"),
            ("${HOST:-x}", "10.0.0.1"),
            ("${EMPTY}", ""),
            ("${EMPTY:-x}", "x"),
            ("${UNSET:-}", ""),
            ("${UNSET:-a:-b}", "a:-b"),
            ("${UNSET:-{}", "{"),
            ("$$", "$"),
            ("$${HOST}", "${HOST}"),
            ("$$$$${HOST}$$", "$$10.0.0.1$"),
            // What a variable holds is taken as it is.
            ("${MONEY}", "${HOST}$$"),
        ] {
            assert_eq!(expand(text, &lookup).as_deref(), Ok(expanded), "{text}");
        }
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for (text, error) in [
            ("${UNSET}", ExpandError::Unset("UNSET".into())),
            ("a${HOST}${UNSET}", ExpandError::Unset("UNSET".into())),
            ("$", ExpandError::Lone),
            ("$HOST", ExpandError::Lone),
            ("$$$", ExpandError::Lone),
            ("${HOST", ExpandError::Open),
            ("${", ExpandError::Open),
            ("${}", ExpandError::NoName(String::new())),
            ("${:-x}", ExpandError::NoName(String::new())),
            ("${1X}", ExpandError::NoName("1X".into())),
            ("${HOST-x}", ExpandError::NoName("HOST-x".into())),
            ("${ HOST }", ExpandError::NoName(" HOST ".into())),
            ("${UNSET:-${HOST}}", ExpandError::Nested),
            #[cfg(unix)]
            ("${BYTES}", ExpandError::NoText("BYTES".into())),
        ] {
            assert_eq!(expand(text, &lookup), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_written(text in ".*") {
            prop_assert_eq!(expand(&text.replace('$', "$$"), &lookup), Ok(text));
        }

        #[test]
        fn any_value_arrives_as_it_is(before in "[^$]*", value in ".+", after in "[^$]*") {
            let lookup = |name: &str| (name == "VALUE").then(|| OsString::from(&value));
            for variable in ["${VALUE}", "${VALUE:-default}"] {
                let expanded = expand(&format!("{before}{variable}{after}"), &lookup);
                prop_assert_eq!(expanded, Ok(format!("{before}{value}{after}")));
            }
        }

        #[test]
        fn nothing_makes_it_panic(text in "[$ {}:A-Z-]*") {
            let _ = expand(&text, &lookup);
        }
    }
}
