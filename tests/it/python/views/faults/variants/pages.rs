//! Pages that can be read, and lie.

use serde_json::json;

use super::{Variant, send, variant};
use crate::python::views::faults::upstream::{Asked, Part};

/// Changes every file of a page; what is no page is answered rightly.
fn every(asked: &Asked, change: impl Fn(&mut serde_json::Value)) -> Vec<super::Step> {
    if asked.part != Part::Page {
        return send(asked.answer());
    }
    send(asked.header("ETag", Some("\"a lie\"")).page(change))
}

/// The same, where the page is any text.
fn text(asked: &Asked, text: impl Fn(&str) -> String) -> Vec<super::Step> {
    if asked.part != Part::Page {
        return send(asked.answer());
    }
    let page = String::from_utf8(asked.body.clone()).unwrap();
    send(asked.header("ETag", Some("\"a lie\"")).with(text(&page)))
}

/// What another file says of itself, before all others.
fn beside(page: &str, entry: &serde_json::Value) -> String {
    page.replace("\"files\":[", &format!("\"files\":[{entry},"))
}

pub(super) const ALL: &[Variant] = &[
    variant("JSON that breaks off", "xooox", |asked| text(asked, |page| page[..page.len() / 2].to_owned())),
    variant("JSON that is null", "xooox", |asked| text(asked, |_| "null".to_owned())),
    variant("JSON that is a list", "xooox", |asked| text(asked, |page| format!("[{page}]"))),
    variant("JSON as deep as a well", "xooox", |asked| {
        text(asked, |page| page.replace("\"meta\":", &format!("\"x\":{}1,\"meta\":", "[".repeat(100_000))))
    }),
    variant("JSON of a later version", "xooox", |asked| {
        text(asked, |page| page.replace("\"1.4\"", "\"2.0\""))
    }),
    variant("JSON of another project", "xooox", |asked| {
        text(asked, |page| page.replace("cold", "other").replace("kept", "other").replace("listed", "other"))
    }),
    variant("HTML that calls itself JSON", "xooox", |asked| text(asked, |_| super::LOGIN.to_owned())),
    variant("a size that is another", "*~~~x", |asked| {
        every(asked, |file| file["size"] = json!(file["size"].as_u64().unwrap() + 1))
    }),
    variant("a digest that is another", "*~~~x", |asked| {
        every(asked, |file| file["hashes"] = json!({ "sha256": "0".repeat(64) }))
    }),
    variant("links to where clouds keep credentials", "*~~~x", |asked| {
        every(asked, |file| file["url"] = json!("http://169.254.169.254/latest/meta-data/"))
    }),
    variant("links to this machine", "*~~~x", |asked| {
        let canary = format!("{}/x.tar.gz", asked.canary);
        every(asked, |file| file["url"] = json!(canary))
    }),
    variant("links to files of this machine", "xooox", |asked| {
        every(asked, |file| file["url"] = json!("file:///etc/passwd"))
    }),
    variant("links that are none", "xooox", |asked| every(asked, |file| file["url"] = json!("http://["))),
    variant("names that climb", "ooooo", |asked| {
        let entry = json!({ "filename": "../../../../cold-9.tar.gz", "url": "x", "hashes": {} });
        text(asked, |page| beside(page, &entry))
    }),
    variant("names of another project's files", "ooooo", |asked| {
        let entry = json!({ "filename": "acme_core-99.0-py3-none-any.whl", "url": "x", "hashes": {} });
        text(asked, |page| beside(page, &entry))
    }),
    variant("a name twice", "ooooo", |asked| {
        text(asked, |page| {
            let read: serde_json::Value = serde_json::from_str(page).unwrap();
            let mut again = read["files"][0].clone();
            again["hashes"] = json!({ "sha256": "0".repeat(64) });
            page.replace("],\"meta\"", &format!(",{again}],\"meta\""))
        })
    }),
];
