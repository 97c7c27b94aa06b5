//! Attack 16: metadata that one reader takes for one package and another reader for another.

use depot_tests::{Clients, RawResponse, SdistBuilder, WheelBuilder, counted, run};
use serde_json::{Value, json};

use crate::python::depot::{Depot, assert_accepted, assert_refused, body, mirrored};

/// Reads headers as pip does, with the parser of Python's own library.
const READER: &str = "\
import email.parser, json, sys
message = email.parser.BytesParser().parse(open(sys.argv[1], 'rb'))
print(json.dumps([[str(it) for it in message.get_all(name, [])] for name in ('Name', 'Version', 'Requires-Python')]))
";

/// Metadata that smuggles, as whole documents. Where it is taken, it is `teapot` 1.0 to every reader.
fn smugglers() -> Vec<Vec<u8>> {
    let head = "Metadata-Version: 2.1\nName: teapot\nVersion: 1.0\n";
    let mut documents: Vec<Vec<u8>> = [
        // Twice, in every way to write it twice.
        format!("{head}Name: kettle\n"),
        format!("{head}Version: 2.0\n"),
        format!("{head}name: kettle\n"),
        format!("{head}NAME : kettle\n"),
        format!("{head}Name:kettle\n"),
        format!("{head}Name: teapot\n"),
        format!("Name: kettle\n{head}"),
        format!("Version: 2.0\n{head}"),
        format!("{head}Requires-Python: >=3.8\nRequires-Python: >=98\n"),
        format!("{head}Metadata-Version: 1.0\n"),
        // Folded.
        "Metadata-Version: 2.1\nName: teapot\n kettle\nVersion: 1.0\n".to_owned(),
        "Metadata-Version: 2.1\nName:\n teapot\nVersion: 1.0\n".to_owned(),
        "Metadata-Version: 2.1\nName: teapot\nVersion: 1.0\n .1\n".to_owned(),
        "Metadata-Version: 2.1\nName: teapot\nVersion:\n\t1.0\n".to_owned(),
        format!("{head}Summary: x\n Name: kettle\n"),
        format!("{head}Requires-Python: >=3.8\n ,<98\n"),
        format!(" Name: kettle\n{head}"),
        format!("\tName: kettle\n{head}"),
        // The end of the headers, and what comes after it.
        format!("\n{head}"),
        format!("\n\n\n{head}"),
        format!("no header\n{head}"),
        format!("From kettle@example Mon Jan  1 00:00:00 2024\n{head}"),
        "Metadata-Version: 2.1\nName: teapot\n\nVersion: 1.0\n".to_owned(),
        format!("{head}\nName: kettle\nVersion: 2.0\n"),
        format!("{head}no header\nName: kettle\n"),
        format!("{head}: empty name\nName: kettle\n"),
        // Other line ends.
        format!("{head}Summary: x\rName: kettle\n"),
        format!("{head}Summary: x\r\nName: kettle\r\n"),
        format!("{head}Summary: x\u{b}Name: kettle\n"),
        format!("{head}Summary: x\u{c}Name: kettle\n"),
        format!("{head}Summary: x\u{85}Name: kettle\n"),
        format!("{head}Summary: x\u{2028}Name: kettle\n"),
        head.replace('\n', "\r"),
        head.replace('\n', "\r\n"),
        // Bytes that are no text, or none that is seen.
        format!("\u{feff}{head}"),
        format!("{head}Summary: \0Name: kettle\n"),
        "Metadata-Version: 2.1\nName: teapot\0kettle\nVersion: 1.0\n".to_owned(),
        "Metadata-Version: 2.1\nName: teapot\u{200b}\nVersion: 1.0\n".to_owned(),
        "Metadata-Version: 2.1\nName: t\u{435}apot\nVersion: 1.0\n".to_owned(),
        "Metadata-Version: 2.1\nName: =?utf-8?q?kettle?=\nVersion: 1.0\n".to_owned(),
        "Metadata-Version: 2.1\nName: teapot\nVersion: 1.0 2.0\n".to_owned(),
        "Metadata-Version: 2.1\nName: teapot\nVersion: UNKNOWN\n".to_owned(),
        "Metadata-Version: 2.1\nName: UNKNOWN\nVersion: 1.0\n".to_owned(),
        "Metadata-Version: 2.1\nName: ../kettle\nVersion: 1.0\n".to_owned(),
        "Metadata-Version: 2.1\nName: teapot; kettle\nVersion: 1.0\n".to_owned(),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect();
    documents.push(b"Metadata-Version: 2.1\nName: teapot\xff\nVersion: 1.0\n".to_vec());
    documents.push([head.as_bytes(), b"Author: caf\xe9\n\xff\xfe\n"].concat());
    documents.push([b"\xff\xfe".as_slice(), head.as_bytes()].concat());
    documents
}

#[test]
fn metadata_is_refused_or_read_as_python_reads_it() {
    let Some(clients) = Clients::find() else { return };
    let room = clients.room();
    let depot = Depot::start();
    let (mut taken, mut disagreed, documents) = (0, Vec::new(), smugglers());
    for (number, document) in documents.iter().enumerate() {
        let shown = String::from_utf8_lossy(document).escape_debug().to_string();
        let build = format!("{number}");
        let wheel = WheelBuilder::new("teapot", "1.0").build_tag(&build).raw_metadata(document.as_slice());
        let answer = depot.put("teapot", &wheel.filename(), &wheel.build());
        if answer.status != 201 {
            assert_eq!(answer.status, 400, "{shown}: {}", answer.text());
            continue;
        }
        taken += 1;
        std::fs::write(room.path().join("METADATA"), document).unwrap();
        let read = run(room.command("python").args(["-c", READER, "METADATA"])).assert_success().stdout;
        let read: Value = serde_json::from_str(&read).unwrap();
        let name = read[0][0].as_str().unwrap_or_default().trim().to_ascii_lowercase();
        let version = read[1][0].as_str().unwrap_or_default().trim();
        let required = read[2][0].as_str().map(|text| text.replace('\n', ""));
        let listed = depot.listed("teapot");
        let file = listed.iter().find(|file| file["filename"] == wheel.filename().as_str()).unwrap();
        let agreed = file["requires-python"].as_str().map(str::to_owned) == required;
        // Where Python reads no header at all, there is no other package that it could take this for.
        let unreadable = read[0] == json!([]) && read[1] == json!([]);
        if !unreadable && ((name.as_str(), version) != ("teapot", "1.0") || !agreed) {
            disagreed.push(format!("{shown}: python reads {read}, depot says {}", file["requires-python"]));
        }
        let sidecar = depot.get(&format!("/python/files/teapot/{}.metadata", wheel.filename()));
        assert!(sidecar.body == *document, "{shown}");
    }
    assert!(disagreed.is_empty(), "{disagreed:#?}");
    assert!(taken >= 5, "some of them are good, if odd: {taken}");
    counted("attack 16", "documents that smuggle metadata", documents.len() as u64);
}

#[test]
fn smuggled_metadata_of_a_copied_file_is_kept_and_not_believed() {
    let depot = Depot::start();
    let documents = smugglers();
    for (number, document) in documents.iter().enumerate() {
        let wheel = WheelBuilder::new("teapot", "1.0")
            .build_tag(&number.to_string())
            .raw_metadata(document.as_slice());
        let (filename, bytes) = (wheel.filename(), wheel.build());
        assert_accepted(&depot.announce("teapot", &mirrored(&filename, &bytes)), 202, "send");
        assert_accepted(&depot.put("teapot", &filename, &bytes), 201, "created");
        assert!(depot.get(&format!("/python/files/teapot/{filename}")).body == bytes);
        // Where there is a sidecar, it is that of the wheel; there is none that says more than the wheel does.
        let sidecar = depot.get(&format!("/python/files/teapot/{filename}.metadata"));
        assert!(sidecar.status == 404 || sidecar.body == *document, "{number}: {}", sidecar.status);
    }
    assert_eq!(depot.listed("teapot").len(), documents.len());
    counted("attack 16", "copied files with such metadata", documents.len() as u64);
}

/// The most memory the server has had, in bytes.
fn peak(depot: &Depot) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", depot.server().pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Fails unless a distribution is refused for what it is.
#[track_caller]
fn assert_refused_as_such(answer: &RawResponse) {
    let code = body(answer)["code"].as_str().unwrap().to_owned();
    assert_refused(answer, 400, &code);
    assert!(["invalid-distribution", "too-large"].contains(&code.as_str()), "{}", answer.text());
}

#[test]
fn metadata_of_a_hundred_megabytes_is_refused_without_being_held() {
    let depot = Depot::start();
    depot.publish(&WheelBuilder::new("kettle", "1.0"));
    let mut document = b"Metadata-Version: 2.1\nName: teapot\nVersion: 1.0\n\n".to_vec();
    document.resize(100_000_000, b'x');
    let wheel = WheelBuilder::new("teapot", "1.0").raw_metadata(document.as_slice());
    let sdist = SdistBuilder::new("teapot", "1.0").raw_pkg_info(document.as_slice());
    let files = [(wheel.filename(), wheel.build()), (sdist.filename(), sdist.build())];
    let before = peak(&depot);
    for (filename, bytes) in &files {
        assert_refused_as_such(&depot.put("teapot", filename, bytes));
        // Copied, it is kept as it is, and its metadata is not offered.
        assert_accepted(&depot.announce("teapot", &mirrored(filename, bytes)), 202, "send");
        assert_accepted(&depot.put("teapot", filename, bytes), 201, "created");
        assert_eq!(depot.get(&format!("/python/files/teapot/{filename}.metadata")).status, 404);
    }
    let grown = peak(&depot).saturating_sub(before);
    assert!(grown < 64_000_000, "the server grew by {grown} bytes");
    // Many headers, or long ones, are as bad as a long description.
    for lines in ["X-Leaf: green\n".repeat(200_000), format!("Summary: {}\n", "x".repeat(8_000_000))] {
        let document = format!("Metadata-Version: 2.1\nName: teapot\nVersion: 2.0\n{lines}");
        let wheel = WheelBuilder::new("teapot", "2.0").raw_metadata(document);
        assert_refused_as_such(&depot.put("teapot", &wheel.filename(), &wheel.build()));
    }
    counted("attack 16", "distributions with far too much metadata", 4);
}
