use std::io;

use bytes::Bytes;
use depot_proto::Sha256Digest;

use crate::{
    Downloaded, IndexError, Sink,
    testing::{
        FakeServer, answer, answer_announcing, answer_without_length, client, client_with, known_file,
        unknown_file,
    },
};

const BYTES: &[u8] = b"PK and what follows";

async fn download_of(
    reply: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
    change: impl FnOnce(&mut depot_proto::simple::PageFile),
) -> (Result<Downloaded, IndexError>, Vec<u8>, usize) {
    let server = FakeServer::start(move |asked| reply(asked.before));
    let mut file = known_file("a-1.zip", server.url("/a-1.zip"), BYTES);
    change(&mut file);
    let mut sink = Vec::new();
    let result = client().download(&server.index(), &file, &mut sink).await;
    (result, sink, server.asked().len())
}

#[tokio::test]
async fn a_file_arrives_as_it_was_listed() {
    let (result, sink, asked) = download_of(|_| answer(200, &[], BYTES), |_| {}).await;
    let expected = Downloaded { sha256: Sha256Digest::of(BYTES), size: BYTES.len() as u64 };
    assert_eq!((result.unwrap(), sink.as_slice(), asked), (expected, BYTES, 1));
}

#[tokio::test]
async fn a_file_is_never_decompressed() {
    let headers = [("Content-Encoding", "gzip"), ("Content-Type", "application/x-tar")];
    let server = FakeServer::start(move |asked| {
        assert_eq!(asked.header("accept-encoding"), Some("identity"));
        answer(200, &headers, BYTES)
    });
    let file = known_file("a-1.zip", server.url("/a-1.zip"), BYTES);
    let mut sink = Vec::new();
    client().download(&server.index(), &file, &mut sink).await.unwrap();
    assert_eq!(sink, BYTES);
}

#[tokio::test]
async fn a_body_cut_short_starts_over() {
    for cut in [0, 1, 10, BYTES.len() - 1] {
        for announced in [true, false] {
            let reply = move |before| match (before, announced) {
                (0, true) => answer_announcing(BYTES.len(), 200, &[], &BYTES[..cut]),
                (0, false) => answer_without_length(&BYTES[..cut]),
                _ => answer(200, &[], BYTES),
            };
            let (result, sink, asked) = download_of(reply, |_| {}).await;
            assert!(result.is_ok(), "{result:?}");
            assert_eq!((sink.as_slice(), asked), (BYTES, 2));
        }
    }
}

#[tokio::test]
async fn a_body_that_is_always_cut_short_fails() {
    for reply in [answer_announcing(BYTES.len(), 200, &[], b"PK"), answer_without_length(b"PK")] {
        let (result, _, asked) = download_of(move |_| reply.clone(), |_| {}).await;
        let error = result.unwrap_err();
        assert!(matches!(error, IndexError::Truncated { received: 2, attempts: 3, .. }), "{error}");
        assert_eq!(asked, 3);
    }
}

#[tokio::test]
async fn other_bytes_of_the_same_length_are_refused() {
    let (result, _, asked) = download_of(|_| answer(200, &[], b"PK AND WHAT FOLLOWS"), |_| {}).await;
    let error = result.unwrap_err();
    assert!(
        matches!(error, IndexError::HashMismatch { expected, .. } if expected == Sha256Digest::of(BYTES))
    );
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_wrong_length_is_refused_before_or_while_it_comes() {
    let long = [BYTES, b"!"].concat();
    let longer = long.clone();
    for reply in [answer(200, &[], &long), answer_without_length(&longer), answer(200, &[], b"<html>")] {
        let (result, sink, asked) = download_of(move |_| reply.clone(), |_| {}).await;
        assert!(matches!(result.unwrap_err(), IndexError::SizeMismatch { expected: 19, .. }));
        assert!(sink.len() <= BYTES.len());
        assert_eq!(asked, 1);
    }
}

#[tokio::test]
async fn a_part_does_not_pass_for_the_whole() {
    let reply = |_| answer(206, &[("Content-Range", "bytes 0-18/40")], BYTES);
    let (result, _, _) = download_of(reply, |_| {}).await;
    assert!(matches!(result.unwrap_err(), IndexError::Status { status: 206, .. }));
}

#[tokio::test]
async fn without_any_hash_a_web_page_does_not_pass_for_an_archive() {
    for (body, passes) in [(&b"<!DOCTYPE html>"[..], false), (b"P", false), (b"", false), (BYTES, true)] {
        let forget = |file: &mut depot_proto::simple::PageFile| {
            file.hashes.clear();
            file.size = None;
        };
        let (result, _, _) = download_of(move |_| answer(200, &[], body), forget).await;
        match result {
            Ok(downloaded) => assert!(passes && downloaded.sha256 == Sha256Digest::of(body)),
            Err(error) => assert!(!passes && matches!(error, IndexError::NotTheFile { .. }), "{error}"),
        }
    }
}

#[tokio::test]
async fn the_limit_holds_where_no_size_is_known() {
    let client = client_with(|options| options.file_limit = 10);
    for reply in [answer(200, &[], BYTES), answer_without_length(BYTES)] {
        let server = FakeServer::start(move |_| reply.clone());
        let file = unknown_file("a-1.zip", server.url("/a-1.zip"));
        let error = client.download(&server.index(), &file, &mut Vec::new()).await.unwrap_err();
        assert!(matches!(error, IndexError::TooLarge { limit: 10, .. }), "{error}");
    }
}

#[tokio::test]
async fn a_sink_that_fails_ends_the_download() {
    struct Full;
    impl Sink for Full {
        fn restart(&mut self) -> io::Result<()> {
            Ok(())
        }
        async fn write(&mut self, _: Bytes) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let server = FakeServer::start(|_| answer(200, &[], BYTES));
    let file = known_file("a-1.zip", server.url("/a-1.zip"), BYTES);
    let error = client().download(&server.index(), &file, &mut Full).await.unwrap_err();
    assert!(matches!(error, IndexError::Sink(_)), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn downloads_may_run_in_tasks_of_their_own() {
    let server = FakeServer::start(|_| answer(200, &[], BYTES));
    let (client, index) = (client(), server.index());
    let file = known_file("a-1.zip", server.url("/a-1.zip"), BYTES);
    let task = tokio::spawn(async move { client.download(&index, &file, &mut Vec::new()).await });
    task.await.unwrap().unwrap();
}
