//! Bundles that are damaged, cut short, put together otherwise or made to do harm: each is refused with what is wrong,
//! and nothing of it is imported.

use std::fmt::Write as _;
use std::fs;

use depot_tests::sha256_hex;
use serde_json::{Value, json};

use super::forge::{self, Member};
use super::{Carried, carried, lid, pot};

/// Imports these bytes, which must be refused with these words, and change nothing.
#[track_caller]
fn assert_refused(carried: &Carried, bundle: &[u8], words: &str) {
    fs::write(carried.path("bad.tar.zst"), bundle).unwrap();
    let said = carried.import(&["bad.tar.zst"]).assert_code(1);
    assert!(said.stderr.contains(words), "`{words}` is not said: {}", said.stderr);
    assert!(said.stderr.contains("bad.tar.zst") || said.stderr.contains("the bundle"), "{}", said.stderr);
    carried.assert_nothing_imported();
}

#[test]
fn a_bundle_as_it_was_taken_apart_and_packed_again_is_taken() {
    let (_index, carried) = carried();
    let whole = carried.whole();
    assert!(
        forge::pack(&forge::open(&whole)) == whole,
        "what follows would be refused for being packed otherwise"
    );
}

#[test]
fn a_changed_byte_anywhere_is_noticed() {
    let (_index, carried) = carried();
    let whole = carried.whole();
    // The head, the tail, and samples of what lies between.
    let places =
        (0..16).chain((16..whole.len()).step_by(whole.len() / 60)).chain(whole.len() - 8..whole.len());
    for (number, place) in places.enumerate() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (number % 8);
        assert_refused(&carried, &bytes, "refused");
    }
}

#[test]
fn a_bundle_that_is_cut_short_or_goes_on_is_refused() {
    let (_index, carried) = carried();
    let whole = carried.whole();
    let lengths =
        (0..8).chain((8..whole.len()).step_by(whole.len() / 25)).chain(whole.len() - 6..whole.len());
    for length in lengths {
        assert_refused(&carried, &whole[..length], "refused");
    }
    assert_refused(&carried, &[&whole[..], b"x"].concat(), "something follows its end");
    assert_refused(&carried, &[&whole[..], &whole[..]].concat(), "something follows its end");
}

#[test]
fn members_that_are_not_those_of_the_manifest_in_its_order_are_refused() {
    let (_index, carried) = carried();
    let members = forge::open(&carried.whole());
    let (first, last) = (members[3].name.clone(), members.last().unwrap().name.clone());
    let with = |change: &dyn Fn(&mut Vec<Member>)| {
        let mut members = members.clone();
        change(&mut members);
        forge::pack(&members)
    };
    let swapped = with(&|members| members.swap(3, 4));
    assert_refused(&carried, &swapped, &format!("`{first}` is not what the manifest says"));
    let doubled = with(&|members| members.insert(4, members[3].clone()));
    assert_refused(&carried, &doubled, &format!("`{first}` does"));
    assert_refused(&carried, &with(&|members| drop(members.pop())), &format!("`{last}` is not what"));
    let more = with(&|members| members.push(forge::file("files/lid/lid-4.tar.gz", b"x")));
    assert_refused(&carried, &more, "something follows its last item");
    let climbing = with(&|members| members.insert(3, forge::file("../../etc/cron.d/x", b"x")));
    assert_refused(&carried, &climbing, "`../../etc/cron.d/x` does");
    assert_refused(&carried, &with(&|members| members[3].kind = tar::EntryType::Symlink), "is a link");
    assert_refused(&carried, &with(&|members| members[3].kind = tar::EntryType::Char), "is no plain file");
    assert_refused(&carried, &with(&|members| members[3].content.push(0)), "bytes");
    let other = with(&|members| members[3].content[100] ^= 1);
    assert_refused(&carried, &other, "its sha256 is");
    assert_refused(&carried, &with(&|members| members.swap(0, 1)), "`depot-bundle.json` should come next");
    assert_refused(&carried, &forge::pack(&[]), "`depot-bundle.json` should come next, and nothing does");
    assert_refused(&carried, b"PK\x03\x04 is another kind of file", "does not begin as a bundle does");
}

#[test]
fn a_manifest_that_lies_is_refused() {
    let (_index, carried) = carried();
    let members = forge::open(&carried.whole());
    let with = |change: &dyn Fn(&mut Value)| {
        let mut members = members.clone();
        forge::manifest(&mut members, change);
        forge::pack(&members)
    };
    for (path, words) in [
        ("../../etc/passwd", "is no place in a tree"),
        ("files/lid/../../x", "is no place in a tree"),
        ("tmp/x", "is no place in a tree"),
        ("files/tea-pot/lid-3-py3-none-any.whl", "is no place in a tree"),
    ] {
        assert_refused(&carried, &with(&|manifest| manifest["items"][0]["path"] = json!(path)), words);
    }
    let moved = with(&|manifest| manifest["items"].as_array_mut().unwrap().swap(0, 3));
    assert_refused(&carried, &moved, "out of order, or twice");
    let twice = with(&|manifest| {
        let first = manifest["items"][0].clone();
        manifest["items"].as_array_mut().unwrap().insert(0, first);
    });
    assert_refused(&carried, &twice, "out of order, or twice");
    let bomb = with(&|manifest| manifest["items"][0]["size"] = json!(1_u64 << 50));
    assert_refused(&carried, &bomb, "unpack to more than");
    assert_refused(&carried, &with(&|manifest| manifest["items"][0]["size"] = json!(7)), "other bytes");
    let renamed = with(&|manifest| manifest["id"] = json!(sha256_hex(b"x")));
    assert_refused(&carried, &renamed, "of another bundle");
    assert_refused(
        &carried,
        &with(&|manifest| manifest["schema"] = json!("depot.bundle/2")),
        "use a newer one",
    );
    assert_refused(&carried, &with(&|manifest| manifest["volume"] = json!(2)), "volume 2 of 1");
    assert_refused(&carried, &with(&|manifest| manifest["volumes"] = json!(2)), "volume 2 of 2 is missing");
    // That it builds on something is part of what names it.
    let based = with(&|manifest| manifest["base"] = json!(sha256_hex(b"x")));
    assert_refused(&carried, &based, "do not add up");
    let removed = with(&|manifest| manifest["removed"] = json!(["files/lid/lid-2.tar.gz"]));
    assert_refused(&carried, &removed, "do not add up");
}

#[test]
fn what_a_receipt_says_otherwise_is_refused() {
    let (_index, carried) = carried();
    let members = forge::open(&carried.whole());
    let with = |change: &dyn Fn(&mut Value)| {
        let mut members = members.clone();
        forge::receipt(&mut members, change);
        forge::pack(&members)
    };
    let wheel = lid().filename();
    let other = with(&|receipt| receipt["files"]["lid"][&wheel][0] = json!(sha256_hex(b"x")));
    assert_refused(&carried, &other, "other bytes");
    let unlisted = with(&|receipt| drop(receipt["files"].as_object_mut().unwrap().remove("lid")));
    assert_refused(&carried, &unlisted, "does not list it");
    // It would let something be presumed that was never there.
    let more = with(&|receipt| receipt["files"]["lid"]["lid-9.tar.gz"] = json!([sha256_hex(b"x"), 1, "0"]));
    assert_refused(&carried, &more, "does not carry all");
}

/// A change of a record; the text is the name of another file.
type Change = fn(&mut Value, &str);

#[test]
fn a_record_that_speaks_of_something_else_is_refused() {
    let (_index, carried) = carried();
    let members = forge::open(&carried.whole());
    let place = members.iter().position(|member| member.name.ends_with(".whl.json")).unwrap();
    let name = members[place].name.clone();
    let (project, filename) = (name.split('/').nth(1).unwrap(), name.rsplit('/').next().unwrap());
    let filename = filename.strip_suffix(".json").unwrap();
    let changes: [(&str, Change); 4] = [
        ("speaks of `", |record, other| record["filename"] = json!(other)),
        ("speaks of other bytes", |record, _| record["size"] = json!(1)),
        ("speaks of other core metadata", |record, _| record["core-metadata"] = json!(false)),
        ("use a newer one", |record, _| record["depot"]["v"] = json!(2)),
    ];
    for (words, change) in changes {
        let mut members = members.clone();
        let mut record = serde_json::from_slice(&members[place].content).unwrap();
        change(&mut record, &pot().filename());
        members[place].content = serde_json::to_vec(&record).unwrap();
        // The manifest and the receipt lie along with it, down to the digests.
        let (size, sha256) = (members[place].content.len(), sha256_hex(&members[place].content));
        let metadata =
            members.iter().find(|member| member.name == name.replace(".json", ".metadata")).unwrap();
        let digests = [sha256_hex(&metadata.content), sha256.clone()].map(|hex| unhex(&hex)).concat();
        let mark = sha256_hex(&digests)[..16].to_owned();
        forge::receipt(&mut members, |receipt| receipt["files"][project][filename][2] = json!(mark));
        forge::manifest(&mut members, |manifest| {
            let items = manifest["items"].as_array_mut().unwrap();
            let item = items.iter_mut().find(|item| item["path"] == name.as_str()).unwrap();
            (item["size"], item["sha256"]) = (json!(size), json!(sha256));
        });
        let id = identify(&members);
        forge::receipt(&mut members, |receipt| receipt["bundle"] = json!(id));
        forge::manifest(&mut members, |manifest| manifest["id"] = json!(id));
        assert_refused(&carried, &forge::pack(&members), words);
    }
}

#[test]
fn what_says_of_a_project_whose_it_is_is_refused() {
    let (_index, carried) = carried();
    let projects = carried.source.root().join("projects");
    fs::create_dir(&projects).unwrap();
    let text = json!({ "project-status": { "status": "archived" } }).to_string();
    fs::write(projects.join("lid.json"), text).unwrap();
    let members = forge::open(&carried.whole());
    assert_eq!(members.last().unwrap().name, "projects/lid.json");
    let more = [
        json!({ "depot": { "v": 1, "owners": ["mallory"] } }),
        json!({ "depot": { "v": 1, "tombstones": [] }, "more": 1 }),
        json!({ "name": "tea-pot" }),
        json!("archived"),
    ];
    for said in more {
        let mut members = members.clone();
        let document = said.to_string().into_bytes();
        let (size, sha256) = (document.len(), sha256_hex(&document));
        members.last_mut().unwrap().content = document;
        let mark = sha256_hex(&unhex(&sha256))[..16].to_owned();
        forge::receipt(&mut members, |receipt| receipt["projects"]["lid"] = json!(mark));
        forge::manifest(&mut members, |manifest| {
            let item = manifest["items"].as_array_mut().unwrap().last_mut().unwrap();
            (item["size"], item["sha256"]) = (json!(size), json!(sha256));
        });
        let id = identify(&members);
        forge::receipt(&mut members, |receipt| receipt["bundle"] = json!(id));
        forge::manifest(&mut members, |manifest| manifest["id"] = json!(id));
        assert_refused(&carried, &forge::pack(&members), "`projects/lid.json` is not what the manifest says");
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The id that docs/bundles.md says a bundle has.
fn identify(members: &[Member]) -> String {
    let manifest: Value = serde_json::from_slice(&members[0].content).unwrap();
    let receipt: Value = serde_json::from_slice(&members[2].content).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut held = String::new();
    for (project, files) in receipt["files"].as_object().unwrap() {
        for (filename, file) in files.as_object().unwrap() {
            writeln!(held, "{} {} {} {project}/{filename}", text(&file[0]), file[1], text(&file[2])).unwrap();
        }
    }
    for (project, mark) in receipt["projects"].as_object().into_iter().flatten() {
        writeln!(held, "{} {project}", text(mark)).unwrap();
    }
    let mut lines = "depot.bundle/1\nbase -\n".to_owned();
    for item in manifest["items"].as_array().unwrap() {
        writeln!(lines, "{} {} {}", text(&item["sha256"]), item["size"], text(&item["path"])).unwrap();
    }
    writeln!(lines, "holds {}", sha256_hex(held.as_bytes())).unwrap();
    sha256_hex(lines.as_bytes())
}

#[test]
fn the_id_is_what_the_documentation_says() {
    let (_index, carried) = carried();
    let members = forge::open(&carried.whole());
    let manifest: Value = serde_json::from_slice(&members[0].content).unwrap();
    assert_eq!(manifest["id"], identify(&members));
}

#[test]
#[cfg(unix)]
fn what_cannot_be_read_twice_is_not_begun() {
    let (_index, carried) = carried();
    carried.whole();
    let mut command = carried.command(&["import", "/dev/stdin", "--dir"]);
    command.arg(carried.target.root());
    let mut cat = std::process::Command::new("cat")
        .arg(carried.path("whole.tar.zst"))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    command.stdin(cat.stdout.take().unwrap());
    let said = depot_tests::run(&mut command).assert_code(1);
    drop(command);
    let _ = cat.kill();
    cat.wait().unwrap();
    assert!(said.stderr.contains("read twice"), "{}", said.stderr);
    carried.assert_nothing_imported();
}
