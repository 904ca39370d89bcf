//! Waits for changes of files.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Instant;

use notify::event::AccessKind;
use notify::{EventKind, RecursiveMode, Watcher as _};

use super::DEADLINE;

/// Waits until a file has a text that the predicate accepts, and returns the text.
pub(crate) fn until_file(path: &Path, wanted: impl Fn(&str) -> bool) -> String {
    until_changed(path, || std::fs::read_to_string(path).ok().filter(|text| wanted(text)))
}

/// Waits until a directory entry is such that there is a result.
pub(crate) fn until_changed<T>(path: &Path, found: impl Fn() -> Option<T>) -> T {
    let (sender, changes) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // To look at a file is an event too.
        let is_own = |event: &notify::Event| matches!(event.kind, EventKind::Access(AccessKind::Open(_)));
        if !event.as_ref().is_ok_and(is_own) {
            // The test may have ended.
            let _ = sender.send(());
        }
    })
    .expect("a watcher");
    watcher.watch(path.parent().expect("a directory"), RecursiveMode::NonRecursive).expect("watched");
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(changes.recv_timeout(left).is_ok(), "{} has not changed in {DEADLINE:?}", path.display());
    }
}
