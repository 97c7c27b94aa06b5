use std::io;

use bytes::Bytes;
use depot_proto::Sha256Digest;

use crate::{
    Downloaded, Held, IndexError, Sink,
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

/// A server of [`BYTES`] in this version that honours ranges, and cuts its first answer after so many bytes.
fn ranged(cut: usize, etag: Option<&'static str>) -> FakeServer {
    FakeServer::start(move |asked| {
        let headers: Vec<_> = etag.iter().map(|etag| ("ETag", *etag)).collect();
        if asked.before == 0 {
            return answer_announcing(BYTES.len(), 200, &headers, &BYTES[..cut]);
        }
        let current = asked.header("if-range").is_none_or(|wanted| Some(wanted) == etag);
        match asked.part_of(BYTES).filter(|_| current) {
            Some((start, part)) => {
                let range = format!("bytes {start}-{}/{}", BYTES.len() - 1, BYTES.len());
                answer(206, &[&headers[..], &[("Content-Range", range.as_str())]].concat(), part)
            }
            None => answer(200, &headers, BYTES),
        }
    })
}

#[tokio::test]
async fn a_body_cut_short_is_gone_on_with_where_the_server_can_do_that() {
    for cut in [1, 10, BYTES.len() - 1] {
        for etag in [Some("\"v1\""), None, Some("W/\"v1\"")] {
            let server = ranged(cut, etag);
            let file = known_file("a-1.zip", server.url("/a-1.zip"), BYTES);
            let mut sink = Vec::new();
            client().download(&server.index(), &file, &mut sink).await.unwrap();
            let asked = server.asked();
            assert_eq!((sink.as_slice(), asked.len()), (BYTES, 2));
            assert_eq!(asked[1].header("range"), Some(format!("bytes={cut}-").as_str()));
            // A weak validator does not say that bytes are the same.
            assert_eq!(asked[1].header("if-range"), etag.filter(|etag| etag.starts_with('"')));
        }
    }
}

#[tokio::test]
async fn without_a_digest_only_a_named_version_is_gone_on_with() {
    for (etag, ranges) in [(Some("\"v1\""), 1), (None, 0)] {
        let server = ranged(10, etag);
        let mut file = known_file("a-1.zip", server.url("/a-1.zip"), BYTES);
        file.hashes.clear();
        let mut sink = Vec::new();
        client().download(&server.index(), &file, &mut sink).await.unwrap();
        let asked = server.asked().iter().filter(|asked| asked.header("range").is_some()).count();
        assert_eq!((sink.as_slice(), asked), (BYTES, ranges));
    }
}

fn held(bytes: &[u8]) -> Held {
    let mut hasher = depot_proto::Sha256Hasher::new();
    hasher.update(bytes);
    Held { size: bytes.len() as u64, hasher, etag: Some("\"v1\"".to_owned()) }
}

/// Goes on after these bytes with a server that answers so; what came of it, and how often it was asked.
async fn resumed(
    prefix: &[u8],
    reply: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> (Result<Downloaded, IndexError>, Vec<u8>, usize) {
    let server = FakeServer::start(move |asked| reply(asked.before));
    let file = known_file("a-1.zip", server.url("/a-1.zip"), BYTES);
    let mut sink = prefix.to_vec();
    let result = client().resume(&server.index(), &file, &mut sink, held(prefix)).await;
    (result, sink, server.asked().len())
}

/// What is held, the first and the second answer, and how many are asked for.
type Case = (&'static [u8], [Vec<u8>; 2], usize);

#[tokio::test]
async fn what_was_held_is_kept_only_if_the_whole_is_right() {
    let rest = |range: &'static str, from: usize| answer(206, &[("Content-Range", range)], &BYTES[from..]);
    let whole = || answer(200, &[], BYTES);
    let none = || answer(416, &[("Content-Range", "bytes */19")], b"");
    let cases: [Case; 9] = [
        (&BYTES[..4], [rest("bytes 4-18/19", 4), whole()], 1),
        (&BYTES[..4], [rest("bytes 4-18/*", 4), whole()], 1),
        // The server has no part to give, or another version.
        (&BYTES[..4], [whole(), whole()], 1),
        // A part of something else, or of another place.
        (&BYTES[..4], [rest("bytes 4-18/20", 4), whole()], 2),
        (&BYTES[..4], [rest("bytes 5-18/19", 5), whole()], 2),
        (&BYTES[..4], [rest("nonsense", 4), whole()], 2),
        (&BYTES[..4], [none(), whole()], 2),
        // What was held is damaged.
        (b"none", [rest("bytes 4-18/19", 4), whole()], 2),
        // All of it was there: nothing is asked.
        (BYTES, [whole(), whole()], 0),
    ];
    for (prefix, replies, expected) in cases {
        let (result, sink, asked) = resumed(prefix, move |before| replies[before].clone()).await;
        assert!(result.is_ok(), "{prefix:?}: {result:?}");
        assert_eq!((sink.as_slice(), asked), (BYTES, expected), "{prefix:?}");
    }
    for prefix in [&b"PK AND WHAT FOLLOWS"[..], &[BYTES, b"!"].concat()] {
        let (result, sink, asked) = resumed(prefix, move |_| answer(200, &[], BYTES)).await;
        assert!(result.is_ok(), "{result:?}");
        assert_eq!((sink.as_slice(), asked), (BYTES, 1));
    }
}

/// The ways in which servers refuse to give a part of a file.
fn refusals() -> Vec<Vec<u8>> {
    let mut refusals: Vec<_> =
        [400, 401, 403, 404, 405, 416, 501].iter().map(|status| answer(*status, &[], b"no")).collect();
    refusals.push(answer(206, &[("Content-Range", "bytes 0-18/19")], BYTES));
    refusals
}

#[tokio::test]
async fn who_refuses_to_give_the_rest_is_asked_for_the_whole() {
    for refusal in refusals() {
        let reply = {
            let refusal = refusal.clone();
            move |before| match before {
                0 => answer_announcing(BYTES.len(), 200, &[("ETag", "\"v1\"")], &BYTES[..10]),
                1 => refusal.clone(),
                _ => answer(200, &[], BYTES),
            }
        };
        let (result, sink, asked) = download_of(reply, |_| {}).await;
        assert!(result.is_ok(), "{}: {result:?}", String::from_utf8_lossy(&refusal));
        assert_eq!((sink.as_slice(), asked), (BYTES, 3));

        let reply = move |before| if before == 0 { refusal.clone() } else { answer(200, &[], BYTES) };
        let (result, sink, asked) = resumed(&BYTES[..4], reply).await;
        assert!(result.is_ok(), "{result:?}");
        assert_eq!((sink.as_slice(), asked), (BYTES, 2));
    }
}

#[tokio::test]
async fn what_is_held_is_dropped_if_the_rest_was_refused_and_kept_if_the_asker_was() {
    for refusal in refusals() {
        let is_about_who_asks = [" 401 ", " 403 ", " 404 "]
            .iter()
            .any(|status| String::from_utf8_lossy(&refusal).lines().next().unwrap().contains(status));
        let (result, sink, asked) = resumed(&BYTES[..4], move |_| refusal.clone()).await;
        assert!(result.is_err());
        let expected = if is_about_who_asks { &BYTES[..4] } else { b"" };
        assert_eq!((sink.as_slice(), asked), (expected, 2), "{result:?}");
    }
}

#[tokio::test]
async fn wrong_bytes_are_fetched_again_once_and_then_refused() {
    let wrong = answer(206, &[("Content-Range", "bytes 4-18/19")], &b"PK AND WHAT FOLLOWS"[4..]);
    let whole = answer(200, &[], b"PK AND WHAT FOLLOWS");
    let (result, _, asked) =
        resumed(&BYTES[..4], move |before| if before == 0 { wrong.clone() } else { whole.clone() }).await;
    assert!(matches!(result.unwrap_err(), IndexError::HashMismatch { .. }));
    assert_eq!(asked, 2);
}

#[tokio::test]
async fn attempts_that_come_further_are_not_counted_and_those_that_do_not_are() {
    const CUT: usize = 1_500_000;
    let bytes: Vec<u8> = b"PK and so on ".iter().copied().cycle().take(8_000_000).collect();
    for (ranges, expected) in [(true, 6), (false, 3)] {
        let whole = bytes.clone();
        let server = FakeServer::start(move |asked| {
            let (start, part) = asked.part_of(&whole).filter(|_| ranges).unwrap_or((0, &whole));
            let range = format!("bytes {start}-{}/{}", whole.len() - 1, whole.len());
            let (status, headers) = match start {
                0 => (200, vec![]),
                _ => (206, vec![("Content-Range", range.as_str())]),
            };
            answer_announcing(part.len(), status, &headers, &part[..part.len().min(CUT)])
        });
        let file = known_file("a-1.zip", server.url("/a-1.zip"), &bytes);
        let mut sink = Vec::new();
        let result = client().download(&server.index(), &file, &mut sink).await;
        assert_eq!((result.is_ok(), server.asked().len()), (ranges, expected), "{result:?}");
        assert!(!ranges || sink == bytes);
    }
}
