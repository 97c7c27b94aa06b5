//! What holds for every name, version, file name, scope and Accept header, whatever it is.

use depot_proto::{
    DistributionFilename, MAX_FILENAME_LEN, ProjectName, Version,
    layout::Part,
    media_type::{PageFormat, negotiate},
    scope::Scope,
};
use proptest::prelude::*;

/// PEP 503's own words for normalization, by another way than the code's.
fn normalized(text: &str) -> String {
    let mut parts: Vec<&str> = text.split(['-', '_', '.']).collect();
    parts.retain(|part| !part.is_empty());
    parts.join("-").to_lowercase()
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?"
}

/// Texts that PEP 440 reads, in its many spellings.
fn version() -> impl Strategy<Value = String> {
    let parts = (
        "v?",
        "([1-9]!)?",
        prop::collection::vec(0_u32..30, 1..5),
        "([-_.]?(a|b|rc|alpha|beta|c|preview)[-_.]?[0-9]?)?",
        "([-_.]?post[-_.]?[0-9]|-[0-9])?",
        "([-_.]?dev[-_.]?[0-9]?)?",
        r"(\+[a-z0-9]{1,4}([-_.][a-z0-9]{1,4})?)?",
    );
    parts.prop_map(|(v, epoch, release, pre, post, dev, local)| {
        let release: Vec<String> = release.iter().map(u32::to_string).collect();
        format!("{v}{epoch}{}{pre}{post}{dev}{local}", release.join("."))
    })
}

proptest! {
    #[test]
    fn names_that_normalize_alike_are_one_project(one in name(), two in name()) {
        let (a, b): (ProjectName, ProjectName) = (one.parse().unwrap(), two.parse().unwrap());
        prop_assert_eq!(a == b, normalized(&one) == normalized(&two));
        prop_assert_eq!(a.as_str(), normalized(&one));
        prop_assert_eq!(a.as_str().parse::<ProjectName>().unwrap(), a);
    }

    #[test]
    fn any_text_is_a_safe_name_or_refused(text in "\\PC{0,40}|[A-Za-z0-9._/\\\\%-]{0,40}") {
        if let Ok(name) = text.parse::<ProjectName>() {
            let safe = name.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            prop_assert!(safe && !name.as_str().starts_with('-') && !name.as_str().ends_with('-'));
            prop_assert!(text.is_ascii());
        }
    }

    #[test]
    fn versions_are_equal_exactly_when_their_keys_are(one in version(), two in version()) {
        let (a, b) = (Version::read(&one), Version::read(&two));
        prop_assert!(a.pep440().is_some(), "{} is not read", one);
        prop_assert_eq!(a == b, a.key() == b.key(), "{} {}", one, two);
        prop_assert_eq!(a.key().version(), a.clone());
        prop_assert!(!a.key().as_str().contains('/'));
    }

    #[test]
    fn trailing_zeros_change_no_key(release in prop::collection::vec(0_u32..30, 1..4), suffix in "(rc1|\\.post2|\\.dev3|\\+lab)?") {
        let release: Vec<String> = release.iter().map(u32::to_string).collect();
        let release = release.join(".");
        let (short, long) = (format!("{release}{suffix}"), format!("{release}.0.0{suffix}"));
        prop_assert_eq!(Version::read(&short).key(), Version::read(&long).key());
    }

    #[test]
    fn any_text_has_a_version_key_that_reads_back(text in "\\PC{0,30}") {
        let version = Version::read(&text);
        prop_assert_eq!(version.key().version(), version.clone());
        prop_assert!(!version.key().as_str().contains('/'));
    }

    #[test]
    fn a_wheel_name_says_what_it_was_made_from(
        name in name(),
        version in version(),
        build in "([0-9][a-z0-9]{0,3})?",
        tags in "(py3|cp312|py2\\.py3)-(none|abi3|cp312)-(any|linux_x86_64|win_amd64)",
    ) {
        let project: ProjectName = name.parse().unwrap();
        let version = Version::read(&version);
        let spelled = version.to_string().replace('-', "_");
        let build = if build.is_empty() { build } else { format!("-{build}") };
        let filename = format!("{}-{spelled}{build}-{tags}.whl", project.as_filename_part());
        let read = DistributionFilename::parse(&filename, &project).unwrap();
        prop_assert_eq!(read.version(), &version);
        prop_assert_eq!(read.project(), &project);
        prop_assert_eq!(DistributionFilename::guess(&filename).unwrap(), read);
    }

    #[test]
    fn a_source_distribution_is_read_where_its_project_is_known(name in name(), version in version()) {
        let project: ProjectName = name.parse().unwrap();
        let version = Version::read(&version);
        for filename in [format!("{name}-{version}.tar.gz"), format!("{}-{version}.zip", project.as_filename_part())] {
            let read = DistributionFilename::parse(&filename, &project).unwrap();
            prop_assert_eq!(read.version(), &version, "{}", filename);
        }
    }

    #[test]
    fn any_text_is_a_safe_file_name_or_refused(
        text in "\\PC{0,60}|[A-Za-z0-9._/\\\\%:-]{0,60}(\\.whl|\\.tar\\.gz|\\.zip|\\.egg|\\.json|\\.metadata)",
    ) {
        if let Ok(read) = DistributionFilename::guess(&text) {
            let safe = |b: u8| b.is_ascii_graphic() && !b"/\\:*?\"<>|%".contains(&b);
            prop_assert!(read.as_str().bytes().all(safe) && !read.as_str().starts_with('.'), "{}", text);
            prop_assert!(read.as_str().len() <= MAX_FILENAME_LEN);
            prop_assert_eq!(Part::split(&text), (text.as_str(), Part::Bytes));
        }
    }

    #[test]
    fn an_accept_header_gets_what_it_prefers_or_html(
        ranges in prop::collection::vec((0_usize..6, 0_u32..=10), 0..5),
    ) {
        const TYPES: [&str; 6] = [
            "application/vnd.pypi.simple.v1+json",
            "application/vnd.pypi.simple.v1+html",
            "text/html",
            "image/png",
            "text/*",
            "*/*",
        ];
        let header: Vec<String> =
            ranges.iter().map(|(index, q)| format!("{};q={}.{}", TYPES[*index], q / 10, q % 10)).collect();
        let chosen = negotiate(Some(&header.join(", ")), None).unwrap();
        // The quality of an offer is that of the most specific range that fits it; of equal ranges any may count.
        let quality = |fits: &[usize]| {
            let best = fits.iter().find(|index| ranges.iter().any(|(range, _)| range == *index))?;
            let of_best = ranges.iter().filter(|(range, _)| range == best).map(|(_, q)| *q);
            Some((of_best.clone().min()?, of_best.max()?))
        };
        let json = quality(&[0, 5]);
        let v1_html = quality(&[1, 5]);
        let html = quality(&[2, 4, 5]);
        let of = |format: PageFormat| match format {
            PageFormat::Json => json,
            PageFormat::HtmlV1 => v1_html,
            PageFormat::Html => html,
        };
        let others = [PageFormat::Json, PageFormat::HtmlV1, PageFormat::Html];
        match of(chosen) {
            // Nothing was acceptable: HTML it is, as PyPI does.
            None | Some((_, 0)) => prop_assert_eq!(chosen, PageFormat::Html),
            Some((_, highest)) => {
                for other in others {
                    let lowest = of(other).map_or(0, |(lowest, _)| lowest);
                    prop_assert!(lowest <= highest, "{:?} over {:?} for {:?}", chosen, other, header);
                }
            }
        }
    }

    #[test]
    fn a_scope_matches_as_its_normalized_pattern_does(pattern in "[a-c][a-c._-]{0,3}\\*?", name in "[a-c]([a-c._-]{0,4}[a-c])?") {
        let Ok(scope) = format!("push:python:{pattern}").parse::<Scope>() else { return Ok(()) };
        let project: ProjectName = name.parse().unwrap();
        let python = "python".parse().unwrap();
        let expected = match pattern.strip_suffix('*') {
            None => normalized(&pattern) == normalized(&name),
            Some(prefix) => {
                let separator = if prefix.ends_with(['-', '_', '.']) { "-" } else { "" };
                normalized(&name).starts_with(&format!("{}{separator}", normalized(prefix)))
            }
        };
        prop_assert_eq!(scope.allows(depot_proto::scope::Action::Push, &python, &project), expected);
        prop_assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
    }
}
