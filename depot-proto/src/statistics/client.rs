//! The clients that downloads are told apart by.

use serde::{Deserialize, Serialize};

/// What fetched a file, as far as it says so itself: one of a closed list, since what a client says is anybody's words.
///
/// Versions are not told apart. A tool that has another one fetch for it (pipenv, hatch and tox have pip or uv do so) is
/// counted as that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Client {
    /// None of those below, or none that says so.
    Other = 0,
    /// pip.
    Pip = 1,
    /// uv.
    Uv = 2,
    /// Poetry.
    Poetry = 3,
    /// PDM, and unearth, by which it looks for files.
    Pdm = 4,
    /// hatch itself.
    Hatch = 5,
    /// pipenv itself.
    Pipenv = 6,
    /// conda, mamba, micromamba and pixi.
    Conda = 7,
    /// depot, the command as well as a server that pulls another one through.
    Depot = 8,
    /// Programs that keep a copy of an index or pull it through: bandersnatch, devpi, proxpi, Pulp, Artifactory, Nexus.
    Mirror = 9,
    /// curl.
    Curl = 10,
    /// wget.
    Wget = 11,
    /// A program in Python that does not say which: requests, urllib, httpx, aiohttp.
    Python = 12,
    /// A browser.
    Browser = 13,
}

/// How many there are.
const COUNT: usize = 14;

/// What the first word of a `User-Agent` begins with, in lower case, up to what is no letter of it any more.
const KNOWN: [(&str, Client); 35] = [
    ("pip", Client::Pip),
    ("uv", Client::Uv),
    ("poetry", Client::Poetry),
    ("pdm", Client::Pdm),
    ("unearth", Client::Pdm),
    ("hatch", Client::Hatch),
    ("pipenv", Client::Pipenv),
    ("conda", Client::Conda),
    ("mamba", Client::Conda),
    ("micromamba", Client::Conda),
    ("libmamba", Client::Conda),
    ("pixi", Client::Conda),
    ("rattler", Client::Conda),
    ("depot", Client::Depot),
    ("depot-server", Client::Depot),
    ("depot-doctor", Client::Depot),
    ("bandersnatch", Client::Mirror),
    ("devpi-server", Client::Mirror),
    ("devpi", Client::Mirror),
    ("proxpi", Client::Mirror),
    ("pulpcore", Client::Mirror),
    ("artifactory", Client::Mirror),
    ("nexus", Client::Mirror),
    ("curl", Client::Curl),
    ("libcurl", Client::Curl),
    ("wget", Client::Wget),
    ("wget2", Client::Wget),
    ("python-requests", Client::Python),
    ("python-urllib", Client::Python),
    ("python-urllib3", Client::Python),
    ("python-httpx", Client::Python),
    ("python", Client::Python),
    ("aiohttp", Client::Python),
    ("mozilla", Client::Browser),
    ("opera", Client::Browser),
];

/// Longer first words are nobody's.
const MAX_WORD: usize = 16;

impl Client {
    /// Every one, in the order of their codes.
    pub const ALL: [Self; COUNT] = [
        Self::Other,
        Self::Pip,
        Self::Uv,
        Self::Poetry,
        Self::Pdm,
        Self::Hatch,
        Self::Pipenv,
        Self::Conda,
        Self::Depot,
        Self::Mirror,
        Self::Curl,
        Self::Wget,
        Self::Python,
        Self::Browser,
    ];

    /// Whose `User-Agent` this is; [`Self::Other`] where none is sent, or nobody's. Looks at its beginning alone.
    pub fn of(user_agent: &[u8]) -> Self {
        let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        let word = user_agent.iter().take(MAX_WORD + 1).take_while(|byte| is_of_word(byte)).count();
        let word = &user_agent[..word];
        let known = KNOWN.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
        known.map_or(Self::Other, |(_, client)| *client)
    }

    /// The number under which it is stored. It never gets another one.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The client that is stored under a number; [`Self::Other`] for those that only a newer depot knows.
    pub fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::Other)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Pip => "pip",
            Self::Uv => "uv",
            Self::Poetry => "poetry",
            Self::Pdm => "pdm",
            Self::Hatch => "hatch",
            Self::Pipenv => "pipenv",
            Self::Conda => "conda",
            Self::Depot => "depot",
            Self::Mirror => "mirror",
            Self::Curl => "curl",
            Self::Wget => "wget",
            Self::Python => "python",
            Self::Browser => "browser",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_known_by_what_they_really_send() {
        for (user_agent, client) in [
            (
                "pip/26.3 {\"ci\":null,\"cpu\":\"x86_64\",\"installer\":{\"name\":\"pip\",\"version\":\"26.3\"}}",
                Client::Pip,
            ),
            ("uv/0.13.1 {\"installer\":{\"name\":\"uv\",\"version\":\"0.13.1\"}}", Client::Uv),
            ("poetry/2.3.0 CPython/3.11.2 Linux/6.18", Client::Poetry),
            ("pdm/2.26.0 CPython/3.11.2 Linux/6.18", Client::Pdm),
            ("Hatch/1.16.0 {\"installer\":{}} HTTPX2/1.0", Client::Hatch),
            ("conda/26.1.0 requests/2.32 CPython/3.12", Client::Conda),
            ("mamba/2.3.0 libcurl/8.0", Client::Conda),
            ("depot/0.1.0", Client::Depot),
            ("depot-doctor/0.1.0", Client::Depot),
            ("bandersnatch/6.6.0 (cpython 3.12)", Client::Mirror),
            ("curl/8.11.0", Client::Curl),
            ("Wget/1.21.3", Client::Wget),
            ("python-requests/2.32.5", Client::Python),
            ("Python-urllib/3.11", Client::Python),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Client::Browser),
            ("", Client::Other),
            ("pipx-of-mine/1.0", Client::Other),
            ("pi", Client::Other),
            ("/pip", Client::Other),
            ("\u{a0}pip", Client::Other),
        ] {
            assert_eq!(Client::of(user_agent.as_bytes()), client, "{user_agent}");
        }
        assert_eq!(Client::of(&[b'x'; 10_000]), Client::Other);
    }

    #[test]
    fn codes_are_places_in_the_list_and_names_are_told_apart() {
        let mut names = std::collections::BTreeSet::new();
        for (place, client) in Client::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(client.code()), place);
            assert_eq!(Client::from_code(client.code()), client);
            assert_eq!(serde_json::to_value(client).unwrap(), client.as_str());
            assert!(names.insert(client.as_str()));
        }
        assert_eq!(Client::from_code(200), Client::Other);
        assert!(KNOWN.iter().all(|(name, _)| name.len() <= MAX_WORD && *name == name.to_lowercase()));
    }
}
