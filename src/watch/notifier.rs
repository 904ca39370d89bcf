//! Hints from the system that a folder has changed, where the system gives any.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::{Event, hops};

/// Watches the folders that hold the files and the links to them.
pub struct Notifier {
    events: Sender<Event>,
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<Folder>,
    names: BTreeSet<OsString>,
}

/// A folder, and which one it was when the watch on it was set (device and inode): one that is put in its place is
/// another, unless it got the number of the one that went; then the event of its going tells.
type Folder = (PathBuf, Option<(u64, u64)>);

impl Notifier {
    /// Watches nothing yet; hints will go to `events`.
    pub fn new(events: Sender<Event>) -> Self {
        Self { events, watcher: None, folders: BTreeSet::new(), names: BTreeSet::new() }
    }

    /// Whether the system gives hints; without them the files are polled.
    pub fn is_armed(&self) -> bool {
        self.watcher.is_some()
    }

    /// Whether a file of this name stands on the way to a watched file.
    pub fn knows(&self, name: &OsString) -> bool {
        self.names.contains(name)
    }

    /// Watches the folders on the way to `files`, anew if they are others than before: true then. The error says why
    /// there will be no hints until they change again, or [`Notifier::disarm`] is called.
    pub fn arm<'f>(&mut self, files: impl Iterator<Item = &'f PathBuf>) -> Result<bool, notify::Error> {
        let hops: Vec<PathBuf> = files.flat_map(|file| hops::hops(file)).collect();
        let folders: BTreeSet<Folder> = hops.iter().filter_map(|hop| hop.parent()).map(folder).collect();
        self.names = hops.iter().filter_map(|hop| hop.file_name()).map(OsString::from).collect();
        if folders == self.folders {
            return Ok(false);
        }
        self.folders = folders;
        self.watcher = None;
        self.watcher = Some(self.watch()?);
        Ok(true)
    }

    /// Forgets the folders, so that the next [`Notifier::arm`] tries again.
    pub fn disarm(&mut self) {
        self.watcher = None;
        self.folders.clear();
    }

    fn watch(&self) -> Result<RecommendedWatcher, notify::Error> {
        let events = self.events.clone();
        // As the events name them.
        let folders = self.folders.iter().filter_map(|(folder, _)| std::path::absolute(folder).ok());
        let folders: Vec<PathBuf> = folders.collect();
        let mut watcher = notify::recommended_watcher(move |event| {
            if let Some(event) = hint(event, &folders) {
                // The receiver is gone only when the process ends.
                let _ = events.send(event);
            }
        })?;
        for (folder, _) in self.folders.iter().filter(|(_, identity)| identity.is_some()) {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(watcher)
    }
}

fn folder(path: &Path) -> Folder {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let identity = std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    (path.to_owned(), identity.ok())
}

/// What an event says. What a rename took away says no more than a change: an editor that moves the old file aside goes
/// on to write the new one.
fn hint(event: notify::Result<notify::Event>, folders: &[PathBuf]) -> Option<Event> {
    let Ok(event) = event else { return Some(Event::Lost) };
    let name = || event.paths.last().and_then(|path| path.file_name()).map(OsString::from);
    let of_folder = || event.paths.iter().any(|path| folders.contains(path));
    match event.kind {
        _ if event.need_rescan() => Some(Event::Lost),
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) if of_folder() => {
            Some(Event::Lost)
        }
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => name().map(Event::Touched),
        EventKind::Access(_) => None,
        EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => name().map(Event::Renamed),
        _ => name().map(Event::Touched),
    }
}
