//! Tars as such: headers, links, what follows; in source distributions that are good but for that.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};

use super::{
    Case, metadata,
    reasons::ANY_NAME,
    tar_file::{Entry, gzip, gzip_stored, pax, tar},
    zip_file::WheelFile,
};

const LONG: &str = "leaves/of/a/name/that/is/far/longer/than/the/hundred/bytes/that/the/header/of/a/tar/has/for/it/whatever/it/says.py";

/// Cases in the making, each of a version of its own.
pub(super) struct List {
    major: u32,
    pub(super) cases: Vec<Case>,
}

/// What a case is made of: the top folder, and what is in it.
pub(super) struct Sdist {
    pub(super) version: String,
    pub(super) top: String,
    pub(super) entries: Vec<Entry>,
}

impl Sdist {
    fn new(version: String) -> Self {
        let top = format!("pot-{version}");
        let entries = vec![
            Entry::folder(&format!("{top}/")),
            Entry::file(&format!("{top}/PKG-INFO"), metadata(&version)),
            Entry::file(&format!("{top}/pot.py"), "print('tea')\n"),
        ];
        Self { version, top, entries }
    }

    /// A path in the top folder.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}/{path}", self.top)
    }

    pub(super) fn add(&mut self, entry: Entry) {
        self.entries.push(entry);
    }
}

impl List {
    pub(super) fn new(major: u32) -> Self {
        Self { major, cases: Vec::new() }
    }

    /// A case of what `change` makes, packed by `pack`; `more` are the files that it holds beside the usual ones, by
    /// their paths in the top folder.
    pub(super) fn packed(
        &mut self,
        name: &'static str,
        errors: &[&'static str],
        more: &[(&str, &str)],
        change: impl FnOnce(&mut Sdist),
        pack: impl FnOnce(&[Entry]) -> Vec<u8>,
    ) -> &mut Case {
        let mut sdist = Sdist::new(format!("{}.{}", self.major, self.cases.len()));
        let version = sdist.version.clone();
        let usual = [("PKG-INFO", metadata(&version)), ("pot.py", "print('tea')\n".to_owned())];
        change(&mut sdist);
        let bytes = pack(&sdist.entries);
        let mut case = Case::new(name, format!("pot-{version}.tar.gz"), bytes).breaks(errors);
        if errors.is_empty() {
            let more = more.iter().map(|(path, content)| (*path, (*content).to_owned()));
            let held: Vec<(String, String)> =
                usual.into_iter().chain(more).map(|(path, content)| (sdist.path(path), content)).collect();
            case = case.holding(held.iter().map(|(path, content)| (path.as_str(), content.as_bytes())));
        }
        self.cases.push(case);
        self.cases.last_mut().unwrap()
    }

    pub(super) fn good(
        &mut self,
        name: &'static str,
        more: &[(&str, &str)],
        change: impl FnOnce(&mut Sdist),
    ) -> &mut Case {
        self.packed(name, &[], more, change, |entries| gzip(&tar(entries)))
    }

    pub(super) fn bad(
        &mut self,
        name: &'static str,
        errors: &[&'static str],
        change: impl FnOnce(&mut Sdist),
    ) -> &mut Case {
        self.packed(name, errors, &[], change, |entries| gzip(&tar(entries)))
    }

    /// One with this entry for `more.py`.
    fn with(&mut self, name: &'static str, errors: &[&'static str], entry: fn(String) -> Entry) -> &mut Case {
        self.bad(name, errors, |sdist| {
            let entry = entry(sdist.path("more.py"));
            sdist.add(entry);
        })
    }

    /// One that is packed otherwise.
    pub(super) fn bytes(
        &mut self,
        name: &'static str,
        errors: &[&'static str],
        pack: impl FnOnce(&[Entry]) -> Vec<u8>,
    ) -> &mut Case {
        self.packed(name, errors, &[], |_| {}, pack)
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut list = List::new(3);
    sound(&mut list);
    streams(&mut list);
    headers(&mut list);
    links(&mut list);
    names(&mut list);
    list.cases
}

fn sound(list: &mut List) {
    list.good("a plain tar", &[], |_| {});
    list.good("a long name of GNU's", &[(LONG, "x")], |sdist| {
        let name = sdist.path(LONG);
        sdist.add(Entry::new(b'L', "././@LongLink", format!("{name}\0")).then(&Entry::file(&name, "x")));
    });
    list.good("a long name of pax", &[(LONG, "x")], |sdist| {
        let name = sdist.path(LONG);
        sdist.add(Entry::pax(&[("path", &name), ("mtime", "1.5")]).then(&Entry::file("short", "x")));
    });
    list.good("a comment for all members, as git writes it", &[], |sdist| {
        sdist
            .entries
            .insert(0, Entry::new(b'g', "pax_global_header", pax(&[("comment", "0123456789abcdef")])));
    });
    list.good("a size that pax says again", &[("more.py", "x")], |sdist| {
        let name = sdist.path("more.py");
        sdist.add(Entry::pax(&[("size", "1")]).then(&Entry::file(&name, "x")));
    });
    list.good("links that stay", &[("hard.py", "print('tea')\n"), ("deep/x", "y")], |sdist| {
        sdist.add(Entry::link(b'2', &sdist.path("soft.py"), "pot.py"));
        sdist.add(Entry::file(&sdist.path("deep/x"), "y"));
        sdist.add(Entry::link(b'2', &sdist.path("deep/soft.py"), "../pot.py"));
        sdist.add(Entry::link(b'1', &sdist.path("hard.py"), &sdist.path("pot.py")));
    });
    list.good("names that start with a dot and a slash, and folders twice", &[("more.py", "x")], |sdist| {
        let (folder, file) = (format!("./{}/", sdist.top), format!("./{}", sdist.path("more.py")));
        sdist.add(Entry::folder(&folder));
        sdist.add(Entry::file(&file, "x"));
    });
    list.good("types and headers of old", &[("old.py", "x"), ("contiguous.py", "y")], |sdist| {
        let old = Entry::new(0, &sdist.path("old.py"), "x").changed(|header| header[257..265].fill(0));
        sdist.add(old);
        sdist.add(Entry::new(b'7', &sdist.path("contiguous.py"), "y"));
    });
    list.packed(
        "a gzip header with a name, a comment and an extra field",
        &[],
        &[],
        |_| {},
        |entries| {
            let builder = GzBuilder::new().filename("pot.tar").comment("tea").extra(b"xy\x02\0ab".to_vec());
            let mut encoder = builder.write(Vec::new(), Compression::best());
            encoder.write_all(&tar(entries)).unwrap();
            encoder.finish().unwrap()
        },
    );
    list.packed(
        "zeros behind the gzip stream",
        &[],
        &[],
        |_| {},
        |entries| [gzip(&tar(entries)), vec![0; 700]].concat(),
    )
    .warned(&["gzip-padding"]);
    list.packed(
        "no empty blocks at the end",
        &[],
        &[],
        |_| {},
        |entries| {
            let mut bytes = tar(entries);
            bytes.truncate(bytes.len() - 1024);
            gzip(&bytes)
        },
    )
    .warned(&["tar-end"]);
    list.packed(
        "empty blocks up to the size of a tape's",
        &[],
        &[],
        |_| {},
        |entries| {
            let mut bytes = tar(entries);
            bytes.resize(10240, 0);
            gzip(&bytes)
        },
    );
    list.good("names that differ in case", &[("Leaf.py", "a"), ("leaf.py", "b")], |sdist| {
        sdist.add(Entry::file(&sdist.path("Leaf.py"), "a"));
        sdist.add(Entry::file(&sdist.path("leaf.py"), "b"));
    })
    .warned(&["member-case"]);
    for (name, extension) in [("a tar without compression", "tar"), ("a .tgz", "tgz")] {
        let case = list.packed(
            name,
            &[],
            &[],
            |_| {},
            |entries| {
                if extension == "tar" { tar(entries) } else { gzip(&tar(entries)) }
            },
        );
        case.warned(&["filename"]);
        case.filename = case.filename.replace("tar.gz", extension);
    }
}

fn streams(list: &mut List) {
    list.bytes("two gzip streams", &["gzip-members"], |entries| {
        let bytes = tar(entries);
        let (first, second) = bytes.split_at(1000);
        [gzip(first), gzip(second)].concat()
    })
    .python_reads("gzip goes on to the next stream, and some unpackers stop at the first");
    list.bytes("a second tar in a second gzip stream", &["gzip-members", "tar-trailing"], |entries| {
        let evil = tar(&[Entry::file("evil/PKG-INFO", "x")]);
        [gzip(&tar(entries)), gzip(&evil)].concat()
    })
    .python_reads("tarfile stops at the empty block, where GNU's with -i goes on");
    list.bytes("a second tar behind the first", &["tar-trailing"], |entries| {
        gzip(&[tar(entries), tar(&[Entry::file("evil/PKG-INFO", "x")])].concat())
    })
    .python_reads("tarfile stops at the empty block, where GNU's with -i goes on");
    list.bytes("something behind the gzip stream", &["gzip-trailing"], |entries| {
        [gzip(&tar(entries)), b"evil".to_vec()].concat()
    })
    .python_reads("tarfile stops at the empty block, and does not read so far");
    list.bytes("a gzip stream that is cut off", &["gzip-broken"], |entries| {
        let mut bytes = gzip(&tar(entries));
        bytes.truncate(bytes.len() - 20);
        bytes
    });
    list.bytes("a gzip checksum that is wrong", &["gzip-broken"], |entries| {
        let mut bytes = gzip(&tar(entries));
        let at = bytes.len() - 8;
        bytes[at] ^= 1;
        bytes
    })
    .python_reads("tarfile stops at the empty block, and does not come to the checksum");
    list.bytes("a tar that ends inside a member", &["tar-broken"], |entries| gzip(&tar(entries)[..1600]))
        .python_reads("tarfile lists what there is, and says so only when it is read");
    list.bytes("a page instead of an archive", &["gzip-broken"], |_| b"<!DOCTYPE html>".repeat(50));
    list.bytes("nothing", &["gzip-broken"], |_| Vec::new());
    list.bytes("a tar that is not packed", &["gzip-broken"], tar)
        .python_reads("tarfile finds out by itself how a tar is packed");
    list.bytes("a wheel", &["gzip-broken", "polyglot"], |_| WheelFile::new("1").build());
    list.bytes("a zip inside that the same bytes are", &["polyglot"], |entries| {
        // Stored, the zip stands in the file as it is; its comment takes in all that follows.
        let mut zip = WheelFile::new("1").build();
        let at = zip.len() - 2;
        let entries = |zip: &[u8]| [entries, &[Entry::file(&format!("{}zip", "pot-3.26/"), zip)]].concat();
        let end = gzip_stored(&tar(&entries(&zip)));
        let from = end.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap() + 22;
        zip[at..].copy_from_slice(&((end.len() - from) as u16).to_le_bytes());
        gzip_stored(&tar(&entries(&zip)))
    })
    .python_reads("tarfile reads the tar, and zipfile reads the zip: that is what is refused");
    list.bytes("a thousand times its size", &["bomb"], |entries| {
        gzip(&tar(&[entries, &[Entry::file("pot-3.27/zeros", vec![0; 100_000_000])]].concat()))
    })
    .python_reads("tarfile leaves it to the caller");
    list.bytes("a hundred thousand members and one", &["too-many-members"], |entries| {
        let more = (0..100_001).map(|number| Entry::file(&format!("pot-3.28/{number}"), ""));
        gzip(&tar(&entries.iter().cloned().chain(more).collect::<Vec<_>>()))
    })
    .python_reads("tarfile leaves it to the caller");
}

fn headers(list: &mut List) {
    // The first of these is TARmageddon: one reader skips over the content, another takes it for headers.
    list.with("a size in pax that is another", &["tar-size"], |name| {
        let inner = Entry::file("evil.py", "evil").0;
        Entry::pax(&[("size", "1024")]).then(&Entry::file(&name, inner).sized(0))
    })
    .python_reads("tarfile believes pax, and others the header");
    list.with("a size in pax twice", &["tar-header"], |name| {
        Entry::pax(&[("size", "1"), ("size", "0")]).then(&Entry::file(&name, "x"))
    })
    .python_reads("tarfile takes the last of two records");
    list.with("a name in pax twice", &["tar-header"], |name| {
        Entry::pax(&[("path", &name), ("path", "evil.py")]).then(&Entry::file(&name, "x"))
    })
    .python_reads("tarfile takes the last of two records");
    list.with("a name of GNU's and one of pax", &["tar-header"], |name| {
        let long = Entry::new(b'L', "././@LongLink", format!("{name}\0"));
        Entry::pax(&[("path", "evil.py")]).then(&long).then(&Entry::file(&name, "x"))
    })
    .python_reads("tarfile takes the outermost of two headers");
    list.with("two long names of GNU's", &["tar-header"], |name| {
        let long = |name: &str| Entry::new(b'L', "././@LongLink", format!("{name}\0"));
        long(&name).then(&long("evil.py")).then(&Entry::file(&name, "x"))
    })
    .python_reads("tarfile takes the outermost of two headers");
    list.with("a name for all members", &["tar-header"], |name| {
        Entry::new(b'g', "pax", pax(&[("path", "evil.py")])).then(&Entry::file(&name, "x"))
    })
    .python_reads("tarfile gives every member that name");
    list.with("a pax record of a wrong length", &["tar-header"], |name| {
        Entry::new(b'x', "pax", "99 path=evil.py\n").then(&Entry::file(&name, "x"))
    })
    .python_varies("some versions take what there is for the record");
    list.with("a long name with a NUL inside", &["member-name"], |name| {
        Entry::new(b'L', "././@LongLink", format!("{name}\0evil\0")).then(&Entry::file(&name, "x"))
    })
    .python_reads("tarfile cuts the name off at the NUL");
    list.with("a long name of no member", &["tar-broken"], |_| Entry::new(b'L', "././@LongLink", "name\0"));
    list.with("a size in base 256 that has more than eight bytes", &["tar-size"], |name| {
        Entry::file(&name, "x").changed(|header| {
            header[124..136].copy_from_slice(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        })
    });
    list.with("a size below zero", &["tar-broken"], |name| {
        Entry::file(&name, "x").changed(|header| header[124..136].fill(0xff))
    })
    .python_varies("some versions take it for no content at all");
    list.with("a folder with content", &["tar-size"], |name| {
        Entry::new(b'5', &name, Entry::file("evil.py", "x").0)
    })
    .python_reads("tarfile takes the content of a folder for the next header");
    list.with("an old folder with content", &["tar-size"], |name| {
        Entry::new(0, &format!("{name}/"), Entry::file("evil.py", "x").0)
    })
    .python_reads("tarfile takes the content of a folder for the next header");
    list.with("a link with content", &["tar-size"], |name| {
        Entry::new(b'2', &name, Entry::file("evil.py", "x").0)
            .changed(|header| header[157..160].copy_from_slice(b"pot"))
    })
    .python_reads("tarfile takes the content of a link for the next header");
    list.with("the start of a name where GNU's format has none", &["tar-header"], |name| {
        Entry::file(&name, "x").changed(|header| {
            header[257..265].copy_from_slice(b"ustar  \0");
            header[345..349].copy_from_slice(b"evil");
        })
    })
    .python_reads("tarfile puts it in front of the name, and GNU's tar does not");
    list.with("a header whose checksum is wrong", &["tar-broken"], |name| {
        let mut entry = Entry::file(&name, "x");
        entry.0[0] ^= 1;
        entry
    })
    .python_reads("tarfile takes a broken header behind the first for the end");
    list.with("a sparse member of GNU's", &["tar-sparse"], |name| Entry::new(b'S', &name, ""))
        .python_reads("tarfile fills the holes");
    list.with("a sparse member of pax", &["tar-sparse"], |name| {
        Entry::pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")])
            .then(&Entry::file(&name, "0\n".to_owned() + &"\0".repeat(510)))
    })
    .python_reads("tarfile fills the holes");
    list.with("a character device", &["tar-kind"], |name| Entry::new(b'3', &name, "")).python_reads(ANY_NAME);
    list.with("a block device", &["tar-kind"], |name| Entry::new(b'4', &name, "")).python_reads(ANY_NAME);
    list.with("a pipe", &["tar-kind"], |name| Entry::new(b'6', &name, "")).python_reads(ANY_NAME);
    list.with("a member of several volumes", &["tar-kind"], |name| Entry::new(b'M', &name, "x"))
        .python_reads("tarfile takes what it does not know for a file");
}

fn links(list: &mut List) {
    let mut linked = |name, links: &'static [(u8, &'static str, &'static str)]| {
        list.bad(name, &["tar-link"], |sdist| {
            for (kind, path, target) in links {
                let (path, target) = (sdist.path(path), target.replace("TOP", &sdist.top));
                let entry =
                    if *kind == b'0' { Entry::file(&path, "x") } else { Entry::link(*kind, &path, &target) };
                sdist.add(entry);
            }
        })
        .python_reads(ANY_NAME);
    };
    linked("a soft link that climbs", &[(b'2', "soft", "../../evil")]);
    linked("a soft link to the folder around the top", &[(b'2', "soft", "..")]);
    linked("a soft link to an absolute path", &[(b'2', "soft", "/etc/passwd")]);
    linked("a soft link to a drive", &[(b'2', "soft", "C:/evil")]);
    linked("a soft link through another one", &[(b'2', "deep/up", ".."), (b'2', "out", "deep/up/../..")]);
    linked("a soft link to nothing", &[(b'2', "soft", "")]);
    linked("a hard link that climbs", &[(b'1', "hard", "../evil")]);
    linked("a hard link to an absolute path", &[(b'1', "hard", "/etc/passwd")]);
    linked("a hard link to what is not there", &[(b'1', "hard", "TOP/missing.py")]);
    linked("a hard link to a soft one", &[(b'2', "soft", "pot.py"), (b'1', "hard", "TOP/soft")]);
    linked("a file behind a soft link", &[(b'2', "soft", "."), (b'0', "soft/pot2.py", "")]);
    list.bad("a PKG-INFO that is a link", &["sdist-pkg-info"], |sdist| {
        sdist.entries[1] = Entry::link(b'2', &sdist.path("PKG-INFO"), "pot.py");
    })
    .python_reads(ANY_NAME);
}

fn names(list: &mut List) {
    let mut named = |name, errors: &[&'static str], path: fn(&Sdist) -> String| {
        list.bad(name, errors, |sdist| {
            let path = path(sdist);
            sdist.add(Entry::file(&path, "evil"));
        })
        .python_reads(ANY_NAME);
    };
    named("a name that climbs", &["member-name"], |sdist| sdist.path("../../evil.py"));
    named("a name with an absolute path", &["member-name"], |_| "/etc/evil".to_owned());
    named("a name with a drive", &["member-name"], |_| "C:/evil.py".to_owned());
    named("a name with a backslash", &["member-name"], |sdist| sdist.path("..\\evil.py"));
    named("a name with a control character", &["member-name"], |sdist| sdist.path("\u{1b}[31m.py"));
    named("a name that ends in a dot", &["member-name"], |sdist| sdist.path("pot.py."));
    named("a name that ends in a space", &["member-name"], |sdist| sdist.path("pot.py "));
    named("a name twice", &["member-twice"], |sdist| sdist.path("pot.py"));
    named("a name twice, spelled otherwise", &["member-twice"], |sdist| sdist.path(".//pot.py"));
    named("a file in a file", &["member-twice"], |sdist| sdist.path("pot.py/evil.py"));
    named("a second PKG-INFO by case", &["member-twice"], |sdist| sdist.path("pkg-info"));
    list.bad("a name that is not UTF-8", &["member-encoding"], |sdist| {
        let name = sdist.path("th?.py");
        sdist.add(Entry::file(&name, "x").changed(|header| header[11] = 0xe9));
    })
    .python_reads(ANY_NAME);
}
