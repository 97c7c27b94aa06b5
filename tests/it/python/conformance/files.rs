//! Files and their metadata: whole, in parts, and under every spelling of their address.

use depot_tests::{RawResponse, SdistBuilder, WheelBuilder, sha256_hex};

use super::{Item, assert_each_holds};
use crate::python::index::{Built, Index, lasting_headers};

/// A wheel with a local version and an sdist with an epoch.
struct Stock {
    depot: Index,
    wheel: Built,
    sdist: Built,
}

impl Stock {
    fn over(depot: Index) -> Self {
        let wheel = WheelBuilder::new("Tea.Pot", "1.0+lab.2").random_file("tea_pot/data.bin", 300_000, 4);
        let sdist = SdistBuilder::new("Tea.Pot", "1!2.0");
        Self { wheel: depot.publish(&wheel), sdist: depot.publish(&sdist), depot }
    }

    fn range(&self, range: &str) -> RawResponse {
        self.depot.get(&self.wheel.path(), &[&format!("Range: bytes={range}")])
    }

    /// Fails unless a range of the wheel is answered with these bytes of it.
    #[track_caller]
    fn assert_part(&self, range: &str, start: usize, end: usize) {
        let part = self.range(range);
        let size = self.wheel.bytes.len();
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(
            part.header("content-range"),
            Some(&*format!("bytes {start}-{}/{size}", end - 1)),
            "{range}"
        );
        assert_eq!(part.header("content-length"), Some(&*(end - start).to_string()), "{range}");
        assert!(part.body == self.wheel.bytes[start..end], "{range}");
    }

    #[track_caller]
    fn assert_served(&self, path: &str, bytes: &[u8]) {
        let file = self.depot.get(path, &[]);
        assert_eq!((file.status, file.body == bytes), (200, true), "{path}");
    }
}

const ITEMS: &[Item<Stock>] = &[
    ("a HEAD has the length, says that ranges work, and has no body", |stock| {
        let (path, size) = (stock.wheel.path(), stock.wheel.bytes.len().to_string());
        let (get, head) = (stock.depot.get(&path, &[]), stock.depot.request("HEAD", &path, &[]));
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), Some(&*size));
        assert_eq!(head.header("accept-ranges"), Some("bytes"));
        assert_eq!(lasting_headers(&head), lasting_headers(&get));
    }),
    ("a file is served whole", |stock| {
        stock.assert_served(&stock.wheel.path(), &stock.wheel.bytes);
        stock.assert_served(&stock.sdist.path(), &stock.sdist.bytes);
    }),
    ("the first byte", |stock| stock.assert_part("0-0", 0, 1)),
    ("the last five", |stock| {
        let size = stock.wheel.bytes.len();
        stock.assert_part("-5", size - 5, size);
    }),
    ("the last of more than there are", |stock| stock.assert_part("-99999999", 0, stock.wheel.bytes.len())),
    ("all but the first five", |stock| stock.assert_part("5-", 5, stock.wheel.bytes.len())),
    ("some in the middle, and no further than the end", |stock| {
        stock.assert_part("10-19", 10, 20);
        stock.assert_part("299999-99999999", 299_999, stock.wheel.bytes.len());
    }),
    ("a range beyond the end is 416 with the size", |stock| {
        let size = stock.wheel.bytes.len();
        for range in [format!("{size}-"), format!("{size}-{}", size + 9), "-0".to_owned()] {
            let refused = stock.range(&range);
            assert_eq!((refused.status, refused.complete), (416, true), "{range}");
            assert_eq!(refused.header("content-range"), Some(&*format!("bytes */{size}")), "{range}");
        }
    }),
    ("several ranges, and what is none, are answered with the whole", |stock| {
        for range in ["0-1,3-4", "5-2", "x", "", "1-2-3"] {
            let file = stock.range(range);
            assert_eq!((file.status, file.header("content-range")), (200, None), "{range}");
            assert!(file.body == stock.wheel.bytes, "{range}");
        }
    }),
    ("a range of the file that the client began with is served", |stock| {
        let known = format!("If-Range: \"{}\"", stock.wheel.sha256());
        let part = stock.depot.get(&stock.wheel.path(), &["Range: bytes=5-", &known]);
        assert_eq!((part.status, part.body.len()), (206, stock.wheel.bytes.len() - 5));
    }),
    ("a range of any other file is answered with the whole", |stock| {
        for known in
            ["\"other\"", &format!("W/\"{}\"", stock.wheel.sha256()), "Thu, 01 Jan 1970 00:00:00 GMT"]
        {
            let known = format!("If-Range: {known}");
            let file = stock.depot.get(&stock.wheel.path(), &["Range: bytes=5-", &known]);
            assert_eq!((file.status, file.body == stock.wheel.bytes), (200, true), "{known}");
        }
    }),
    ("a plus is the same escaped or not, and no space", |stock| {
        let path = stock.wheel.path();
        assert!(path.contains('+'));
        for plus in ["+", "%2B", "%2b"] {
            stock.assert_served(&path.replace('+', plus), &stock.wheel.bytes);
            stock.assert_served(&format!("{}.metadata", path.replace('+', plus)), &stock.wheel.metadata);
        }
        for other in ["%20", "%252B"] {
            assert_eq!(stock.depot.get(&path.replace('+', other), &[]).status, 404);
        }
    }),
    ("an exclamation mark is the same escaped or not", |stock| {
        let path = stock.sdist.path();
        assert!(path.contains('!'));
        stock.assert_served(&path, &stock.sdist.bytes);
        stock.assert_served(&path.replace('!', "%21"), &stock.sdist.bytes);
    }),
    ("no file is ever in a coding", |stock| {
        for built in [&stock.wheel, &stock.sdist] {
            for coding in ["gzip", "gzip, deflate, br, zstd", "gzip, identity;q=0", "*"] {
                let line = format!("Accept-Encoding: {coding}");
                let file = stock.depot.get(&built.path(), &[&line]);
                assert_eq!(
                    (file.header("content-encoding"), file.body == built.bytes),
                    (None, true),
                    "{coding}"
                );
                let metadata = stock.depot.get(&format!("{}.metadata", stock.wheel.path()), &[&line]);
                assert_eq!(metadata.header("content-encoding"), None, "{coding}");
                assert!(metadata.body == stock.wheel.metadata, "{coding}");
            }
        }
    }),
    ("the metadata has the hash that the page says, which is not that of the wheel", |stock| {
        let page = stock.depot.json("/python/simple/tea-pot/");
        let files = page["files"].as_array().unwrap();
        let file = files.iter().find(|file| file["filename"] == stock.wheel.filename.as_str()).unwrap();
        let metadata = stock.depot.get(&format!("{}.metadata", stock.wheel.path()), &[]);
        assert_eq!((metadata.status, &metadata.body), (200, &stock.wheel.metadata));
        assert_eq!(file["core-metadata"]["sha256"], sha256_hex(&metadata.body));
        assert_ne!(file["core-metadata"]["sha256"], file["hashes"]["sha256"]);
    }),
    ("an sdist has no metadata beside it", |stock| {
        assert_eq!(stock.depot.get(&format!("{}.metadata", stock.sdist.path()), &[]).status, 404);
    }),
    ("a file is kept for ever by a strong validator, and known by it", |stock| {
        let file = stock.depot.get(&stock.wheel.path(), &[]);
        let etag = format!("\"{}\"", stock.wheel.sha256());
        assert_eq!(file.header("etag"), Some(&*etag));
        let caching = file.header("cache-control").unwrap();
        assert!(["public", "immutable", "max-age="].iter().all(|word| caching.contains(word)), "{caching}");
        let known = stock.depot.get(&stock.wheel.path(), &[&format!("If-None-Match: {etag}")]);
        assert_eq!((known.status, known.body.len()), (304, 0));
    }),
    ("a file is bytes and nothing that a browser would show, under no other name", |stock| {
        for built in [&stock.wheel, &stock.sdist] {
            let file = stock.depot.get(&built.path(), &[]);
            let kind = file.header("content-type").unwrap();
            assert!(!kind.starts_with("text/") && !kind.contains("x-tar"), "{kind}");
            assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
            // pip calls what it downloads as this header does, where it names a file.
            let disposition = file.header("content-disposition").unwrap_or_default();
            let named = format!("filename=\"{}\"", built.filename);
            assert!(!disposition.contains("filename") || disposition.ends_with(&named), "{disposition}");
        }
    }),
    ("a file that is not here is 404", |stock| {
        for path in
            ["/python/files/tea-pot/tea_pot-9.0-py3-none-any.whl", "/python/files/unknown/unknown-1.zip"]
        {
            assert_eq!(stock.depot.get(path, &[]).status, 404, "{path}");
            assert_eq!(stock.depot.request("HEAD", path, &[]).status, 404, "{path}");
        }
    }),
];

#[test]
fn files_do_what_clients_rely_on() {
    let stock = Stock::over(Index::start());
    assert_each_holds("files", &stock, ITEMS);
}

const PRIVATE_ITEMS: &[Item<Stock>] = &[
    ("without credentials 401 with a Basic challenge, for ranges and HEAD too", |stock| {
        for path in [stock.wheel.path(), format!("{}.metadata", stock.wheel.path())] {
            for (method, line) in [("GET", "X-No: line"), ("GET", "Range: bytes=0-0"), ("HEAD", "X-No: line")]
            {
                let refused = stock.depot.request(method, &path, &[line]);
                assert_eq!(refused.status, 401, "{method} {path}");
                assert!(
                    refused.header("www-authenticate").is_some_and(|it| it.starts_with("Basic realm=\""))
                );
            }
        }
    }),
    ("with them the file, for no shared cache", |stock| {
        let bearer = format!("Authorization: Bearer {}", stock.depot.token());
        let file = stock.depot.get(&stock.wheel.path(), &[&bearer]);
        assert_eq!((file.status, file.body == stock.wheel.bytes), (200, true));
        assert!(
            file.header("cache-control").is_some_and(|it| it.contains("private") && !it.contains("public"))
        );
    }),
];

#[test]
fn private_files_ask_for_credentials_as_their_pages_do() {
    let stock = Stock::over(Index::start_private());
    assert_each_holds("private files", &stock, PRIVATE_ITEMS);
}
