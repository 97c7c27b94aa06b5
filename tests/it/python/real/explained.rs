//! Where depot's solution is another than uv's, and why that is meant.

/// A difference.
#[derive(Debug)]
pub(super) struct Explained {
    pub(super) case: &'static str,
    pub(super) targets: &'static [&'static str],
    /// What depot has in place of what uv has.
    pub(super) instead: &'static str,
    pub(super) why: &'static str,
}

const CP39: &[&str] = &["cp39-manylinux_2_28_x86_64", "cp39-win_amd64"];
const CP39_LINUX: &[&str] = &["cp39-manylinux_2_28_x86_64"];

const SHARED: &str = "a version that newer Pythons were given is kept where it fits, so that targets share files; uv is \
                      asked for each target alone";

const SINGLE_RELEASES: &str = "cryptography 50 is for Python >=3.9 without 3.9.0 and 3.9.1: to depot that leaves the line \
                               3.9, to uv it leaves out what begins with 3.9.0";

/// All of them.
pub(super) const EXPLAINED: [Explained; 6] = [
    Explained { case: "celery[redis]", targets: CP39, instead: "python-dateutil==2.9.0.post0", why: SHARED },
    Explained { case: "pandas + numpy<1.26", targets: CP39, instead: "pandas==2.1.0", why: SHARED },
    Explained { case: "cryptography", targets: CP39, instead: "cryptography==50.0.2", why: SINGLE_RELEASES },
    Explained { case: "google-auth", targets: CP39, instead: "cryptography==50.0.2", why: SINGLE_RELEASES },
    Explained { case: "keyring", targets: CP39_LINUX, instead: "cryptography==50.0.2", why: SINGLE_RELEASES },
    Explained {
        case: "importlib-metadata<5 + keyring",
        targets: CP39_LINUX,
        instead: "cryptography==50.0.2",
        why: SINGLE_RELEASES,
    },
];
