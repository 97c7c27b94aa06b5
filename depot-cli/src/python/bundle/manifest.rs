//! The manifest of a bundle: what each volume says of itself and of all that it carries.

use std::{cmp::Ordering, fmt, str::FromStr};

use depot_proto::{
    DistributionFilename, ProjectName, Sha256Digest, Sha256Hasher, Timestamp,
    layout::{FILES, PROJECTS, Part, file_path, project_path},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::receipt::Receipt;

/// The first member of every volume.
pub(super) const MANIFEST: &str = "depot-bundle.json";
/// The second one: the 64 bytes of an Ed25519 signature over the bytes of the manifest, or nothing.
pub(super) const SIGNATURE: &str = "depot-bundle.sig";
/// In the first volume the next one: what the other side has once the bundle was imported.
pub(super) const RECEIPT: &str = "depot-receipt.json";

/// The form of the manifest, and of the file around it.
pub(super) const SCHEMA: &str = "depot.bundle/1";

/// What a volume says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Manifest {
    pub(super) schema: String,
    /// The digest of what the whole bundle carries; see [`identify`].
    pub(super) id: Sha256Digest,
    /// Which volume this is, from 1.
    pub(super) volume: u32,
    /// Of how many.
    pub(super) volumes: u32,
    /// The bundle that this one builds on: what that brought is not in here again.
    pub(super) base: Option<Sha256Digest>,
    pub(super) created_by: String,
    /// When the newest file of the tree was first seen in it. No wall clock is asked, so that the same tree gives the same bytes.
    pub(super) as_of: Option<Timestamp>,
    /// The short name of the key that signed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) signer: Option<String>,
    /// The receipt, in the first volume.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) receipt: Option<Blob>,
    /// What the volume carries, in this order.
    pub(super) items: Vec<Item>,
    /// What was in the base and is in the tree no more; in the first volume.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) removed: Vec<Place>,
}

/// A size and a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Blob {
    pub(super) size: u64,
    pub(super) sha256: Sha256Digest,
}

impl Blob {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { size: bytes.len() as u64, sha256: Sha256Digest::of(bytes) }
    }
}

/// A member of a volume that belongs into the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    #[serde(rename = "path")]
    pub(super) place: Place,
    #[serde(flatten)]
    pub(super) blob: Blob,
}

/// Where an item lies in a tree. Nothing else can be named by a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A part of a file.
    Part { project: ProjectName, filename: String, part: Part },
    /// What belongs to a project.
    Project(ProjectName),
}

impl Place {
    pub(super) fn part(project: &ProjectName, filename: &str, part: Part) -> Self {
        Self::Part { project: project.clone(), filename: filename.to_owned(), part }
    }

    /// Whether both are parts of one file.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Part { project, filename, .. },
                Self::Part { project: other, filename: other_name, .. },
            ) => (project, filename) == (other, other_name),
            _ => false,
        }
    }

    /// Files come first, by their projects and names; the record is the last part of each, because its presence in a
    /// tree is what makes the file exist.
    fn key(&self) -> (u8, &ProjectName, &str, u8) {
        match self {
            Self::Part { project, filename, part } => {
                let rank = match part {
                    Part::Bytes => 0,
                    Part::Metadata => 1,
                    Part::Provenance => 2,
                    Part::Record => 3,
                };
                (0, project, filename, rank)
            }
            Self::Project(project) => (1, project, "", 0),
        }
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::Part { project, filename, part } => file_path(project, filename, *part),
            Self::Project(project) => project_path(project),
        })
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is no place in a tree");
        let parts: Vec<&str> = text.split('/').collect();
        let place = match parts[..] {
            [FILES, project, stored] => {
                let project = project.parse::<ProjectName>().map_err(|_| refused())?;
                let (filename, part) = Part::split(stored);
                DistributionFilename::parse(filename, &project)
                    .map_err(|error| format!("`{text}` is no place in a tree: {error}"))?;
                Self::part(&project, filename, part)
            }
            [PROJECTS, stored] => {
                let project = stored.strip_suffix(".json").ok_or_else(refused)?;
                Self::Project(project.parse().map_err(|_| refused())?)
            }
            _ => return Err(refused()),
        };
        // One place has one spelling.
        if place.to_string() == text { Ok(place) } else { Err(refused()) }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What names a bundle: the digest of what it builds on, of all that it carries in order, of what is gone, and of what the
/// other side has afterwards. How it is cut into volumes and who signed it is no part of that.
pub(super) fn identify<'a>(
    base: Option<Sha256Digest>,
    items: impl Iterator<Item = &'a Item>,
    removed: &[Place],
    receipt: &Receipt,
) -> Sha256Digest {
    let mut hasher = Sha256Hasher::new();
    let mut line = |text: String| hasher.update(text.as_bytes());
    line(format!("{SCHEMA}\nbase {}\n", base.map_or_else(|| "-".to_owned(), |base| base.to_string())));
    for Item { place, blob } in items {
        line(format!("{} {} {place}\n", blob.sha256, blob.size));
    }
    for place in removed {
        line(format!("removed {place}\n"));
    }
    line(format!("holds {}\n", receipt.digest()));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_a_tree_can_be_named() {
        for text in [
            "files/tea-pot/tea_pot-1.0-py3-none-any.whl",
            "files/tea-pot/tea_pot-1.0-py3-none-any.whl.metadata",
            "files/tea-pot/tea_pot-1.0.tar.gz.json",
            "files/tea-pot/tea_pot-1.0.tar.gz.provenance",
            "projects/tea-pot.json",
        ] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "/etc/passwd",
            "files/../x/tea_pot-1.0.tar.gz",
            "files/tea-pot/../tea_pot-1.0.tar.gz",
            "files/tea-pot/..",
            "files/Tea.Pot/tea_pot-1.0.tar.gz",
            "files/lid/tea_pot-1.0.tar.gz",
            "files/tea-pot/tea_pot-1.0.tar.gz/x",
            "files//tea-pot/tea_pot-1.0.tar.gz",
            "files/tea-pot/tea_pot-1.0.tar.gz.lock",
            "files\\tea-pot\\tea_pot-1.0.tar.gz",
            "projects/../tea-pot.json",
            "projects/tea-pot",
            "tmp/x",
            "bundles.json",
        ] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_record_is_the_last_part_of_its_file_and_projects_come_last() {
        let mut places: Vec<Place> = [
            "projects/a.json",
            "files/lid/lid-1.tar.gz",
            "files/a/a-1.tar.gz.json",
            "files/a/a-1.tar.gz.provenance",
            "files/a/a-1.tar.gz.metadata",
            "files/a/a-1.tar.gz",
        ]
        .map(|text| text.parse().unwrap())
        .into();
        places.sort_unstable();
        let texts: Vec<String> = places.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "files/a/a-1.tar.gz",
                "files/a/a-1.tar.gz.metadata",
                "files/a/a-1.tar.gz.provenance",
                "files/a/a-1.tar.gz.json",
                "files/lid/lid-1.tar.gz",
                "projects/a.json"
            ]
        );
        assert!(places[0].is_beside(&places[3]) && !places[3].is_beside(&places[4]));
    }
}
