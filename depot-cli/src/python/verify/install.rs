//! Really installing what must install, and building its sdists, in an environment that is thrown away.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use depot_proto::{DistributionFilename, DistributionKind, ProjectName, Target, Version, layout::Part};
use depot_tree::Tree;
use serde_json::{Value, json};

use super::{
    Scope, closure, index,
    tool::{Refused, Tool},
    wish::{self, Wish},
};
use crate::{
    args::VerifyArgs,
    output::{Printer, count},
    progress::Progress,
    python::{
        solve::{Answer, saved_supply},
        targets,
        visible::Visible,
    },
};

/// What came of it.
#[derive(Debug)]
pub(super) struct Installed {
    target: Target,
    /// pip or uv.
    pub(super) tool: &'static str,
    /// How many packages were installed.
    pub(super) packages: usize,
    /// How many sdists were built.
    pub(super) built: usize,
    pub(super) failed: Vec<NotInstalled>,
}

/// What could not be built or installed.
#[derive(Debug)]
pub(super) struct NotInstalled {
    pub(super) item: String,
    pub(super) reason: String,
    /// The last lines of the tool.
    pub(super) output: Vec<String>,
}

impl Installed {
    pub(super) fn to_json(&self) -> Value {
        let failed = self.failed.iter();
        let failed = failed.map(|it| json!({ "item": it.item, "reason": it.reason, "output": it.output }));
        json!({
            "target": self.target.to_string(),
            "tool": self.tool,
            "packages": self.packages,
            "built": self.built,
            "failed": failed.collect::<Vec<_>>(),
        })
    }
}

/// What is installed.
#[derive(Debug, Default)]
struct Order {
    /// What is asked of the tool.
    requirements: Vec<String>,
    /// The releases that come of it, with the sdist where one is built.
    releases: BTreeMap<ProjectName, (Version, Option<PathBuf>)>,
    /// Whether the tool takes what is asked for alone, and finds nothing by itself.
    is_exact: bool,
    failed: Vec<NotInstalled>,
}

/// Installs it with the Python on PATH; what each set wants, in an environment of its own.
pub(super) async fn run(
    args: &VerifyArgs,
    tree: &Arc<Tree>,
    scope: &Scope,
    printer: &Printer,
) -> anyhow::Result<Installed> {
    let found = tokio::task::spawn_blocking(targets::on_path).await?;
    let (program, target) = found.map_err(|why| anyhow::anyhow!("--install needs a Python: {why}"))?;
    let room = tempfile::Builder::new().prefix("depot-verify-").tempdir();
    let room = room.context("cannot make a folder to install into")?;
    let (of, simple) = (Arc::clone(tree), room.path().join("simple"));
    let address = tokio::task::spawn_blocking(move || index::write(&of, &simple)).await??;
    printer.detail(&format!("installing into `{}`", room.path().display()));
    let mut orders = Vec::new();
    match scope {
        Scope::Whole(..) => orders.push(Order::of_all(args, tree, &target).await?),
        Scope::Named(wishes) => {
            for wish in wishes {
                orders.push(Order::of_wish(wish, args, tree, &target).await);
            }
        }
    }
    let mut done = Installed { target, tool: "", packages: 0, built: 0, failed: Vec::new() };
    for (number, order) in orders.into_iter().enumerate() {
        let own = room.path().join(number.to_string());
        std::fs::create_dir(&own).with_context(|| format!("cannot make `{}`", own.display()))?;
        let tool = Tool::new(&program, &own, address.clone()).await?;
        done.tool = tool.name();
        install(&tool, order, &mut done, printer).await?;
    }
    let path = room.path().to_owned();
    if let Err(error) = tokio::task::spawn_blocking(move || room.close()).await? {
        printer.say(&format!("warning: `{}` could not be removed: {error}", path.display()));
    }
    Ok(done)
}

async fn install(tool: &Tool, order: Order, done: &mut Installed, printer: &Printer) -> anyhow::Result<()> {
    let Order { requirements, releases, is_exact, failed } = order;
    done.failed.extend(failed);
    if releases.is_empty() {
        return Ok(());
    }
    let sdists =
        || releases.iter().filter_map(|(name, (version, sdist))| Some((name, version, sdist.as_ref()?)));
    let progress = Progress::start(printer, sdists().count() + 1);
    let mut are_built = true;
    for (project, version, sdist) in sdists() {
        progress.begin(&format!("building {project} {version}"));
        match tool.build(sdist).await? {
            Ok(()) => {
                done.built += 1;
                progress.done(&format!("built {project} {version}"));
            }
            Err(Refused(output)) => {
                are_built = false;
                progress.done(&format!("failed to build {project} {version}"));
                let reason = "its sdist cannot be built from what is saved".to_owned();
                done.failed.push(NotInstalled { item: format!("{project} {version}"), reason, output });
            }
        }
    }
    if !are_built {
        progress.finish();
        return Ok(());
    }
    progress.begin(&format!("installing {}", count(releases.len(), "package")));
    let pins: Vec<String> = releases.iter().map(|(project, (version, _))| pin(project, version)).collect();
    let mut result = tool.install(&requirements, &pins, is_exact).await?;
    if result.is_ok() && !is_exact {
        result = tool.check().await?;
    }
    match result {
        Ok(()) => done.packages += releases.len(),
        Err(refused) => done.failed.extend(blame(tool, &pins, refused).await?),
    }
    progress.finish();
    Ok(())
}

/// Which packages it was: those that cannot be installed even alone; if there is none, all of them together.
async fn blame(tool: &Tool, pins: &[String], refused: Refused) -> anyhow::Result<Vec<NotInstalled>> {
    let mut failed = Vec::new();
    for pin in pins {
        if let Err(Refused(output)) = tool.install(std::slice::from_ref(pin), &[], true).await? {
            let reason = format!("{} does not install it", tool.name());
            failed.push(NotInstalled {
                item: pin.replacen("===", " ", 1).replacen("==", " ", 1),
                reason,
                output,
            });
        }
    }
    if failed.is_empty() {
        let reason = format!("{} installs each of them, and not all together", tool.name());
        failed.push(NotInstalled { item: pins.join(", "), reason, output: refused.0 });
    }
    Ok(failed)
}

/// That a release is installed: it alone, where `==` takes one that differs by its local part before it. Tools compare
/// the text of that with the text of the version in its normal form.
fn pin(project: &ProjectName, version: &Version) -> String {
    match version.pep440() {
        Some(version) => format!("{project}==={version}"),
        None => format!("{project}=={version}"),
    }
}

/// Where the bytes of a file lie, wherever one stands.
fn bytes_of(tree: &Tree, filename: &DistributionFilename) -> Option<PathBuf> {
    std::path::absolute(tree.path(filename.project(), filename.as_str(), Part::Bytes)).ok()
}

impl Order {
    /// The newest release of every project of the tree: they need not go together, so none brings others.
    async fn of_all(args: &VerifyArgs, tree: &Arc<Tree>, target: &Target) -> anyhow::Result<Self> {
        let (supply, host) = (saved_supply(Arc::clone(tree)), std::slice::from_ref(target));
        let mut order = Self { is_exact: true, ..Self::default() };
        let releases = closure::releases(tree, host).await?.pop().unwrap_or_default();
        let newest = releases.usable.iter().filter_map(|(name, versions)| Some((name, versions.first()?)));
        let problems =
            newest.map(|(name, version)| wish::of_release(name, version, &Visible::default())).collect();
        let answers = closure::all(&supply, problems, host, args).await;
        for (project, answer) in releases.usable.keys().zip(&answers) {
            order.take(tree, answer, Some(project));
        }
        order.requirements = order.pins();
        Ok(order)
    }

    /// What is named, with all that it requires.
    async fn of_wish(wish: &Wish, args: &VerifyArgs, tree: &Arc<Tree>, target: &Target) -> Self {
        let (supply, host) = (saved_supply(Arc::clone(tree)), std::slice::from_ref(target));
        let mut order = Self { is_exact: wish.is_alone(), ..Self::default() };
        if let Some(problem) = wish.running() {
            let asked = problem.requirements.iter().filter_map(|input| input.requirement.as_ref().ok());
            let applying = asked.filter(|one| one.applies_in(target.environment(), &[]));
            order.requirements = applying.map(ToString::to_string).collect();
            for answer in closure::all(&supply, vec![problem], host, args).await {
                order.take(tree, &answer, None);
            }
        }
        for file in wish.locked_for(target) {
            let (project, version) = (file.filename.project().clone(), file.filename.version().clone());
            let is_sdist = file.filename.kind() == DistributionKind::Sdist;
            let sdist = is_sdist.then(|| bytes_of(tree, &file.filename)).flatten();
            order.releases.insert(project, (version, sdist));
            order.is_exact = true;
        }
        // Where some of it fails, the rest is installed as it was solved.
        order.is_exact |= !order.failed.is_empty();
        if order.is_exact {
            order.requirements = order.pins();
        }
        order
    }

    /// Takes what was solved: of one project alone, or all of it.
    fn take(&mut self, tree: &Tree, answer: &Answer, only: Option<&ProjectName>) {
        for failed in &answer.solution.failed {
            let reason = format!("on {} {}", answer.solution.target, failed.reason);
            self.failed.push(NotInstalled { item: failed.item.clone(), reason, output: Vec::new() });
        }
        let packages = answer.solution.packages.iter();
        for (project, package) in packages.filter(|(project, _)| only.is_none_or(|only| only == *project)) {
            let first = package.files.first().map(|wanted| &wanted.filename);
            let sdist = first.filter(|filename| filename.kind() == DistributionKind::Sdist);
            let sdist = sdist.and_then(|filename| bytes_of(tree, filename));
            // As the file writes it: 1.0 and 1.0.0 are one release.
            let version = first.map_or(&package.version, DistributionFilename::version).clone();
            self.releases.insert(project.clone(), (version, sdist));
        }
    }

    fn pins(&self) -> Vec<String> {
        self.releases.iter().map(|(project, (version, _))| pin(project, version)).collect()
    }
}
