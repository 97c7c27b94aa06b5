//! The bill of materials of what was solved, as CycloneDX 1.6 in JSON: `depot python sbom`, and `save --sbom`.

mod licenses;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use depot_proto::{
    DistributionFilename, Origin, ProjectName, Sha256Digest, Timestamp, Version,
    layout::{Part, file_path},
    simple::quote,
};
use depot_tree::Tree;
use serde_json::{Value, json};

use super::{
    failed,
    needs::{Needs, needs},
    saved_tree,
    show::metadata_of,
    solve::{Package, Solution},
    whole::write_whole,
};
use crate::{
    DEFAULT_INDEX,
    args::SbomArgs,
    exit::ExitStatus,
    output::{Printer, count},
};

/// What stands for the whole of what was asked for.
const ROOT: &str = "depot-set";

/// What is in a bill.
#[derive(Debug, Default)]
pub(super) struct Bill {
    components: BTreeMap<(ProjectName, Version), Component>,
    /// Whether something that was asked for could not be had.
    is_incomplete: bool,
}

/// A release.
#[derive(Debug, Default)]
struct Component {
    files: BTreeSet<String>,
    targets: BTreeSet<String>,
    extras: BTreeSet<String>,
    /// Whether it is needed to run something, and not only to build it.
    runs: bool,
    /// Whether it was asked for by its name.
    is_asked_for: bool,
    requires: BTreeSet<(ProjectName, Version)>,
}

/// Runs the verb.
pub(crate) async fn run(args: SbomArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let tree = Arc::new(saved_tree(&args.needs.tree.dir)?);
    let needs = needs(&args.needs, &tree, printer).await?;
    failed::tell(&needs.failed, printer);
    anyhow::ensure!(needs.failed.is_empty(), "what is asked for is not all in the tree: save it first");
    let bill = Bill::of_needs(&needs)?;
    let number = bill.components.len();
    let document = tokio::task::spawn_blocking(move || bill.to_document(&tree)).await??;
    let Some(path) = &args.output else {
        printer.raw(&document);
        return Ok(ExitStatus::Done);
    };
    write(path, &document)?;
    printer.say(&format!("wrote the bill of {} to `{}`", count(number, "release"), path.display()));
    printer.json(&json!({ "schema": "depot.sbom/1", "path": path, "releases": number }));
    Ok(ExitStatus::Done)
}

/// Writes a bill whole or not at all.
pub(super) fn write(path: &Path, document: &[u8]) -> anyhow::Result<()> {
    write_whole(path, document)
        .with_context(|| format!("cannot write the bill of materials `{}`", path.display()))
}

impl Bill {
    fn of_needs(needs: &Needs) -> anyhow::Result<Self> {
        let mut bill = Self::of_solutions(&needs.solutions);
        bill.is_incomplete |= needs.has_skipped;
        for (project, filename) in &needs.files {
            bill.add_file(&DistributionFilename::parse(filename, project)?);
        }
        Ok(bill)
    }

    /// What was solved.
    pub(super) fn of_solutions(solutions: &[Solution]) -> Self {
        let mut bill = Self::default();
        for solution in solutions {
            bill.is_incomplete |= !solution.failed.is_empty();
            for (project, package) in solution.all() {
                bill.add(project, package, &solution.target.to_string());
            }
        }
        bill
    }

    /// Leaves out what the tree does not have, because it could not be had; `failed` is whether anything could not.
    pub(super) fn leave_out_absent(&mut self, tree: &Tree, failed: bool) {
        self.is_incomplete |= failed;
        for ((project, _), component) in &mut self.components {
            component.files.retain(|filename| matches!(tree.record(project, filename), Ok(Some(_))));
        }
    }

    fn add(&mut self, project: &ProjectName, package: &Package, target: &str) {
        let key = (project.clone(), package.version.clone());
        let component = self.components.entry(key.clone()).or_default();
        component.files.extend(package.files.iter().map(|wanted| wanted.filename.to_string()));
        component.targets.insert(target.to_owned());
        component.extras.extend(package.extras.iter().cloned());
        component.runs |= !package.for_build;
        component.is_asked_for |= package.needed_by.iter().any(|need| need.parent.is_none());
        for parent in package.needed_by.iter().filter_map(|need| need.parent.clone()) {
            self.components.entry(parent).or_default().requires.insert(key.clone());
        }
    }

    /// Adds a file that stands for itself, if nothing that was solved has it.
    pub(super) fn add_file(&mut self, name: &DistributionFilename) {
        let key = (name.project().clone(), name.version().clone());
        let is_new = !self.components.contains_key(&key);
        let component = self.components.entry(key).or_default();
        component.files.insert(name.to_string());
        component.runs |= is_new;
        component.is_asked_for |= is_new;
    }

    /// The document. Digests, addresses and licences are those of the tree, which holds the files.
    pub(super) fn to_document(&self, tree: &Tree) -> anyhow::Result<Vec<u8>> {
        // One that only something else named has no files, and so it was not chosen.
        let chosen = || self.components.iter().filter(|(_, component)| !component.files.is_empty());
        let mut references = BTreeMap::new();
        let mut components = Vec::new();
        let mut as_of = None;
        for (key, component) in chosen() {
            let (reference, value) = component.to_json(key, tree, &mut as_of)?;
            references.insert(key, reference);
            components.push(value);
        }
        let reference = |key: &(ProjectName, Version)| references.get(key).cloned();
        let asked = chosen().filter(|(_, component)| component.is_asked_for);
        let mut dependencies = vec![json!({
            "ref": ROOT,
            "dependsOn": asked.filter_map(|(key, _)| reference(key)).collect::<BTreeSet<_>>(),
        })];
        for (key, component) in chosen() {
            dependencies.push(json!({
                "ref": reference(key),
                "dependsOn": component.requires.iter().filter_map(reference).collect::<BTreeSet<_>>(),
            }));
        }
        let aggregate = if self.is_incomplete { "incomplete" } else { "complete" };
        let body = json!({ "components": components, "dependencies": dependencies });
        let mut document = json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": serial(&body),
            "version": 1,
            "metadata": {
                "tools": { "components": [{
                    "type": "application", "name": "depot", "version": env!("CARGO_PKG_VERSION"),
                }] },
                "component": { "type": "application", "bom-ref": ROOT, "name": ROOT },
            },
            "components": body["components"],
            "dependencies": body["dependencies"],
            "compositions": [{ "aggregate": aggregate, "assemblies": [ROOT] }],
        });
        // Not the time of this run, so that the same tree gives the same bill.
        if let Some(as_of) = as_of {
            document["metadata"]["timestamp"] = json!(as_of);
        }
        let mut bytes = serde_json::to_vec_pretty(&document)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl Component {
    /// Its name in the bill and what is said of it. `as_of` becomes the moment at which the newest file was first seen.
    fn to_json(
        &self,
        (project, version): &(ProjectName, Version),
        tree: &Tree,
        as_of: &mut Option<Timestamp>,
    ) -> anyhow::Result<(String, Value)> {
        let mut distributions = Vec::new();
        let (mut index, mut metadata) = (None, None);
        for filename in &self.files {
            let record = tree.record(project, filename)?;
            let record = record.with_context(|| format!("`{filename}` is not in the tree"))?;
            *as_of = (*as_of).max(record.first_seen);
            let name = DistributionFilename::parse(filename, project)?;
            metadata = metadata.or_else(|| metadata_of(tree, &name));
            let mut url = file_path(project, filename, Part::Bytes);
            if let Some(Origin::Mirrored { index: from, url: there }) = &record.facts.origin {
                index.get_or_insert_with(|| from.clone());
                if !there.is_empty() {
                    url.clone_from(there);
                }
            }
            distributions.push(json!({
                "type": "distribution",
                "url": url,
                "comment": filename,
                "hashes": [{ "alg": "SHA-256", "content": record.sha256 }],
            }));
        }
        let version = version.to_string();
        let elsewhere = index.filter(|index| index != DEFAULT_INDEX);
        let elsewhere = elsewhere.map(|index| format!("?repository_url={}", quote(&index)));
        let purl = format!("pkg:pypi/{project}@{}{}", quote(&version), elsewhere.unwrap_or_default());
        let property = |name: &str, value: &str| json!({ "name": format!("depot:{name}"), "value": value });
        let mut properties: Vec<Value> =
            self.targets.iter().map(|target| property("target", target)).collect();
        properties.extend(self.extras.iter().map(|extra| property("extra", extra)));
        let mut value = json!({
            "type": "library",
            "bom-ref": purl,
            "name": project,
            "version": version,
            "purl": purl,
            // What only builds others is not there when they run.
            "scope": if self.runs { "required" } else { "excluded" },
            "externalReferences": distributions,
            "properties": properties,
        });
        if let [distribution] = &distributions[..] {
            value["hashes"] = distribution["hashes"].clone();
        }
        if let Some(metadata) = metadata {
            if let Some(summary) = &metadata.summary {
                value["description"] = json!(summary);
            }
            if let Some(licenses) = licenses::of(&metadata) {
                value["licenses"] = licenses;
            }
        }
        Ok((purl, value))
    }
}

/// A name of the bill that is the same for the same content: a UUID of version 8, made of its digest.
fn serial(body: &Value) -> String {
    let mut bytes: [u8; 16] = [0; 16];
    bytes.copy_from_slice(&Sha256Digest::of(body.to_string().as_bytes()).as_bytes()[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex[from..to].concat();
    format!("urn:uuid:{}-{}-{}-{}-{}", part(0, 4), part(4, 6), part(6, 8), part(8, 10), part(10, 16))
}
