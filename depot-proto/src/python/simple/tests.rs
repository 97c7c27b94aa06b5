//! What is read from pages as indexes of all kinds write them, what is rendered to the byte, and that the one undoes
//! the other.

mod hostile;
mod reading;
mod rendering;
mod round_trip;

use super::*;

const ONES: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const TWOS: &str = "2222222222222222222222222222222222222222222222222222222222222222";

fn page_url() -> Url {
    "https://index.example/simple/teapot-tools/".parse().unwrap()
}

fn teapot() -> ProjectName {
    "teapot-tools".parse().unwrap()
}

fn read_html(html: &str) -> ProjectPage {
    read_project(PageFormat::Html, html.as_bytes(), &page_url(), &teapot()).unwrap()
}

fn read_json(json: &str) -> ProjectPage {
    read_project(PageFormat::Json, json.as_bytes(), &page_url(), &teapot()).unwrap()
}

/// The page with one file object of this inside.
fn read_entry(fields: &str) -> PageFile {
    let mut page = read_json(&format!(
        r#"{{"meta": {{"api-version": "1.0"}}, "name": "teapot-tools", "files": [{{"filename": "teapot_tools-1.tar.gz",
            "url": "teapot_tools-1.tar.gz", "hashes": {{}}, {fields}}}]}}"#
    ));
    assert_eq!(page.skipped, []);
    page.files.remove(0)
}

/// The only file of a page with one anchor of these attributes.
fn read_anchor(attributes: &str) -> PageFile {
    let mut page =
        read_html(&format!("<a href=teapot_tools-1.tar.gz {attributes}>teapot_tools-1.tar.gz</a>"));
    assert_eq!(page.skipped, []);
    page.files.remove(0)
}

/// A page with everything on it.
fn full_page() -> ProjectPage {
    let sdist = PageFile {
        filename: "teapot_tools-0.9.tar.gz".to_owned(),
        url: "teapot_tools-0.9.tar.gz".to_owned(),
        hashes: [("md5", "00000000000000000000000000000000"), ("sha256", ONES)]
            .map(|(name, hex)| (name.to_owned(), hex.to_owned()))
            .into(),
        size: Some(20481),
        upload_time: Some("2026-10-02T07:15:09Z".parse().unwrap()),
        requires_python: Some(">=3.9,<4".to_owned()),
        yanked: Yanked::because("it's \"broken\" & <old>"),
        ..PageFile::default()
    };
    let wheel = PageFile {
        filename: "teapot_tools-1.0+lab.2-py3-none-any.whl".to_owned(),
        url: quote("teapot_tools-1.0+lab.2-py3-none-any.whl"),
        hashes: [("sha256".to_owned(), TWOS.to_owned())].into(),
        size: Some(9120),
        upload_time: Some("2026-11-01T18:00:00.125Z".parse().unwrap()),
        requires_python: Some(">=3.9".to_owned()),
        core_metadata: MetadataMark::Sha256(ONES.parse().unwrap()),
        provenance: Some("https://index.example/p".to_owned()),
        ..PageFile::default()
    };
    let bare = PageFile {
        filename: "teapot_tools-1!2-py3-none-any.whl".to_owned(),
        url: "../../files/teapot-tools/teapot_tools-1%212-py3-none-any.whl".to_owned(),
        size: Some(0),
        yanked: Yanked::Yes,
        core_metadata: MetadataMark::Present,
        ..PageFile::default()
    };
    ProjectPage {
        versions: ["1!2", "1.10", "0.9", "1.0+lab.2", "0.9"].map(str::to_owned).into(),
        files: vec![sdist, wheel, bare],
        last_serial: Some(77),
        ..ProjectPage::new(teapot())
    }
}
