//! Source distributions in sound tars.

use super::{Case, metadata, reasons::ONLY_ARCHIVE, tar_file::Entry, tars::List};

pub(super) fn cases() -> Vec<Case> {
    let mut list = List::new(4);
    list.bad("two top folders", &["sdist-top"], |sdist| sdist.add(Entry::file("pan/x", "x")));
    list.bad("a file beside the top folder", &["sdist-top"], |sdist| sdist.add(Entry::file("setup.py", "x")));
    list.bad("the top folder of another version", &["sdist-top"], |sdist| {
        sdist.entries = vec![Entry::file("pot-99/PKG-INFO", metadata(&sdist.version))];
    });
    list.bad("no PKG-INFO", &["sdist-pkg-info"], |sdist| {
        sdist.entries.remove(1);
    });
    list.bad("a PKG-INFO deeper down alone", &["sdist-pkg-info"], |sdist| {
        sdist.entries[1] = Entry::file(&sdist.path("pot.egg-info/PKG-INFO"), metadata(&sdist.version));
    });
    let mut said = |name, errors: &[&'static str], change: fn(String) -> String| {
        list.bad(name, errors, |sdist| {
            let text = change(metadata(&sdist.version));
            sdist.entries[1] = Entry::file(&sdist.path("PKG-INFO"), text);
        });
    };
    said("another name in PKG-INFO", &["metadata-name"], |text| text.replace("pot", "pan"));
    said("another version in PKG-INFO", &["metadata-version"], |text| text.trim_end().to_owned() + ".9\n");
    said("two names in PKG-INFO", &["metadata-twice"], |text| text + "Name: pan\n");
    said("eleven megabytes of PKG-INFO", &["metadata-too-large"], |text| {
        // What does not compress, so that it is no bomb.
        let noise = crate::archives::random_bytes(6_000_000, 1);
        text + "\n" + &noise.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    });
    said("a licence that is not there", &["license-file"], |text| {
        text.replace("Metadata-Version: 2.1", "Metadata-Version: 2.4") + "License-File: LICENSE\n"
    });
    for case in &mut list.cases {
        case.python_reads(ONLY_ARCHIVE);
    }
    list.packed_good();
    list.cases
}

impl List {
    fn packed_good(&mut self) {
        self.good("a licence that is there", &[("LICENSE", "as you like")], |sdist| {
            sdist.add(Entry::file(&sdist.path("LICENSE"), "as you like"));
        });
        let case = self.bad("a top folder that is spelled otherwise", &[], |sdist| {
            let top = format!("Pot-{}.0", sdist.version);
            sdist.entries = vec![Entry::file(&format!("{top}/PKG-INFO"), metadata(&sdist.version))];
        });
        case.warned(&["sdist-spelling"]);
        let version = case.filename.trim_start_matches("pot-").trim_end_matches(".tar.gz").to_owned();
        let (name, content) = (format!("Pot-{version}.0/PKG-INFO"), metadata(&version));
        *case = case.clone().holding([(name.as_str(), content.as_bytes())]);
    }
}
