use super::*;

const GOOD: &str = r#"
[[issuer]]
url = "https://gitlab.acme.example/"
jwks = "keys.json"

[[publisher]]
name = "core"
kind = "github"
repository = "Acme/Core"
workflow = "release.yml"
environment = "release"
scopes = ["push+push-new:python:acme-*"]

[[publisher]]
name = "inside"
kind = "gitlab"
issuer = "https://gitlab.acme.example"
project = "group/sub/name"
workflow = ".gitlab-ci.yml"
ref = "refs/tags/v*"
scopes = ["read"]
minutes = 60

[[publisher]]
name = "other"
kind = "generic"
issuer = "https://ci.acme.example/oidc"
subject = "job:*"
claims = { protected = true, tier = ["a", "b"], number = 7 }
scopes = ["push:python:acme-tool"]
"#;

fn parse(text: &str) -> Result<Publishers, String> {
    Publishers::parse(Path::new("etc/publishers.toml"), text).map_err(|error| error.to_string())
}

#[test]
fn each_kind_knows_its_claims() {
    let publishers = parse(GOOD).unwrap();
    let rules: Vec<Vec<_>> = publishers
        .publishers
        .iter()
        .map(|publisher| {
            publisher.rules.iter().map(|rule| format!("{}={}", rule.claim, rule.any_of.join("|"))).collect()
        })
        .collect();
    assert_eq!(
        rules,
        [
            vec![
                "repository=Acme/Core",
                "job_workflow_ref=Acme/Core/.github/workflows/release.yml@*",
                "environment=release"
            ],
            vec![
                "project_path=group/sub/name",
                "ci_config_ref_uri=gitlab.acme.example/group/sub/name//.gitlab-ci.yml@*",
                "ref=refs/tags/v*"
            ],
            vec!["sub=job:*", "number=7", "protected=true", "tier=a|b"],
        ]
    );
    assert_eq!(publishers.publishers.iter().map(|one| one.minutes).collect::<Vec<_>>(), [15, 60, 15]);
    assert_eq!(publishers.key_file("https://gitlab.acme.example").unwrap(), Path::new("etc/keys.json"));
    assert_eq!(
        publishers.issuers().into_iter().collect::<Vec<_>>(),
        ["https://ci.acme.example/oidc", "https://gitlab.acme.example", GITHUB]
    );
}

#[test]
fn a_publisher_that_would_trust_too_many_is_refused_by_its_line() {
    for (from, to, line, words) in [
        ("name = \"core\"", "name = \"inside\"", 14, "two publishers are called `inside`"),
        ("name = \"core\"", "name = \"a b\"", 6, "`a b` is no name of a publisher"),
        ("repository = \"Acme/Core\"\n", "", 6, "it needs `repository` and `workflow`"),
        ("workflow = \"release.yml\"\n", "", 6, "it needs `repository` and `workflow`"),
        ("\"Acme/Core\"", "\"Acme/*\"", 6, "without `*`"),
        ("\"release.yml\"", "\".github/workflows/release.yml\"", 6, "the name of its file"),
        (
            "kind = \"github\"",
            "kind = \"github\"\nproject = \"a/b\"",
            6,
            "`project` means nothing for its kind",
        ),
        ("environment = \"release\"", "environment = \"*\"", 6, "`environment` is anything or nothing"),
        ("push+push-new:python:acme-*", "admin", 6, "no job may be an administrator"),
        ("[\"push+push-new:python:acme-*\"]", "[]", 6, "it grants nothing"),
        ("minutes = 60", "minutes = 600", 14, "`minutes` must be from 1 to 360"),
        ("https://gitlab.acme.example\"", "http://gitlab.acme.example\"", 14, "not asked over plain http"),
        (
            "subject = \"job:*\"\nclaims = { protected = true, tier = [\"a\", \"b\"], number = 7 }",
            "",
            24,
            "every job",
        ),
        (
            "kind = \"generic\"\nissuer = \"https://ci.acme.example/oidc\"",
            "kind = \"generic\"",
            24,
            "names its `issuer`",
        ),
        ("kind = \"github\"", "kind = \"jenkins\"", 8, "unknown variant `jenkins`"),
        ("repository = \"Acme/Core\"", "repo = \"Acme/Core\"", 9, "unknown field `repo`"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let said = parse(&GOOD.replacen(from, to, 1)).unwrap_err();
        let place = format!("etc/publishers.toml:{line}: ");
        assert!(said.starts_with(&place) && said.contains(words), "{to}: {said}");
    }
    assert!(parse("").unwrap_err().contains("no [[publisher]]"));
}
