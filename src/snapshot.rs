//! The snapshot that requests are decided on, and the one cell that is swapped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;

use crate::config::Config;
use crate::config::diagnostic::Diagnostic;
use crate::page::{Cause, Facts, Page};
use crate::schedule::Moment;
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
    warnings: OnceLock<Vec<Diagnostic>>,
    phase: ArcSwap<Phase>,
    unreachable: Arc<Page>,
}

impl Snapshot {
    /// Makes a snapshot of a config, for requests from `now` on.
    pub fn new(config: Config, generation: u64, sha256: String, now: Timestamp) -> Self {
        let phase = ArcSwap::from_pointee(Phase::of(config.rules.schedule.at(now)));
        let unreachable = Arc::new(unreachable(&config));
        Self { config, generation, sha256, applied_at: now, warnings: OnceLock::new(), phase, unreachable }
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
        if phase.moment.covers(now) {
            return phase;
        }
        let phase = Arc::new(Phase::of(self.config.rules.schedule.after(&phase.moment, now)));
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
            pages.iter().filter(|rendered| !rendered.is_replaced_by(&key)).take(MOST_PAGES - 1).cloned();
        let rendered = Rendered { key, page: Arc::clone(&page) };
        phase.pages.store(Arc::new(std::iter::once(rendered).chain(kept).collect()));
        page
    }
}

/// What the schedule says from one change to the next, with the page that goes with it.
#[derive(Debug)]
pub struct Phase {
    /// What is active, and what comes next.
    pub moment: Moment,
    pages: ArcSwap<Vec<Rendered>>,
}

impl Phase {
    fn of(moment: Moment) -> Self {
        Self { moment, pages: ArcSwap::default() }
    }
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
const MOST_PAGES: usize = 16;

#[derive(Clone, Debug)]
struct Rendered {
    key: PageKey,
    page: Arc<Page>,
}

impl Rendered {
    fn serves(&self, key: &PageKey) -> bool {
        self.key == *key || !self.page.depends_on_retry_after() && self.is_replaced_by(key)
    }

    /// Whether it is the same page but for the seconds that are left.
    fn is_replaced_by(&self, key: &PageKey) -> bool {
        PageKey { retry_after: 0, ..self.key } == PageKey { retry_after: 0, ..*key }
    }
}

fn planned(config: &Config, key: &PageKey) -> Page {
    let answer = config.rules.answers.get(key.period);
    Page::render(&Facts {
        template: answer.map_or(&config.response.template, |answer| &answer.template),
        message: answer.and_then(|answer| answer.message.as_deref()),
        start: Some(key.start),
        until: key.until,
        status: config.response.status,
        cause: Cause::Planned,
        retry_after: key.retry_after,
    })
}

fn unreachable(config: &Config) -> Page {
    Page::render(&Facts {
        template: &config.response.template,
        message: config.response.message.as_deref(),
        start: None,
        until: None,
        status: config.response.status,
        cause: Cause::Unreachable,
        retry_after: crate::decision::whole_seconds(config.response.retry_after),
    })
}

/// The last reading of the file that could not be applied.
#[derive(Clone, Debug)]
pub struct Rejected {
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
    rejected: ArcSwapOption<Rejected>,
    generation: AtomicU64,
    rejections: AtomicU64,
}

impl Snapshots {
    /// Begins with the first snapshot, of generation 1.
    pub fn new(config: Config, sha256: String, now: Timestamp) -> Self {
        Self {
            current: ArcSwap::from_pointee(Snapshot::new(config, 1, sha256, now)),
            rejected: ArcSwapOption::empty(),
            generation: AtomicU64::new(1),
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
        let snapshot = Arc::new(Snapshot::new(config, generation, sha256, now));
        // In this order: nobody may find the new snapshot beside the error that it has mended.
        self.rejected.store(None);
        self.current.store(Arc::clone(&snapshot));
        snapshot
    }

    /// Notes a reading that could not be applied; the snapshot stays.
    pub fn reject(&self, rejected: Rejected) {
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
    pub fn rejected(&self) -> Option<Arc<Rejected>> {
        self.rejected.load_full()
    }
}
