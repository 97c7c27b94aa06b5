//! Pages as indexes of all kinds write them.

use super::*;

#[test]
fn a_public_index_page_in_html_is_read() {
    let page = read_html(&format!(
        r#"<!DOCTYPE html>
<html>
  <head>
    <meta name="pypi:repository-version" content="1.4">
    <meta name="pypi:project-status" content="Archived"><meta name="pypi:project-status-reason" content="we&#x27;re done">
    <title>Links for teapot-tools <a href="not-a-link-1.tar.gz"></title>
  </head>
  <body>
    <h1>Links for teapot-tools</h1>
<a href="https://files.example/packages/11/22/teapot_tools-1.0-py3-none-any.whl#sha256={ONES}" data-requires-python="&gt;=3.8, &amp;lt;4" data-dist-info-metadata="sha256={TWOS}" data-core-metadata="sha256={TWOS}">teapot_tools-1.0-py3-none-any.whl</a><br />
<a href="https://files.example/packages/33/44/teapot-tools-1.1.zip#md5=00112233445566778899AABBCCDDEEFF" data-yanked="" >teapot-tools-1.1.zip</a><br />
<!-- <a href="commented-1.tar.gz">commented-1.tar.gz</a> -->
<script>document.write('<a href="scripted-1.tar.gz">');</script>
</body>
</html>
<!--SERIAL 4242-->"#
    ));
    assert_eq!(page.status, ProjectStatus::Archived);
    assert_eq!(page.status_reason.as_deref(), Some("we're done"));
    assert_eq!(page.last_serial, Some(4242));
    assert_eq!((page.files.len(), page.skipped.len(), page.versions.len()), (2, 0, 0));
    let [wheel, zip] = &page.files[..] else { unreachable!() };
    assert_eq!(wheel.filename, "teapot_tools-1.0-py3-none-any.whl");
    assert_eq!(wheel.url, "https://files.example/packages/11/22/teapot_tools-1.0-py3-none-any.whl");
    assert_eq!(wheel.sha256(), Some(ONES.parse().unwrap()));
    assert_eq!(wheel.core_metadata, MetadataMark::Sha256(TWOS.parse().unwrap()));
    assert_eq!(wheel.requires_python.as_deref(), Some(">=3.8, &lt;4"), "decoded once, not twice");
    assert_eq!(zip.hashes, [("md5".to_owned(), "00112233445566778899aabbccddeeff".to_owned())].into());
    assert_eq!(zip.yanked, Yanked::Yes);
}

#[test]
fn a_public_index_page_in_json_is_read() {
    let page = read_json(&format!(
        r#"{{"alternate-locations": [], "files": [
            {{"core-metadata": {{"sha256": "{TWOS}"}}, "data-dist-info-metadata": {{"sha256": "{ONES}"}},
              "filename": "teapot_tools-1.0-py3-none-any.whl", "hashes": {{"blake2b_256": "{TWOS}", "sha256": "{ONES}"}},
              "provenance": null, "requires-python": ">=3.8", "size": 9120, "upload-time": "2026-11-01T18:00:00.125Z",
              "url": "https://files.example/packages/teapot_tools-1.0-py3-none-any.whl", "yanked": false}},
            {{"core-metadata": false, "data-dist-info-metadata": false, "filename": "teapot-tools-0.1.tar.gz",
              "hashes": {{"sha256": "{TWOS}"}}, "provenance": "https://index.example/integrity/x", "requires-python": null,
              "size": 1, "upload-time": "2011-01-02T03:04:05.678901Z",
              "url": "https://files.example/packages/teapot-tools-0.1.tar.gz", "yanked": "old"}}],
            "meta": {{"_last-serial": 4242, "api-version": "1.4"}}, "name": "teapot-tools",
            "project-status": {{"status": "quarantined", "reason": "bad"}}, "versions": ["0.1", "1.0", "2.0"]}}"#
    ));
    assert_eq!((page.status, page.status_reason.as_deref()), (ProjectStatus::Quarantined, Some("bad")));
    assert_eq!((page.last_serial, page.versions.len(), page.skipped.len()), (Some(4242), 3, 0));
    let [wheel, sdist] = &page.files[..] else { unreachable!() };
    assert_eq!(wheel.core_metadata, MetadataMark::Sha256(TWOS.parse().unwrap()));
    assert_eq!(wheel.size, Some(9120));
    assert_eq!(wheel.upload_time.unwrap().to_string(), "2026-11-01T18:00:00.125000Z");
    assert_eq!(wheel.sha256(), Some(ONES.parse().unwrap()));
    assert_eq!(wheel.hashes.len(), 2);
    assert_eq!((&wheel.provenance, &wheel.yanked), (&None, &Yanked::No));
    assert_eq!(sdist.core_metadata, MetadataMark::Absent);
    assert_eq!(sdist.yanked.reason(), Some("old"));
    assert_eq!(sdist.provenance.as_deref(), Some("https://index.example/integrity/x"));
}

#[test]
fn a_mirror_page_with_times_and_no_sizes_is_read() {
    let page = read_html(&format!(
        "\u{feff}<HTML><BODY><A HREF='../../packages/teapot_tools-1.tar.gz#SHA256={}' \
         DATA-UPLOAD-TIME='2026-01-02T03:04:05Z' data-gpg-sig=true data-Yanked>teapot_tools-1.tar.gz</A>\
         <a data-upload-time=yesterday data-size=-4 href=teapot_tools-2.tar.gz>\n  teapot_tools-2.tar.gz",
        ONES.to_uppercase()
    ));
    let [one, two] = &page.files[..] else { panic!("{page:?}") };
    assert_eq!(
        one.url,
        "https://index.example/simple/../packages/teapot_tools-1.tar.gz".replace("simple/../", "")
    );
    assert_eq!(one.sha256(), Some(ONES.parse().unwrap()));
    assert_eq!(one.upload_time.unwrap().to_string(), "2026-01-02T03:04:05.000000Z");
    assert_eq!((one.size, &one.yanked), (None, &Yanked::Yes));
    assert_eq!((two.size, two.upload_time, &two.yanked), (None, None, &Yanked::No));
    assert_eq!(read_anchor("data-size=' 12 '").size, Some(12));
}

#[test]
fn attributes_are_read_as_installers_do() {
    assert_eq!(read_anchor("").yanked, Yanked::No);
    for (attribute, yanked) in [
        ("data-yanked", Yanked::Yes),
        ("data-yanked=''", Yanked::Yes),
        ("data-yanked=false", Yanked::because("false")),
        ("data-yanked='a &amp; b'", Yanked::because("a & b")),
        ("data-yanked data-yanked=later", Yanked::Yes),
        ("data-yanked=first data-yanked=later", Yanked::because("first")),
    ] {
        assert_eq!(read_anchor(attribute).yanked, yanked, "{attribute}");
    }
    let hashed = MetadataMark::Sha256(ONES.parse().unwrap());
    for (attribute, mark) in [
        ("", MetadataMark::Absent),
        ("data-core-metadata=true", MetadataMark::Present),
        ("data-core-metadata", MetadataMark::Absent),
        ("data-core-metadata=false", MetadataMark::Absent),
        ("data-core-metadata=false data-dist-info-metadata=true", MetadataMark::Absent),
        ("data-dist-info-metadata=true", MetadataMark::Present),
        (&format!("data-dist-info-metadata=sha256={ONES}"), hashed),
        (&format!("data-dist-info-metadata=true data-core-metadata=sha256={ONES}"), hashed),
        ("data-core-metadata=sha256=11", MetadataMark::Present),
        ("data-core-metadata=md5=11", MetadataMark::Present),
    ] {
        assert_eq!(read_anchor(attribute).core_metadata, mark, "{attribute}");
    }
    assert_eq!(read_anchor("data-requires-python=' '").requires_python, None);
    let relative = read_anchor("data-provenance='/relative'").provenance.unwrap();
    assert!(relative.starts_with("https://") && relative.ends_with("/relative"), "{relative}");
    assert_eq!(read_anchor("data-provenance=' '").provenance, None);
    assert_eq!(read_anchor("data-provenance='javascript:x'").provenance, None);
}

#[test]
fn values_of_json_are_read_whatever_type_they_have() {
    let nulls = read_entry(
        r#""size": null, "upload-time": null, "yanked": null, "requires-python": null, "core-metadata": null,
           "hashes": null, "provenance": null, "gpg-sig": null"#,
    );
    let named = PageFile {
        filename: "teapot_tools-1.tar.gz".to_owned(),
        url: page_url().join("teapot_tools-1.tar.gz").unwrap().into(),
        ..PageFile::default()
    };
    assert_eq!(nulls, named);
    let odd = read_entry(
        r#""size": -1, "upload-time": 12, "requires-python": ["x"], "core-metadata": [], "provenance": 7, "url2": {}"#,
    );
    assert_eq!(odd, named);
    for (size, read) in [("9", Some(9)), ("9.0", Some(9)), ("9.5", None), ("1e99", None), ("\"9\"", None)] {
        assert_eq!(read_entry(&format!(r#""size": {size}"#)).size, read, "{size}");
    }
    for (yanked, read) in [
        ("false", Yanked::No),
        ("true", Yanked::Yes),
        ("\"\"", Yanked::Yes),
        ("\"why\"", Yanked::because("why")),
        ("0", Yanked::No),
        ("1", Yanked::Yes),
        ("{}", Yanked::Yes),
    ] {
        assert_eq!(read_entry(&format!(r#""yanked": {yanked}"#)).yanked, read, "{yanked}");
    }
    let hashed = MetadataMark::Sha256(ONES.parse().unwrap());
    for (fields, mark) in [
        (r#""core-metadata": true"#.to_owned(), MetadataMark::Present),
        (r#""core-metadata": {}"#.to_owned(), MetadataMark::Absent),
        (r#""core-metadata": {"sha256": null}"#.to_owned(), MetadataMark::Absent),
        (r#""core-metadata": {"md5": "11"}"#.to_owned(), MetadataMark::Present),
        (r#""core-metadata": {"sha256": "11"}"#.to_owned(), MetadataMark::Present),
        (format!(r#""core-metadata": null, "dist-info-metadata": {{"sha256": "{ONES}"}}"#), hashed),
        (format!(r#""data-dist-info-metadata": {{"sha256": "{ONES}"}}"#), hashed),
        (
            format!(r#""data-dist-info-metadata": {{"sha256": "{ONES}"}}, "core-metadata": false"#),
            MetadataMark::Absent,
        ),
        (format!(r#""core-metadata": "sha256={ONES}""#), hashed),
    ] {
        assert_eq!(read_entry(&fields).core_metadata, mark, "{fields}");
    }
    let digests =
        read_entry(&format!(r#""hashes": {{"SHA256": "{}", "md5": "short", "x": 1}}"#, "A".repeat(64)))
            .hashes;
    assert_eq!(digests, [("sha256".to_owned(), "a".repeat(64))].into());
}

#[test]
fn links_are_resolved_against_the_page_or_its_base() {
    for (base, href, url) in [
        ("", "a-1.zip", "https://index.example/simple/teapot-tools/a-1.zip"),
        ("", "/a-1.zip?x=1&amp;y=2", "https://index.example/a-1.zip?x=1&y=2"),
        ("", "//files.example//p//a-1.zip", "https://files.example//p//a-1.zip"),
        ("", "  a-1.zip\n", "https://index.example/simple/teapot-tools/a-1.zip"),
        ("", "a-1.zip#", "https://index.example/simple/teapot-tools/a-1.zip"),
        ("", "a-1.zip#egg=a-1", "https://index.example/simple/teapot-tools/a-1.zip"),
        ("", "http://plain.example/a-1.zip", "http://plain.example/a-1.zip"),
        ("<base href='https://files.example/p/'>", "a-1.zip", "https://files.example/p/a-1.zip"),
        (
            "<base target=x><base href='https://files.example/p/'><base href='https://no.example/'>",
            "a-1.zip",
            "https://files.example/p/a-1.zip",
        ),
        ("<base href='../files/'>", "a-1.zip", "https://index.example/simple/files/a-1.zip"),
        ("<base href='mailto:x'>", "a-1.zip", "https://index.example/simple/teapot-tools/a-1.zip"),
        ("<base href='http://['>", "a-1.zip", "https://index.example/simple/teapot-tools/a-1.zip"),
    ] {
        let before = read_html(&format!("{base}<a href=\"{href}\">a-1.zip</a>"));
        let after = read_html(&format!("<a href=\"{href}\">a-1.zip</a>{base}"));
        assert_eq!(before.files[0].url, url, "{base} {href}");
        assert_eq!(before.files[0].filename, "a-1.zip");
        assert!(before.files[0].hashes.is_empty());
        assert_eq!(before, after);
    }
}

#[test]
fn fragments_give_hashes_where_they_name_a_known_algorithm() {
    let digest = "ab".repeat(32);
    for (fragment, hashes) in [
        (format!("sha256={digest}"), vec!["sha256"]),
        (format!("SHA256={}&egg=x&subdirectory=y", digest.to_uppercase()), vec!["sha256"]),
        (format!("egg={digest}"), vec![]),
        (digest.clone(), vec![]),
        (format!("sha384={}&md5={}", "cd".repeat(48), "ef".repeat(16)), vec!["md5", "sha384"]),
        ("sha1=xyz".to_owned(), vec![]),
        ("=".to_owned(), vec![]),
    ] {
        let page = read_html(&format!("<a href='a-1.zip#{fragment}'>a-1.zip</a>"));
        assert_eq!(page.files[0].hashes.keys().collect::<Vec<_>>(), hashes, "{fragment}");
        let json = format!(r#"{{"files": [{{"filename": "a-1.zip", "url": "a-1.zip#{fragment}"}}]}}"#);
        assert_eq!(read_json(&json).files, page.files);
    }
    let json =
        format!(r#"{{"files": [{{"url": "a-1.zip#sha256={ONES}", "hashes": {{"sha256": "{TWOS}"}}}}]}}"#);
    assert_eq!(read_json(&json).files[0].sha256(), Some(TWOS.parse().unwrap()), "what is explicit counts");
}

#[test]
fn names_come_from_the_link_and_only_then_from_the_text() {
    for (href, text, name) in [
        ("a%2B1.zip", "other.zip", "a+1.zip"),
        ("a+1.zip", "", "a+1.zip"),
        ("dir/a%20b.zip?x=/y", "", "a b.zip"),
        ("download/?id=7", "teapot_tools-1.tar.gz", "teapot_tools-1.tar.gz"),
        ("download/?id=7", " teapot_tools-1<b>.tar</b>.gz ", "teapot_tools-1.tar.gz"),
    ] {
        let page = read_html(&format!("<a href='{href}'>{text}</a>"));
        assert_eq!(page.files[0].filename, name, "{href}");
    }
    assert_eq!(
        read_json(r#"{"files": [{"filename": null, "url": "x/a%211.zip"}]}"#).files[0].filename,
        "a!1.zip"
    );
}

#[test]
fn an_entry_that_cannot_be_read_is_skipped_and_named() {
    let long = "x".repeat(300);
    for (href, what, reason) in [
        ("../", "../", "does not end in a file name"),
        ("?C=M;O=A", "?C=M;O=A", "does not end in a file name"),
        ("https://[", "https://[", "cannot be read"),
        ("mailto:me@mail.example", "mailto:me@mail.example", "scheme `mailto`"),
        ("javascript:x.whl", "javascript:x.whl", "scheme `javascript`"),
        ("file:///etc/passwd", "file:///etc/passwd", "scheme `file`"),
        ("..%2Fa-1.zip", "..%2Fa-1.zip", "path separator"),
        ("a%5Cb-1.zip", "a%5Cb-1.zip", "path separator"),
        ("a%00-1.zip", "a%00-1.zip", "control character"),
        ("a%0a-1.zip", "a%0a-1.zip", "control character"),
        ("a%ff-1.zip", "a%ff-1.zip", "not UTF-8"),
        ("a-1.zip#sha256=1234", "a-1.zip#sha256=1234", "64 hexadecimal digits"),
        ("", "", "no URL"),
        (&format!("{long}#sha256=12"), &"x".repeat(200), "64 hexadecimal digits"),
    ] {
        let page = read_html(&format!("<a href='{href}'>Up</a><a name=top></a><a href=b-1.zip>b-1.zip</a>"));
        assert_eq!(page.files.len(), 1, "{href}");
        assert_eq!(page.skipped.len(), 1, "{href}");
        assert_eq!(page.skipped[0].what, what);
        assert!(page.skipped[0].reason.contains(reason), "{href}: {}", page.skipped[0].reason);
    }
    let page = read_json(
        r#"{"files": [null, 7, "x", [], {}, {"filename": "a.zip"}, {"url": null}, {"url": 3},
            {"filename": "../a.zip", "url": "a.zip"}, {"filename": "..", "url": "a.zip"},
            {"filename": "a\u0000.zip", "url": "a.zip"}, {"filename": "\u001b.zip", "url": "a.zip"},
            {"filename": "a.zip", "url": "a.zip", "hashes": {"sha256": "zz"}}, {"filename": "b.zip", "url": "b.zip"}]}"#,
    );
    assert_eq!(page.files.len(), 1);
    assert_eq!(page.skipped.len(), 13);
    assert_eq!(page.skipped[11].what, "\\u{1b}.zip");
}

#[test]
fn another_generation_of_the_api_is_refused() {
    for version in ["2.0", "2", "10.1", " 02.7 ", "18446744073709551616.0"] {
        let html = format!("<meta content='{version}' name='PyPI:repository-version'>");
        let error = read_project(PageFormat::HtmlV1, html.as_bytes(), &page_url(), &teapot()).unwrap_err();
        assert_eq!(error, PageError::UnsupportedVersion(version.trim().to_owned()));
        assert_eq!(read_root(PageFormat::Html, html.as_bytes(), &page_url()).unwrap_err(), error);
        let json = format!(r#"{{"files": [], "projects": [], "meta": {{"api-version": "{version}"}}}}"#);
        let error = read_project(PageFormat::Json, json.as_bytes(), &page_url(), &teapot()).unwrap_err();
        assert_eq!(error, PageError::UnsupportedVersion(version.trim().to_owned()));
        assert_eq!(read_root(PageFormat::Json, json.as_bytes(), &page_url()).unwrap_err(), error);
    }
    for version in ["\"1.99\"", "\"1\"", "\"01.0\"", "\"\"", "\"one\"", "1.4", "1", "null", "{}"] {
        read_json(&format!(r#"{{"files": [], "meta": {{"api-version": {version}}}}}"#));
    }
    for version in ["2", "2.5"] {
        let json = format!(r#"{{"files": [], "meta": {{"api-version": {version}}}}}"#);
        let error = read_project(PageFormat::Json, json.as_bytes(), &page_url(), &teapot()).unwrap_err();
        assert_eq!(error, PageError::UnsupportedVersion(version.to_owned()));
    }
}

#[test]
fn json_that_is_no_page_is_refused_with_what_it_lacks() {
    for (json, words) in [
        ("", "not valid JSON"),
        ("{\"files\": [", "not valid JSON"),
        ("{\"files\": []} x", "not valid JSON"),
        ("<html>", "not valid JSON"),
        ("{}", "missing field `files`"),
        ("{\"message\": \"not found\"}", "missing field `files`"),
        ("[]", "a list `files`"),
        ("\"no\"", "a list `files`"),
        ("null", "a list `files`"),
        ("{\"files\": {}}", "expected a list"),
        ("{\"files\": 3}", "expected a list"),
    ] {
        let error = read_project(PageFormat::Json, json.as_bytes(), &page_url(), &teapot()).unwrap_err();
        assert!(error.to_string().contains(words), "{json}: {error}");
    }
    let page =
        read_json("\u{feff}{\"files\": null, \"meta\": null, \"versions\": null, \"project-status\": null}");
    assert_eq!(page, ProjectPage::new(teapot()));
}

#[test]
fn the_status_is_read_wherever_indexes_put_it() {
    for (json, status) in [
        (r#""project-status": {"status": "deprecated"}"#, ProjectStatus::Deprecated),
        (r#""project-status": "archived""#, ProjectStatus::Archived),
        (r#""meta": {"project-status": {"status": "quarantined"}}"#, ProjectStatus::Quarantined),
        (r#""meta": {"project-status": "archived"}"#, ProjectStatus::Archived),
        (r#""project-status": {"status": "sleeping"}"#, ProjectStatus::Active),
        (r#""project-status": {"status": null}"#, ProjectStatus::Active),
        (r#""project-status": []"#, ProjectStatus::Active),
    ] {
        assert_eq!(read_json(&format!(r#"{{"files": [], {json}}}"#)).status, status, "{json}");
    }
    assert!(!ProjectStatus::Quarantined.offers_files() && ProjectStatus::Archived.offers_files());
}

#[test]
fn root_pages_of_all_kinds_are_read() {
    let root: Url = "https://index.example/simple/".parse().unwrap();
    let read = |format, text: &str| read_root(format, text.as_bytes(), &root).unwrap();
    let json = r#"{"meta": {"_last-serial": 5, "api-version": "1.4"}, "projects": [{"name": "Foo.Bar", "_last-serial": 1},
        {"name": null}, {"name": "../x"}, {}, null, "baz"]}"#;
    assert_eq!(
        read(PageFormat::Json, json),
        RootPage { projects: vec!["Foo.Bar".to_owned(), "baz".to_owned()], last_serial: Some(5) }
    );
    let html = r#"<a href="/simple/foo-bar/">Foo.Bar</a> <a href="b">b</a><A HREF='../'>Home</A><a href=".">here</a>
        <a href="https://index.example/">index</a><a href="a-very-long-name/">a-very-lo..&gt;</a><a href="c/">c/</a>
        <a href="x%2Fy/">x/y</a><a name="d">d</a><a href="?C=N">Name</a><!--SERIAL 6-->"#;
    assert_eq!(
        read(PageFormat::Html, html),
        RootPage {
            projects: ["Foo.Bar", "b", "a-very-long-name", "c"].map(str::to_owned).into(),
            last_serial: Some(6)
        }
    );
}
