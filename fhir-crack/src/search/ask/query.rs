use std::fmt;
use std::sync::Arc;

use reqwest::Url;

use crate::search::error::Error;
use crate::search::url::encoding::{encode_into, pairs};
use crate::search::url::endpoint::Endpoint;

/// One search: the resource type, its parameters and how it is sent.
///
/// ```
/// use fhir_crack::search::Search;
/// let search = Search::new("Encounter")
///     .param("date", "lt2024-05-01T10:00:00")
///     .any_of("status", ["in-progress", "finished"])
///     .count(500);
/// assert_eq!(search.query(), "date=lt2024-05-01T10:00:00&status=in-progress,finished&_count=500");
/// ```
///
/// Values are percent-encoded, so `&`, `#`, `+` and `=` inside them reach the server as they are. Source: FHIR R4,
/// <https://hl7.org/fhir/R4/search.html>. `Debug` shows the type and the parameters' names, no values.
#[derive(Clone, PartialEq, Eq)]
pub struct Search {
    resource: String,
    params: Vec<(String, String)>,
    list: Option<IdList>,
    method: Method,
    max_pages: Option<u32>,
}

/// A parameter whose value is a list of ids that may be spread over several requests.
#[derive(Clone, PartialEq, Eq)]
struct IdList {
    param: Arc<str>,
    /// Shared, since many searches ask for the same ids.
    ids: Arc<[Arc<str>]>,
}

/// How a search is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// POST for id lists and for URLs beyond the limit, GET for all others; GET also where a server refuses POST.
    #[default]
    Auto,
    /// Always GET; id lists are packed into as many URLs as they need.
    Get,
    /// POST `[type]/_search`; GET only where the server refuses it.
    Post,
}

impl Search {
    /// A search for all resources of a type.
    pub fn new(resource: impl Into<String>) -> Search {
        Search {
            resource: resource.into(),
            params: Vec::new(),
            list: None,
            method: Method::Auto,
            max_pages: None,
        }
    }

    /// Adds a parameter; the same name given twice is sent twice, which FHIR reads as AND.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Search {
        self.params.push((name.into(), value.into()));
        self
    }

    /// Adds a parameter with several values joined by commas, which FHIR reads as OR; commas and backslashes inside
    /// a value are escaped. Without values nothing is added.
    #[must_use]
    pub fn any_of<T: AsRef<str>>(
        self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = T>,
    ) -> Search {
        let values: Vec<String> = values
            .into_iter()
            .map(|value| value.as_ref().replace('\\', "\\\\").replace(',', "\\,"))
            .collect();
        if values.is_empty() {
            self
        } else {
            self.param(name, values.join(","))
        }
    }

    /// Adds parameters written as a query, with or without `&` or `?` at its beginning; what is percent-encoded is
    /// decoded first, a `+` stays a plus sign.
    #[must_use]
    pub fn raw(mut self, query: &str) -> Search {
        self.params
            .extend(pairs(query.trim().trim_start_matches(['?', '&'])));
        self
    }

    /// Asks for `count` matches a page (`_count`); the server may give fewer.
    #[must_use]
    pub fn count(self, count: u32) -> Search {
        self.param("_count", count.to_string())
    }

    /// Asks for an order (`_sort`), such as `-_lastUpdated`.
    #[must_use]
    pub fn sort(self, order: impl Into<String>) -> Search {
        self.param("_sort", order)
    }

    /// Asks for some elements only (`_elements`); servers mark such resources as `SUBSETTED`.
    #[must_use]
    pub fn elements<T: AsRef<str>>(self, elements: impl IntoIterator<Item = T>) -> Search {
        self.any_of("_elements", elements)
    }

    /// Asks for referenced resources beside the matches (`_include`), such as `Encounter:subject`.
    #[must_use]
    pub fn include(self, reference: impl Into<String>) -> Search {
        self.param("_include", reference)
    }

    /// Asks for referencing resources beside the matches (`_revinclude`).
    #[must_use]
    pub fn rev_include(self, reference: impl Into<String>) -> Search {
        self.param("_revinclude", reference)
    }

    /// Searches for a list of ids in `param` (`_id`, `patient`, …), by POST if nothing else is said. An empty list
    /// finds nothing and sends nothing. The ids are shared by all clones of the search, and given as `Arc<str>` by
    /// several searches.
    #[must_use]
    pub fn ids<T: Into<Arc<str>>>(
        mut self,
        param: impl Into<Arc<str>>,
        ids: impl IntoIterator<Item = T>,
    ) -> Search {
        self.list = Some(IdList {
            param: param.into(),
            ids: ids.into_iter().map(Into::into).collect(),
        });
        self
    }

    /// Chooses GET or POST.
    #[must_use]
    pub fn method(mut self, method: Method) -> Search {
        self.method = method;
        self
    }

    /// Stops after so many pages; the search then ends [`Limited`](crate::search::Limited), never `Complete`, if more follow.
    /// Not for lists of ids.
    #[must_use]
    pub fn max_pages(mut self, pages: u32) -> Search {
        self.max_pages = Some(pages);
        self
    }

    /// Resource type asked for.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The ids of [`ids`](Search::ids), in their order; none without a list.
    pub fn listed_ids(&self) -> &[Arc<str>] {
        self.list.as_ref().map_or(&[], |list| &*list.ids)
    }

    /// The parameters as an encoded query: the id list first, then the others in the order they were added.
    pub fn query(&self) -> String {
        match &self.list {
            Some(list) => self.query_with(Some((&list.param, &list.ids))),
            None => self.query_with(None),
        }
    }

    /// The parameter of [`ids`](Search::ids); `None` without a list.
    pub fn list_param(&self) -> Option<&str> {
        self.list.as_ref().map(|list| &*list.param)
    }

    /// The names of all parameters.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let params = self.params.iter().map(|(name, _)| &**name);
        self.list_param().into_iter().chain(params)
    }

    pub(crate) fn chosen_method(&self) -> Method {
        self.method
    }

    /// Whether a parameter of that name was added.
    pub fn has_param(&self, name: &str) -> bool {
        self.params.iter().any(|(known, _)| known == name)
    }

    /// Refuses what cannot be put together.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.max_pages.is_some() && self.list.is_some() {
            // a list may need several requests, and one link could not say where to go on
            return Err(Error::configuration(
                "a search for a list of ids cannot have a limit of pages",
            ));
        }
        Ok(())
    }

    /// Whether the answer holds a total and no entries.
    pub(crate) fn only_counts(&self) -> bool {
        self.params.iter().any(|(name, value)| {
            matches!(
                (name.as_str(), value.as_str()),
                ("_summary", "count") | ("_count", "0")
            )
        })
    }

    pub(crate) fn page_limit(&self) -> Option<u32> {
        self.max_pages
    }

    /// Whether the search is sure to find nothing, because its id list is empty.
    pub(crate) fn is_void(&self) -> bool {
        self.list.as_ref().is_some_and(|list| list.ids.is_empty())
    }

    /// Splits the id list into searches of at most `at_once` ids.
    pub(crate) fn batches(&self, at_once: usize) -> Vec<Search> {
        let Some(list) = &self.list else {
            return vec![self.clone()];
        };
        list.ids
            .chunks(at_once.max(1))
            .map(|ids| Search {
                list: Some(IdList {
                    param: Arc::clone(&list.param),
                    ids: ids.into(),
                }),
                ..self.clone()
            })
            .collect()
    }

    /// Whether the first request is a POST, given the limit of URL lengths and what the server is known to refuse.
    pub(crate) fn wants_post(&self, endpoint: &Endpoint, max_url: usize) -> bool {
        match self.method {
            Method::Get => false,
            Method::Post => true,
            Method::Auto => self.list.is_some() || self.get_url(endpoint).as_str().len() > max_url,
        }
    }

    /// URL and form of the search by POST.
    pub(crate) fn post_form(&self, endpoint: &Endpoint) -> (Url, String) {
        (
            endpoint.below(&format!("{}/_search", self.resource)),
            self.query(),
        )
    }

    /// URLs of the search by GET: one, or as many as the id list needs.
    ///
    /// The list's own text keeps to `max_url - reserve` bytes and the whole URL to `max_url`; a single id is never
    /// split, so one that is longer than that still gets its own request.
    pub(crate) fn get_urls(&self, endpoint: &Endpoint, max_url: usize, reserve: usize) -> Vec<Url> {
        let Some(list) = &self.list else {
            return vec![self.get_url(endpoint)];
        };
        let bare = self
            .url_of(endpoint, &self.query_with(Some((&list.param, &[]))))
            .as_str()
            .len();
        let room = max_url.saturating_sub(reserve).min(max_url.saturating_sub(bare));
        let mut urls = Vec::new();
        let mut from = 0;
        let mut used = 0;
        for (at, id) in list.ids.iter().enumerate() {
            let mut encoded = String::new();
            encode_into(&mut encoded, id);
            let needed = encoded.len() + usize::from(at > from);
            if at > from && used + needed > room {
                urls.push(self.url_of(
                    endpoint,
                    &self.query_with(Some((&list.param, &list.ids[from..at]))),
                ));
                from = at;
                used = encoded.len();
            } else {
                used += needed;
            }
        }
        if from < list.ids.len() {
            urls.push(self.url_of(endpoint, &self.query_with(Some((&list.param, &list.ids[from..])))));
        }
        urls
    }

    fn get_url(&self, endpoint: &Endpoint) -> Url {
        self.url_of(endpoint, &self.query())
    }

    fn url_of(&self, endpoint: &Endpoint, query: &str) -> Url {
        let mut url = if self.resource.is_empty() {
            endpoint.root().clone()
        } else {
            endpoint.below(&self.resource)
        };
        if !query.is_empty() {
            url.set_query(Some(query));
        }
        url
    }

    fn query_with(&self, list: Option<(&str, &[Arc<str>])>) -> String {
        let mut out = String::new();
        if let Some((param, ids)) = list {
            encode_into(&mut out, param);
            out.push('=');
            for (at, id) in ids.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                encode_into(&mut out, id);
            }
        }
        for (name, value) in &self.params {
            if !out.is_empty() {
                out.push('&');
            }
            encode_into(&mut out, name);
            out.push('=');
            encode_into(&mut out, value);
        }
        out
    }
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.params.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Search")
            .field("resource", &self.resource)
            .field("params", &names)
            .field("ids", &self.list.as_ref().map(|list| list.ids.len()))
            .field("method", &self.method)
            .field("max_pages", &self.max_pages)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint::parse("http://h/fhir").expect("endpoint")
    }

    #[test]
    fn queries() {
        for (search, query) in [
            (Search::new("Patient"), ""),
            (
                Search::new("Patient").raw("&code=a%7Cb&x=1+2"),
                "code=a%7Cb&x=1%2B2",
            ),
            (
                Search::new("Patient").any_of("name", ["a,b", "c"]),
                "name=a%5C,b,c",
            ),
            (Search::new("Patient").any_of("name", Vec::<String>::new()), ""),
            (
                Search::new("Condition").ids("patient", ["1", "2"]).count(5),
                "patient=1,2&_count=5",
            ),
        ] {
            assert_eq!(search.query(), query);
        }
    }

    #[test]
    fn id_lists_are_packed_into_urls() {
        let ids: Vec<String> = (0..1000).map(|n| format!("patient-{n:05}")).collect();
        let search = Search::new("Condition").ids("patient", ids.clone()).count(100);
        let urls = search.get_urls(&endpoint(), 2083, 300);
        let mut found = Vec::new();
        for url in &urls {
            assert!(url.as_str().len() <= 2083);
            let list = pairs(url.query().expect("query")).next().expect("list").1;
            assert!(list.len() <= 1783);
            found.extend(list.split(',').map(str::to_owned));
        }
        assert_eq!(found, ids);
        assert_eq!(urls.len(), 1000usize.div_ceil(1784 / 14));
    }

    #[test]
    fn an_id_longer_than_the_limit_still_goes_out() {
        let search = Search::new("Condition").ids("patient", ["a".repeat(50), "b".repeat(50)]);
        assert_eq!(search.get_urls(&endpoint(), 40, 10).len(), 2);
    }

    #[test]
    fn long_searches_are_posted() {
        let long = Search::new("Patient").any_of("identifier", (0..500).map(|n| n.to_string()));
        assert!(long.wants_post(&endpoint(), 1783));
        assert!(!Search::new("Patient").count(1).wants_post(&endpoint(), 1783));
        assert!(
            Search::new("Patient")
                .ids("_id", ["1"])
                .wants_post(&endpoint(), 1783)
        );
    }

    #[test]
    fn debug_shows_no_values() {
        let search = Search::new("Patient")
            .param("name", "MARKER")
            .ids("_id", ["MARKER"]);
        assert!(!format!("{search:?}").contains("MARKER"));
    }
}
