use std::io::{Cursor, Write as _};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{Part, Sparse, content_range};
use crate::{
    IndexError,
    testing::{Asked, FakeServer, WHEEL, answer, answer_announcing, client, project, unknown_file},
};

const METADATA: &[u8] = b"Metadata-Version: 2.1\nName: teapot-tools\nVersion: 1.0\n\nLong text\n";

/// A wheel of this many modules and at least this many bytes, with the metadata in front or at the end.
fn wheel(modules: usize, padding: usize, metadata_first: bool) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut add = |name: &str, bytes: &[u8], options| {
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
    };
    let info = "teapot_tools-1.0.dist-info";
    if metadata_first {
        add(&format!("{info}/METADATA"), METADATA, options);
    }
    add("teapot/data.bin", &vec![7; padding], options.compression_method(CompressionMethod::Stored));
    for module in 0..modules {
        add(&format!("teapot/a_module_with_a_long_name_{module}.py"), b"", options);
    }
    if !metadata_first {
        add(&format!("{info}/METADATA"), METADATA, options);
    }
    add(&format!("{info}/RECORD"), b"", options);
    zip.finish().unwrap().into_inner()
}

fn part_answer(asked: &Asked, body: &[u8]) -> Vec<u8> {
    let (start, part) = asked.part_of(body).unwrap();
    let range = format!("bytes {start}-{}/{}", start + part.len() - 1, body.len());
    answer(206, &[("Content-Range", &range)], part)
}

async fn metadata_of(server: &FakeServer, size: Option<usize>) -> Result<Vec<u8>, IndexError> {
    let mut file = unknown_file(WHEEL, server.url("/files/a.whl"));
    file.size = size.map(|size| size as u64);
    client().metadata(&server.index(), &project(), &file).await
}

fn bytes_sent(server: &FakeServer, body: &[u8]) -> usize {
    server.asked().iter().filter_map(|asked| asked.part_of(body)).map(|(_, part)| part.len()).sum()
}

#[tokio::test]
async fn one_request_for_the_tail_is_enough_for_a_usual_wheel() {
    let body = wheel(20, 3 << 20, false);
    for size in [None, Some(body.len())] {
        let stored = body.clone();
        let server = FakeServer::start(move |asked| part_answer(asked, &stored));
        assert_eq!(metadata_of(&server, size).await.unwrap(), METADATA);
        let [asked] = server.asked().try_into().unwrap();
        assert_eq!(asked.header("accept-encoding"), Some("identity"));
        assert!(bytes_sent(&server, &body) < 70_000);
    }
}

#[tokio::test]
async fn a_wheel_smaller_than_the_tail_is_read_too() {
    let body = wheel(1, 10, false);
    for size in [None, Some(body.len())] {
        let stored = body.clone();
        let server = FakeServer::start(move |asked| part_answer(asked, &stored));
        assert_eq!(metadata_of(&server, size).await.unwrap(), METADATA);
    }
}

#[tokio::test]
async fn gaps_are_fetched_where_the_reader_meets_them() {
    let body = wheel(3000, 3 << 20, true);
    let stored = body.clone();
    let server = FakeServer::start(move |asked| part_answer(asked, &stored));
    assert_eq!(metadata_of(&server, None).await.unwrap(), METADATA);
    assert!(server.asked().len() <= 6, "{}", server.asked().len());
    assert!(bytes_sent(&server, &body) < 1 << 20, "{}", bytes_sent(&server, &body));
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_taken_at_its_word_for_a_small_wheel() {
    let body = wheel(20, 1 << 20, false);
    let server = FakeServer::start(move |_| answer(200, &[], &body));
    assert_eq!(metadata_of(&server, None).await.unwrap(), METADATA);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_large_wheel_is_not_downloaded_for_its_metadata() {
    let server = FakeServer::start(|_| answer_announcing(1 << 30, 200, &[], b"PK"));
    let error = metadata_of(&server, None).await.unwrap_err();
    assert!(matches!(error, IndexError::NeedsDownload { .. }), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_server_without_suffix_ranges_is_asked_for_the_size_first() {
    let body = wheel(20, 1 << 20, false);
    for status in [400, 416, 501] {
        let stored = body.clone();
        let server = FakeServer::start(move |asked| match asked.header("range") {
            None => answer_announcing(stored.len(), 200, &[], b""),
            Some(range) if range.starts_with("bytes=-") => answer(status, &[], b""),
            Some(_) => part_answer(asked, &stored),
        });
        assert_eq!(metadata_of(&server, None).await.unwrap(), METADATA);
        assert_eq!(server.asked().len(), 3);
    }
}

#[tokio::test]
async fn a_range_that_was_not_asked_for_is_not_used() {
    for range in
        ["bytes 0-9/5000000", "bytes 4999990-4999999/*", "bytes 9-0/10", "items 0-9/10", "bytes 0-9/10 "]
    {
        let server = FakeServer::start(move |_| answer(206, &[("Content-Range", range)], &[0; 10]));
        assert!(metadata_of(&server, Some(5_000_000)).await.is_err());
    }
    let server = FakeServer::start(|_| answer(206, &[], &[0; 10]));
    assert!(matches!(metadata_of(&server, None).await.unwrap_err(), IndexError::NeedsDownload { .. }));
}

#[tokio::test]
async fn a_part_cut_short_is_asked_for_again() {
    let body = wheel(20, 1 << 20, false);
    let server = FakeServer::start(move |asked| {
        let mut whole = part_answer(asked, &body);
        let kept = if asked.before == 0 { whole.len() / 2 } else { whole.len() };
        whole.truncate(kept);
        whole
    });
    assert_eq!(metadata_of(&server, None).await.unwrap(), METADATA);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn what_is_no_zip_is_reported_after_few_requests() {
    let body = vec![b'x'; 5 << 20];
    let server = FakeServer::start(move |asked| part_answer(asked, &body));
    let error = metadata_of(&server, None).await.unwrap_err();
    assert!(matches!(error, IndexError::BadFile { .. } | IndexError::NeedsDownload { .. }), "{error}");
    assert!(server.asked().len() <= 8, "{}", server.asked().len());
}

#[tokio::test]
async fn a_wheel_of_another_project_is_refused() {
    let body = wheel(1, 10, false);
    let server = FakeServer::start(move |asked| part_answer(asked, &body));
    let file = unknown_file("kettle-1.0-py3-none-any.whl", server.url("/files/a.whl"));
    let error = client().metadata(&server.index(), &"kettle".parse().unwrap(), &file).await.unwrap_err();
    assert!(matches!(error, IndexError::BadFile { .. }), "{error}");
}

#[test]
fn gaps_are_cut_at_what_is_here_and_grow() {
    let part = |start, length: usize| Part { start, total: 10_000_000, bytes: vec![0; length].into() };
    let mut sparse = Sparse::new(10_000_000);
    sparse.insert(part(9_900_000, 100_000));
    sparse.missing = Some(9_899_000);
    assert_eq!(sparse.gap(), Some(9_834_464..9_900_000), "backwards, a whole step");
    sparse.insert(part(0, 100));
    sparse.missing = Some(100);
    assert_eq!(sparse.gap(), Some(100..131_172), "forwards, twice the step");
    sparse.insert(part(300, 50));
    sparse.missing = Some(200);
    assert_eq!(sparse.gap(), Some(100..300), "no more than there is");
    assert_eq!(sparse.gap(), None);
}

#[test]
fn content_ranges_are_read_strictly() {
    assert_eq!(content_range("bytes 10-19/200"), Some((10..20, 200)));
    for bad in [
        "",
        "bytes",
        "bytes */200",
        "bytes 10-19/*",
        "bytes 19-10/200",
        "bytes 10-200/200",
        "bytes 10-19",
        "bytes 0-18446744073709551615/1",
    ] {
        assert_eq!(content_range(bad), None, "{bad}");
    }
}
