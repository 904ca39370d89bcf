//! File events from the system, if it gives any.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::{WatchEvent, symlinks};

/// Watches the directories that hold the files and the links to them.
pub struct Notifier {
    events: Sender<WatchEvent>,
    watcher: Option<RecommendedWatcher>,
    pending: Option<Receiver<notify::Result<RecommendedWatcher>>>,
    directories: BTreeSet<WatchedDirectory>,
    names: BTreeSet<OsString>,
}

/// A directory, with the device and inode that it had when it was watched: another one may take its place later. If that
/// one gets the same inode number, the event for the removal of the old one is enough.
type WatchedDirectory = (PathBuf, Option<(u64, u64)>);

impl Notifier {
    /// Watches nothing yet. Events will be sent to `events`.
    pub fn new(events: Sender<WatchEvent>) -> Self {
        Self { events, watcher: None, pending: None, directories: BTreeSet::new(), names: BTreeSet::new() }
    }

    /// Returns true if the system gives no events, so that the files must be polled.
    pub fn is_unavailable(&self) -> bool {
        self.watcher.is_none() && self.pending.is_none()
    }

    /// Returns true if a watched file, or a link to it, has this name.
    pub fn watches(&self, name: &OsString) -> bool {
        self.names.contains(name)
    }

    /// Watches the directories of `files` and of the links to them, if these are not watched already. The result is
    /// announced by [`WatchEvent::WatchReady`].
    pub fn arm<'f>(&mut self, files: impl Iterator<Item = &'f PathBuf>) {
        let links: Vec<PathBuf> = files.flat_map(|file| symlinks::path_chain(file)).collect();
        let directories = links.iter().filter_map(|link| link.parent()).map(identify).collect();
        self.names = links.iter().filter_map(|link| link.file_name()).map(OsString::from).collect();
        if directories != self.directories {
            self.directories = directories;
            self.watcher = None;
            self.pending = Some(self.set_up());
        }
    }

    /// Stops watching, so that the next [`Notifier::arm`] starts again.
    pub fn disarm(&mut self) {
        self.watcher = None;
        self.pending = None;
        self.directories.clear();
    }

    /// Returns the result of [`Notifier::arm`], once, if it is there. After an error there are no events until the
    /// directories change or [`Notifier::disarm`] is called.
    pub fn poll_ready(&mut self) -> Option<notify::Result<()>> {
        let watcher = self.pending.as_ref()?.try_recv().ok()?;
        Some(self.finish(watcher))
    }

    /// Waits for the result of [`Notifier::arm`].
    pub fn wait_ready(&mut self) -> Option<notify::Result<()>> {
        let watcher = self.pending.as_ref()?.recv().ok()?;
        Some(self.finish(watcher))
    }

    fn finish(&mut self, watcher: notify::Result<RecommendedWatcher>) -> notify::Result<()> {
        self.pending = None;
        self.watcher = Some(watcher?);
        Ok(())
    }

    /// Sets the watch up on a thread of its own, while polling continues: the system may take seconds to refuse (Linux
    /// waits until every watch that was removed anywhere is freed, `fsnotify_destroy_group`).
    fn set_up(&self) -> Receiver<notify::Result<RecommendedWatcher>> {
        let (result, pending) = channel();
        let (events, failure) = (self.events.clone(), result.clone());
        // Absolute, as in the events; and whether the directory exists.
        let directories = self.directories.iter().filter_map(|(directory, identity)| {
            Some((std::path::absolute(directory).ok()?, identity.is_some()))
        });
        let directories: Vec<_> = directories.collect();
        let spawned = thread::Builder::new().name("watch-setup".to_owned()).spawn(move || {
            // The receivers are gone if the directories have changed since, or the process ends.
            let _ = result.send(watch(&directories, events.clone()));
            let _ = events.send(WatchEvent::WatchReady);
        });
        if let Err(error) = spawned {
            let _ = failure.send(Err(notify::Error::io(error)));
        }
        pending
    }
}

fn watch(directories: &[(PathBuf, bool)], events: Sender<WatchEvent>) -> notify::Result<RecommendedWatcher> {
    let names: Vec<PathBuf> = directories.iter().map(|(directory, _)| directory.clone()).collect();
    let mut watcher = notify::recommended_watcher(move |event| {
        if let Some(event) = translate(event, &names) {
            // The receiver lives as long as the process.
            let _ = events.send(event);
        }
    })?;
    for (directory, _) in directories.iter().filter(|(_, exists)| *exists) {
        watcher.watch(directory, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn identify(path: &Path) -> WatchedDirectory {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let identity = std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    (path.to_owned(), identity.ok())
}

/// Translates an event of the system. A file that is renamed away is only touched: editors that move the old file aside
/// write the new one next.
fn translate(event: notify::Result<notify::Event>, directories: &[PathBuf]) -> Option<WatchEvent> {
    let Ok(event) = event else { return Some(WatchEvent::Lost) };
    let name = || event.paths.last().and_then(|path| path.file_name()).map(OsString::from);
    let is_of_directory = || event.paths.iter().any(|path| directories.contains(path));
    match event.kind {
        _ if event.need_rescan() => Some(WatchEvent::Lost),
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) if is_of_directory() => {
            Some(WatchEvent::Lost)
        }
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => name().map(WatchEvent::Touched),
        EventKind::Access(_) => None,
        EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => {
            name().map(WatchEvent::Renamed)
        }
        _ => name().map(WatchEvent::Touched),
    }
}
