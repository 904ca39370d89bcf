//! The time between two changes of the schedule, with everything that is computed once for all requests in it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;

use crate::config::Config;
use crate::decision::{Outlook, Rules};
use crate::matching::request::Request;
use crate::page::{Cause, Page, PageContent};
use crate::schedule::state::ScheduleState;

/// The outlooks kept: one for each set of scoped periods that requests of the phase meet.
const MAX_OUTLOOKS: usize = 16;
/// The pages kept: one for each deciding period and end that requests of the phase meet.
const MAX_PAGES: usize = 16;

/// The pages made ahead: one for each active period, in the order in which they decide.
const MAX_LIKELY_PAGES: usize = 4;

/// The time between two changes of the schedule, and the pages and outlooks that belong to it.
#[derive(Debug)]
pub struct Phase {
    /// The state of the schedule: the active periods, and the next ones.
    pub state: ScheduleState,
    /// True if an active period redirects. Otherwise it does not matter if a request is a navigation.
    pub has_redirects: bool,
    pages: ArcSwap<Vec<RenderedPage>>,
    outlooks: ArcSwap<Vec<CachedOutlook>>,
}

impl Phase {
    pub(super) fn new(rules: &Rules, state: ScheduleState) -> Self {
        let response = |period: usize| rules.responses.get(period);
        let has_redirects = state
            .active
            .iter()
            .filter_map(|active| response(active.period))
            .any(|response| response.redirect.is_some());
        Self { state, has_redirects, pages: ArcSwap::default(), outlooks: ArcSwap::default() }
    }

    /// Returns the outlook for a request that nothing exempts, at a time within this phase. `rules` are those of the
    /// phase's snapshot. It is computed once for all requests that the same periods cover.
    pub fn outlook(&self, rules: &Rules, request: &Request<'_>, now: Timestamp) -> Outlook {
        let schedule = &rules.schedule;
        let scopes = schedule.covering_scoped(request, &self.state);
        let cached = self.outlooks.load();
        if let Some(cached) = cached.iter().find(|cached| cached.scopes == scopes) {
            return cached.outlook;
        }
        let covers = |period: usize| schedule.is_unscoped(period) || scopes.binary_search(&period).is_ok();
        let outlook = Outlook::new(schedule, &self.state, covers, now);
        let kept = cached.iter().take(MAX_OUTLOOKS - 1).cloned();
        let new = CachedOutlook { scopes, outlook };
        self.outlooks.store(Arc::new(std::iter::once(new).chain(kept).collect()));
        outlook
    }

    pub(super) fn page(&self, config: &Config, key: PageKey) -> Arc<Page> {
        let pages = self.pages.load();
        if let Some(rendered) = pages.iter().find(|rendered| rendered.serves(&key)) {
            return Arc::clone(&rendered.page);
        }
        let page = Arc::new(Page::new(planned_content(config, &key)));
        self.keep(key, &page);
        page
    }

    fn keep(&self, key: PageKey, page: &Arc<Page>) {
        let pages = self.pages.load();
        let kept =
            pages.iter().filter(|rendered| !rendered.is_replaced_by(&key)).take(MAX_PAGES - 1).cloned();
        let rendered = RenderedPage { key, page: Arc::clone(page) };
        self.pages.store(Arc::new(std::iter::once(rendered).chain(kept).collect()));
    }

    /// Returns the pages that most requests need, at a time within this phase: for each active period, the one for requests that
    /// only this period and those without a scope cover. A page that changes each second is not among them.
    pub(super) fn likely_pages(&self, config: &Config, now: Timestamp) -> Vec<Arc<Page>> {
        let pages = self.likely_keys(&config.rules, now).into_iter().map(|key| self.page(config, key));
        pages.filter(|page| !page.depends_on_retry_after()).collect()
    }

    /// Takes the pages of an earlier phase over, as far as most requests of this one need them too.
    pub(super) fn take_over_pages(&self, config: &Config, earlier: &Self, now: Timestamp) {
        let earlier = earlier.pages.load();
        for key in self.likely_keys(&config.rules, now) {
            let content = planned_content(config, &key);
            if let Some(same) = earlier.iter().find(|rendered| rendered.page.has_content(&content)) {
                self.keep(key, &same.page);
            }
        }
    }

    fn likely_keys(&self, rules: &Rules, now: Timestamp) -> Vec<PageKey> {
        let schedule = &rules.schedule;
        let mut keys: Vec<PageKey> = Vec::new();
        for active in self.state.active.iter().take(MAX_LIKELY_PAGES) {
            let covers = |period: usize| period == active.period || schedule.is_unscoped(period);
            let Some(deciding) = self.state.active.iter().find(|other| covers(other.period)) else {
                continue;
            };
            let until = self.state.passes_at(covers, now);
            let key = PageKey {
                period: deciding.period,
                start: deciding.occurrence.start,
                until,
                retry_after: rules.retry_after(until, now),
            };
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }
}

/// An outlook, and the scoped periods that cover the requests that it is for.
#[derive(Clone, Debug)]
struct CachedOutlook {
    scopes: Vec<usize>,
    outlook: Outlook,
}

/// Everything that a down page depends on, besides the config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageKey {
    /// The deciding period.
    pub period: usize,
    /// The start of its occurrence.
    pub start: Timestamp,
    /// The time from which the request passes.
    pub until: Option<Timestamp>,
    /// Seconds until then.
    pub retry_after: u64,
}

#[derive(Clone, Debug)]
struct RenderedPage {
    key: PageKey,
    page: Arc<Page>,
}

impl RenderedPage {
    fn serves(&self, key: &PageKey) -> bool {
        self.key == *key || !self.page.depends_on_retry_after() && self.is_replaced_by(key)
    }

    /// Returns true if the keys differ at most in the seconds that are left.
    fn is_replaced_by(&self, key: &PageKey) -> bool {
        PageKey { retry_after: 0, ..self.key } == PageKey { retry_after: 0, ..*key }
    }
}

fn planned_content(config: &Config, key: &PageKey) -> PageContent {
    let response = config.rules.responses.get(key.period);
    PageContent {
        template: response.map_or(&config.response.template, |response| &response.template).clone(),
        message: response.and_then(|response| response.message.clone()),
        start: Some(key.start),
        until: key.until,
        cause: config.rules.cause(key.period),
        retry_after: key.retry_after,
        ..unreachable_content(config)
    }
}

/// The page for an upstream that does not respond has words of its own: the message is about periods.
pub(super) fn unreachable_content(config: &Config) -> PageContent {
    PageContent {
        template: config.response.template.clone(),
        message: None,
        language: config.page.lang,
        brand: Arc::clone(&config.page.brand),
        status_path: config.rules.status_path.as_deref().map(Into::into),
        start: None,
        until: None,
        status: config.response.status,
        cause: Cause::Unreachable,
        retry_after: crate::decision::whole_seconds(config.rules.retry_after),
        cors: config.response.cors.clone(),
        fields: config.response.fields.clone(),
    }
}
