//! Wheels in sound zips: `.dist-info`, `RECORD`, `WHEEL`, entry points, metadata.

use super::{
    Case, metadata,
    reasons::ONLY_ARCHIVE,
    zip_file::{Member, Zip},
    zips::List,
};

pub(super) fn cases() -> Vec<Case> {
    let mut list = List::new(2);
    good(&mut list);
    structure(&mut list);
    record(&mut list);
    fields(&mut list);
    for case in &mut list.cases {
        if !case.errors.is_empty() {
            case.python_reads(ONLY_ARCHIVE);
        }
    }
    // The other kind of zip.
    let mut zipped = |name, errors: &[&'static str], folder: &str, content: &str| {
        let version = format!("2.{}", list.cases.len());
        let pkg_info = content.replace("VERSION", &version);
        let members: Vec<(String, String)> = vec![
            (format!("{}/PKG-INFO", folder.replace("VERSION", &version)), pkg_info),
            (format!("pot-{version}/pot.py"), "print('tea')\n".to_owned()),
        ];
        let zip = Zip {
            members: members.iter().map(|(name, content)| Member::new(name, content.as_str())).collect(),
            ..Zip::default()
        };
        let case =
            Case::new(name, format!("pot-{version}.zip"), zip.build()).breaks(errors).warns(&["filename"]);
        list.cases.push(if errors.is_empty() {
            case.holding(members.iter().map(|(name, content)| (name.as_str(), content.as_bytes())))
        } else {
            case.read_by_python(ONLY_ARCHIVE)
        });
    };
    zipped("a source distribution in a zip", &[], "pot-VERSION", &metadata("VERSION"));
    zipped("one of two top folders", &["sdist-top"], "pan-VERSION", &metadata("VERSION"));
    zipped("one of another version", &["metadata-version"], "pot-VERSION", &metadata("9"));
    list.cases
}

fn good(list: &mut List) {
    list.good("hashes of other lengths", |wheel| {
        let digest = "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg_SpIdNs6c5H0NE8XYXysP-DGNKHfuwvY7kxvUdBeoGlODJ6-SfaPg";
        wheel.add(Member::new("pot/empty.py", ""));
        let record = String::from_utf8(wheel.true_record()).unwrap();
        let rest = record.split_once('\n').unwrap().1;
        wheel.record = Some(format!("pot/empty.py,sha512={digest},0\r\n{rest}").into_bytes());
    });
    list.good("a signature that RECORD does not list", |wheel| {
        let name = format!("{}/RECORD.jws", wheel.folder());
        wheel.zip.members.push(Member::new(&name, "{}"));
    });
    list.good("names that need quotes in RECORD", |wheel| {
        wheel.add(Member::new("pot/a,\"b\".txt", "tea"));
        let record = String::from_utf8(wheel.true_record()).unwrap();
        wheel.record = Some(record.replacen("pot/a,\"b\".txt", "\"pot/a,\"\"b\"\".txt\"", 1).into_bytes());
    });
    list.good("programs", |wheel| {
        let name = format!("{}/entry_points.txt", wheel.folder());
        wheel.add(Member::new(
            &name,
            "[console_scripts]\ntea-2.0 = pot:main [hot]\n\n[x.y]\nany thing = pot\n",
        ));
    });
    list.good("a licence that is there", |wheel| {
        let text = metadata(&wheel.version).replace("Metadata-Version: 2.1", "Metadata-Version: 2.4");
        wheel.set("METADATA", text + "License-Expression: MIT\nLicense-File: LICENSE\n");
        let name = format!("{}/licenses/LICENSE", wheel.folder());
        wheel.add(Member::new(&name, "as you like"));
    });
    list.good("folded lines, a description, and CRLF", |wheel| {
        let text = metadata(&wheel.version)
            + "License: A\n  B\nRequires-Dist: cup (>=2) ; extra == 'hot'\n\nName: text\n";
        wheel.set("METADATA", text.replace('\n', "\r\n"));
    });
    list.good("a folder that is spelled otherwise", |wheel| {
        let (folder, other) = (wheel.folder(), format!("Pot-{}.0.dist-info", wheel.version));
        for member in &mut wheel.zip.members {
            member.name = String::from_utf8_lossy(&member.name).replace(&folder, &other).into_bytes();
        }
        let record = String::from_utf8(wheel.true_record()).unwrap().replace(&folder, &other);
        wheel.zip.members.push(Member::new(&format!("{other}/RECORD"), record));
        wheel.record = None;
    })
    .warned(&["wheel-spelling"]);
    list.good("other tags in WHEEL, and metadata of a later version", |wheel| {
        wheel.set("WHEEL", "Wheel-Version: 1.9\nTag: py2-none-any\nBuild: 1\n");
        let text = metadata(&wheel.version).replace("Metadata-Version: 2.1", "Metadata-Version: 2.99");
        wheel.set("METADATA", text);
    })
    .warned(&["metadata-unknown", "wheel-tags"]);
}

fn structure(list: &mut List) {
    list.bad("no .dist-info", &["wheel-dist-info"], |wheel| {
        wheel.zip.members.truncate(1);
        wheel.record = None;
    });
    list.bad("two .dist-info folders", &["wheel-dist-info"], |wheel| {
        wheel.add(Member::new("pan-1.dist-info/METADATA", metadata("1")));
    });
    for (name, folder) in
        [("the .dist-info of another project", "pan-2.9"), ("that of another version", "pot-99")]
    {
        list.bad(name, &["wheel-dist-info"], |wheel| {
            let (true_one, other) = (wheel.folder(), format!("{folder}.dist-info"));
            for member in &mut wheel.zip.members {
                member.name = String::from_utf8_lossy(&member.name).replace(&true_one, &other).into_bytes();
            }
            let record = String::from_utf8(wheel.true_record()).unwrap().replace(&true_one, &other);
            wheel.zip.members.push(Member::new(&format!("{other}/RECORD"), record));
            wheel.record = None;
        });
    }
    list.bad("no METADATA", &["wheel-dist-info"], |wheel| {
        wheel.zip.members.remove(1);
        wheel.record = Some(wheel.true_record());
    });
    list.bad("no WHEEL", &["wheel-file"], |wheel| {
        wheel.zip.members.remove(2);
        wheel.record = Some(wheel.true_record());
    });
    list.bad("a WHEEL of a later format", &["wheel-file"], |wheel| {
        wheel.set("WHEEL", "Wheel-Version: 2.0\nTag: py3-none-any\n");
    });
    list.bad("a WHEEL without a version", &["wheel-file"], |wheel| wheel.set("WHEEL", "Tag: py3-none-any\n"));
    for (name, line) in [
        ("a program that climbs", "../../evil = pot:main"),
        ("a program with a path", "bin/evil = pot:main"),
        ("a program that runs code", "evil = pot:main; import os"),
        ("entry points that cannot be read", "evil"),
    ] {
        list.bad(name, &["entry-points"], |wheel| {
            let name = format!("{}/entry_points.txt", wheel.folder());
            wheel.add(Member::new(&name, format!("[console_scripts]\n{line}\n")));
        });
    }
}

fn record(list: &mut List) {
    list.bad("no RECORD", &["record-missing"], |wheel| wheel.record = None);
    let mut rows = |name, errors: &[&'static str], change: fn(&str, &str) -> String| {
        list.bad(name, errors, |wheel| {
            let record = String::from_utf8(wheel.true_record()).unwrap();
            let first = record.lines().next().unwrap();
            wheel.record = Some(change(&record, first).into_bytes());
        });
    };
    rows("a member that RECORD does not list", &["record-unlisted"], |record, first| {
        record.replacen(&format!("{first}\n"), "", 1)
    });
    rows("a name in RECORD that is not there", &["record-absent"], |record, _| {
        format!("pot/leaf.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n{record}")
    });
    rows("another hash in RECORD", &["record-hash"], |record, first| {
        let hash = "pot/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,117";
        record.replacen(first, hash, 1)
    });
    rows("another size in RECORD", &["record-hash"], |record, first| {
        record.replacen(first, &first.replace(",117", ",118"), 1)
    });
    rows("no hash in RECORD", &["record-no-hash"], |record, first| {
        record.replacen(first, "pot/__init__.py,,", 1)
    });
    rows("a weak hash in RECORD", &["record-weak-hash"], |record, first| {
        record.replacen(first, "pot/__init__.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,117", 1)
    });
    rows("a hash of an unknown kind in RECORD", &["record-form"], |record, first| {
        record.replacen(first, "pot/__init__.py,tea=1B2M2Y8AsgTpgAmY7PhCfg,117", 1)
    });
    rows("a hash in RECORD that is cut off", &["record-form"], |record, first| {
        record.replacen(first, "pot/__init__.py,sha256=47DEQpj8HBSa,117", 1)
    });
    rows("a row twice", &["record-twice"], |record, first| format!("{first}\n{record}"));
    rows("a name in RECORD that climbs", &["record-form"], |record, _| format!("../evil.py,,\n{record}"));
    rows("a row of two columns", &["record-form", "record-unlisted"], |record, first| {
        record.replacen(first, "pot/__init__.py,", 1)
    });
    rows("rows inside a quoted name", &["record-form", "record-unlisted"], |record, first| {
        record.replacen(first, &format!("\"evil.py,,\n{first}\",,"), 1)
    });
    rows("a quote that does not end", &["record-form", "record-unlisted"], |record, _| format!("\"{record}"));
    rows("a line end of Unicode in a name", &["record-form"], |record, _| {
        format!("pot/a\u{2028}evil.py,,\n{record}")
    });
    list.bad("a RECORD that is not UTF-8", &["record-form"], |wheel| {
        wheel.record = Some([b"\xff\xfe,,\n".to_vec(), wheel.true_record()].concat());
    });
    list.bad("a RECORD of one endless row", &["record-form", "record-unlisted"], |wheel| {
        wheel.record = Some(b"pot,".repeat(1_000_000));
    });
}

fn fields(list: &mut List) {
    let mut said = |name, errors: &[&'static str], change: fn(String) -> String| {
        list.bad(name, errors, |wheel| {
            let text = change(metadata(&wheel.version));
            wheel.set("METADATA", text);
        });
    };
    said("another name in METADATA", &["metadata-name"], |text| text.replace("pot", "pan"));
    said("another version in METADATA", &["metadata-version"], |text| text.trim_end().to_owned() + ".1\n");
    said("two names", &["metadata-twice"], |text| text + "Name: pan\n");
    said("two names, one in another case", &["metadata-twice"], |text| text + "NAME: pan\n");
    said("two versions", &["metadata-twice"], |text| text + "Version: 9\n");
    said("two summaries", &["metadata-twice"], |text| text + "Summary: a\nSummary: b\n");
    said("a folded name", &["metadata-form", "metadata-name"], |text| text.replace("pot", "pot\n pan"));
    said("a name behind the headers", &["metadata-unreadable"], |text| text.replace("Name", "\nName"));
    said("headers that begin late", &["metadata-form"], |text| format!("\n{text}"));
    said("a line that is no header", &["metadata-form"], |text| format!("hello\n{text}"));
    said("a carriage return that hides a name", &["metadata-form", "metadata-twice"], |text| {
        text + "Summary: x\rName: pan\n"
    });
    said("a NUL", &["metadata-form"], |text| text + "Summary: a\0b\n");
    said("a byte order mark", &["metadata-form"], |text| format!("\u{feff}{text}"));
    said("no version", &["metadata-unreadable"], |text| text.replace("\nVersion:", "\nX:"));
    said("a later format", &["metadata-unreadable"], |text| {
        text.replace("Metadata-Version: 2.1", "Metadata-Version: 3.0")
    });
    said("a requirement that is none", &["metadata-field"], |text| text + "Requires-Dist: ???\n");
    said("a Python that is none", &["metadata-field"], |text| text + "Requires-Python: three\n");
    said("a licence that is not there", &["license-file"], |text| {
        text.replace("-Version: 2.1", "-Version: 2.4") + "License-File: LICENSE\n"
    });
    said("a hundred thousand headers", &["metadata-too-large"], |text| {
        text + &"X-Leaf: green\n".repeat(100_000)
    });
    said("eleven megabytes", &["metadata-too-large"], |text| text + "\n" + &"x".repeat(11_000_000));
    list.bad("metadata that is not UTF-8", &["metadata-encoding"], |wheel| {
        let text = [metadata(&wheel.version).as_bytes(), b"Author: caf\xe9\n"].concat();
        wheel.set("METADATA", text);
    });
}
