//! Credentials from a `.netrc` file, as curl, pip and uv read it.

use crate::index_url::Credentials;

/// What a `.netrc` file says: users and passwords by host.
///
/// It is text in, answers out; finding and reading the file is the caller's.
///
/// ```
/// use depot_index::Netrc;
/// let netrc = Netrc::parse("machine index.example login me password secret");
/// assert_eq!(netrc.credentials("index.example").unwrap().user, "me");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Netrc {
    machines: Vec<(Machine, Credentials)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Machine {
    Named(String),
    Any,
}

impl Netrc {
    /// Reads the text leniently: what cannot be understood is passed over, as every other reader does.
    pub fn parse(text: &str) -> Self {
        let mut netrc = Self::default();
        let mut machine = None;
        let mut entry = Credentials { user: String::new(), password: String::new().into() };
        let mut tokens = Tokens { rest: text };
        while let Some(token) = tokens.keyword() {
            match token.as_str() {
                "machine" | "default" => {
                    netrc.add(machine.take(), &mut entry);
                    machine = if token == "default" {
                        Some(Machine::Any)
                    } else {
                        tokens.value().map(|host| Machine::Named(host.to_ascii_lowercase()))
                    };
                }
                "login" => entry.user = tokens.value().unwrap_or_default(),
                "password" => entry.password = tokens.value().unwrap_or_default().into(),
                "account" => drop(tokens.value()),
                "macdef" => tokens.skip_macro(),
                _ => {}
            }
        }
        netrc.add(machine, &mut entry);
        netrc
    }

    /// The credentials for `host`, the first entry that fits.
    pub fn credentials(&self, host: &str) -> Option<&Credentials> {
        let host = host.to_ascii_lowercase();
        let fits = |machine: &Machine| *machine == Machine::Any || *machine == Machine::Named(host.clone());
        self.machines.iter().find(|(machine, _)| fits(machine)).map(|(_, credentials)| credentials)
    }

    /// The same without the entry for every host: what is for anybody is not for whoever a link leads to.
    pub fn credentials_by_name(&self, host: &str) -> Option<&Credentials> {
        let named = Machine::Named(host.to_ascii_lowercase());
        self.machines.iter().find(|(machine, _)| *machine == named).map(|(_, credentials)| credentials)
    }

    fn add(&mut self, machine: Option<Machine>, entry: &mut Credentials) {
        let empty = Credentials { user: String::new(), password: String::new().into() };
        let entry = std::mem::replace(entry, empty.clone());
        if let Some(machine) = machine
            && entry != empty
        {
            self.machines.push((machine, entry));
        }
    }
}

struct Tokens<'a> {
    rest: &'a str,
}

impl Tokens<'_> {
    /// The next keyword, comments passed over.
    fn keyword(&mut self) -> Option<String> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                return self.value();
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }

    /// The next token, which as a value may well start with `#`.
    fn value(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        let quoted = self.rest.starts_with('"');
        let mut token = String::new();
        let mut characters = self.rest.char_indices().skip(usize::from(quoted));
        let mut end = self.rest.len();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => token.extend(characters.next().map(|(_, escaped)| escaped)),
                '"' if quoted => {
                    end = at + 1;
                    break;
                }
                _ if !quoted && character.is_whitespace() => {
                    end = at;
                    break;
                }
                _ => token.push(character),
            }
        }
        let found = end > 0;
        self.rest = &self.rest[end..];
        found.then_some(token)
    }

    /// A macro is its name and all lines up to the first empty one.
    fn skip_macro(&mut self) {
        let end = ["\n\n", "\n\r\n"].iter().filter_map(|gap| self.rest.find(gap)).min();
        self.rest = end.map_or("", |at| &self.rest[at..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(netrc: &Netrc, host: &str) -> Option<(String, String)> {
        let credentials = netrc.credentials(host)?;
        Some((credentials.user.clone(), credentials.password.expose().to_owned()))
    }

    #[test]
    fn finds_the_entry_of_a_host_and_else_the_default() {
        let netrc = Netrc::parse(
            "# comment\nmachine Index.Example\n  login me\n  password \"se cr\\\"et\"\n\nmacdef init\nmachine trap login x\n\n\
             machine other.example login you account z password #a#b\ndefault login any password thing",
        );
        let own = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(pair(&netrc, "INDEX.example"), own("me", "se cr\"et"));
        assert_eq!(pair(&netrc, "other.example"), own("you", "#a#b"));
        assert_eq!(pair(&netrc, "third.example"), own("any", "thing"));
        assert_eq!(pair(&netrc, "trap"), own("any", "thing"));
    }

    #[test]
    fn the_entry_for_every_host_names_none() {
        let netrc = Netrc::parse("machine a login x password 1 default login y password 2");
        assert_eq!(netrc.credentials_by_name("A"), netrc.credentials("a"));
        assert_eq!(pair(&netrc, "b"), Some(("y".to_owned(), "2".to_owned())));
        assert_eq!(netrc.credentials_by_name("b"), None);
    }

    #[test]
    fn nonsense_is_passed_over() {
        for text in ["", "machine", "login", "\"", "\\", "macdef", "machine a", "default password", "#"] {
            let _ = Netrc::parse(text);
        }
        assert_eq!(pair(&Netrc::parse("machine a\nmachine b login x"), "a"), None);
        assert!(!format!("{:?}", Netrc::parse("default password secret")).contains("secret"));
    }
}
