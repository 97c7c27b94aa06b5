//! Zips as such: framing, names, sizes; in wheels that are good but for that.

use super::{
    Case, Python, metadata,
    reasons::{ANY_NAME, BY_DIRECTORY},
    zip_file::{Member, WheelFile, Zip, crc, deflate, extra},
};

/// Cases in the making, each of a version of its own.
pub(super) struct List {
    major: u32,
    pub(super) cases: Vec<Case>,
}

impl List {
    pub(super) fn new(major: u32) -> Self {
        Self { major, cases: Vec::new() }
    }

    fn next(&self) -> WheelFile {
        WheelFile::new(&format!("{}.{}", self.major, self.cases.len()))
    }

    fn push(
        &mut self,
        name: &'static str,
        version: &str,
        bytes: Vec<u8>,
        errors: &[&'static str],
    ) -> &mut Case {
        let filename = format!("pot-{version}-py3-none-any.whl");
        self.cases.push(Case::new(name, filename, bytes).breaks(errors));
        self.cases.last_mut().unwrap()
    }

    /// A good wheel, as `change` makes it.
    pub(super) fn good(&mut self, name: &'static str, change: impl FnOnce(&mut WheelFile)) -> &mut Case {
        let mut wheel = self.next();
        change(&mut wheel);
        let members = wheel.with_record().members;
        let files = members.iter().filter(|member| !member.name.ends_with(b"/"));
        let held: Vec<(String, Vec<u8>)> = files
            .map(|member| (String::from_utf8(member.name.clone()).unwrap(), member.content.clone()))
            .collect();
        let case = self.push(name, &wheel.version, wheel.build(), &[]);
        *case = case.clone().holding(held.iter().map(|(name, content)| (name.as_str(), content.as_slice())));
        case
    }

    /// One that breaks these rules, as `change` makes it.
    pub(super) fn bad(
        &mut self,
        name: &'static str,
        errors: &[&'static str],
        change: impl FnOnce(&mut WheelFile),
    ) -> &mut Case {
        let mut wheel = self.next();
        change(&mut wheel);
        self.push(name, &wheel.version, wheel.build(), errors)
    }

    /// One whose zip is `change`d after all else.
    pub(super) fn zip(
        &mut self,
        name: &'static str,
        errors: &[&'static str],
        change: impl FnOnce(&mut Zip),
    ) -> &mut Case {
        let wheel = self.next();
        let mut zip = wheel.with_record();
        change(&mut zip);
        self.push(name, &wheel.version, zip.build(), errors)
    }

    /// One whose bytes are changed when they are written.
    pub(super) fn bytes(
        &mut self,
        name: &'static str,
        errors: &[&'static str],
        change: impl FnOnce(Vec<u8>) -> Vec<u8>,
    ) -> &mut Case {
        let wheel = self.next();
        self.push(name, &wheel.version, change(wheel.build()), errors)
    }
}

impl Case {
    /// Sets the warnings of a case in a list.
    pub(super) fn warned(&mut self, warnings: &[&'static str]) -> &mut Self {
        self.warnings = warnings.to_vec();
        self
    }

    /// Says of a case in a list that some versions of CPython read it.
    pub(super) fn python_varies(&mut self, why: &'static str) -> &mut Self {
        self.python = Python::Varies(why);
        self
    }

    /// Says of a case in a list that CPython reads it, and why that is agreed.
    pub(super) fn python_reads(&mut self, why: &'static str) -> &mut Self {
        self.python = Python::Reads(why);
        self
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut list = List::new(1);
    sound(&mut list);
    around(&mut list);
    headers(&mut list);
    large(&mut list);
    names(&mut list);
    bombs(&mut list);
    list.cases
}

fn sound(list: &mut List) {
    list.good("deflated members", |_| {});
    list.good("stored members", |wheel| {
        wheel.zip.members.iter_mut().for_each(|member| member.stored = true);
    });
    list.good("sizes in a zip64 field of the local header", |wheel| {
        let member = wheel.member("__init__.py");
        member.stored = true;
        let size = (member.content.len() as u64).to_le_bytes();
        member.local.sizes = Some((u32::MAX, u32::MAX));
        member.local.extra = extra(1, &[size, size].concat());
    });
    list.good("a zip64 end record", |wheel| wheel.zip.zip64 = Some(4));
    list.good("a comment of the archive", |wheel| wheel.zip.comment = b"made of tea".to_vec())
        .warned(&["zip-comment"]);
    list.good("folders, an empty member and a field with times", |wheel| {
        wheel.add(Member { mode: 0o040_755, ..Member::new("pot/leaves/", "") });
        wheel.add(Member { mode: 0o100_755, ..Member::new("pot/empty.py", "") });
        let times = extra(0x5455, &[3, 0, 0, 0, 0, 0, 0, 0, 0]);
        let member = wheel.member("__init__.py");
        member.local.extra.clone_from(&times);
        member.extra = times;
    });
    list.good("names in UTF-8 that say so", |wheel| {
        wheel.add(Member { flags: 1 << 11, ..Member::new("pot/thé.txt", "chaud") });
    });
    list.good("names that differ in case", |wheel| {
        wheel.add(Member::new("pot/Leaf.py", "a"));
        wheel.add(Member::new("pot/leaf.py", "b"));
    })
    .warned(&["member-case"]);
    list.good("names of devices", |wheel| {
        wheel.add(Member::new("pot/aux.py", "a"));
        wheel.add(Member::new("pot/leaf.py:stream", "b"));
    })
    .warned(&["member-device"]);
}

fn around(list: &mut List) {
    list.zip("a program in front, offsets moved", &["zip-prefix"], |zip| {
        zip.prefix = b"MZ\x90\0".repeat(100);
        zip.shifted = true;
    })
    .python_reads("zipfile reads archives that unpack themselves");
    list.zip("a program in front, offsets not moved", &["zip-end"], |zip| {
        zip.prefix = b"#!/bin/sh\n".to_vec();
    })
    .python_reads("zipfile reads archives that unpack themselves");
    list.bytes("a byte behind", &["zip-end"], |bytes| [bytes, vec![0]].concat())
        .python_reads("zipfile searches for the end record, and passes over what follows");
    list.zip("bytes between two members", &["zip-gap"], |zip| {
        zip.members[1].local.before = b"what is this?".to_vec();
    })
    .python_reads(BY_DIRECTORY);
    list.zip("bytes before the directory", &["zip-gap"], |zip| zip.between = b"what is this?".to_vec())
        .python_reads(BY_DIRECTORY);
    list.zip("a member that the directory does not name", &["zip-gap"], |zip| {
        zip.members.insert(1, Member { hidden: true, ..Member::new("pot/hidden.py", "evil") });
    })
    .python_reads(BY_DIRECTORY);
    list.zip("a first member that the directory does not name", &["zip-prefix"], |zip| {
        zip.members.insert(0, Member { hidden: true, ..Member::new("pot/__init__.py", "evil") });
    })
    .python_reads(BY_DIRECTORY);
    list.bytes("another zip in front", &["zip-end"], |bytes| [WheelFile::new("9").build(), bytes].concat())
        .python_reads("zipfile reads archives that unpack themselves");
    list.bytes("another zip behind", &["zip-end"], |bytes| [bytes, WheelFile::new("9").build()].concat())
        .python_reads("zipfile reads archives that unpack themselves");
    list.bytes("another end record in the comment", &["zip-end"], |mut bytes| {
        let end = bytes[bytes.len() - 22..].to_vec();
        let at = bytes.len() - 2;
        bytes[at..].copy_from_slice(&22_u16.to_le_bytes());
        [bytes, end].concat()
    });
    list.zip("two directories, the second in the comment", &["zip-gap"], |zip| {
        // The second directory names all members but the first, and reaches back to the true ones.
        let outer = zip.build();
        let first = zip.members[0].clone();
        let mut inner = zip.clone();
        inner.members = vec![first];
        let directory_of_inner = {
            let bytes = inner.build();
            let at = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
            bytes[at..bytes.len() - 22].to_vec()
        };
        let mut comment = directory_of_inner.clone();
        comment.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
        comment.extend((directory_of_inner.len() as u32).to_le_bytes());
        comment.extend((outer.len() as u32).to_le_bytes());
        comment.extend([0, 0]);
        zip.comment = comment;
    });
    list.cases.last_mut().unwrap().errors = vec!["wheel-dist-info", "zip-gap"];
    list.cases.last_mut().unwrap().python_reads(BY_DIRECTORY);
    list.bytes("a page instead of an archive", &["zip-end"], |_| {
        b"<!DOCTYPE html><title>Sign in</title>".repeat(30)
    });
    list.bytes("nothing", &["zip-broken"], |_| Vec::new());
    list.bytes("the first half", &["zip-end"], |bytes| bytes[..bytes.len() / 2].to_vec());
    list.bytes("an empty archive", &["wheel-dist-info"], |_| Zip::default().build())
        .python_reads("an archive of nothing is one");
    list.zip("several disks", &["zip-disks"], |zip| zip.disk = 1)
        .python_reads("zipfile does not look at the numbers of disks");
    list.bytes("a tar in the same bytes", &["polyglot", "zip-local"], |mut bytes| {
        // The checksum of a tar's header stands inside the first member.
        bytes[257..263].copy_from_slice(b"ustar\0");
        bytes[148..156].fill(b' ');
        let sum: u32 = bytes[..512].iter().map(|&byte| u32::from(byte)).sum();
        bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes
    });
    let case = list.cases.last_mut().unwrap();
    case.errors = vec!["polyglot", "zip-checksum"];
}

fn headers(list: &mut List) {
    list.zip("a local name that is another", &["zip-local"], |zip| {
        zip.members[0].local.name = Some(b"pot/__evil__.py".to_vec());
    });
    list.zip("local sizes that are others", &["zip-local"], |zip| zip.members[0].local.sizes = Some((1, 1)))
        .python_reads(BY_DIRECTORY);
    list.zip("a local method that is another", &["zip-local"], |zip| zip.members[0].local.method = Some(0))
        .python_reads(BY_DIRECTORY);
    list.zip("a local checksum that is another", &["zip-local"], |zip| zip.members[0].local.crc = Some(7))
        .python_reads(BY_DIRECTORY);
    list.zip("a checksum that is wrong", &["zip-checksum"], |zip| zip.members[0].crc = Some(7));
    list.zip("a size that is too small", &["zip-checksum"], |zip| {
        let packed = deflate(&zip.members[0].content).len() as u32;
        zip.members[0].sizes = Some((packed, 5));
    });
    list.zip("bytes behind the compressed stream", &["zip-checksum"], |zip| {
        zip.members[0].packed = Some([deflate(&zip.members[0].content), b"evil".to_vec()].concat());
    })
    .python_reads("zipfile stops at the end of the stream, and does not look at what is left of the member");
    list.zip("a stream that does not end", &["zip-checksum"], |zip| {
        let mut packed = deflate(&zip.members[0].content);
        packed.truncate(packed.len() - 2);
        zip.members[0].packed = Some(packed);
    });
    list.zip("a stored member of two sizes", &["zip-local"], |zip| {
        zip.members[0].stored = true;
        let size = zip.members[0].content.len() as u32;
        zip.members[0].sizes = Some((size, size - 1));
    });
    list.zip("sizes behind the content", &["zip-descriptor"], |zip| {
        let member = &mut zip.members[0];
        member.flags = 8;
        let packed = deflate(&member.content).len() as u32;
        let size = member.content.len() as u32;
        member.local.crc = Some(0);
        member.local.sizes = Some((0, 0));
        member.local.after =
            [b"PK\x07\x08".to_vec(), [crc(&member.content), packed, size].map(u32::to_le_bytes).concat()]
                .concat();
    })
    .python_reads(BY_DIRECTORY);
    list.zip("an encrypted member", &["zip-encrypted"], |zip| zip.members[0].flags = 1);
    list.zip("a member packed with bzip2", &["zip-method"], |zip| zip.members[0].method = Some(12));
    list.zip("a member packed with LZMA", &["zip-method"], |zip| zip.members[0].method = Some(14));
    list.zip("a member packed with Zstandard", &["zip-method"], |zip| zip.members[0].method = Some(93));
    list.zip("a comment of a member", &["zip-member-comment"], |zip| zip.members[0].comment = "PK\u{5}\u{6}")
        .python_reads("comments of members are for people");
    list.zip("a link", &["zip-link"], |zip| zip.members[0].mode = 0o120_777)
        .python_reads("zipfile makes files of links");
    list.zip("a folder with content", &["zip-link"], |zip| {
        zip.members.insert(0, Member::new("pot/leaves/", "evil"));
    })
    .python_reads(ANY_NAME);
    list.zip("a second name in a Unicode field", &["zip-extra"], |zip| {
        let mut value = vec![1];
        value.extend(crc(&zip.members[0].name).to_le_bytes());
        value.extend(b"pot/evil.py");
        zip.members[0].extra = extra(0x7075, &value);
    })
    .python_varies("versions before 3.13 do not know the field");
    list.zip("an extra field that is cut off", &["zip-extra"], |zip| {
        zip.members[0].extra = vec![0x55, 0x54, 200, 0, 1];
    });
}

fn large(list: &mut List) {
    list.zip("a zip64 end record that counts otherwise", &["zip64"], |zip| zip.zip64 = Some(3))
        .python_reads("zipfile reads to the end of the directory, however many members are said to be there");
    list.zip("a zip64 field that contradicts the directory", &["zip64"], |zip| {
        zip.members[0].extra = extra(1, &[9, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    })
    .python_reads("zipfile reads the field only where a size is at its limit");
    list.zip("a local zip64 field that contradicts the directory", &["zip64"], |zip| {
        zip.members[0].local.sizes = Some((u32::MAX, u32::MAX));
        zip.members[0].local.extra = extra(1, &[9, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    })
    .python_reads(BY_DIRECTORY);
    list.zip("local sizes at their limit without a zip64 field", &["zip64"], |zip| {
        zip.members[0].local.sizes = Some((u32::MAX, u32::MAX));
    })
    .python_reads(BY_DIRECTORY);
    list.zip("a zip64 field twice", &["zip-extra"], |zip| {
        let member = &mut zip.members[0];
        let size = (member.content.len() as u64).to_le_bytes();
        let field = extra(1, &size);
        member.sizes = Some((deflate(&member.content).len() as u32, u32::MAX));
        member.extra = [field.clone(), field].concat();
        member.local.extra =
            extra(1, &[size, (deflate(&member.content).len() as u64).to_le_bytes()].concat());
    })
    .python_varies("some versions take the first of two fields");
    list.zip("more members than are there", &["zip-broken"], |zip| zip.count = Some(9))
        .python_reads("zipfile reads to the end of the directory, however many members are said to be there");
    list.zip("fewer members than are there", &["zip-broken"], |zip| zip.count = Some(2))
        .python_reads("zipfile reads to the end of the directory, however many members are said to be there");
    list.zip("a directory that is elsewhere", &["zip-end"], |zip| zip.directory_offset = Some(10));
}

fn names(list: &mut List) {
    let mut named = |name: &'static str, member: &[u8], errors: &[&'static str]| {
        let member = member.to_vec();
        list.bad(name, errors, |wheel| {
            wheel.add(Member { name: member, ..Member::new("", "evil") });
        })
        .python_reads(ANY_NAME);
    };
    named("a name that climbs", b"pot/../../evil.py", &["member-name"]);
    named("a name with an absolute path", b"/etc/evil", &["member-name"]);
    named("a name with a drive", b"C:evil.py", &["member-name"]);
    named("a name with a backslash", b"pot\\..\\evil.py", &["member-name"]);
    named("a name with an empty folder", b"pot//__init__.py", &["member-name"]);
    named("a name with a dot in its path", b"pot/./__init__.py", &["member-name"]);
    named("a name that ends in a dot", b"pot/__init__.py.", &["member-name"]);
    named("a name that ends in a space", b"pot/__init__.py ", &["member-name"]);
    named(
        "a name with a control character",
        b"pot/\x1b[31m.py",
        &["member-name", "record-form", "record-unlisted"],
    );
    named(
        "a name with a line feed",
        b"pot/a\nb.py",
        &["member-name", "record-absent", "record-form", "record-unlisted"],
    );
    named("a name in UTF-8 that does not say so", "pot/thé.py".as_bytes(), &["member-encoding"]);
    named(
        "a name that is not UTF-8",
        b"pot/th\xe9.py",
        &["member-encoding", "record-absent", "record-unlisted"],
    );
    named("a name twice", b"pot/__init__.py", &["member-twice"]);
    named("a file that is also a folder", b"pot", &["member-twice"]);
    named("a file and a folder of one name", b"pot/__init__.py/", &["member-twice"]);
    named("a name of more than a thousand bytes", &b"pot/teapot".repeat(200), &["member-name"]);
    list.bad("a second METADATA by case", &["member-twice"], |wheel| {
        let name = format!("{}/Metadata", wheel.folder());
        wheel.add(Member::new(&name, metadata("9")));
    })
    .python_reads(ANY_NAME);
    list.zip("a name with a NUL", &["member-name"], |zip| {
        zip.members[0].name = b"pot/__init__.py\0.txt".to_vec();
    })
    .python_reads("zipfile cuts the name off at the NUL");
}

fn bombs(list: &mut List) {
    list.bad("a hundred megabytes of zeros", &["bomb"], |wheel| {
        wheel.add(Member::new("pot/zeros", vec![0; 100_000_000]));
    })
    .python_reads("zipfile leaves it to the caller");
    list.zip("a size that hides a bomb", &["zip-checksum"], |zip| {
        let packed = deflate(&vec![0; 50_000_000]);
        zip.members[0].sizes = Some((packed.len() as u32, 20));
        zip.members[0].packed = Some(packed);
    });
    list.zip("members that overlap", &["zip-overlap"], |zip| {
        zip.members[1].offset = Some(0);
        zip.members[1].name = b"pot/again.py".to_vec();
        zip.members[1].content = zip.members[0].content.clone();
    });
    list.zip("members that are each inside the one before", &["zip-overlap"], |zip| {
        // As in Fifield's zip bomb: each member's content begins with the header of the next.
        let kernel = vec![0; 1_000_000];
        for number in 0..20 {
            let name = format!("pot/{number:02}");
            let member = Member { offset: Some(0), ..Member::new(&name, kernel.as_slice()) };
            zip.members.push(member);
        }
    });
    list.zip("a hundred thousand members and one", &["too-many-members"], |zip| {
        zip.members = (0..100_001).map(|number| Member::new(&format!("{number}"), "")).collect();
        zip.zip64 = Some(100_001);
        zip.count = Some(u16::MAX);
    })
    .python_reads("zipfile leaves it to the caller");
}
