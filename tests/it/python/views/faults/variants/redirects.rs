//! Answers that lead elsewhere.

use super::{Step, Variant, status, variant};

const fn roaming(name: &'static str, expected: &'static str, act: fn(&super::Asked) -> Vec<Step>) -> Variant {
    Variant { may_roam: true, ..variant(name, expected, act) }
}

fn to(location: &str) -> Vec<Step> {
    status("302 Found", &format!("Location: {location}\r\n"), "")
}

pub(super) const ALL: &[Variant] = &[
    variant("a redirect to itself", "xxxxx", |_| to("#again")),
    variant("redirects without end", "xxxxx", |asked| to(&format!("?{}", asked.time))),
    variant("a redirect to where clouds keep credentials", "xxxxx", |_| {
        to("http://169.254.169.254/latest/meta-data/")
    }),
    variant("a redirect into the network", "xxxxx", |_| to("http://10.0.0.1/x")),
    variant("a redirect to this machine", "xxxxx", |asked| to(&format!("{}/x", asked.canary))),
    variant("a permanent redirect to this machine", "xxxxx", |asked| {
        status("308 Permanent Redirect", &format!("Location: {}/x\r\n", asked.canary), "")
    }),
    variant("a redirect to this machine by another name", "xxxxx", |asked| {
        to(&asked.canary.replace("127.0.0.1", "[::ffff:127.0.0.1]"))
    }),
    variant("a redirect to this machine as a number", "xxxxx", |asked| {
        to(&asked.canary.replace("127.0.0.1", "2130706433"))
    }),
    variant("a redirect to this machine with a name of this one", "xxxxx", |asked| {
        to(&asked.canary.replace("http://", "http://127.0.0.1@"))
    }),
    variant("a redirect without a scheme", "xxxxx", |asked| to(asked.canary.trim_start_matches("http:"))),
    variant("a redirect to a file", "xxxxx", |_| to("file:///etc/passwd")),
    variant("a redirect to another protocol", "xxxxx", |_| to("ftp://127.0.0.1/x")),
    variant("a redirect to what is no address", "xxxxx", |_| to("http://[")),
    roaming("a redirect to where nobody listens", "xxxxx", |_| to("http://127.0.0.1:9/x")),
    roaming("a redirect to TLS that is none", "xxxxx", |asked| {
        to(&asked.origin.replace("http://", "https://"))
    }),
    // No name has a label of more than 63 letters, so nobody is asked for it.
    roaming("a redirect to a name that is not known", "xxxxx", |_| {
        to(&format!("http://{}.invalid/x", "a".repeat(64)))
    }),
];
