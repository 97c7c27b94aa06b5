//! Pages that mean harm: none may panic, exhaust the stack, or cost far more memory than its size.

use proptest::prelude::*;

use super::*;

/// Large enough that anything quadratic, or recursive, would show.
const LARGE: usize = 4 * 1024 * 1024;

fn each_reader(bytes: &[u8]) {
    for format in PageFormat::ALL {
        let _ = read_project(format, bytes, &page_url(), &teapot());
        let _ = read_root(format, bytes, &page_url());
    }
}

#[test]
fn floods_of_tags_end() {
    for piece in [
        "<a",
        "<a ",
        "<a>",
        "<a href",
        "<a href=x",
        "<a href='",
        "<",
        "</a",
        "<!--",
        "<!-",
        "&",
        "&#",
        "&#x",
        "&amp",
        "<a b=c ",
        "<base href=//x>",
        "<meta name=x content=y>",
        "<script>",
        "</script",
        "<title>",
        "<![CDATA[",
        "<!DOCTYPE ",
        "\0",
        "\r",
        "<a href=x>y",
        "<plaintext>",
        "\u{fffd}",
    ] {
        each_reader(piece.repeat(LARGE / 32 / piece.len()).as_bytes());
    }
}

#[test]
fn one_tag_with_everything_ends() {
    let attributes = (0..100_000).map(|number| format!(" x{number}={number}")).collect::<Vec<_>>().concat();
    let page = read_html(&format!("<a href=a-1.zip{attributes} data-yanked>{}</a>", "t".repeat(LARGE)));
    assert_eq!((page.files.len(), &page.files[0].yanked), (1, &Yanked::Yes));
    each_reader(&b"\xff\xfe\x00<\x00a\x00".repeat(LARGE / 32));
}

#[test]
fn deep_json_is_refused_or_passed_over() {
    let read = |json: &str| {
        let _ = read_project(PageFormat::Json, json.as_bytes(), &page_url(), &teapot());
        let _ = read_root(PageFormat::Json, json.as_bytes(), &page_url());
    };
    let depth = 100_000;
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"files\":[", "]}")] {
        let nested = format!("{}0{}", open.repeat(depth), close.repeat(depth));
        read(&open.repeat(depth));
        read(&nested);
        for key in ["files", "projects", "meta", "versions", "project-status", "unknown"] {
            read(&format!("{{\"{key}\": {nested}, \"files\": [], \"projects\": []}}"));
            read(&format!("{{\"files\": [{{\"{key}\": {nested}}}], \"projects\": [{nested}]}}"));
        }
    }
    let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let page = read_json(&format!(
        "{{\"unknown\": {nested}, \"files\": [{{\"x\": {nested}, \"url\": \"a-1.zip\"}}]}}"
    ));
    assert_eq!(page.files.len(), 1);
}

#[test]
fn objects_with_too_many_keys_are_cut() {
    let keys = (0..1000).map(|number| format!("\"k{number}\": {number}, ")).collect::<Vec<_>>().concat();
    let json =
        format!(r#"{{{keys}"files": [{{"url": "a-1.zip", {keys} "yanked": true}}, {{"url": "b-1.zip"}}]}}"#);
    let page = read_json(&json);
    assert_eq!(
        page.files.iter().map(|file| file.filename.as_str()).collect::<Vec<_>>(),
        ["a-1.zip", "b-1.zip"]
    );
}

#[test]
fn lists_longer_than_any_real_one_are_refused() {
    let json = format!("{{\"files\": [{}]}}", vec![r#"{"url":"a"}"#; MAX_FILES + 1].join(","));
    let html = "<a href=a>".repeat(MAX_FILES + 1);
    for (format, text) in [(PageFormat::Json, json), (PageFormat::Html, html)] {
        let error = read_project(format, text.as_bytes(), &page_url(), &teapot()).unwrap_err();
        assert_eq!(error, PageError::TooLong(MAX_FILES));
    }
}

#[test]
fn not_every_bad_entry_is_named() {
    let json = format!("{{\"files\": [{}]}}", vec!["0"; LARGE / 2].join(","));
    let page = read_json(&json);
    assert_eq!((page.files.len(), page.skipped.len()), (0, MAX_SKIPPED));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        each_reader(&bytes);
    }

    #[test]
    fn any_soup_of_tags_is_read(soup in proptest::collection::vec(prop_oneof![
        Just("<a "), Just("href="), Just("\""), Just("'"), Just(">"), Just("</a>"), Just("<base "), Just("x-1.zip"), Just("#sha256="),
        Just("<meta name=pypi:repository-version content="), Just("1.0"), Just("&gt;"), Just("data-yanked"), Just("//"), Just(".."),
        Just("%2F"), Just("%"), Just("<!--"), Just("-->"), Just(" "), Just("é"),
    ], 0..40)) {
        let bytes = soup.concat();
        each_reader(bytes.as_bytes());
        if let Ok(page) = read_project(PageFormat::Html, bytes.as_bytes(), &page_url(), &teapot()) {
            for file in page.files {
                prop_assert!(!file.filename.is_empty() && !file.filename.contains(['/', '\\']));
                let url: Url = file.url.parse().unwrap();
                prop_assert!(url.fragment().is_none());
            }
        }
    }

    #[test]
    fn a_page_cut_short_is_read_or_refused(cut in 0.0..1.0) {
        for format in PageFormat::ALL {
            let bytes = render_project(&full_page(), format);
            let cut = &bytes[..(bytes.len() as f64 * cut) as usize];
            let read = read_project(format, cut, &page_url(), &teapot());
            prop_assert!(format.is_html() || read.is_err());
        }
    }
}
