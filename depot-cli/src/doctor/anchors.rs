//! An HTML page to the letter: how attributes are written and not only what they mean, which is what clients trip over.

/// What of a page matters here.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) anchors: Vec<Anchor>,
    /// Names and contents of `<meta>`.
    pub(super) metas: Vec<(String, String)>,
    /// The address in the first `<base>`.
    pub(super) base: Option<String>,
}

/// An `<a>`.
#[derive(Debug)]
pub(super) struct Anchor {
    attributes: Vec<Attribute>,
    /// What it encloses, decoded, without markup.
    pub(super) text: String,
}

/// An attribute; the value is as it is written, and none where there is no `=`.
type Attribute = (String, Option<String>);

impl Anchor {
    /// The value as it is written.
    pub(super) fn raw(&self, name: &str) -> Option<Raw<'_>> {
        raw(&self.attributes, name)
    }

    /// The value, decoded; that of an attribute without one is empty.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.raw(name).map(Raw::decoded)
    }

    /// Whether some value has a `>` that is not escaped.
    pub(super) fn has_bare_end(&self) -> bool {
        self.attributes.iter().any(|(_, value)| value.as_ref().is_some_and(|value| value.contains('>')))
    }
}

/// How an attribute is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw<'a> {
    /// Without `=`.
    Bare,
    /// With this value.
    Value(&'a str),
}

impl Raw<'_> {
    fn decoded(self) -> String {
        match self {
            Self::Bare => String::new(),
            Self::Value(value) => decode(value),
        }
    }
}

fn raw<'a>(attributes: &'a [Attribute], name: &str) -> Option<Raw<'a>> {
    let (_, value) = attributes.iter().find(|(known, _)| known == name)?;
    Some(value.as_deref().map_or(Raw::Bare, Raw::Value))
}

/// Reads a page; what is no tag is passed over.
pub(super) fn read(html: &str) -> Document {
    let mut document = Document::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let before = &rest[..at];
        if let Some(anchor) = document.anchors.last_mut().filter(|anchor| anchor.text.ends_with('\0')) {
            anchor.text.insert_str(anchor.text.len() - 1, &decode(before));
        }
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let (name, attributes, after) = tag(rest);
        rest = after;
        let value = |name: &str| raw(&attributes, name).map(Raw::decoded);
        match name.as_str() {
            "a" => {
                close(&mut document);
                // Open as long as this mark is at its end.
                document.anchors.push(Anchor { attributes, text: "\0".to_owned() });
            }
            "/a" => close(&mut document),
            "base" => document.base = document.base.take().or_else(|| value("href")),
            "meta" => {
                if let (Some(name), Some(content)) = (value("name"), value("content")) {
                    document.metas.push((name, content));
                }
            }
            "script" | "style" | "title" => {
                let end = format!("</{name}");
                rest = rest.find(&end).map_or("", |at| &rest[at..]);
            }
            _ => {}
        }
    }
    close(&mut document);
    document
}

fn close(document: &mut Document) {
    if let Some(anchor) = document.anchors.last_mut() {
        anchor.text = anchor.text.trim_end_matches('\0').trim().to_owned();
    }
}

/// The name of a tag in lower case, its attributes, and what follows it.
fn tag(text: &str) -> (String, Vec<Attribute>, &str) {
    let end = text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len());
    let name = text[..end].to_ascii_lowercase();
    let (mut attributes, mut rest) = (Vec::new(), &text[end..]);
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return (name, attributes, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (name, attributes, after);
        }
        let end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap_or(rest.len()).max(
            // A stray `=` is part of a name, as browsers have it, so that this always gets on.
            rest.chars().next().map_or(1, char::len_utf8),
        );
        let attribute = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let value = rest.strip_prefix('=').map(|after| {
            let (value, after) = value(after.trim_start());
            rest = after;
            value.to_owned()
        });
        attributes.push((attribute, value));
    }
}

/// A value, and what follows it.
fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    text.split_at(text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len()))
}

/// Takes references off, once: the named ones that pages need, and numbers.
pub(super) fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = rest[1..].split_once(';').and_then(|(name, after)| Some((character(name)?, after)));
        match found {
            Some((character, after)) => {
                decoded.push(character);
                rest = after;
            }
            None => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

fn character(name: &str) -> Option<char> {
    let named = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let hex = number.strip_prefix(['x', 'X']);
            let code = hex.map_or_else(|| number.parse(), |hex| u32::from_str_radix(hex, 16)).ok()?;
            char::from_u32(code)?
        }
    };
    Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_as_they_are_written() {
        let page = read(
            "<!DOCTYPE html><html><!-- <a href=no> --><head><title><a></title><META name='pypi:repository-version' \
             content=1.1><base href='x/'></head><body><A HREF=\"a.whl#sha256=0\" data-yanked data-requires-python=\"&gt;=3\
             \">a &amp; <b>b</b></a><br/>\n<a data-x='1>2' href = b.whl  data-yanked=\"\" >\n b.whl\n</a>text",
        );
        assert_eq!(page.metas, [("pypi:repository-version".to_owned(), "1.1".to_owned())]);
        assert_eq!(page.base.as_deref(), Some("x/"));
        let [one, two] = page.anchors.as_slice() else { panic!("{page:?}") };
        assert_eq!((one.raw("data-yanked"), two.raw("data-yanked")), (Some(Raw::Bare), Some(Raw::Value(""))));
        assert_eq!(one.raw("data-requires-python"), Some(Raw::Value("&gt;=3")));
        assert_eq!(one.value("data-requires-python").as_deref(), Some(">=3"));
        assert_eq!((one.text.as_str(), two.text.as_str()), ("a & b", "b.whl"));
        assert_eq!((one.has_bare_end(), two.has_bare_end()), (false, true));
        assert_eq!((two.value("href").as_deref(), two.raw("nothing")), (Some("b.whl"), None));
    }

    #[test]
    fn nonsense_ends() {
        for text in
            ["<", "<a", "<a =", "<a ==>", "<a href", "<a href='", "<!--", "<script>", "&", "&#;<é é=é", "< >"]
        {
            read(text);
        }
        assert_eq!(decode("&amp;gt; &#62;&#x3E; &nope; &"), "&gt; >> &nope; &");
    }
}
