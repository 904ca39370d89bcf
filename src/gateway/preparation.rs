//! Renders and compresses down pages before visitors need them: on a thread of its own, so that no request waits for it.

use std::io;
use std::sync::Arc;
use std::thread::{self, Builder, park_timeout};
use std::time::Duration;

use jiff::SignedDuration;
use rustix::process::setpriority_process;

use crate::clock;
use crate::page::{Page, Variant};
use crate::snapshot::{Snapshot, Snapshots};

/// How long before a change of the schedule its pages are prepared.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);
/// The interval at which the thread looks for a change that is near.
const INTERVAL: Duration = Duration::from_secs(10);
/// The nice value of the thread (setpriority(2)), the last of all: requests come first.
const NICE: i32 = 19;
/// The most bytes that the prepared variants of one page take. Those of the built-in page take half of it at most. The rest, which only
/// a large template of one's own has, is rendered for the first visitor who needs it.
const MAX_PREPARED: usize = 1 << 20;

/// Starts the thread, which runs until the process ends.
pub fn start(snapshots: &Arc<Snapshots>) -> io::Result<()> {
    let snapshots = Arc::clone(snapshots);
    Builder::new().name("pages".into()).spawn(move || run(&snapshots)).map(drop)
}

fn run(snapshots: &Snapshots) {
    snapshots.unpark_when_applied(thread::current());
    // On Linux, this is the priority of the thread alone. Without it, the thread only competes with requests.
    let _not_lowered = setpriority_process(None, NICE);
    loop {
        prepare(&snapshots.current(), snapshots);
        park_timeout(INTERVAL);
    }
}

/// Prepares the pages of a snapshot for as long as it is the current one.
fn prepare(snapshot: &Arc<Snapshot>, snapshots: &Snapshots) {
    let now = clock::now();
    let is_current = || Arc::ptr_eq(snapshot, &snapshots.current());
    for page in snapshot.likely_pages(now).into_iter().chain(snapshot.next_pages(now, AHEAD)) {
        prepare_variants(&page, page.variants(), is_current);
    }
    if let Some(page) = snapshot.page_if_unreachable() {
        prepare_variants(page, page.variants(), is_current);
    }
}

fn prepare_variants(page: &Page, variants: impl Iterator<Item = Variant>, is_current: impl Fn() -> bool) {
    let mut prepared = 0;
    for variant in variants {
        if prepared > MAX_PREPARED || !is_current() {
            return;
        }
        prepared += page.prepare(variant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::preview;
    use crate::page::language::Language;

    const UPSTREAM: &str = "[site]\nupstream = \"http://127.0.0.1:1\"\n";

    fn snapshots(text: &str) -> Snapshots {
        let config = preview(std::path::Path::new("downtime.toml"), text).config.unwrap();
        Snapshots::new(config, String::new(), clock::now())
    }

    fn prepared(pages: &[Arc<Page>]) -> Vec<usize> {
        pages.iter().map(|page| page.prepared()).collect()
    }

    #[test]
    fn all_variants_are_prepared_now_and_ahead_of_a_change() {
        let now = clock::now();
        let start = now + SignedDuration::from_secs(50);
        let message = "message = { en = \"We move.\", de = \"Wir ziehen um.\" }";
        let text = format!(
            "[[period]]\nstart = {start}\nend = 2999-01-01T00:00:00Z\n{message}\n\
             [[period]]\nstart = 2020-01-01T00:00:00Z\npaths = [\"/a\"]\nmessage = \"Closed.\"\n"
        );
        let snapshots = snapshots(&text);
        let snapshot = snapshots.current();
        snapshot.prepare_likely_variants(now);
        assert_eq!(prepared(&snapshot.likely_pages(now)), [1]);
        prepare(&snapshot, &snapshots);
        // In English, the language of the message: to safe requests and to others.
        assert_eq!(prepared(&snapshot.likely_pages(now)), [2]);
        // The page with the first message for requests that only its period covers, and for all others.
        assert_eq!(prepared(&snapshot.likely_pages(start)), [2, 4]);
        assert!(snapshot.next_pages(start, AHEAD).is_empty());
    }

    #[test]
    fn pages_that_an_edit_does_not_change_are_not_made_again() {
        let text = format!("{UPSTREAM}[[period]]\nstart = 2020-01-01T00:00:00Z\n");
        let now = clock::now();
        for (text, edited, is_same) in [
            (&text, format!("[exempt]\nexact = [\"/a\"]\n{text}"), [true, true]),
            (&text, format!("{text}message = \"We move.\"\n"), [false, true]),
            (&text, format!("{text}[page]\ntitle = \"Shop\"\n"), [false, false]),
        ] {
            let snapshots = snapshots(text);
            let before = snapshots.current();
            let page = before.likely_pages(now).remove(0);
            let config = preview(std::path::Path::new("downtime.toml"), &edited).config.unwrap();
            let after = snapshots.apply(config, String::new(), now);
            let [one, other] = [&before, &after].map(|snapshot| snapshot.page_if_unreachable().unwrap());
            let same = [Arc::ptr_eq(&page, &after.likely_pages(now)[0]), std::ptr::eq(one, other)];
            assert_eq!(same, is_same, "{edited}");
        }
    }

    #[test]
    fn the_page_for_an_unreachable_upstream_is_prepared_before_it_is_needed() {
        let snapshots = snapshots(UPSTREAM);
        let snapshot = snapshots.current();
        prepare(&snapshot, &snapshots);
        assert_eq!(snapshot.page_if_unreachable().unwrap().prepared(), 3 * Language::COUNT);
    }

    /// Returns the number of variants that are prepared of a page with these lines of `[page]` and `[response]`, and its size.
    fn prepared_with(lines: &str, (name, content): (&str, &[u8])) -> (usize, usize) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(name), content).unwrap();
        let file = directory.path().join("downtime.toml");
        std::fs::write(&file, format!("{lines}[[period]]\nstart = 2020-01-01T00:00:00Z\n")).unwrap();
        let config = crate::config::load::load(&file).reading.config.unwrap();
        let snapshots = Snapshots::new(config, String::new(), clock::now());
        let snapshot = snapshots.current();
        prepare(&snapshot, &snapshots);
        let [page] = &snapshot.likely_pages(clock::now())[..] else { panic!("one page") };
        let count = page.prepared();
        (count, page.variants().map(|variant| page.prepare(variant)).sum())
    }

    /// Numbers that do not compress well.
    fn noise() -> impl Iterator<Item = u32> {
        (0_u32..5_000).map(|n| n.wrapping_mul(2_654_435_761))
    }

    #[test]
    fn a_page_with_a_large_logo_is_prepared_in_all_languages() {
        let bytes: Vec<u8> = noise().flat_map(u32::to_be_bytes).collect();
        let logo = [b"\x89PNG\r\n\x1a\n", &bytes[..]].concat();
        let (count, size) = prepared_with("[page]\nlogo = \"logo.png\"\n", ("logo.png", &logo));
        assert_eq!(count, 2 * Language::COUNT);
        // The page for an upstream that cannot be reached has half as many variants more.
        assert!(size < MAX_PREPARED / 3, "{size}");
    }

    #[test]
    fn a_large_template_is_not_prepared_in_all_languages() {
        let text: String = noise().map(|number| number.to_string()).collect();
        let template = format!("<html lang={{{{ lang }}}}><p>{{{{ message }}}}</p>{text}</html>");
        let lines = "[response]\ntemplate = \"page.html\"\n";
        let count = prepared_with(lines, ("page.html", template.as_bytes())).0;
        assert!((5..Language::COUNT).contains(&count), "{count}");
    }
}
