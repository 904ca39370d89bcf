//! The current snapshot: everything that requests are decided on, replaced as a whole when the file changes.

mod cache;
mod cell;
mod limits;
mod phase;
mod reachability;

use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::{SignedDuration, Timestamp};

pub use self::cache::{CurrentSnapshot, SnapshotCache};
pub use self::cell::{RejectedReading, Snapshots};
pub use self::phase::{PageKey, Phase};
pub use self::reachability::Reachability;
use crate::config::diagnostic::Diagnostic;
use crate::config::{Config, Limits, Site, UpstreamSite, WhenUnreachable};
use crate::files::Files;
use crate::page::Page;
use crate::summary::{StateFields, lasting_state_line, state_line};

/// Everything that requests are decided on. Immutable and shared; a new version of the file makes a new one.
#[derive(Debug)]
pub struct Snapshot {
    /// The valid file.
    pub config: Config,
    /// The number of this snapshot since the process started, from 1.
    pub generation: u64,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The time at which it was applied.
    pub applied_at: Timestamp,
    /// The result of the last attempt to reach the upstream.
    pub reachability: Arc<Reachability>,
    /// The files of the site, if it is a directory.
    pub files: Option<Arc<Files>>,
    warnings: OnceLock<Vec<Diagnostic>>,
    limits: OnceLock<Limits>,
    phase: ArcSwap<Phase>,
    /// The next phase, if it was made ahead.
    next_phase: ArcSwapOption<Phase>,
    unreachable: Arc<Page>,
}

impl Snapshot {
    /// Makes a snapshot of a config, with the schedule's state at `now`.
    pub fn new(config: Config, generation: u64, sha256: String, now: Timestamp) -> Self {
        let phase = ArcSwap::from_pointee(Phase::new(&config.rules, config.rules.schedule.at(now)));
        let unreachable = Arc::new(Page::new(phase::unreachable_content(&config)));
        let files =
            config.site.files().map(|site| Arc::new(Files::new(site.clone(), config.limits.file_cache)));
        Self {
            config,
            files,
            generation,
            sha256,
            applied_at: now,
            reachability: Arc::default(),
            warnings: OnceLock::new(),
            limits: OnceLock::new(),
            phase,
            next_phase: ArcSwapOption::empty(),
            unreachable,
        }
    }

    /// Takes over what `previous` has and the edit did not change: what is known about the upstream, files and pages.
    fn succeeding(mut self, previous: &Self, now: Timestamp) -> Self {
        if self.config.site.upstream() == previous.config.site.upstream() {
            self.reachability = Arc::clone(&previous.reachability);
        }
        let Config { site, limits, .. } = &self.config;
        let is_same =
            |files: &&Arc<Files>| site.files().is_some_and(|site| files.has(site, limits.file_cache));
        if let Some(files) = previous.files.as_ref().filter(is_same) {
            self.files = Some(Arc::clone(files));
        }
        if previous.unreachable.has_content(&phase::unreachable_content(&self.config)) {
            self.unreachable = Arc::clone(&previous.unreachable);
        }
        self.phase(now).take_over_pages(&self.config, &previous.phase(now), now);
        self
    }

    /// Returns the pages that most requests need at `now`, the most likely one first.
    pub fn likely_pages(&self, now: Timestamp) -> Vec<Arc<Page>> {
        self.phase(now).likely_pages(&self.config, now)
    }

    /// Returns the page for requests while the upstream cannot be reached, if they get one.
    pub fn page_if_unreachable(&self) -> Option<&Page> {
        let is_shown = |site: &UpstreamSite| site.when_unreachable == WhenUnreachable::Downtime;
        matches!(&self.config.site, Site::Upstream(site) if is_shown(site)).then_some(&self.unreachable)
    }

    /// Renders and compresses what most visitors will need at `now`, which takes some milliseconds.
    pub fn prepare_likely_variants(&self, now: Timestamp) {
        for page in self.likely_pages(now) {
            for variant in page.likely_variants() {
                page.prepare(variant);
            }
        }
    }

    /// Makes the next phase ahead, if it begins within `limit` after `now`. Returns the pages that most requests will need then.
    pub fn next_pages(&self, now: Timestamp, limit: SignedDuration) -> Vec<Arc<Page>> {
        let phase = self.phase(now);
        let Some(start) = phase.state.next_change().filter(|start| start.duration_since(now) <= limit) else {
            return Vec::new();
        };
        let made = self.next_phase.load_full().filter(|next| next.state.holds_at(start));
        let next = made.unwrap_or_else(|| {
            let rules = &self.config.rules;
            let next = Arc::new(Phase::new(rules, rules.schedule.after(&phase.state, start)));
            next.take_over_pages(&self.config, &phase, start);
            self.next_phase.store(Some(Arc::clone(&next)));
            next
        });
        next.likely_pages(&self.config, start)
    }

    /// Returns the warnings that `--check` gives for this file. Empty until [`Snapshot::set_warnings`] is called.
    pub fn warnings(&self) -> &[Diagnostic] {
        self.warnings.get().map_or(&[], Vec::as_slice)
    }

    /// Sets the warnings. Only the first call has an effect.
    pub fn set_warnings(&self, warnings: Vec<Diagnostic>) {
        let _already_set = self.warnings.set(warnings);
    }

    /// Returns the phase that contains `now`. It is made when a period has started or ended, or the clock was set.
    pub fn phase(&self, now: Timestamp) -> Arc<Phase> {
        let phase = self.phase.load_full();
        if phase.state.holds_at(now) {
            return phase;
        }
        let next = self.next_phase.load_full().filter(|next| next.state.holds_at(now));
        let rules = &self.config.rules;
        let phase =
            next.unwrap_or_else(|| Arc::new(Phase::new(rules, rules.schedule.after(&phase.state, now))));
        self.phase.store(Arc::clone(&phase));
        phase
    }

    /// Returns the down page for a request whose upstream cannot be reached.
    pub fn unreachable(&self) -> &Page {
        &self.unreachable
    }

    /// Describes the state at `now` in one line, for the log.
    pub fn describe(&self, now: Timestamp) -> String {
        state_line(&self.config, &self.phase(now).state, now)
    }

    /// Describes the state at `now` in one line that stays true until the state changes.
    pub fn describe_lasting(&self, now: Timestamp) -> String {
        lasting_state_line(&self.config, &self.phase(now).state, now)
    }

    /// Returns the state at `now` as fields, for the log.
    pub fn state_fields(&self, now: Timestamp) -> StateFields {
        StateFields::new(&self.config.rules.schedule, &self.phase(now).state, now)
    }

    /// Returns the `Retry-After` of a response whose end is not known, in seconds.
    pub fn retry_after(&self) -> u64 {
        crate::decision::whole_seconds(self.config.rules.retry_after)
    }

    /// Returns the page for `key`, rendering it if the phase does not have it yet.
    pub fn page(&self, phase: &Phase, key: PageKey) -> Arc<Page> {
        phase.page(&self.config, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::state::State;

    pub(super) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    pub(super) fn config(text: &str) -> Config {
        crate::config::load::preview(std::path::Path::new("downtime.toml"), text).config.unwrap()
    }

    /// Returns two periods: from 10 to 20 s and from 30 to 40 s after the epoch.
    fn two_periods() -> Config {
        let period = |start: i64, end: i64| format!("[[period]]\nstart = {}\nend = {}\n", at(start), at(end));
        config(&[period(10, 20), period(30, 40)].concat())
    }

    #[test]
    fn the_state_is_right_wherever_the_clock_jumps() {
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
            assert_eq!(phase.state.state() == State::Down, down, "at {second}");
            assert!(phase.state.holds_at(at(second)), "at {second}");
            let left = if second < 20 { 20 - second } else { 40 - second };
            let back = phase.state.back_at(at(second)).map(|back| back.duration_since(at(second)).as_secs());
            assert_eq!(back, down.then_some(left), "at {second}");
        }
    }

    #[test]
    fn a_phase_is_made_once() {
        let snapshot = Snapshot::new(two_periods(), 1, String::new(), at(0));
        let phases = [10, 19, 20, 29, 12].map(|second| snapshot.phase(at(second)));
        assert!(Arc::ptr_eq(&phases[0], &phases[1]) && Arc::ptr_eq(&phases[2], &phases[3]));
        assert!(!Arc::ptr_eq(&phases[1], &phases[2]) && !Arc::ptr_eq(&phases[0], &phases[4]));
    }

    #[test]
    fn a_page_is_rendered_once_until_it_changes() {
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
    fn the_cache_follows_the_current_snapshot_and_the_clock() {
        let snapshots = Snapshots::new(two_periods(), String::new(), at(0));
        let cache = SnapshotCache::new(&snapshots, at(0));
        let seen = |second: i64| {
            let seen = cache.at(at(second));
            assert!(seen.phase.state.holds_at(at(second)));
            (seen.snapshot.generation, seen.phase.state.state() == State::Down)
        };
        for (second, down) in
            [(0, false), (9, false), (10, true), (19, true), (5, false), (35, true), (50, false)]
        {
            assert_eq!(seen(second), (1, down), "at {second}");
        }
        let first = Arc::clone(&cache.at(at(12)).phase);
        assert!(Arc::ptr_eq(&first, &cache.at(at(13)).phase));
        snapshots.apply(config("# next\n"), String::new(), at(13));
        assert_eq!((seen(12), seen(13)), ((2, false), (2, false)));
        snapshots.apply(two_periods(), String::new(), at(13));
        assert_eq!(seen(12), (3, true));
    }
}
