//! Faults in what pages list.

use serde_json::{Value, json};

use super::{Planted, html, json};
use crate::doctor::index::Mode;

pub(super) const PLANTED: &[Planted] = &[
    Planted {
        id: "html.links",
        mode: Mode::Open,
        what: "a page without links",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("<a ", "<b ");
            }
        },
    },
    Planted {
        id: "html.same",
        mode: Mode::Open,
        what: "a file that HTML lacks",
        edit: |question, answer| {
            if html(question, answer) {
                answer.drop_lines("tea_pot-1.8-");
            }
        },
    },
    Planted {
        id: "html.version",
        mode: Mode::Open,
        what: "no version",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("<meta name=\"pypi:repository-version\" content=\"1.4\">", "");
            }
        },
    },
    Planted {
        id: "html.version",
        mode: Mode::Open,
        what: "version 2",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("content=\"1.4\"", "content=\"2.0\"");
            }
        },
    },
    Planted {
        id: "html.text",
        mode: Mode::Open,
        what: "a title in place of a name",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace(">tea_pot-1.8-py3-none-any.whl<", ">Tea pot, the latest<");
            }
        },
    },
    Planted {
        id: "html.raw",
        mode: Mode::Open,
        what: "a bare `>` in an attribute",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("&gt;=3.8", ">=3.8");
            }
        },
    },
    Planted {
        id: "html.fragment",
        mode: Mode::Open,
        what: "sha1 in fragments",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("#sha256=", "#sha1=");
            }
        },
    },
    Planted {
        id: "html.fragment",
        mode: Mode::Open,
        what: "a digest without its algorithm",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("#sha256=", "#");
            }
        },
    },
    Planted {
        id: "html.fragment",
        mode: Mode::Open,
        what: "the fragment of eggs",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("#sha256=", "#egg=tea_pot-");
            }
        },
    },
    Planted {
        id: "html.fragment",
        mode: Mode::Open,
        what: "digests in capitals",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("#sha256=", "#sha256=A");
            }
        },
    },
    Planted {
        id: "html.hash",
        mode: Mode::Open,
        what: "no digests",
        edit: |question, answer| {
            if html(question, answer) {
                answer.drop_fragments();
            }
        },
    },
    Planted {
        id: "html.requires-python",
        mode: Mode::Open,
        what: "escaped twice",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("&gt;=3.8", "&amp;gt;=3.8");
            }
        },
    },
    Planted {
        id: "html.requires-python",
        mode: Mode::Open,
        what: "no version in it",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("&gt;=3.8", "three and more");
            }
        },
    },
    Planted {
        id: "html.yanked",
        mode: Mode::Open,
        what: "a bare `data-yanked`",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace(" data-yanked=\"leaks\"", " data-yanked");
            }
        },
    },
    Planted {
        id: "html.metadata-mark",
        mode: Mode::Open,
        what: "`false`",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("</body>", "<a href=\"/files/tea-pot/tea_pot-1.0.tar.gz\" data-core-metadata=\"false\" data-dist-info-metadata=\"false\">tea_pot-1.0.tar.gz</a></body>");
                answer.drop_lines("data-yanked");
                answer.replace(
                    "tea_pot-1.0.tar.gz\" data-core",
                    &format!("tea_pot-1.0.tar.gz#sha256={}\" data-core", "0".repeat(64)),
                );
            }
        },
    },
    Planted {
        id: "html.metadata-mark",
        mode: Mode::Open,
        what: "a digest without its algorithm",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("metadata=\"sha256=", "metadata=\"");
            }
        },
    },
    Planted {
        id: "html.metadata-twin",
        mode: Mode::Open,
        what: "the new name alone",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("data-dist-info-metadata", "data-x");
            }
        },
    },
    Planted {
        id: "html.metadata-twin",
        mode: Mode::Open,
        what: "the old name alone",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("data-core-metadata", "data-x");
            }
        },
    },
    Planted {
        id: "html.base",
        mode: Mode::Open,
        what: "a relative `<base>`",
        edit: |question, answer| {
            if html(question, answer) {
                answer.replace("<title>", "<base href=\"../tea-pot/\"><title>");
            }
        },
    },
    Planted {
        id: "json.readable",
        mode: Mode::Open,
        what: "no list of files",
        edit: |question, answer| {
            if json(question, answer) {
                answer.change(|page| page["files"] = Value::Null);
            }
        },
    },
    Planted {
        id: "json.readable",
        mode: Mode::Open,
        what: "half a page",
        edit: |question, answer| {
            if json(question, answer) {
                answer.body.truncate(answer.body.len() / 2);
            }
        },
    },
    Planted {
        id: "json.version",
        mode: Mode::Open,
        what: "no version",
        edit: |question, answer| {
            if json(question, answer) {
                answer.change(|page| page["meta"] = json!({}));
            }
        },
    },
    Planted {
        id: "json.version",
        mode: Mode::Open,
        what: "version 2",
        edit: |question, answer| {
            if json(question, answer) {
                answer.change(|page| page["meta"]["api-version"] = json!("2.0"));
            }
        },
    },
    Planted {
        id: "json.name",
        mode: Mode::Open,
        what: "the name as it is shown",
        edit: |question, answer| {
            if json(question, answer) {
                answer.change(|page| page["name"] = json!("Tea.Pot"));
            }
        },
    },
    Planted {
        id: "json.fields",
        mode: Mode::Open,
        what: "`size: null`",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("size", Value::Null);
            }
        },
    },
    Planted {
        id: "json.fields",
        mode: Mode::Open,
        what: "`yanked: null`",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("yanked", Value::Null);
            }
        },
    },
    Planted {
        id: "json.fields",
        mode: Mode::Open,
        what: "`upload-time: null`",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("upload-time", Value::Null);
            }
        },
    },
    Planted {
        id: "json.fields",
        mode: Mode::Open,
        what: "a size as text",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("size", json!("1200"));
            }
        },
    },
    Planted {
        id: "json.fields",
        mode: Mode::Open,
        what: "no `hashes`",
        edit: |question, answer| {
            if json(question, answer) {
                answer.drop_from_file("hashes");
            }
        },
    },
    Planted {
        id: "json.hash-name",
        mode: Mode::Open,
        what: "an algorithm that Python does not know",
        edit: |question, answer| {
            if json(question, answer) {
                answer.change_file(|file| file["hashes"]["blake2b_256"] = json!("00"));
            }
        },
    },
    Planted {
        id: "json.hash",
        mode: Mode::Open,
        what: "no digest",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("hashes", json!({}));
            }
        },
    },
    Planted {
        id: "json.size",
        mode: Mode::Open,
        what: "no size",
        edit: |question, answer| {
            if json(question, answer) {
                answer.drop_from_file("size");
            }
        },
    },
    Planted {
        id: "json.versions",
        mode: Mode::Open,
        what: "no list of versions",
        edit: |question, answer| {
            if json(question, answer) {
                answer.change(|page| drop(page.as_object_mut().unwrap().remove("versions")));
            }
        },
    },
    Planted {
        id: "json.versions",
        mode: Mode::Open,
        what: "a version that is not listed",
        edit: |question, answer| {
            if json(question, answer) {
                answer.change(|page| page["versions"] = json!(["1.0"]));
            }
        },
    },
    Planted {
        id: "json.upload-time",
        mode: Mode::Open,
        what: "no time",
        edit: |question, answer| {
            if json(question, answer) {
                answer.drop_from_file("upload-time");
            }
        },
    },
    Planted {
        id: "json.upload-time-form",
        mode: Mode::Open,
        what: "a fraction of one digit",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("upload-time", json!("2026-01-02T03:04:05.1Z"));
            }
        },
    },
    Planted {
        id: "json.upload-time-form",
        mode: Mode::Open,
        what: "a time without its zone",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("upload-time", json!("2026-01-02T03:04:05"));
            }
        },
    },
    Planted {
        id: "json.requires-python",
        mode: Mode::Open,
        what: "escaped as in HTML",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("requires-python", json!("&gt;=3.8"));
            }
        },
    },
    Planted {
        id: "json.yanked",
        mode: Mode::Open,
        what: "an empty reason",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("yanked", json!(""));
            }
        },
    },
    Planted {
        id: "json.metadata-mark",
        mode: Mode::Open,
        what: "an empty object",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("core-metadata", json!({}));
            }
        },
    },
    Planted {
        id: "json.metadata-mark",
        mode: Mode::Open,
        what: "a text",
        edit: |question, answer| {
            if json(question, answer) {
                answer.set_file("dist-info-metadata", json!("sha256=00"));
            }
        },
    },
    Planted {
        id: "json.status",
        mode: Mode::Open,
        what: "an unknown state",
        edit: |question, answer| {
            if json(question, answer) {
                answer.change(|page| page["project-status"] = json!({ "status": "asleep" }));
            }
        },
    },
    Planted {
        id: "json.status",
        mode: Mode::Open,
        what: "the state inside `meta`",
        edit: |question, answer| {
            if json(question, answer) {
                answer.change(|page| {
                    let state = page.as_object_mut().unwrap().remove("project-status").unwrap();
                    page["meta"]["project-status"] = state;
                });
            }
        },
    },
];
