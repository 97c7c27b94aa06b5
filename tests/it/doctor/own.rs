//! depot-server itself.

use depot_tests::{FakeFile, FakeIndex, SdistBuilder, ServerProcess, Style, WheelBuilder, depot};

use super::{doctor, document, findings};

/// A server with a project of wheels and an sdist, one of them yanked.
pub(super) fn filled(folder: &std::path::Path, args: &[&str]) -> ServerProcess {
    let server = ServerProcess::start(&folder.join("data"), args.iter().copied());
    let dist = folder.join("dist");
    std::fs::create_dir(&dist).unwrap();
    let wheels = (0..30).map(|number| {
        let version = if number == 0 { "1.0+lab.1".to_owned() } else { format!("1.{number}") };
        WheelBuilder::new("Tea.Pot", &version).requires_python(">=3.8,<4")
    });
    for wheel in wheels {
        upload(&server, &wheel.filename(), &wheel.project(), &wheel.build());
    }
    let sdist = SdistBuilder::new("Tea.Pot", "1.0").requires_python(">=3.8");
    upload(&server, &sdist.filename(), &sdist.project(), &sdist.build());
    let token = server.token();
    depot(["python", "yank", "tea-pot==1.3", server.url(), "--token", &token]).assert_success();
    server
}

fn upload(server: &ServerProcess, filename: &str, project: &str, bytes: &[u8]) {
    let head = format!(
        "PUT /python/simple/{project}/{} HTTP/1.1\r\nHost: depot\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n",
        filename.replace('+', "%2B"),
        server.token(),
        bytes.len()
    );
    let answer = depot_tests::send(server.url(), [head.as_bytes(), bytes].concat()).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
}

#[test]
fn a_server_of_this_product_passes_with_nothing_to_say() {
    for args in [[].as_slice(), &["--private"]] {
        let folder = tempfile::tempdir().unwrap();
        let server = filled(folder.path(), args);
        let url = format!("{}/python/simple/", server.url());
        let token = server.token();
        let output = doctor(&[
            &url,
            "--project",
            "tea-pot",
            "--root",
            "--upload",
            "doctor-test",
            "--token",
            &token,
            "--strict",
        ]);
        let document = document(&output);
        let found = findings(&document);
        assert!(found.is_empty() && output.code == Some(0), "{args:?}: {found:#?} {}", output.stderr);
        assert!(document["counts"]["ok"].as_u64().unwrap() > 70, "{document:#}");
    }
}

#[test]
fn another_index_pulled_through_passes_with_nothing_to_say_cold_and_kept() {
    let index = (0..30).fold(FakeIndex::builder(Style::Json).relative(), |index, number| {
        let wheel = WheelBuilder::new("Tea.Pot", &format!("1.{number}")).requires_python(">=3.8,<4");
        index.file("tea-pot", FakeFile::from(&wheel))
    });
    let index = index.sdist(&SdistBuilder::new("Tea.Pot", "1.0").requires_python(">=3.8")).start();
    let folder = tempfile::tempdir().unwrap();
    // The group at the root, and the other index by itself; each is cold only once.
    for mount in ["", "pypi/"] {
        let server = ServerProcess::start(
            &folder.path().join(format!("data-{}", mount.len())),
            ["--upstream", &index.url()],
        );
        let url = format!("{}/{mount}simple/", server.url());
        for turn in ["cold", "kept"] {
            let output = doctor(&[&url, "--project", "tea-pot", "--root", "--strict"]);
            let document = document(&output);
            let found = findings(&document);
            assert!(
                found.is_empty() && output.code == Some(0),
                "{mount} {turn}: {found:#?} {}",
                output.stderr
            );
            assert!(document["counts"]["ok"].as_u64().unwrap() > 60, "{document:#}");
        }
    }
    assert_eq!(index.count("/simple/"), 0);
}
