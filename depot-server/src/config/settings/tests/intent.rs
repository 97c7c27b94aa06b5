//! Who may listen where.

use super::*;
use crate::config::{Network, TlsFiles};

const ANYWHERE: (&str, &str) = ("server.host", "0.0.0.0");

#[test]
fn this_machine_needs_no_statement() {
    for host in ["127.0.0.1", "127.0.0.2", "127.255.255.254", "::1", "::ffff:127.0.0.1"] {
        flags(&[("server.host", host)]).unwrap_or_else(|error| panic!("{host}: {error}"));
    }
}

#[test]
fn beyond_it_both_readers_and_transport_must_be_stated() {
    let (read, kind) = (("access.read", "everyone"), ("transport.kind", "plain"));
    for host in ["0.0.0.0", "::", "192.168.1.1", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1"] {
        let host = ("server.host", host);
        let neither = flags(&[host]).unwrap_err();
        assert!(neither.contains(host.1) && neither.contains("is not a loopback address"), "{neither}");
        for line in
            ["[access]", "read = \"tokens\"", "[transport]", "kind = \"tls\"", "--read", "--transport"]
        {
            assert!(neither.contains(line), "{line}: {neither}");
        }
        assert!(neither.contains("/etc/d.toml"), "{neither}");
        // What is stated is not asked for again.
        let no_transport = flags(&[host, read]).unwrap_err();
        assert!(no_transport.contains("[transport]") && !no_transport.contains("[access]"), "{no_transport}");
        let no_readers = flags(&[host, kind]).unwrap_err();
        assert!(no_readers.contains("[access]") && !no_readers.contains("[transport]"), "{no_readers}");
        flags(&[host, read, kind]).unwrap();
    }
}

#[test]
fn stated_is_what_is_written_in_any_layer() {
    let file = "[access]\nread = \"everyone\"\n[transport]\nkind = \"plain\"\n";
    Written { file, flags: &[ANYWHERE], ..Written::default() }.settings().unwrap();
    let environment = &[("access.read", "tokens"), ("transport.kind", "plain")];
    Written { environment, flags: &[ANYWHERE], ..Written::default() }.settings().unwrap();
    let file = "[server]\nhost = \"0.0.0.0\"\n[access]\nread = \"everyone\"\n";
    let flags = &[("transport.kind", "plain")];
    Written { flags, file, ..Written::default() }.settings().unwrap();
    assert!(Written { file, ..Written::default() }.settings().is_err());
}

#[test]
fn a_certificate_or_a_trusted_proxy_states_the_transport() {
    let files = [("transport.certificate", "/c.pem"), ("transport.key", "/c.key")];
    let read = ("access.read", "tokens");
    let settings = flags(&[ANYWHERE, read, files[0], files[1]]).unwrap();
    let expected = TlsFiles { certificate: "/c.pem".into(), key: "/c.key".into() };
    assert_eq!(settings.config().transport, Transport::Tls(expected));

    let settings = flags(&[ANYWHERE, read, ("transport.trusted_proxies", "10.0.0.0/8")]).unwrap();
    let trusted: Vec<Network> = vec!["10.0.0.0/8".parse().unwrap()];
    assert_eq!(settings.config().transport, Transport::Proxy { trusted });
    assert!(!settings.config().anonymous_read);
}

#[test]
fn a_proxy_that_nobody_named_is_on_this_machine_and_no_reason_to_listen_further() {
    let kind = ("transport.kind", "proxy");
    let Transport::Proxy { trusted } = flags(&[kind]).unwrap().transport else { panic!() };
    for address in ["127.0.0.1", "::1"] {
        assert!(trusted.iter().any(|network| network.contains(address.parse().unwrap())), "{address}");
    }
    assert!(!trusted.iter().any(|network| network.contains("10.0.0.1".parse().unwrap())));
    let said = flags(&[ANYWHERE, kind, ("access.read", "tokens")]).unwrap_err();
    assert!(said.contains("which proxies are trusted") && said.contains("trusted_proxies = ["), "{said}");
}

#[test]
fn what_is_stated_wins_over_what_other_settings_imply() {
    let files = "[transport]\ncertificate = \"/c\"\nkey = \"/k\"\ntrusted_proxies = \"::1\"\n";
    for (kind, is) in [("plain", "Plain"), ("proxy", "Proxy"), ("tls", "Tls")] {
        let written = Written { file: files, flags: &[("transport.kind", kind)], ..Written::default() };
        let transport = format!("{:?}", written.settings().unwrap().transport);
        assert!(transport.starts_with(is), "{kind}: {transport}");
    }
}
