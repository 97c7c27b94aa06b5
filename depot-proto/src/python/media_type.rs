//! Media types of Simple API pages and the choice between them (PEP 691).

/// The JSON form of a page, version 1.
pub const SIMPLE_JSON_V1: &str = "application/vnd.pypi.simple.v1+json";
/// The HTML form of a page under its versioned name.
pub const SIMPLE_HTML_V1: &str = "application/vnd.pypi.simple.v1+html";
/// A client's way to ask for JSON of whatever version is newest; never an answer's type.
pub const SIMPLE_JSON_LATEST: &str = "application/vnd.pypi.simple.latest+json";
/// A client's way to ask for HTML of whatever version is newest; never an answer's type.
pub const SIMPLE_HTML_LATEST: &str = "application/vnd.pypi.simple.latest+html";
/// The HTML form under the name that everything understands.
pub const TEXT_HTML: &str = "text/html";

/// The `Accept` header that depot sends when it asks an index for a page: JSON where there is JSON.
pub const ACCEPT_PAGES: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/// The forms in which a page is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PageFormat {
    /// `application/vnd.pypi.simple.v1+json`
    Json,
    /// `application/vnd.pypi.simple.v1+html`
    HtmlV1,
    /// `text/html`, the same bytes as [`PageFormat::HtmlV1`]
    Html,
}

/// No page can be served in the form that was asked for by name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{format}` is not a format of a page; ask for `json` or `html`, or for {SIMPLE_JSON_V1}, {SIMPLE_HTML_V1} or \
     {TEXT_HTML}"
)]
pub struct NotAcceptable {
    /// What was asked for, escaped and cut for display.
    pub format: String,
}

impl PageFormat {
    /// Every form, best first.
    pub const ALL: [Self; 3] = [Self::Json, Self::HtmlV1, Self::Html];

    /// The `Content-Type` of an answer, to the byte: uv compares what stands before `;` without trimming or folding
    /// case, and refuses everything else.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => SIMPLE_JSON_V1,
            Self::HtmlV1 => "application/vnd.pypi.simple.v1+html; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// The form that an index says it answered with; upper case, parameters and stray spaces are forgiven.
    ///
    /// `None` for everything that no installer would read either, `application/json` among it.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        let (essence, _parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        Self::from_media_type(essence.trim())
    }

    /// Whether the page is HTML, under either name.
    pub fn is_html(self) -> bool {
        self != Self::Json
    }

    fn from_media_type(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.is_named(name))
    }

    fn is_named(self, name: &str) -> bool {
        let names: &[&str] = match self {
            Self::Json => &[SIMPLE_JSON_V1, SIMPLE_JSON_LATEST],
            Self::HtmlV1 => &[SIMPLE_HTML_V1, SIMPLE_HTML_LATEST],
            Self::Html => &[TEXT_HTML],
        };
        names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The wildcard that covers this form's type.
    fn is_within(self, wildcard: &str) -> bool {
        let kind = if self == Self::Html { "text/*" } else { "application/*" };
        kind.eq_ignore_ascii_case(wildcard)
    }
}

/// How closely a media range names an offer; a closer one decides its quality.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    Anything,
    Type,
    Exact,
}

/// The form to answer with.
///
/// `accept` is the value of all `Accept` lines joined by `,`, or `None` if there were none; `format` is the value of
/// the query parameter `format`, which decides alone if it is there and must then name a form.
///
/// Explicit JSON wins over a wildcard of equal quality, while `*/*` alone yields `text/html`. Where nothing that is
/// accepted can be offered the answer is `text/html` all the same: that is what PyPI does and every client is tested
/// against, although the specification would have 406.
///
/// ```
/// use depot_proto::media_type::{PageFormat, negotiate};
/// assert_eq!(negotiate(Some("*/*;q=0.1, application/vnd.pypi.simple.v1+json"), None), Ok(PageFormat::Json));
/// assert_eq!(negotiate(None, None), Ok(PageFormat::Html));
/// assert!(negotiate(None, Some("yaml")).is_err());
/// ```
pub fn negotiate(accept: Option<&str>, format: Option<&str>) -> Result<PageFormat, NotAcceptable> {
    if let Some(format) = format {
        return named(format).ok_or_else(|| NotAcceptable {
            format: format.chars().take(80).flat_map(char::escape_debug).collect(),
        });
    }
    let Some(accept) = accept else { return Ok(PageFormat::Html) };
    // One slot for each offer: the closest range seen and its quality.
    let mut best: [Option<(Closeness, u16)>; 3] = [None; 3];
    for (range, quality) in accept.split(',').filter_map(read_range) {
        for (slot, offer) in best.iter_mut().zip(PageFormat::ALL) {
            let closeness = if offer.is_named(range) {
                Closeness::Exact
            } else if offer.is_within(range) {
                Closeness::Type
            } else if range == "*/*" {
                Closeness::Anything
            } else {
                continue;
            };
            *slot = (*slot).max(Some((closeness, quality)));
        }
    }
    let winner = best
        .into_iter()
        .zip(PageFormat::ALL)
        .filter_map(|(slot, offer)| slot.map(|(closeness, quality)| (closeness, quality, offer)))
        .filter(|&(_, quality, _)| quality > 0)
        .max_by_key(|&(closeness, quality, offer)| {
            let exact = closeness == Closeness::Exact;
            let rank = match (offer, exact) {
                (PageFormat::Json, true) => 2,
                (PageFormat::HtmlV1, true) | (PageFormat::Json, false) => 1,
                (PageFormat::Html, true) | (PageFormat::HtmlV1, false) => 0,
                // Who takes anything is a browser, curl or an old script.
                (PageFormat::Html, false) => 3,
            };
            (quality, exact, rank)
        });
    Ok(winner.map_or(PageFormat::Html, |(_, _, offer)| offer))
}

/// The form that a `format` parameter names.
fn named(format: &str) -> Option<PageFormat> {
    match format {
        "json" => Some(PageFormat::Json),
        "html" => Some(PageFormat::Html),
        // A `+` that was not percent-encoded in the query has become a space.
        _ => PageFormat::from_media_type(&format.replace(' ', "+")),
    }
}

/// A media range and its quality in thousandths; `None` for what is neither.
///
/// Parameters other than `q` are passed over: the types on offer have none that a client could mean.
fn read_range(entry: &str) -> Option<(&str, u16)> {
    let mut parts = entry.split(';').map(str::trim);
    let range = parts.next()?;
    range.split_once('/')?;
    let mut quality = 1000;
    for parameter in parts {
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("q")
        {
            quality = read_quality(value.trim())?;
        }
    }
    Some((range, quality))
}

/// Reads `0.25` as 250. More than three decimals are rounded up, so that "hardly" never becomes "never".
fn read_quality(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() || !digits(decimals) {
        return None;
    }
    let mut thousandths: u16 = match whole {
        "" | "0" => 0,
        "1" => 1000,
        _ => return None,
    };
    for (digit, worth) in decimals.bytes().zip([100, 10, 1]) {
        thousandths += u16::from(digit - b'0') * worth;
    }
    if decimals.bytes().skip(3).any(|digit| digit != b'0') {
        thousandths += 1;
    }
    (thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{PageFormat::*, *};

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    #[test]
    fn clients_of_the_wild_get_what_they_want() {
        for (accept, format) in [
            // pip and PDM, uv on an index, uv on a flat page, Poetry new and old
            (
                "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
                Json,
            ),
            (ACCEPT_PAGES, Json),
            ("text/html", Html),
            ("application/vnd.pypi.simple.v1+json, */*;q=0.1", Json),
            ("*/*", Html),
            (BROWSER, Html),
            ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", Html),
        ] {
            assert_eq!(negotiate(Some(accept), None), Ok(format), "{accept}");
        }
        assert_eq!(negotiate(None, None), Ok(Html));
    }

    #[test]
    fn quality_decides_then_closeness_then_expressiveness() {
        for (accept, format) in [
            ("application/vnd.pypi.simple.latest+json", Json),
            ("application/vnd.pypi.simple.latest+html", HtmlV1),
            ("Application/VND.PyPI.Simple.V1+JSON ; Q=1.0", Json),
            ("application/vnd.pypi.simple.v1+json;q=0, text/html", Html),
            ("application/vnd.pypi.simple.v1+json;q=0.000, */*;q=0.001", Html),
            ("text/html;q=0, */*", Json),
            ("application/vnd.pypi.simple.v1+html, application/vnd.pypi.simple.v1+json", Json),
            ("text/html, application/vnd.pypi.simple.v1+html", HtmlV1),
            ("text/html;q=0.9, application/vnd.pypi.simple.v1+json;q=0.8", Html),
            ("*/*, application/vnd.pypi.simple.v1+json", Json),
            ("application/vnd.pypi.simple.v1+json;q=0.2, */*;q=0.9", Html),
            ("application/*", Json),
            ("text/*", Html),
            ("application/*;q=0.5, text/*;q=0.4", Json),
            ("*/*;q=0.5, text/*;q=0", Json),
            (
                "application/vnd.pypi.simple.v1+json;q=0.5, application/vnd.pypi.simple.latest+json;q=0.7, text/html;q=0.6",
                Json,
            ),
            ("application/vnd.pypi.simple.v1+json;version=9;q=0.5, text/html;q=0.4", Json),
            ("text/html;q=0.0001", Html),
            // entries that are no media ranges do not count
            ("application/vnd.pypi.simple.v1+json;q=2, text/html;q=0.1", Html),
            ("application/vnd.pypi.simple.v1+json;q=, text/html;q=0.1", Html),
            ("application/vnd.pypi.simple.v1+json;q=1.001, text/html;q=0.1", Html),
            ("application/vnd.pypi.simple.v1+json;q=-1, text/html;q=0.1", Html),
            ("json, html", Html),
            // nothing on offer is accepted: as PyPI does
            ("", Html),
            (",;,;q", Html),
            ("application/json", Html),
            ("image/png", Html),
            ("text/html;q=0", Html),
            ("*/*;q=0", Html),
            ("application/vnd.pypi.simple.v2+json", Html),
        ] {
            assert_eq!(negotiate(Some(accept), None), Ok(format), "{accept}");
        }
    }

    #[test]
    fn a_format_parameter_decides_alone() {
        for (parameter, format) in [
            ("json", Json),
            ("html", Html),
            (SIMPLE_JSON_V1, Json),
            (SIMPLE_JSON_LATEST, Json),
            (SIMPLE_HTML_V1, HtmlV1),
            (SIMPLE_HTML_LATEST, HtmlV1),
            (TEXT_HTML, Html),
            ("application/vnd.pypi.simple.v1 json", Json),
        ] {
            assert_eq!(negotiate(Some(BROWSER), Some(parameter)), Ok(format), "{parameter}");
        }
        for parameter in ["", "xml", "*/*", "application/json", "text/html; charset=utf-8"] {
            let error = negotiate(Some("*/*"), Some(parameter)).unwrap_err();
            assert!(error.to_string().contains(&format!("`{parameter}`")), "{error}");
            assert!(error.to_string().contains(SIMPLE_JSON_V1), "{error}");
        }
    }

    #[test]
    fn content_types_are_exact_when_written_and_forgiving_when_read() {
        assert_eq!(Json.content_type(), "application/vnd.pypi.simple.v1+json");
        assert_eq!(HtmlV1.content_type(), "application/vnd.pypi.simple.v1+html; charset=utf-8");
        assert_eq!(Html.content_type(), "text/html; charset=utf-8");
        for format in PageFormat::ALL {
            assert_eq!(PageFormat::from_content_type(format.content_type()), Some(format));
        }
        assert_eq!(PageFormat::from_content_type(" Text/HTML ;charset=ISO-8859-1"), Some(Html));
        assert_eq!(PageFormat::from_content_type("application/vnd.pypi.simple.v1+json;x"), Some(Json));
        for other in ["", "application/json", "text/plain", "text/*", "application/vnd.pypi.simple.v2+json"] {
            assert_eq!(PageFormat::from_content_type(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_header_gets_an_answer(accept in any::<String>(), format in any::<String>()) {
            prop_assert!(negotiate(Some(&accept), None).is_ok());
            let _ = negotiate(None, Some(&format));
            let _ = PageFormat::from_content_type(&accept);
        }

        #[test]
        fn the_order_of_ranges_means_nothing(ranges in Just(vec![
            "application/vnd.pypi.simple.v1+json;q=0.5", "text/html;q=0.7", "*/*;q=0.6", "text/*;q=0.9", "x",
        ]).prop_shuffle()) {
            prop_assert_eq!(negotiate(Some(&ranges.join(",")), None), Ok(Html));
        }
    }
}
