use super::*;

fn file<'a>(project: &'a ProjectName, filename: &'a str) -> Subject<'a> {
    Subject {
        project,
        version: None,
        filename,
        upload_time: Some(at("2026-01-01T00:00:00Z")),
        yanked: false,
        status: ProjectStatus::Active,
    }
}

/// What a policy says of a file: `shown`, or a code, each with the rule that is told of it.
fn said(policy: &Policy, file: Subject<'_>) -> String {
    match policy.decide(file, now()) {
        Decision::Shown(None) => "shown".to_owned(),
        Decision::Shown(Some(rule)) => format!("shown by {} {}", rule.code, rule.rule.text),
        Decision::Hidden(rule) => format!("{} {}", rule.code, rule.rule.text),
    }
}

/// The same of a file whose project its name begins with.
fn told(policy: &Policy, filename: &str, change: impl FnOnce(&mut Subject<'_>)) -> String {
    let project = filename.split('-').next().unwrap().parse().unwrap();
    let mut subject = file(&project, filename);
    change(&mut subject);
    said(policy, subject)
}

#[test]
fn lists_decide_about_names_and_versions() {
    let block = "block = ['evilpkg', 'foo==1.2.*', 'bar-*', 'baz>=2,<3']";
    let allow = "allow = ['requests', 'acme_*', 'numpy>=1.20']";
    let both = "allow = ['*']\nblock = ['foo']";
    for (text, filename, expected) in [
        (block, "evilpkg-1.0.tar.gz", "blocked evilpkg"),
        (block, "Evilpkg-1.0.tar.gz", "blocked evilpkg"),
        (block, "foo-1.2.3.tar.gz", "blocked foo==1.2.*"),
        (block, "foo-1.2-py3-none-any.whl", "blocked foo==1.2.*"),
        (block, "foo-1.20.tar.gz", "shown"),
        (block, "foo-1.tar.gz", "shown"),
        (block, "bar_core-1.0.tar.gz", "blocked bar-*"),
        (block, "bar-1.0.tar.gz", "shown"),
        (block, "baz-2.0.tar.gz", "blocked baz>=2,<3"),
        (block, "baz-3.0.tar.gz", "shown"),
        // Nobody can say that these are not what is blocked.
        (block, "foo-dev_r42.tar.gz", "blocked foo==1.2.*"),
        (block, "foo-", "blocked foo==1.2.*"),
        (block, "other-dev_r42.tar.gz", "shown"),
        (allow, "requests-2.0.tar.gz", "shown by allowed requests"),
        (allow, "requests-dev_r42.tar.gz", "shown by allowed requests"),
        (allow, "numpy-1.20.tar.gz", "shown by allowed numpy>=1.20"),
        (allow, "numpy-1.19.tar.gz", "not-allowed allow"),
        (allow, "numpy-dev_r42.tar.gz", "not-allowed allow"),
        (allow, "acme-1.0.tar.gz", "not-allowed allow"),
        (allow, "other-1.0.tar.gz", "not-allowed allow"),
        (both, "foo-1.0.tar.gz", "blocked foo"),
        (both, "bar-1.0.tar.gz", "shown by allowed *"),
        ("allow = []", "bar-1.0.tar.gz", "not-allowed allow"),
        ("", "bar-1.0.tar.gz", "shown"),
    ] {
        assert_eq!(told(&policy(text), filename, |_| ()), expected, "{text} {filename}");
    }
}

#[test]
fn times_decide_about_uploads() {
    let cooldown = "cooldown = '7 days'";
    let open = "cooldown = '7 days'\ncooldown_unknown = 'allow'";
    let exempt = "cooldown = '7 days'\ncooldown_exempt = ['foo<2', 'acme*']";
    let freeze = "freeze = '2026-03-01T00:00:00Z'";
    let day = "freeze = 2026-03-01";
    for (text, uploaded, expected) in [
        (cooldown, Some("2026-11-15T12:00:00Z"), "shown"),
        (cooldown, Some("2026-11-15T12:00:00.000001Z"), "cooldown cooldown = \"7 days\""),
        (cooldown, Some("2027-01-01T00:00:00Z"), "cooldown cooldown = \"7 days\""),
        (cooldown, Some("9999-12-31T00:00:00Z"), "cooldown cooldown = \"7 days\""),
        (cooldown, None, "no-upload-time cooldown = \"7 days\""),
        (open, None, "shown"),
        (open, Some("2026-11-22T00:00:00Z"), "cooldown cooldown = \"7 days\""),
        (exempt, Some("2026-11-22T00:00:00Z"), "shown"),
        (exempt, None, "shown"),
        (freeze, Some("2026-02-28T23:59:59Z"), "shown"),
        (freeze, Some("2026-03-01T00:00:00Z"), "frozen freeze = \"2026-03-01T00:00:00Z\""),
        (freeze, None, "no-upload-time freeze = \"2026-03-01T00:00:00Z\""),
        (day, Some("2026-03-01T23:59:59Z"), "shown"),
        (day, Some("2026-03-02T00:00:00Z"), "frozen freeze = \"2026-03-01\""),
    ] {
        let uploaded = uploaded.map(at);
        assert_eq!(
            told(&policy(text), "foo-1.0.tar.gz", |file| file.upload_time = uploaded),
            expected,
            "{text} {uploaded:?}"
        );
    }
    assert_eq!(
        told(&policy(exempt), "foo-2.0.tar.gz", |file| file.upload_time = None),
        "no-upload-time cooldown = \"7 days\""
    );
    // A freeze must know the time, whatever the cooldown forgives.
    let both = "cooldown = '7 days'\ncooldown_unknown = 'allow'\nfreeze = 2026-03-01";
    assert_eq!(
        told(&policy(both), "foo-1.0.tar.gz", |file| file.upload_time = None),
        "no-upload-time freeze = \"2026-03-01\""
    );
}

#[test]
fn a_cooldown_tells_when_it_is_over() {
    let policy = policy("cooldown = '36 hours'");
    let project = "foo".parse().unwrap();
    let upload_time = Some(at("2026-11-22T00:00:00Z"));
    let subject = Subject { upload_time, ..file(&project, "foo-1.0.tar.gz") };
    let rule = policy.decide(subject, now()).hidden().unwrap();
    assert_eq!(rule.until, Some(at("2026-11-23T12:00:00Z")));
    assert!(!policy.decide(subject, at("2026-11-23T11:59:59Z")).is_shown());
    assert!(policy.decide(subject, rule.until.unwrap()).is_shown());
}

#[test]
fn what_its_index_says_of_it_hides_a_file_where_the_policy_says_so() {
    use ProjectStatus::{Active, Archived, Deprecated, Quarantined};
    for (text, status, yanked, expected) in [
        ("", Active, true, "shown"),
        ("yanked = 'show'", Active, true, "shown"),
        ("yanked = 'hide'", Active, true, "yanked yanked = \"hide\""),
        ("yanked = 'hide'", Active, false, "shown"),
        ("yanked = 'hide'", Archived, true, "yanked yanked = \"hide\""),
        ("", Quarantined, false, "quarantined quarantined = \"hide\""),
        ("quarantined = 'show'", Quarantined, false, "shown"),
        ("", Archived, false, "shown"),
        ("archived = 'hide'", Archived, false, "archived archived = \"hide\""),
        ("archived = 'hide'", Deprecated, false, "shown"),
        ("deprecated = 'hide'", Deprecated, false, "deprecated deprecated = \"hide\""),
    ] {
        let set = |file: &mut Subject<'_>| (file.status, file.yanked) = (status, yanked);
        assert_eq!(told(&policy(text), "foo-1.0.tar.gz", set), expected, "{text} {status} {yanked}");
    }
}

#[test]
fn an_exception_lifts_lists_and_times_for_one_version_until_it_ends() {
    let except = |what: &str, until: &str| format!("[[exception]]\nwhat = '{what}'\nuntil = '{until}'\n");
    let live = except("foo==2.2.1", "2027-01-01");
    let over = except("foo==2.2.1", "2026-11-22");
    let time = except("foo==2.2.1", "2026-11-22T12:00:00Z");
    let later = except("foo==2.2.1", "2026-11-22T12:00:01Z");
    let by_it = "shown by exception foo==2.2.1";
    for (rules, exceptions, filename, expected) in [
        ("block = ['foo']", &live, "foo-2.2.1.tar.gz", by_it),
        ("block = ['foo']", &live, "foo-2.2.1.0-py3-none-any.whl", by_it),
        ("block = ['foo']", &live, "foo-2.2.1+local-py3-none-any.whl", "blocked foo"),
        ("block = ['foo']", &live, "foo-2.2.2.tar.gz", "blocked foo"),
        ("block = ['foo']", &live, "foo-2.2.1.post1.tar.gz", "blocked foo"),
        ("block = ['foo']", &live, "foo-unreadable.tar.gz", "blocked foo"),
        ("block = ['foo']", &over, "foo-2.2.1.tar.gz", "blocked foo"),
        ("block = ['foo']", &time, "foo-2.2.1.tar.gz", "blocked foo"),
        ("block = ['foo']", &later, "foo-2.2.1.tar.gz", by_it),
        ("allow = ['bar']", &live, "foo-2.2.1.tar.gz", by_it),
        ("cooldown = '900 days'", &live, "foo-2.2.1.tar.gz", by_it),
        ("freeze = 2025-01-01", &live, "foo-2.2.1.tar.gz", by_it),
        // It lifts nothing here, so it is not what shows the file.
        ("block = ['bar']", &live, "foo-2.2.1.tar.gz", "shown"),
        ("allow = ['foo']", &live, "foo-2.2.1.tar.gz", "shown by allowed foo"),
    ] {
        let text = format!("{rules}\n{exceptions}");
        assert_eq!(told(&policy(&text), filename, |_| ()), expected, "{text} {filename}");
    }
    let text = format!("block = ['foo']\nyanked = 'hide'\n{live}");
    let policy = policy(&text);
    assert_eq!(told(&policy, "foo-2.2.1.tar.gz", |file| file.yanked = true), "yanked yanked = \"hide\"");
    let quarantined = |file: &mut Subject<'_>| file.status = ProjectStatus::Quarantined;
    assert_eq!(told(&policy, "foo-2.2.1.tar.gz", quarantined), "quarantined quarantined = \"hide\"");
    let given = Version::read("2.2.1");
    let project = "foo".parse().unwrap();
    assert_eq!(said(&policy, Subject { version: Some(&given), ..file(&project, "foo-9.tar.gz") }), by_it);
}

#[test]
fn what_holds_for_good_is_told_before_what_passes() {
    let text =
        "block = ['foo==1']\nyanked = 'hide'\nfreeze = 2020-01-01\ncooldown = '9000 days'\nallow = ['foo']";
    let policy = policy(text);
    let yanked = |file: &mut Subject<'_>| file.yanked = true;
    for (filename, expected) in
        [("foo-1.tar.gz", "blocked foo==1"), ("foo-2.tar.gz", "yanked yanked = \"hide\"")]
    {
        assert_eq!(told(&policy, filename, yanked), expected);
    }
    assert_eq!(told(&policy, "foo-2.tar.gz", |_| ()), "frozen freeze = \"2020-01-01\"");
}

#[test]
fn a_project_of_which_nothing_can_be_shown_is_hidden_by_its_name() {
    let exception = "[[exception]]\nwhat = 'foo==1'\nuntil = '2026-12-01'\n";
    for (text, project, code) in [
        ("block = ['foo']", "foo", Some(RuleCode::Blocked)),
        ("block = ['f*']", "foo", Some(RuleCode::Blocked)),
        ("block = ['foo>0']", "foo", None),
        ("allow = ['foo>1']", "foo", None),
        ("allow = ['foo>1']", "bar", Some(RuleCode::NotAllowed)),
        ("cooldown = '7 days'", "foo", None),
        (&format!("block = ['foo']\n{exception}"), "foo", None),
        (&format!("allow = ['bar']\n{exception}"), "foo", None),
        (&format!("allow = ['bar']\n{exception}"), "baz", Some(RuleCode::NotAllowed)),
    ] {
        let decision = policy(text).decide_project(&project.parse().unwrap(), now());
        assert_eq!(decision.hidden().map(|rule| rule.code), code, "{text} {project}");
    }
    let policy = policy(&format!("block = ['foo']\n{exception}"));
    assert_eq!(policy.next_expiry(now()), Some(at("2026-12-01T00:00:00Z")));
    let later = at("2026-12-01T00:00:00Z");
    assert!(!policy.decide_project(&"foo".parse().unwrap(), later).is_shown());
    assert_eq!((policy.expired(now()).count(), policy.expired(later).count()), (0, 1));
    assert_eq!(policy.next_expiry(later), None);
}

#[test]
fn a_rule_is_told_in_a_sentence_and_in_json() {
    let text = "cooldown = '7 days'\n[[block]]\nwhat = 'evil*'\nreason = 'taken over'\n\
                [[exception]]\nwhat = 'evil==1'\nuntil = 2027-01-01\nreason = 'looked at'\nby = 'ann'\n";
    let policy = policy(text);
    let project = "evil".parse().unwrap();
    let decide = |filename: &str, uploaded: Option<&str>| {
        let subject = Subject { upload_time: uploaded.map(at), ..file(&project, filename) };
        match policy.decide(subject, now()) {
            Decision::Hidden(rule) | Decision::Shown(Some(rule)) => rule,
            Decision::Shown(None) => panic!("nothing is said"),
        }
    };
    let blocked = decide("evil-2.tar.gz", None);
    assert_eq!(blocked.to_string(), "blocked by `evil*` (line 2): taken over");
    let json = serde_json::json!({ "code": "blocked", "rule": "evil*", "line": 2, "reason": "taken over" });
    assert_eq!(serde_json::to_value(&blocked).unwrap(), json);
    assert_eq!(serde_json::from_value::<RuleRef>(json).unwrap(), blocked);
    let excepted = decide("evil-1.tar.gz", None);
    let words = "an exception for `evil==1` until 2027-01-01T00:00:00Z (line 5): looked at, by ann";
    assert_eq!(excepted.to_string(), words);
    let other = "good".parse().unwrap();
    let upload_time = Some(at("2026-11-20T01:02:03Z"));
    let young = Subject { upload_time, ..file(&other, "good-1.tar.gz") };
    let cooling = policy.decide(young, now()).hidden().unwrap();
    assert_eq!(cooling.to_string(), "`cooldown = \"7 days\"` until 2026-11-27T01:02:03Z (line 1)");
}
