//! The snapshot that requests are decided on, and the one cell that is swapped.

mod cache;
mod reachability;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;

pub use self::cache::SnapshotCache;
pub use self::reachability::Reachability;
use crate::config::Config;
use crate::config::diagnostic::Diagnostic;
use crate::decision::{Outlook, Rules};
use crate::matching::request::Request;
use crate::page::{Cause, Page, PageContent};
use crate::schedule::state::ScheduleState;
use crate::summary::state_line;

/// All that requests are decided on: immutable, shared, swapped whole.
#[derive(Debug)]
pub struct Snapshot {
    /// What the file says.
    pub config: Config,
    /// Counts the snapshots of this process, from 1.
    pub generation: u64,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// When it was applied.
    pub applied_at: Timestamp,
    /// Whether the upstream that it names can be reached.
    pub reachability: Arc<Reachability>,
    warnings: OnceLock<Vec<Diagnostic>>,
    phase: ArcSwap<Phase>,
    unreachable: Arc<Page>,
}

impl Snapshot {
    /// Makes a snapshot of a config, for requests from `now` on.
    pub fn new(config: Config, generation: u64, sha256: String, now: Timestamp) -> Self {
        let phase = ArcSwap::from_pointee(Phase::new(config.rules.schedule.at(now)));
        let unreachable = Arc::new(unreachable(&config));
        Self {
            config,
            generation,
            sha256,
            applied_at: now,
            reachability: Arc::default(),
            warnings: OnceLock::new(),
            phase,
            unreachable,
        }
    }

    /// Goes on with what was found out about the upstream before, where that is the same one.
    fn continuing(mut self, before: &Self) -> Self {
        if self.config.site.upstream() == before.config.site.upstream() {
            self.reachability = Arc::clone(&before.reachability);
        }
        self
    }

    /// What `--check` warns of in the file; nothing until that is known, which an edit does not wait for.
    pub fn warnings(&self) -> &[Diagnostic] {
        self.warnings.get().map_or(&[], Vec::as_slice)
    }

    /// Notes what `--check` warns of. What was noted first stays.
    pub fn warn(&self, warnings: Vec<Diagnostic>) {
        let _noted = self.warnings.set(warnings);
    }

    /// What the schedule says of `now`. Made anew when a period has started or ended since, or the clock was set.
    pub fn phase(&self, now: Timestamp) -> Arc<Phase> {
        let phase = self.phase.load_full();
        if phase.moment.holds_at(now) {
            return phase;
        }
        let phase = Arc::new(Phase::new(self.config.rules.schedule.after(&phase.moment, now)));
        self.phase.store(Arc::clone(&phase));
        phase
    }

    /// The page for a request whose upstream cannot be reached.
    pub fn unreachable(&self) -> &Page {
        &self.unreachable
    }

    /// The state at `now` in a line: for logs.
    pub fn describe(&self, now: Timestamp) -> String {
        state_line(&self.config, &self.phase(now).moment, now)
    }

    /// What to say in `Retry-After` while the end is not known, in seconds.
    pub fn retry_after(&self) -> u64 {
        crate::decision::whole_seconds(self.config.response.retry_after)
    }

    /// The page for requests that `period` makes unavailable until `until`; rendered once while it stays the same.
    pub fn page(&self, phase: &Phase, key: PageKey) -> Arc<Page> {
        let pages = phase.pages.load();
        if let Some(rendered) = pages.iter().find(|rendered| rendered.serves(&key)) {
            return Arc::clone(&rendered.page);
        }
        let page = Arc::new(planned(&self.config, &key));
        let kept =
            pages.iter().filter(|rendered| !rendered.is_replaced_by(&key)).take(MAX_PAGES - 1).cloned();
        let rendered = RenderedPage { key, page: Arc::clone(&page) };
        phase.pages.store(Arc::new(std::iter::once(rendered).chain(kept).collect()));
        page
    }
}

/// What the schedule says from one change to the next, with the page that goes with it.
#[derive(Debug)]
pub struct Phase {
    /// What is active, and what comes next.
    pub moment: ScheduleState,
    pages: ArcSwap<Vec<RenderedPage>>,
    outlooks: ArcSwap<Vec<CachedOutlook>>,
}

impl Phase {
    fn new(moment: ScheduleState) -> Self {
        Self { moment, pages: ArcSwap::default(), outlooks: ArcSwap::default() }
    }

    /// What the rules, which are those of this phase's snapshot, say of a request that nothing exempts, at a time within
    /// this phase. Worked out once for all requests that the same periods cover.
    pub fn outlook(&self, rules: &Rules, request: &Request<'_>, now: Timestamp) -> Outlook {
        let schedule = &rules.schedule;
        let scopes = schedule.covering_scoped(request, &self.moment);
        let known = self.outlooks.load();
        if let Some(foreseen) = known.iter().find(|foreseen| foreseen.scopes == scopes) {
            return foreseen.outlook;
        }
        let covers = |period: usize| schedule.is_unscoped(period) || scopes.binary_search(&period).is_ok();
        let outlook = Outlook::new(schedule, &self.moment, covers, now);
        let kept = known.iter().take(MAX_OUTLOOKS - 1).cloned();
        let foreseen = CachedOutlook { scopes, outlook };
        self.outlooks.store(Arc::new(std::iter::once(foreseen).chain(kept).collect()));
        outlook
    }
}

/// As many outlooks are kept: one for each set of scopes that requests meet at a time.
const MAX_OUTLOOKS: usize = 16;

/// An outlook, and the periods with a scope that cover the requests which have it.
#[derive(Clone, Debug)]
struct CachedOutlook {
    scopes: Vec<usize>,
    outlook: Outlook,
}

/// What a rendered page depends on, beside the config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageKey {
    /// The deciding period.
    pub period: usize,
    /// When its occurrence began.
    pub start: Timestamp,
    /// When the request would pass.
    pub until: Option<Timestamp>,
    /// Seconds until then.
    pub retry_after: u64,
}

/// As many pages are kept: one for each deciding period and end that requests meet at a time.
const MAX_PAGES: usize = 16;

#[derive(Clone, Debug)]
struct RenderedPage {
    key: PageKey,
    page: Arc<Page>,
}

impl RenderedPage {
    fn serves(&self, key: &PageKey) -> bool {
        self.key == *key || !self.page.depends_on_retry_after() && self.is_replaced_by(key)
    }

    /// Whether it is the same page but for the seconds that are left.
    fn is_replaced_by(&self, key: &PageKey) -> bool {
        PageKey { retry_after: 0, ..self.key } == PageKey { retry_after: 0, ..*key }
    }
}

fn planned(config: &Config, key: &PageKey) -> Page {
    let answer = config.rules.responses.get(key.period);
    Page::render(&PageContent {
        template: answer.map_or(&config.response.template, |answer| &answer.template),
        message: answer.and_then(|answer| answer.message.as_deref()),
        start: Some(key.start),
        until: key.until,
        status: config.response.status,
        cause: Cause::Planned,
        retry_after: key.retry_after,
        cors: &config.response.cors,
        fields: &config.response.fields,
    })
}

fn unreachable(config: &Config) -> Page {
    Page::render(&PageContent {
        template: &config.response.template,
        message: config.response.message.as_deref(),
        start: None,
        until: None,
        status: config.response.status,
        cause: Cause::Unreachable,
        retry_after: crate::decision::whole_seconds(config.response.retry_after),
        cors: &config.response.cors,
        fields: &config.response.fields,
    })
}

/// The last reading of the file that could not be applied.
#[derive(Clone, Debug)]
pub struct RejectedReading {
    /// When it was read.
    pub at: Timestamp,
    /// The SHA-256 of the file, in hexadecimal; `None` where it could not be read.
    pub sha256: Option<String>,
    /// What is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
}

/// The cell: the snapshot that is applied, and what came of the last reading.
#[derive(Debug)]
pub struct Snapshots {
    current: ArcSwap<Snapshot>,
    rejected: ArcSwapOption<RejectedReading>,
    generation: AtomicU64,
    /// The generation of `current`, or of one before it.
    published: AtomicU64,
    rejections: AtomicU64,
}

impl Snapshots {
    /// Begins with the first snapshot, of generation 1.
    pub fn new(config: Config, sha256: String, now: Timestamp) -> Self {
        Self {
            current: ArcSwap::from_pointee(Snapshot::new(config, 1, sha256, now)),
            rejected: ArcSwapOption::empty(),
            generation: AtomicU64::new(1),
            published: AtomicU64::new(1),
            rejections: AtomicU64::new(0),
        }
    }

    /// The snapshot that is applied now. A request asks once, and keeps it.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Applies a config: requests that begin from now on are decided on it.
    pub fn apply(&self, config: Config, sha256: String, now: Timestamp) -> Arc<Snapshot> {
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        let snapshot = Snapshot::new(config, generation, sha256, now).continuing(&self.current());
        let snapshot = Arc::new(snapshot);
        // In this order: nobody may find the new snapshot beside the error that it has mended.
        self.rejected.store(None);
        self.current.store(Arc::clone(&snapshot));
        self.published.fetch_max(generation, Ordering::Release);
        snapshot
    }

    /// Notes a reading that could not be applied; the snapshot stays.
    pub fn reject(&self, rejected: RejectedReading) {
        self.rejections.fetch_add(1, Ordering::Relaxed);
        self.rejected.store(Some(Arc::new(rejected)));
    }

    /// How many readings could not be applied so far.
    pub fn rejections(&self) -> u64 {
        self.rejections.load(Ordering::Relaxed)
    }

    /// Notes that the file is again what is applied.
    pub fn restore(&self) {
        self.rejected.store(None);
    }

    /// The last reading, if it could not be applied.
    pub fn rejected(&self) -> Option<Arc<RejectedReading>> {
        self.rejected.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::state::State;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn config(text: &str) -> Config {
        crate::config::load::preview(std::path::Path::new("downtime.toml"), text).config.unwrap()
    }

    /// From 10 to 20, and from 30 to 40, since the epoch.
    fn two_periods() -> Config {
        let period = |start: i64, end: i64| format!("[[period]]\nstart = {}\nend = {}\n", at(start), at(end));
        config(&[period(10, 20), period(30, 40)].concat())
    }

    #[test]
    fn the_state_is_right_wherever_the_clock_jumps_to() {
        let snapshot = Snapshot::new(two_periods(), 1, String::new(), at(15));
        for (second, down) in [
            (15, true),
            (9, false),
            (10, true),
            (19, true),
            (9, false),
            (35, true),
            (25, false),
            (39, true),
            (40, false),
            (39, true),
            (0, false),
            (1_000_000, false),
            (30, true),
            (20, false),
        ] {
            let phase = snapshot.phase(at(second));
            assert_eq!(phase.moment.state() == State::Down, down, "at {second}");
            assert!(phase.moment.holds_at(at(second)), "at {second}");
            let left = if second < 20 { 20 - second } else { 40 - second };
            let back = phase.moment.back_at(at(second)).map(|back| back.duration_since(at(second)).as_secs());
            assert_eq!(back, down.then_some(left), "at {second}");
        }
    }

    #[test]
    fn a_phase_is_made_once_while_it_holds() {
        let snapshot = Snapshot::new(two_periods(), 1, String::new(), at(0));
        let phases = [10, 19, 20, 29, 12].map(|second| snapshot.phase(at(second)));
        assert!(Arc::ptr_eq(&phases[0], &phases[1]) && Arc::ptr_eq(&phases[2], &phases[3]));
        assert!(!Arc::ptr_eq(&phases[1], &phases[2]) && !Arc::ptr_eq(&phases[0], &phases[4]));
    }

    #[test]
    fn a_page_is_rendered_once_while_nothing_on_it_changes() {
        let snapshot = Snapshot::new(two_periods(), 1, String::new(), at(12));
        let phase = snapshot.phase(at(12));
        let key = |retry_after| PageKey { period: 0, start: at(10), until: Some(at(20)), retry_after };
        let first = snapshot.page(&phase, key(8));
        assert!(
            Arc::ptr_eq(&first, &snapshot.page(&phase, key(7))),
            "the built-in page does not count seconds"
        );
        let other = snapshot.page(&phase, PageKey { until: None, ..key(7) });
        assert!(!Arc::ptr_eq(&first, &other) && Arc::ptr_eq(&first, &snapshot.page(&phase, key(1))));
    }

    #[test]
    fn a_rejection_is_told_until_something_is_applied_or_the_file_is_as_it_was() {
        let snapshots = Snapshots::new(config("# first\n"), "first".into(), at(0));
        let rejected = || RejectedReading { at: at(1), sha256: Some("bad".into()), diagnostics: Vec::new() };
        let apply = |snapshots: &Snapshots| {
            snapshots.apply(config("# next\n"), "next".into(), at(2));
        };
        for (number, mend) in [(1, &Snapshots::restore as &dyn Fn(&Snapshots)), (2, &apply)] {
            snapshots.reject(rejected());
            assert_eq!(snapshots.rejected().and_then(|r| r.sha256.clone()).as_deref(), Some("bad"));
            assert_eq!(snapshots.current().sha256, "first");
            mend(&snapshots);
            assert!(snapshots.rejected().is_none());
            assert_eq!(snapshots.rejections(), number);
        }
        let current = snapshots.current();
        assert_eq!((current.generation, current.sha256.as_str(), current.applied_at), (2, "next", at(2)));
    }

    #[test]
    fn a_view_is_of_what_is_applied_and_of_the_moment() {
        let snapshots = Arc::new(Snapshots::new(two_periods(), String::new(), at(0)));
        let view = SnapshotCache::new(Arc::clone(&snapshots), at(0));
        let seen = |second: i64| {
            let seen = view.at(at(second));
            assert!(seen.1.moment.holds_at(at(second)));
            (seen.0.generation, seen.1.moment.state() == State::Down)
        };
        for (second, down) in
            [(0, false), (9, false), (10, true), (19, true), (5, false), (35, true), (50, false)]
        {
            assert_eq!(seen(second), (1, down), "at {second}");
        }
        let first = Arc::clone(&view.at(at(12)).1);
        assert!(Arc::ptr_eq(&first, &view.at(at(13)).1));
        snapshots.apply(config("# next\n"), String::new(), at(13));
        assert_eq!((seen(12), seen(13)), ((2, false), (2, false)));
        snapshots.apply(two_periods(), String::new(), at(13));
        assert_eq!(seen(12), (3, true));
    }
}
