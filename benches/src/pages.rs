use std::time::Duration;

use bytes::Bytes;
use table_description::{Description, TableDescription};

use crate::Failure;
use crate::arguments::Format;
use crate::site::{IDS, PAGE, Site};

/// GET and follow the next link, found by its text; nothing else. What a client can at best be compared with.
pub struct BareLoop<'s> {
    site: &'s Site,
    http: reqwest::Client,
}

impl<'s> BareLoop<'s> {
    /// A loop over the pages of a site's server.
    pub fn new(site: &'s Site) -> Result<Self, Failure> {
        let tls = rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(Duration::from_secs(600))
            .build()?;
        Ok(Self { site, http })
    }

    /// The pages of some patients, by the searches that the client sends for them.
    pub async fn of_patients(
        &self,
        description: &Description,
        patients: &[u32],
    ) -> Result<Vec<Bytes>, Failure> {
        let mut pages = Vec::new();
        for (resource, parameter) in description.resources().filter_map(by_patient) {
            for ids in patients.chunks(IDS) {
                let ids: Vec<String> = ids.iter().map(|&n| self.site.patient(n)).collect();
                let query = format!("{resource}?{parameter}={}&_count={PAGE}", ids.join(","));
                self.search(&query, &mut pages).await?;
            }
        }
        Ok(pages)
    }

    /// The pages of what belongs to no patient.
    pub async fn shared(&self, description: &Description) -> Result<Vec<Bytes>, Failure> {
        let mut pages = Vec::new();
        for table in description.resources().filter(|t| by_patient(t).is_none()) {
            let resource = table.resource.as_deref().unwrap_or_default();
            self.search(&format!("{resource}?_count={PAGE}"), &mut pages)
                .await?;
        }
        Ok(pages)
    }

    async fn search(&self, query: &str, pages: &mut Vec<Bytes>) -> Result<(), Failure> {
        let (accept, mark) = match self.site.format() {
            Format::Json => ("application/fhir+json", r#""relation":"next","url":""#),
            Format::Xml => ("application/fhir+xml", r#"<relation value="next"/><url value=""#),
        };
        let mut url = Some(format!("{}/{query}", self.site.base()));
        while let Some(next) = url.take() {
            let answer = self.http.get(next).header("accept", accept).send().await?;
            let body = answer.error_for_status()?.bytes().await?;
            let head = String::from_utf8_lossy(body.get(..8_000).unwrap_or(&body));
            url = head
                .split(mark)
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .map(|url| url.replace("&amp;", "&"));
            pages.push(body);
        }
        Ok(())
    }
}

/// Type and search parameter of a table whose resources belong to a patient.
fn by_patient(table: &std::sync::Arc<TableDescription>) -> Option<(&str, &'static str)> {
    let resource = table.resource.as_deref()?;
    if resource == "Patient" {
        return Some((resource, "_id"));
    }
    let has = |path| table.position_of_path(path).is_some();
    (has("subject/reference") || has("patient/reference")).then_some((resource, "patient"))
}
