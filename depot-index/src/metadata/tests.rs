use depot_proto::{Sha256Digest, simple::MetadataMark};

use crate::{
    IndexError,
    testing::{FakeServer, WHEEL, answer, client, project, unknown_file},
};

const METADATA: &[u8] = b"Metadata-Version: 2.1\nName: teapot-tools\nVersion: 1.0\n\nLong text\n";

fn sidecar_server(reply: Vec<u8>) -> FakeServer {
    FakeServer::start(move |asked| {
        let is_sidecar = asked.path == format!("/files/{WHEEL}.metadata");
        if is_sidecar { reply.clone() } else { answer(404, &[], b"") }
    })
}

async fn metadata_of(server: &FakeServer, mark: MetadataMark, filename: &str) -> Result<Vec<u8>, IndexError> {
    let mut file = unknown_file(filename, server.url(&format!("/files/{filename}#sha256=")));
    file.core_metadata = mark;
    client().metadata(&server.index(), &project(), &file).await
}

#[tokio::test]
async fn the_sidecar_is_read_where_it_is_advertised() {
    for mark in [MetadataMark::Present, MetadataMark::Sha256(Sha256Digest::of(METADATA))] {
        let server = sidecar_server(answer(200, &[], METADATA));
        assert_eq!(metadata_of(&server, mark, WHEEL).await.unwrap(), METADATA);
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_sidecar_with_another_hash_is_refused() {
    let server = sidecar_server(answer(200, &[], b"Metadata-Version: 2.1\nName: other\n"));
    let error =
        metadata_of(&server, MetadataMark::Sha256(Sha256Digest::of(METADATA)), WHEEL).await.unwrap_err();
    assert!(matches!(error, IndexError::HashMismatch { .. }), "{error}");
    assert!(error.to_string().contains(".whl.metadata"), "{error}");
}

#[tokio::test]
async fn a_sidecar_that_is_missing_or_a_web_page_leads_to_the_wheel() {
    for reply in [answer(404, &[], b""), answer(403, &[], b""), answer(200, &[], b"<html>welcome</html>")] {
        let server = sidecar_server(reply);
        let error = metadata_of(&server, MetadataMark::Present, WHEEL).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        let asked = server.asked();
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[1].path, format!("/files/{WHEEL}"));
        assert!(asked[1].header("range").is_some());
    }
}

#[tokio::test]
async fn a_source_archive_without_sidecar_is_not_fetched() {
    let server = sidecar_server(Vec::new());
    let error = metadata_of(&server, MetadataMark::Absent, "teapot_tools-1.0.tar.gz").await.unwrap_err();
    assert!(matches!(error, IndexError::NeedsDownload { .. }), "{error}");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_size_is_asked_for_without_the_bytes() {
    let server = FakeServer::start(|asked| {
        assert_eq!(asked.method, "HEAD");
        b"HTTP/1.1 200 OK\r\nContent-Length: 123456\r\nConnection: close\r\n\r\n".to_vec()
    });
    let file = unknown_file(WHEEL, server.url("/files/a.whl"));
    assert_eq!(client().size(&server.index(), &file).await.unwrap(), Some(123_456));
}

#[tokio::test]
async fn a_size_may_stay_unknown() {
    for status in [403, 405, 501] {
        let server = FakeServer::start(move |_| answer(status, &[], b""));
        let file = unknown_file(WHEEL, server.url("/files/a.whl"));
        assert_eq!(client().size(&server.index(), &file).await.unwrap(), None);
    }
    let server = FakeServer::start(|_| answer(404, &[], b""));
    let file = unknown_file(WHEEL, server.url("/files/a.whl"));
    assert!(client().size(&server.index(), &file).await.unwrap_err().is_not_found());
}
