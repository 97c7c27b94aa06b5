//! Pages to the byte.

use super::*;

#[test]
fn json_is_rendered_to_the_byte() {
    let json = String::from_utf8(render_project(&full_page(), PageFormat::Json)).unwrap();
    let wanted = [
        r#"{"meta":{"api-version":"1.4","_last-serial":77},"name":"teapot-tools","#,
        r#""project-status":{"status":"active"},"versions":["0.9","1.0+lab.2","1.10","1!2"],"files":["#,
        r#"{"filename":"teapot_tools-0.9.tar.gz","url":"teapot_tools-0.9.tar.gz","#,
        &format!(r#""hashes":{{"sha256":"{ONES}"}},"requires-python":">=3.9,<4","size":20481,"#),
        r#""upload-time":"2026-10-02T07:15:09.000000Z","yanked":"it's \"broken\" & <old>"},"#,
        r#"{"filename":"teapot_tools-1.0+lab.2-py3-none-any.whl","#,
        r#""url":"teapot_tools-1.0%2Blab.2-py3-none-any.whl","#,
        &format!(r#""hashes":{{"sha256":"{TWOS}"}},"requires-python":">=3.9","size":9120,"#),
        r#""upload-time":"2026-11-01T18:00:00.125000Z","yanked":false,"#,
        &format!(r#""core-metadata":{{"sha256":"{ONES}"}},"dist-info-metadata":{{"sha256":"{ONES}"}},"#),
        r#""provenance":"https://index.example/p"},"#,
        r#"{"filename":"teapot_tools-1!2-py3-none-any.whl","#,
        r#""url":"../../files/teapot-tools/teapot_tools-1%212-py3-none-any.whl","hashes":{},"size":0,"#,
        r#""yanked":true,"core-metadata":true,"dist-info-metadata":true}]}"#,
    ]
    .concat();
    assert_eq!(json, wanted);
}

#[test]
fn html_is_rendered_to_the_byte() {
    let mut page = full_page();
    page.status = ProjectStatus::Deprecated;
    page.status_reason = Some("use \"kettle\"\nnow".to_owned());
    let html = String::from_utf8(render_project(&page, PageFormat::Html)).unwrap();
    let wanted = format!(
        r#"<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="pypi:repository-version" content="1.4">
    <meta name="pypi:project-status" content="deprecated">
    <meta name="pypi:project-status-reason" content="use &quot;kettle&quot;&#10;now">
    <title>Links for teapot-tools</title>
  </head>
  <body>
    <h1>Links for teapot-tools</h1>
    <a href="teapot_tools-0.9.tar.gz#sha256={ONES}" data-requires-python="&gt;=3.9,&lt;4" data-yanked="it&#39;s &quot;broken&quot; &amp; &lt;old&gt;">teapot_tools-0.9.tar.gz</a><br>
    <a href="teapot_tools-1.0%2Blab.2-py3-none-any.whl#sha256={TWOS}" data-requires-python="&gt;=3.9" data-dist-info-metadata="sha256={ONES}" data-core-metadata="sha256={ONES}" data-provenance="https://index.example/p">teapot_tools-1.0+lab.2-py3-none-any.whl</a><br>
    <a href="../../files/teapot-tools/teapot_tools-1%212-py3-none-any.whl" data-yanked="" data-dist-info-metadata="true" data-core-metadata="true">teapot_tools-1!2-py3-none-any.whl</a><br>
  </body>
</html>
<!--SERIAL 77-->
"#
    );
    assert_eq!(html, wanted);
    assert_eq!(render_project(&page, PageFormat::HtmlV1), html.as_bytes());
}

#[test]
fn without_every_size_the_page_is_of_version_one_and_tells_what_is_known() {
    let whole = ProjectPage { status: ProjectStatus::Archived, ..full_page() };
    let mut page = whole.clone();
    page.files[2].size = None;
    let json = |page: &ProjectPage| -> serde_json::Value {
        serde_json::from_slice(&render_project(page, PageFormat::Json)).unwrap()
    };
    let mut expected = json(&whole);
    expected["meta"]["api-version"] = "1.0".into();
    expected["files"][2].as_object_mut().unwrap().remove("size").unwrap();
    assert_eq!(json(&page), expected);
    assert_eq!(expected["project-status"]["status"], "archived");
    assert!(expected["files"][0]["upload-time"].is_string(), "{expected}");
    // HTML says the same of version and status.
    let html = |page: &ProjectPage| String::from_utf8(render_project(page, PageFormat::Html)).unwrap();
    let version = |number: &str| format!("<meta name=\"pypi:repository-version\" content=\"{number}\">");
    assert_eq!(html(&page), html(&whole).replace(&version("1.4"), &version("1.0")));
    // Of a page whose versions nobody named it is not said that there are none.
    let mut unnamed = whole;
    unnamed.versions.clear();
    let said = json(&unnamed);
    assert_eq!((&said["meta"]["api-version"], said.get("versions")), (&"1.0".into(), None));
    let empty = ProjectPage::new(teapot());
    assert_eq!(
        String::from_utf8(render_project(&empty, PageFormat::Json)).unwrap(),
        r#"{"meta":{"api-version":"1.4"},"name":"teapot-tools","project-status":{"status":"active"},"versions":[],"files":[]}"#
    );
}

#[test]
fn versions_of_files_join_those_that_are_listed() {
    let read = |versions: &[&str]| versions.iter().map(|text| Version::read(text)).collect::<Vec<_>>();
    let mut page = ProjectPage::new(teapot());
    page.versions = ["1.10", "1.9", "1.0", "1.9"].map(str::to_owned).into();
    // `1.0.0` is listed, as `1.0`; what is no version sorts first.
    page.add_versions(read(&["2.0+cpu", "1.0.0", "2.0+CPU", "1!0.1", "0.9rc1", "r42"]));
    assert_eq!(page.versions, ["r42", "0.9rc1", "1.0", "1.9", "1.10", "2.0+cpu", "1!0.1"]);
    page.add_versions([]);
    assert_eq!(page.versions.len(), 7);
}

#[test]
fn a_digest_that_is_none_is_not_rendered() {
    let mut page = full_page();
    page.files.truncate(1);
    page.files[0].hashes.insert("sha256".to_owned(), "\"><script>".to_owned());
    for format in PageFormat::ALL {
        let text = String::from_utf8(render_project(&page, format)).unwrap();
        assert!(!text.contains("script") && !text.contains("sha256"), "{text}");
    }
}

#[test]
fn root_pages_are_rendered_to_the_byte() {
    let names = ["teapot-tools", "Zig.gurat"];
    assert_eq!(
        String::from_utf8(render_root(names.iter(), None, PageFormat::Json)).unwrap(),
        r#"{"meta":{"api-version":"1.4"},"projects":[{"name":"teapot-tools"},{"name":"Zig.gurat"}]}"#
    );
    let html = String::from_utf8(render_root(names.iter(), Some(9), PageFormat::HtmlV1)).unwrap();
    assert_eq!(
        html,
        r#"<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="pypi:repository-version" content="1.4">
    <title>Simple index</title>
  </head>
  <body>
    <h1>Simple index</h1>
    <a href="teapot-tools/">teapot-tools</a><br>
    <a href="zig-gurat/">Zig.gurat</a><br>
  </body>
</html>
<!--SERIAL 9-->
"#
    );
    let none = std::iter::empty::<&str>();
    assert_eq!(
        render_root(none, Some(3), PageFormat::Json),
        br#"{"meta":{"api-version":"1.4","_last-serial":3},"projects":[]}"#
    );
}
