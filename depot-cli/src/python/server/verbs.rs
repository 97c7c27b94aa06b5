//! What verbs about releases ask of a server.

use bytes::Bytes;
use depot_proto::{
    ProjectName,
    redact::SafeUrl,
    why::{WHY_PATH, WhyAnswer, WhyQuery},
};
use reqwest::header::CONTENT_TYPE;
use serde::{Serialize, de::DeserializeOwned};

use super::{JSON, Server, ServerError};
use crate::{
    args::{AccessArgs, TokenArgs},
    output::Printer,
};

impl Server {
    /// The repository that `url` means, as [`Self::open`] finds it.
    pub(in crate::python) fn connect(
        url: &str,
        access: &AccessArgs,
        printer: &Printer,
    ) -> anyhow::Result<Self> {
        let AccessArgs { token, token_file, network } = access.clone();
        Self::open(url, &TokenArgs { token, token_file }, &network, printer)
    }

    /// Sends a document and reads the answer. Whatever is sent so may be sent twice.
    pub(in crate::python) async fn post<A: Serialize, R: DeserializeOwned>(
        &self,
        path: &str,
        asked: &A,
    ) -> Result<R, ServerError> {
        let url = self.url(path);
        let body = Bytes::from(serde_json::to_vec(asked).map_err(std::io::Error::from)?);
        self.ask(&url, |_| Ok(self.client.post(url.clone()).header(CONTENT_TYPE, JSON).body(body.clone())))
            .await
    }

    /// Why readers see something, or do not, where this URL leads: unlike elsewhere an empty path is the server's root.
    pub(in crate::python) async fn why(&self, at: &str, asked: WhyQuery) -> anyhow::Result<WhyAnswer> {
        let at = at.parse::<SafeUrl>()?.without_credentials().path().to_owned();
        let mut url = self.mount.clone();
        url.set_path(WHY_PATH);
        let WhyQuery { project, version, filename, .. } = asked;
        let pairs =
            [("at", Some(at)), ("project", Some(project)), ("version", version), ("filename", filename)];
        let pairs = pairs.into_iter().filter_map(|(key, value)| Some((key, value?)));
        url.query_pairs_mut().extend_pairs(pairs);
        Ok(self.ask(&url, |_| Ok(self.client.get(url.clone()))).await?)
    }

    /// The page of a project, as JSON.
    pub(in crate::python) async fn page<R: DeserializeOwned>(
        &self,
        project: &ProjectName,
    ) -> Result<R, ServerError> {
        let url = self.url(&format!("simple/{project}/"));
        self.ask(&url, |_| Ok(self.client.get(url.clone()))).await
    }
}
