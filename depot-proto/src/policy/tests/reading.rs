use super::*;

#[test]
fn what_is_wrong_is_said_by_its_line() {
    for (text, line, words) in [
        ("allowed = ['x']", 1, "is `allow` meant?"),
        ("\ncooldown-unknown = 'hide'", 2, "is `cooldown_unknown` meant?"),
        ("cooldwn = '7 days'", 1, "is `cooldown` meant?"),
        ("weather = 1", 1, "a policy has `allow`, `block`, `cooldown`"),
        ("[[block]]\nwhat = 'x'\nreasons = 'y'", 3, "is `reason` meant?"),
        ("[[block]]\nwhat = 'x'\ncooldown = '7 days'", 3, "write it above the first `[[...]]`"),
        ("[[block]]\nreason = 'x'", 1, "`what` is missing"),
        ("block = [\n 'ok',\n 'not ok',\n]", 3, "`not ok` names no versions"),
        ("allow = 'x'", 1, "`allow` must be a list"),
        ("allow = [1]", 1, "`allow` must be a text"),
        ("block = ['a[b]']", 1, "without extras"),
        ("[[block]]\nreason = 'x'\nwhat = '='", 3, "names no project"),
        ("cooldown = 7", 1, "`cooldown` must be a text"),
        ("cooldown = '7'", 1, "such as `36 hours`, `7 days`"),
        ("cooldown = '-7 days'", 1, "such as `36 hours`, `7 days`"),
        ("cooldown = '9999999999999 days'", 1, "such as `36 hours`, `7 days`"),
        ("cooldown_unknown = 'allow'", 1, "nothing without `cooldown`"),
        ("cooldown_exempt = []", 1, "nothing without `cooldown`"),
        ("cooldown = '1 day'\ncooldown_unknown = 'show'", 2, "must be `hide` or `allow`"),
        ("yanked = 'hidden'", 1, "`yanked` must be `show` or `hide`"),
        ("quarantined = true", 1, "`quarantined` must be a text"),
        ("freeze = '7 days'", 1, "`freeze` must be a time"),
        ("freeze = 2026-01-01T00:00:00", 1, "with its zone"),
        ("[[exception]]\nwhat = 'x'\nuntil = '2027-01-01'", 2, "one version of one project"),
        ("[[exception]]\nwhat = 'x*==1'\nuntil = '2027-01-01'", 2, "one version of one project"),
        ("[[exception]]\nwhat = 'x==1'", 1, "`until` is missing"),
        ("[[exception]]\nwhat = 'x==1'\nuntil = 'never'", 3, "`until` must be a time"),
        ("[exception]\nwhat = 'x==1'", 1, "`exception` must be a list"),
        ("block = ['x'", 1, "this is no TOML"),
        ("block = ['x']\n[[block]]\nwhat = 'y'", 2, "this is no TOML"),
    ] {
        let wrong = Policy::parse(text).unwrap_err();
        assert_eq!(wrong.line, line, "{text}: {}", wrong.words);
        assert!(wrong.words.contains(words) && !wrong.words.contains('\n'), "{text}: {}", wrong.words);
    }
    assert!(Policy::parse(&" ".repeat(MAX_SIZE + 1)).is_err());
}

#[test]
fn a_list_may_have_texts_and_tables_and_reasons_are_kept_short() {
    let policy = policy("\u{feff}block = ['a', { what = ' B_b ', reason = \" x\\ny \" }]\n");
    let rule = |name: &str| policy.decide_project(&name.parse().unwrap(), now()).hidden().unwrap().rule;
    assert_eq!(rule("a").reason, None);
    assert_eq!((rule("b-b").text.as_str(), rule("b-b").reason.as_deref()), ("B_b", Some("x y")));
    let long = format!("block = [{{ what = 'a', reason = '{}' }}]", "x".repeat(9000));
    let policy = super::policy(&long);
    let rule = policy.decide_project(&"a".parse().unwrap(), now()).hidden().unwrap().rule;
    assert_eq!(rule.reason.as_ref().map(String::len), Some(500));
}
