//! What old sdists say in setuptools' own words of what building them needs: `setup_requires`, in `setup.cfg` and in
//! `setup.py`, of which no code is run.

const KEY: &str = "setup_requires";

/// What `[options] setup_requires` of a `setup.cfg` lists: one a line, or on a single line with semicolons between them.
pub(super) fn of_setup_cfg(text: &str) -> Vec<String> {
    let mut section = "";
    let mut value: Option<Vec<&str>> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if let Some(lines) = &mut value {
                lines.push(trimmed);
            }
            continue;
        }
        if value.is_some() {
            break;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name;
        } else if section == "options"
            && let Some((key, first)) = trimmed.split_once(['=', ':'])
            && key.trim().to_ascii_lowercase().replace('-', "_") == KEY
        {
            value = Some(vec![first.trim()]);
        }
    }
    let lines = value.unwrap_or_default();
    let listed: Vec<&str> = match lines.as_slice() {
        [alone] => alone.split(';').collect(),
        lines => lines.to_vec(),
    };
    listed.into_iter().map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// What a `setup.py` lists as `setup_requires` in so many words; and whether it says something of it that only running it
/// tells.
pub(super) fn of_setup_py(text: &str) -> (Vec<String>, bool) {
    let (mut listed, mut is_dynamic) = (Vec::new(), false);
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with('#')).fold(
        String::with_capacity(text.len()),
        |mut code, line| {
            code.push_str(line);
            code.push('\n');
            code
        },
    );
    let mut rest = code.as_str();
    while let Some(at) = rest.find(KEY) {
        rest = &rest[at + KEY.len()..];
        match literal(rest) {
            Some(more) => listed.extend(more),
            None => is_dynamic = true,
        }
    }
    (listed, is_dynamic)
}

/// The texts of `= ["a", 'b']`, with nothing after it that would change them.
fn literal(text: &str) -> Option<Vec<String>> {
    let text = text.trim_start().strip_prefix('=')?.trim_start();
    let close = match text.chars().next()? {
        '[' => ']',
        '(' => ')',
        _ => return None,
    };
    let (mut rest, mut texts) = (&text[1..], Vec::new());
    loop {
        rest = after_comments(rest);
        if let Some(after) = rest.strip_prefix(close) {
            let after = after.trim_start_matches([' ', '\t']);
            let is_end = after.is_empty() || after.starts_with([',', ')', '\n', '\r', '#', ';']);
            return is_end.then_some(texts);
        }
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let end = rest[1..].find([quote, '\\', '\n'])? + 1;
        if !rest[end..].starts_with(quote) || end == 1 {
            return None;
        }
        texts.push(rest[1..end].to_owned());
        rest = after_comments(&rest[end + 1..]);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            // Texts beside each other are one, and what else may follow changes it.
            None if rest.starts_with(close) => {}
            None => return None,
        }
    }
}

fn after_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        match text.strip_prefix('#') {
            Some(comment) => text = comment.split_once('\n').map_or("", |(_, after)| after),
            None => return text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_a_setup_cfg_is_read_as_setuptools_reads_it() {
        for (text, listed) in [
            (
                "[metadata]\nname = x\n[options]\nsetup_requires =\n  pbr>=1.8\n  # why\n  cffi ; os_name=='nt'\nzip_safe = no\n",
                &["pbr>=1.8", "cffi ; os_name=='nt'"][..],
            ),
            ("[options]\nsetup-requires: pbr; wheel\n", &["pbr", "wheel"]),
            ("[options]\ninstall_requires = six\n", &[]),
            ("[options.extras_require]\nsetup_requires = six\n", &[]),
            ("[options]\nSETUP_REQUIRES=a\n\n[other]\nsetup_requires = b\n", &["a"]),
            ("", &[]),
        ] {
            assert_eq!(of_setup_cfg(text), listed, "{text}");
        }
    }

    #[test]
    fn the_list_of_a_setup_py_is_read_where_it_is_written_out() {
        for (text, listed, is_dynamic) in [
            ("setup(\n  setup_requires=['pbr>=1.8'],\n  pbr=True)", &["pbr>=1.8"][..], false),
            ("setup(setup_requires=(\n  \"cffi\", # why\n  'wheel',\n))\n", &["cffi", "wheel"], false),
            ("setup(setup_requires=[])", &[], false),
            ("# setup_requires=['a']\nsetup(name='x')", &[], false),
            ("setup(setup_requires=['runner'] if testing else [])", &[], true),
            ("setup(setup_requires=['a'] + more)", &[], true),
            ("setup_requires = ['a']\nsetup(setup_requires=setup_requires)", &["a"], true),
            ("setup(setup_requires=['a' 'b'])", &[], true),
            ("setup(setup_requires=['a', b])", &[], true),
            ("setup(setup_requires=['a\\n'])", &[], true),
            ("setup(**{'setup_requires': ['a']})", &[], true),
            ("setup_requires", &[], true),
            ("setup(setup_requires=['a", &[], true),
        ] {
            let read = of_setup_py(text);
            assert_eq!(read, (listed.iter().map(ToString::to_string).collect(), is_dynamic), "{text}");
        }
    }
}
