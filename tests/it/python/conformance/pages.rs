//! Pages of the Simple API: negotiation, validators, addresses, and what stands in them.

use std::collections::BTreeSet;

use depot_tests::{RawResponse, WheelBuilder};
use serde_json::{Value, json};

use super::{Item, assert_each_holds};
use crate::python::index::{Built, HTML, HTML_V1, Index, JSON, lasting_headers, varies_by};
use crate::python::pages::{content::stocked, reading};

const ROOT: &str = "/python/simple/";
const PAGE: &str = "/python/simple/tea-pot/";
const BOTH: [&str; 2] = [ROOT, PAGE];

/// The three representations, by what a client accepts.
const FORMS: [(&str, &str); 3] = [
    ("application/vnd.pypi.simple.v1+json", JSON),
    ("application/vnd.pypi.simple.v1+html", HTML_V1),
    ("text/html", HTML),
];

/// A depot with a project of many files.
struct Stock {
    depot: Index,
    files: Vec<Built>,
}

impl Stock {
    fn ask(&self, path: &str, accept: &str) -> RawResponse {
        self.depot.get(path, &[&format!("Accept: {accept}")])
    }

    /// Fails unless both kinds of page come in this form to who accepts this.
    #[track_caller]
    fn assert_form(&self, accept: &str, content_type: &str) {
        for path in BOTH {
            let page = self.ask(path, accept);
            let seen = (page.status, page.header("content-type"));
            assert_eq!(seen, (200, Some(content_type)), "{path} for {accept}");
            assert_eq!(page.text().starts_with('{'), content_type == JSON, "{path} for {accept}");
        }
    }

    fn listed(&self) -> Vec<Value> {
        self.depot.json(PAGE)["files"].as_array().unwrap().clone()
    }
}

const ITEMS: &[Item<Stock>] = &[
    ("who asks for nothing in particular gets text/html", |stock| {
        for path in BOTH {
            assert_eq!(stock.depot.get(path, &[]).header("content-type"), Some(HTML));
        }
    }),
    ("who takes anything gets text/html", |stock| stock.assert_form("*/*", HTML)),
    ("browsers get text/html", |stock| {
        stock.assert_form("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML);
    }),
    ("pip gets JSON", |stock| {
        let html = "application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
        stock.assert_form(&format!("application/vnd.pypi.simple.v1+json, {html}"), JSON);
    }),
    ("uv gets JSON", |stock| {
        let html = "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";
        stock.assert_form(&format!("application/vnd.pypi.simple.v1+json, {html}"), JSON);
    }),
    ("uv gets text/html where it is given a list of links", |stock| stock.assert_form("text/html", HTML)),
    ("Poetry gets JSON", |stock| {
        stock.assert_form("application/vnd.pypi.simple.v1+json, */*;q=0.1", JSON);
    }),
    ("the latest JSON is answered as v1+json", |stock| {
        stock.assert_form("application/vnd.pypi.simple.latest+json", JSON);
    }),
    ("the latest HTML is answered as v1+html", |stock| {
        stock.assert_form("application/vnd.pypi.simple.latest+html", HTML_V1);
    }),
    ("a quality of nought refuses a form", |stock| {
        stock.assert_form("application/vnd.pypi.simple.v1+json;q=0, text/html;q=0.1", HTML);
        stock.assert_form("application/vnd.pypi.simple.v1+json;q=0.000, */*", HTML);
        stock.assert_form("text/html;q=0, */*", JSON);
    }),
    ("the better quality wins, in whatever order", |stock| {
        stock.assert_form("text/html;q=0.8, application/vnd.pypi.simple.v1+json;q=0.9", JSON);
        stock.assert_form("application/vnd.pypi.simple.v1+json;q=0.8, text/html;q=0.9", HTML);
    }),
    ("of equals the one that says most wins, and a form that is named over a wildcard", |stock| {
        stock.assert_form("text/html, application/vnd.pypi.simple.v1+json", JSON);
        stock.assert_form("*/*, application/vnd.pypi.simple.v1+json", JSON);
        stock.assert_form("text/html, application/vnd.pypi.simple.v1+html", HTML_V1);
    }),
    ("who accepts nothing that is here gets text/html and not 406", |stock| {
        for accept in ["image/png", "application/json", "application/vnd.pypi.simple.v2+json", "rubbish", ""]
        {
            stock.assert_form(accept, HTML);
        }
    }),
    ("a format asked for in the address decides, and an unknown one is 406", |stock| {
        for path in BOTH {
            let page = stock.ask(&format!("{path}?format=json"), "text/html");
            assert_eq!((page.status, page.header("content-type")), (200, Some(JSON)));
            let refused = stock.ask(&format!("{path}?format=xml"), "text/html");
            assert_eq!(refused.status, 406);
            assert!(varies_by(&refused, "accept"));
        }
    }),
    ("the content types are spelled as clients compare them", |stock| {
        for (accept, content_type) in FORMS {
            stock.assert_form(accept, content_type);
        }
    }),
    ("each representation has a strong validator of its own and is answered 304 by it alone", |stock| {
        for path in BOTH {
            let pages = FORMS.map(|(accept, _)| stock.ask(path, accept));
            let etags = pages.each_ref().map(|page| page.header("etag").unwrap().to_owned());
            assert_eq!(BTreeSet::from(etags.clone()).len(), 3, "{etags:?}");
            for ((accept, _), own) in FORMS.iter().zip(&etags) {
                assert!(own.starts_with('"') && own.len() > 3, "{own}");
                for known in &etags {
                    let lines = [format!("Accept: {accept}"), format!("If-None-Match: {known}")];
                    let answer = stock.depot.get(path, &lines.each_ref().map(String::as_str));
                    assert_eq!(
                        answer.status,
                        if known == own { 304 } else { 200 },
                        "{path} {accept} {known}"
                    );
                }
            }
        }
    }),
    ("a 304 repeats the validator, what may be cached and what it varies by", |stock| {
        for path in BOTH {
            let page = stock.ask(path, JSON);
            let etag = format!("If-None-Match: {}", page.header("etag").unwrap());
            let known = stock.depot.get(path, &[&format!("Accept: {JSON}"), &etag]);
            assert_eq!((known.status, known.body.len()), (304, 0));
            for name in ["etag", "cache-control", "vary", "x-pypi-last-serial"] {
                assert!(known.header(name).is_some(), "{name}");
                assert_eq!(known.header(name), page.header(name), "{name}");
            }
        }
    }),
    ("pages are kept only to be asked for again", |stock| {
        for path in BOTH {
            assert_eq!(stock.ask(path, JSON).header("cache-control"), Some("no-cache"));
        }
    }),
    ("every answer varies by Accept, and none by everything", |stock| {
        for path in [ROOT, PAGE, "/python/simple", "/python/simple/Tea.Pot/", "/python/simple/unknown/"] {
            let answer = stock.ask(path, JSON);
            assert!(varies_by(&answer, "accept") && !varies_by(&answer, "*"), "{path}: {:?}", answer.headers);
        }
    }),
    ("a missing slash is redirected for ever, relatively, with the query", |stock| {
        for (path, location) in [
            ("/python/simple", "simple/"),
            ("/python/simple/tea-pot", "tea-pot/"),
            ("/python/simple/tea-pot?format=json", "tea-pot/?format=json"),
        ] {
            let answer = stock.ask(path, JSON);
            assert_eq!((answer.status, answer.header("location")), (301, Some(location)), "{path}");
        }
    }),
    ("another spelling of a name is redirected to the normalized one", |stock| {
        for name in ["Tea-Pot", "tea_pot", "tea.pot", "tea--pot", "TEA._.POT"] {
            let answer = stock.ask(&format!("/python/simple/{name}/"), JSON);
            assert_eq!((answer.status, answer.header("location")), (301, Some("../tea-pot/")), "{name}");
        }
    }),
    ("a project that is not here is 404", |stock| {
        for accept in [JSON, "text/html", "*/*"] {
            assert_eq!(stock.ask("/python/simple/unknown/", accept).status, 404);
        }
    }),
    ("a HEAD has the headers of the GET and no body", |stock| {
        for path in [ROOT, PAGE, "/python/simple/unknown/", "/python/simple/tea-pot"] {
            let accept = format!("Accept: {JSON}");
            let (get, head) =
                (stock.depot.get(path, &[&accept]), stock.depot.request("HEAD", path, &[&accept]));
            assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
            assert_eq!(lasting_headers(&head), lasting_headers(&get), "{path}");
        }
    }),
    ("a name that ends in a dot or begins and ends in underscores is none, and never another's", |stock| {
        for name in ["tea-pot.", "tea-pot__", "__tea-pot__", ".tea-pot", "tea-pot%0A", "_x_"] {
            for path in [format!("/python/simple/{name}/"), format!("/python/simple/{name}")] {
                assert_eq!(stock.ask(&path, JSON).status, 404, "{path}");
            }
        }
    }),
    ("other methods are 405 with what is allowed", |stock| {
        for method in ["POST", "DELETE", "PATCH"] {
            let refused = stock.depot.request(method, PAGE, &["Content-Length: 0"]);
            assert_eq!(refused.status, 405, "{method}");
            assert!(refused.header("allow").is_some_and(|allow| allow.contains("GET")), "{method}");
        }
    }),
    ("both forms say version 1.4 of the protocol", |stock| {
        for path in BOTH {
            assert_eq!(stock.depot.json(path)["meta"]["api-version"], "1.4");
            let html = stock.ask(path, "text/html").text();
            assert!(html.contains("<meta name=\"pypi:repository-version\" content=\"1.4\">"), "{html}");
        }
    }),
    ("JSON has no null, no empty mark and no empty reason", |stock| {
        let page = stock.ask(PAGE, JSON).text();
        assert!(
            !page.contains("null") && !page.contains("{}") && !page.contains("\"yanked\":\"\""),
            "{page}"
        );
    }),
    ("JSON has sha256 and no other hash, in lower case", |stock| {
        for file in stock.listed() {
            let hashes = file["hashes"].as_object().unwrap();
            let built = stock.files.iter().find(|built| file["filename"] == built.filename.as_str()).unwrap();
            assert_eq!((hashes.len(), &hashes["sha256"]), (1, &json!(built.sha256())), "{file}");
        }
    }),
    ("JSON has the size of every file", |stock| {
        for built in &stock.files {
            let file = stock.listed().into_iter().find(|file| file["filename"] == built.filename.as_str());
            assert_eq!(file.unwrap()["size"], built.bytes.len());
        }
    }),
    ("JSON has times with six digits after the second, in UTC", |stock| {
        for file in stock.listed() {
            let time = file["upload-time"].as_str().unwrap();
            let shape = time.replace(|it: char| it.is_ascii_digit(), "0");
            assert_eq!(shape, "0000-00-00T00:00:00.000000Z");
        }
    }),
    ("JSON has as versions just those of the files", |stock| {
        let page = stock.depot.json(PAGE);
        let versions = page["versions"].as_array().unwrap();
        let versions: BTreeSet<_> = versions.iter().map(|it| it.as_str().unwrap().to_owned()).collect();
        let of_files = stock.files.iter().map(|built| {
            let rest = built.filename.strip_prefix("tea_pot-").unwrap();
            rest.strip_suffix(".tar.gz").unwrap_or_else(|| rest.split('-').next().unwrap()).to_owned()
        });
        assert_eq!(versions, of_files.collect());
    }),
    ("JSON has the normalized name, the status, and on the root page every project", |stock| {
        let page = stock.depot.json(PAGE);
        assert_eq!((&page["name"], &page["project-status"]["status"]), (&json!("tea-pot"), &json!("active")));
        assert_eq!(stock.depot.json(ROOT)["projects"], json!([{ "name": "tea-pot" }]));
    }),
    ("JSON marks the metadata of wheels by its sha256 under both names, and of sdists nothing", |stock| {
        for file in stock.listed() {
            let wheel = !file["filename"].as_str().unwrap().ends_with(".tar.gz");
            assert_eq!(file["core-metadata"]["sha256"].is_string(), wheel, "{file}");
            assert_eq!(file["core-metadata"], file["dist-info-metadata"], "{file}");
        }
    }),
    ("a yanked file is marked in both forms, with its reason and without", |stock| {
        let of = |version: &str| {
            let name = format!("tea_pot-{version}-py3-none-any.whl");
            stock.listed().into_iter().find(|file| file["filename"] == name.as_str()).unwrap()["yanked"]
                .clone()
        };
        assert_eq!([of("1.0"), of("1.1rc1")], [json!(false), json!(true)]);
        assert_eq!(of("1.0+lab.2"), "breaks <b>on</b> \"Windows\" & 'DOS'");
        let html = stock.ask(PAGE, "text/html").text();
        assert_eq!(html.matches(" data-yanked=\"").count(), 2, "{html}");
        assert_eq!(html.matches("data-yanked").count(), 2, "never without a value: {html}");
    }),
    ("HTML escapes what a file requires, once", |stock| {
        let html = stock.ask(PAGE, "text/html").text();
        assert!(html.contains(" data-requires-python=\"&gt;=3.8,&lt;4\""), "{html}");
    }),
    ("HTML is read back by Python's parser to what JSON says", |stock| {
        let room = reading::room();
        let records = reading::read_page(&stock.depot, room.as_ref());
        assert_eq!(records.len(), stock.files.len());
    }),
    ("HTML has no base, and on the root page relative links", |stock| {
        assert!(!stock.ask(PAGE, "text/html").text().contains("<base"));
        assert!(stock.ask(ROOT, "text/html").text().contains("<a href=\"tea-pot/\">tea-pot</a>"));
    }),
    ("addresses of files are relative, without a query, and end in the escaped file name", |stock| {
        for file in stock.listed() {
            let (url, name) = (file["url"].as_str().unwrap(), file["filename"].as_str().unwrap());
            assert!(!url.contains(':') && !url.starts_with('/') && !url.contains(['?', '#', ' ']), "{url}");
            let escaped = name.replace('+', "%2B").replace('!', "%21");
            assert_eq!(url.rsplit('/').next().unwrap(), escaped);
        }
    }),
    ("what is published is seen at once", |stock| {
        let before = FORMS.map(|(accept, _)| stock.ask(ROOT, accept).header("etag").unwrap().to_owned());
        stock.depot.publish(&WheelBuilder::new("Lid", "1.0"));
        for ((accept, _), before) in FORMS.iter().zip(&before) {
            let root = stock.ask(ROOT, accept);
            assert!(root.text().contains("lid") && root.header("etag") != Some(before), "{accept}");
            assert!(stock.ask("/python/simple/lid/", accept).text().contains("lid-1.0-py3-none-any.whl"));
        }
    }),
];

#[test]
fn pages_do_what_clients_rely_on() {
    let (depot, files) = stocked();
    let stock = Stock { depot, files };
    assert_each_holds("pages", &stock, ITEMS);
}

const PRIVATE_ITEMS: &[Item<(Index, String)>] = &[
    ("without credentials 401 with a Basic challenge, whether or not the project is here", |(depot, _)| {
        for path in [ROOT, PAGE, "/python/simple/unknown/"] {
            let refused = depot.get(path, &[]);
            assert_eq!(refused.status, 401, "{path}");
            assert!(refused.header("www-authenticate").is_some_and(|it| it.starts_with("Basic realm=\"")));
        }
    }),
    ("with them 200, and 404 where nothing is", |(depot, bearer)| {
        assert_eq!(depot.get(PAGE, &[bearer]).status, 200);
        assert_eq!(depot.get("/python/simple/unknown/", &[bearer]).status, 404);
    }),
    ("no shared cache keeps them", |(depot, bearer)| {
        for path in BOTH {
            let page = depot.get(path, &[bearer]);
            assert!(page.header("cache-control").is_some_and(|it| it.contains("private")));
            assert!(varies_by(&page, "authorization"), "{:?}", page.headers);
        }
    }),
];

#[test]
fn private_pages_ask_for_credentials_as_clients_expect() {
    let depot = Index::start_private();
    depot.publish(&WheelBuilder::new("tea-pot", "1.0"));
    let bearer = format!("Authorization: Bearer {}", depot.token());
    assert_each_holds("private pages", &(depot, bearer), PRIVATE_ITEMS);
}
