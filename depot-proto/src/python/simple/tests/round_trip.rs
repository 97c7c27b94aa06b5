//! Reading undoes rendering, whatever stands in the page.

use proptest::{option, prelude::*, sample::select};

use super::*;

/// Any text that a page can carry: HTML has no way to write NUL.
fn text() -> impl Strategy<Value = String> {
    let hostile = select(vec![
        "&gt;=3.9",
        "&amp;lt;",
        "\"><a href=x>",
        "'",
        "]]>",
        "-->",
        "</title>",
        "\r\n",
        "\r",
        "\n",
        "\t",
        "\u{85}",
        "\u{2028}",
        "é",
        "\\",
        "&#13;",
        "&",
        "&lt",
        "<",
        ">",
        " ",
        "\u{feff}",
        "\u{1}",
    ])
    .prop_map(str::to_owned);
    let part = prop_oneof![hostile, any::<String>()];
    let texts = proptest::collection::vec(part, 1..5).prop_map(|parts| parts.concat().replace('\0', ""));
    texts.prop_filter("blank texts are none", |text| !text.trim().is_empty())
}

/// Any name that a file may have in the index: printable ASCII but separators.
fn filename() -> impl Strategy<Value = String> {
    "[ -.0-\\[\\]-~]{1,40}".prop_filter("a folder's name", |name| !matches!(name.as_str(), "." | ".."))
}

fn digest() -> impl Strategy<Value = Sha256Digest> {
    any::<[u8; 32]>().prop_map(Sha256Digest::from_bytes)
}

prop_compose! {
    fn file()(
        filename in filename(),
        sha256 in option::of(digest()),
        size in any::<u64>(),
        upload_time in option::of(0..4_102_444_800_000_000_i64),
        requires_python in option::of(text()),
        yanked in prop_oneof![Just(Yanked::No), Just(Yanked::Yes), text().prop_map(|text| Yanked::because(&text))],
        core_metadata in prop_oneof![
            Just(MetadataMark::Absent), Just(MetadataMark::Present), digest().prop_map(MetadataMark::Sha256)
        ],
        provenance in option::of(Just("https://index.example/provenance?a=1&b='2'".to_owned())),
    ) -> PageFile {
        PageFile {
            url: page_url().join(&quote(&filename)).unwrap().into(),
            filename,
            hashes: sha256.map(|digest| ("sha256".to_owned(), digest.to_string())).into_iter().collect(),
            size: Some(size),
            upload_time: upload_time.and_then(Timestamp::from_micros),
            requires_python,
            yanked,
            core_metadata,
            provenance,
        }
    }
}

prop_compose! {
    fn page()(
        files in proptest::collection::vec(file(), 0..6),
        status in select(vec![
            ProjectStatus::Active, ProjectStatus::Archived, ProjectStatus::Quarantined, ProjectStatus::Deprecated,
        ]),
        status_reason in option::of(text()),
        versions in proptest::collection::vec("[0-9]{1,2}(\\.[0-9]{1,2}){0,2}((a|rc|\\.post|\\.dev|\\+lab)[0-9])?|[a-z ]{1,4}", 0..6),
        last_serial in option::of(any::<u64>()),
    ) -> ProjectPage {
        ProjectPage {
            versions: sorted_versions(&versions).into_iter().map(str::to_owned).collect(),
            status, status_reason, files, last_serial,
            ..ProjectPage::new(teapot())
        }
    }
}

/// What is left of a page that goes through HTML.
fn without_what_html_lacks(mut page: ProjectPage) -> ProjectPage {
    page.versions.clear();
    for file in &mut page.files {
        file.size = None;
        file.upload_time = None;
    }
    page
}

proptest! {
    #[test]
    fn reading_undoes_rendering(page in page()) {
        let json = render_project(&page, PageFormat::Json);
        prop_assert_eq!(&read_project(PageFormat::Json, &json, &page_url(), &teapot()).unwrap(), &page);
        let html = render_project(&page, PageFormat::Html);
        let read = read_project(PageFormat::Html, &html, &page_url(), &teapot()).unwrap();
        prop_assert_eq!(read, without_what_html_lacks(page));
    }

    #[test]
    fn pages_are_what_simple_readers_expect(page in page()) {
        let html = String::from_utf8(render_project(&page, PageFormat::Html)).unwrap();
        let anchors: Vec<_> = html.lines().filter(|line| line.starts_with("    <a ")).collect();
        prop_assert_eq!(anchors.len(), page.files.len());
        for line in anchors {
            // As the regular expression `<a [^>]+>([^<]+)</a>` has it.
            let (tag, text) = line.trim_start().split_once('>').unwrap();
            prop_assert_eq!(tag.matches('"').count() % 2, 0);
            let (name, end) = text.split_once('<').unwrap();
            prop_assert!(!name.is_empty());
            prop_assert_eq!(end, "/a><br>");
        }
        let json: serde_json::Value = serde_json::from_slice(&render_project(&page, PageFormat::Json)).unwrap();
        for file in json["files"].as_array().unwrap() {
            let file = file.as_object().unwrap();
            prop_assert!(file.values().all(|value| !value.is_null()));
            prop_assert!(file["hashes"].as_object().unwrap().keys().all(|name| name == "sha256"));
            prop_assert!(file["yanked"] != "");
            prop_assert_ne!(file.get("core-metadata"), Some(&serde_json::json!({})));
            prop_assert_eq!(file.get("core-metadata"), file.get("dist-info-metadata"));
            if let Some(time) = file.get("upload-time") {
                prop_assert_eq!(time.as_str().unwrap().len(), "2026-10-02T07:15:09.000000Z".len());
            }
        }
    }

    #[test]
    fn a_name_is_one_segment_of_a_url_and_comes_back(name in filename()) {
        let quoted = quote(&name);
        prop_assert!(quoted.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        prop_assert_eq!(quoted.contains("%2B"), name.contains('+'));
        prop_assert_eq!(quoted.contains("%21"), name.contains('!'));
        let url = page_url().join(&quoted).unwrap();
        prop_assert_eq!(url.path(), format!("{}{quoted}", page_url().path()));
        prop_assert!(url.query().is_none() && url.fragment().is_none());
    }

    #[test]
    fn root_pages_come_back(
        names in proptest::collection::vec("[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", 0..20),
        last_serial in option::of(any::<u64>()),
    ) {
        let url: Url = "https://index.example/simple/".parse().unwrap();
        for format in PageFormat::ALL {
            let bytes = render_root(names.iter(), last_serial, format);
            let read = read_root(format, &bytes, &url).unwrap();
            prop_assert_eq!(&read, &RootPage { projects: names.clone(), last_serial });
        }
    }
}
