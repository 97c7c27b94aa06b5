use super::*;
use crate::testing::{FakeServer, WHEEL, answer, client_with, project, redirect, unknown_file};

const PUBLIC: Guard = Guard::Public { plain_http: true, index: None };

#[test]
fn addresses_of_the_internet_are_told_from_all_others() {
    for public in ["8.8.8.8", "151.101.0.223", "172.32.0.1", "100.128.0.1", "2a04:4e42::223", "2600::1"] {
        assert!(is_public(public.parse().unwrap()), "{public}");
    }
    let others = [
        "127.0.0.1",
        "127.9.9.9",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "0.1.2.3",
        "100.64.0.1",
        "192.0.0.8",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:0:1::1",
        "2001:db8::1",
        "3fff::1",
        "100::1",
    ];
    for other in others {
        assert!(!is_public(other.parse().unwrap()), "{other}");
    }
    assert!(is_public("::ffff:8.8.8.8".parse().unwrap()) && is_public("64:ff9b::808:808".parse().unwrap()));
}

#[test]
fn an_index_may_be_private_and_its_links_may_not() {
    let index: IndexUrl = "http://10.1.2.3:3141/simple/".parse().unwrap();
    let at = |url: &str| PUBLIC.check(&index, &url.parse().unwrap());
    at("http://10.1.2.3:3141/files/a").unwrap();
    at("https://files.example/a").unwrap();
    for refused in [
        "http://10.1.2.3:8080/files/a",
        "https://10.1.2.3:3141/files/a",
        "http://169.254.169.254/latest/meta-data",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://localhost/",
        "https://a.LOCALHOST./",
    ] {
        assert!(matches!(at(refused), Err(IndexError::Refused { .. })), "{refused}");
    }
    let strict = Guard::Public { plain_http: false, index: None };
    assert!(strict.check(&index, &"http://files.example/a".parse().unwrap()).is_err());
    Guard::Anywhere.check(&index, &"http://127.0.0.1/".parse().unwrap()).unwrap();
}

#[tokio::test]
async fn neither_links_nor_redirects_lead_into_the_network_of_the_client() {
    let secret = FakeServer::start(|_| answer(200, &[], b"secret"));
    let elsewhere = secret.url("/x");
    let server = FakeServer::start(move |_| redirect(302, &elsewhere));
    let client = client_with(|options| options.guard = PUBLIC);
    let index = server.index();
    for url in [secret.url("/y"), server.url("/z")] {
        let file = unknown_file(WHEEL, url);
        let error = client.download(&index, &file, &mut Vec::new()).await.unwrap_err();
        assert!(matches!(error, IndexError::Refused { .. }), "{error}");
    }
    let error = client.project(&index, &project()).await.unwrap_err();
    assert!(matches!(error, IndexError::Refused { .. }), "{error}");
    assert!(secret.asked().is_empty());
}

#[tokio::test]
async fn a_name_is_refused_for_what_it_stands_for() {
    // The one name that every machine resolves to itself; written so that it is not known by its looks.
    let resolver = PublicAddresses::new(false, None);
    assert!(resolver.resolve("localhost".parse().unwrap()).await.is_err());
    let trusted = PublicAddresses { proxies: vec!["localhost".to_owned()], index: None };
    assert!(trusted.resolve("LocalHost".parse().unwrap()).await.is_ok());
    let client = reqwest::Client::builder().no_proxy().dns_resolver(std::sync::Arc::new(resolver)).build();
    let error = client.unwrap().get("http://localhost:9/").send().await.unwrap_err();
    assert!(is_kept_from(&error), "{error:?}");
}

#[tokio::test]
async fn other_names_may_stand_for_the_address_of_the_index() {
    let resolves = async |index: &str| {
        let resolver = PublicAddresses::new(false, Some(&index.parse().unwrap()));
        resolver.resolve("localhost".parse().unwrap()).await.is_ok()
    };
    assert!(resolves("http://127.0.0.1:3141/simple/").await);
    assert!(resolves("https://localhost/simple/").await);
    assert!(!resolves("http://10.1.2.3:3141/simple/").await);
    // At the port of the index: another one may be somebody else.
    let index: IndexUrl = "http://127.0.0.1:3141/simple/".parse().unwrap();
    let client =
        client_with(|options| options.guard = Guard::Public { plain_http: true, index: Some(index.clone()) });
    let asked = async |url: &str| {
        // As if the name's looks did not tell.
        let url = url.parse().unwrap();
        client.asking(&index, &url).get(url).send().await.unwrap_err()
    };
    assert!(!is_kept_from(&asked("http://localhost:3141/").await));
    assert!(is_kept_from(&asked("http://localhost:9/").await));
    assert!(is_kept_from(&asked("https://localhost:3141/").await));
}
