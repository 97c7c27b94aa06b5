//! Why readers see a file, or do not: what is asked at [`WHY_PATH`], and the answer.
//!
//! The question is about what is read at one mount, a repository's or a group's. The answer says of each member whether
//! it was asked and what it has, and of each file from which member it comes, or by which rule it is hidden.

use serde::{Deserialize, Serialize};

use crate::{ProjectName, RepositoryName, Sha256Digest, Timestamp, policy::RuleRef, simple::ProjectStatus};

/// Where a server is asked, by `GET` with a [`WhyQuery`].
pub const WHY_PATH: &str = "/api/why";

/// The name of the form of [`WhyAnswer`].
pub const WHY_SCHEMA: &str = "depot.why/1";

/// What is asked. Names are plain text here, so that a wrong one is refused in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyQuery {
    /// The path that readers read at, such as `/` or `/pypi/`: that of a mount, with or without `simple/`.
    #[serde(default)]
    pub at: String,
    /// The project, in any spelling.
    pub project: String,
    /// The version whose files are asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The one file that is asked about. Without this and a version all files of the project are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WhyAnswer {
    /// Always [`WHY_SCHEMA`].
    pub schema: String,
    /// What readers read.
    pub repository: RepositoryName,
    /// Its mount: `/`, `/pypi/`.
    pub at: String,
    /// The project by its normalized name.
    pub project: ProjectName,
    /// The version that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The file that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// What it comes to.
    pub verdict: Verdict,
    /// The rule that hides the project as a whole, before any member is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleRef>,
    /// The state of life that readers see of the project.
    #[serde(default)]
    pub status: ProjectStatus,
    /// Who owns the name, and therefore answers alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The members in their order; of what is no group itself alone.
    pub members: Vec<Member>,
    /// The files that were asked about, as far as a member has them, in the order of the page; after them those that are
    /// kept and that no page lists any more.
    pub files: Vec<File>,
}

/// What an answer comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Readers see all that was asked about.
    Shown,
    /// They see some of it; the rest is hidden by rules.
    Partly,
    /// It is there, and rules hide all of it.
    Hidden,
    /// No member that was asked has it.
    Absent,
    /// Nobody knows: a member that may have it could not answer.
    Unknown,
}

impl Verdict {
    /// What files, members and a rule about the whole project come to.
    pub fn of(rule: Option<&RuleRef>, members: &[Member], files: &[File]) -> Self {
        let shown = files.iter().filter(|file| file.is_shown()).count();
        if rule.is_some() {
            Self::Hidden
        } else if files.is_empty() {
            let failed = members.iter().any(|member| member.outcome == Outcome::Failed);
            if failed { Self::Unknown } else { Self::Absent }
        } else if shown == files.len() {
            Self::Shown
        } else if shown == 0 {
            Self::Hidden
        } else {
            Self::Partly
        }
    }
}

/// Who owns a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Owner {
    /// The repository.
    pub repository: RepositoryName,
    /// What makes it the owner.
    pub because: Owning,
    /// The pattern that reserves the name, as it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// What makes a repository the owner of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owning {
    /// Files were published there by those who made them.
    FirstParty,
    /// Somebody claimed the name, by a role on the project.
    Claimed,
    /// The name is reserved, or a beginning of names that it has.
    Reserved,
    /// A file was deleted there for good.
    Tombstone,
}

/// A member of what readers read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Member {
    /// The repository.
    pub repository: RepositoryName,
    /// Its kind: `hosted`, `proxy`, `directory`, `group`.
    pub kind: String,
    /// Its priority in the group, the smaller before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// What it said.
    pub outcome: Outcome,
    /// More about that in words: why it failed, or was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it owns the name.
    #[serde(default)]
    pub owns: bool,
    /// How many files of the project it has, whatever was asked about.
    #[serde(default)]
    pub files: usize,
    /// What was cached of its answer, as `X-Depot-Cache` says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<String>,
}

/// What a member said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It has the project.
    Has,
    /// It does not have it.
    Absent,
    /// It was not asked: another one owns the name, a rule hides the project, or it is switched off.
    NotAsked,
    /// It could not say.
    Failed,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct File {
    /// Its name.
    pub filename: String,
    /// The version of its release, where its name says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The member that it is read from; none if it is hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RepositoryName>,
    /// The rule by which it is hidden, or, of what is shown, the rule that lets it be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleRef>,
    /// Whose policy that rule is of: the group's or a member's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_of: Option<RepositoryName>,
    /// Whether it is yanked, which most installers heed.
    #[serde(default)]
    pub yanked: bool,
    /// Who has a file of this name, in the order of the members.
    pub held: Vec<Held>,
}

impl File {
    /// Whether readers see it.
    pub fn is_shown(&self) -> bool {
        self.from.is_some()
    }
}

/// A file of that name that a member has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Held {
    /// The member.
    pub repository: RepositoryName,
    /// The digest of its bytes, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// When it was uploaded to the index that published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_time: Option<Timestamp>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a file that a member has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is the one that is read.
    Chosen,
    /// Another member comes before, with the same bytes.
    Same,
    /// Another member comes before, with other bytes: this one is never served.
    OtherBytes,
    /// A file of this name was deleted where the name belongs, and had other bytes: this one is never served.
    Deleted,
    /// A rule hides it.
    Hidden,
    /// It is kept, and no page lists it any more: who has its address still gets it.
    Unlisted,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::Policy;

    fn member(outcome: Outcome) -> Member {
        Member {
            repository: "pypi".parse().unwrap(),
            kind: "proxy".to_owned(),
            priority: Some(20),
            outcome,
            reason: None,
            owns: false,
            files: 0,
            cache: None,
        }
    }

    fn file(from: Option<&str>) -> File {
        File {
            filename: "six-1.0.tar.gz".to_owned(),
            version: Some("1.0".to_owned()),
            from: from.map(|name| name.parse().unwrap()),
            rule: None,
            rule_of: None,
            yanked: false,
            held: Vec::new(),
        }
    }

    #[test]
    fn a_verdict_follows_from_files_and_members() {
        let (has, failed) = ([member(Outcome::Has)], [member(Outcome::Absent), member(Outcome::Failed)]);
        let (shown, hidden) = (file(Some("pypi")), file(None));
        for (members, files, verdict) in [
            (&has[..], vec![shown.clone()], Verdict::Shown),
            (&has, vec![shown.clone(), hidden.clone()], Verdict::Partly),
            (&has, vec![hidden.clone()], Verdict::Hidden),
            (&has, Vec::new(), Verdict::Absent),
            (&failed, Vec::new(), Verdict::Unknown),
            (&failed, vec![shown], Verdict::Shown),
        ] {
            assert_eq!(Verdict::of(None, members, &files), verdict);
        }
        let now = Timestamp::from_seconds(0).unwrap();
        let rule = Policy::parse("block = ['six']").unwrap().decide_project(&"six".parse().unwrap(), now);
        assert_eq!(Verdict::of(rule.hidden().as_ref(), &has, &[]), Verdict::Hidden);
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let answer = WhyAnswer {
            schema: WHY_SCHEMA.to_owned(),
            repository: "all".parse().unwrap(),
            at: "/".to_owned(),
            project: "six".parse().unwrap(),
            version: None,
            filename: None,
            verdict: Verdict::Shown,
            rule: None,
            status: ProjectStatus::Active,
            owner: None,
            members: vec![member(Outcome::NotAsked)],
            files: vec![file(Some("pypi"))],
        };
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(serde_json::from_str::<WhyAnswer>(&text).unwrap(), answer);
        let value = serde_json::to_value(&answer).unwrap();
        assert_eq!(
            (&value["verdict"], &value["members"][0]["outcome"]),
            (&json!("shown"), &json!("not-asked"))
        );
    }
}
