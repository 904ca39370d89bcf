//! Hints from the system that a folder has changed, where the system gives any.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::{Event, symlinks};

/// Watches the folders that hold the files and the links to them.
pub struct Notifier {
    events: Sender<Event>,
    watcher: Option<RecommendedWatcher>,
    asked: Option<Receiver<notify::Result<RecommendedWatcher>>>,
    folders: BTreeSet<Folder>,
    names: BTreeSet<OsString>,
}

/// A folder, and which one it was when the watch on it was set (device and inode): one that is put in its place is
/// another, unless it got the number of the one that went; then the event of its going tells.
type Folder = (PathBuf, Option<(u64, u64)>);

impl Notifier {
    /// Watches nothing yet; hints will go to `events`.
    pub fn new(events: Sender<Event>) -> Self {
        Self { events, watcher: None, asked: None, folders: BTreeSet::new(), names: BTreeSet::new() }
    }

    /// Whether the system gives no hints; the files are polled then.
    pub fn is_refused(&self) -> bool {
        self.watcher.is_none() && self.asked.is_none()
    }

    /// Whether a file of this name stands on the way to a watched file.
    pub fn knows(&self, name: &OsString) -> bool {
        self.names.contains(name)
    }

    /// Asks for hints of the folders on the way to `files`, anew if they are others than before. The answer comes as
    /// [`Event::Answered`].
    pub fn arm<'f>(&mut self, files: impl Iterator<Item = &'f PathBuf>) {
        let links: Vec<PathBuf> = files.flat_map(|file| symlinks::path_chain(file)).collect();
        let folders: BTreeSet<Folder> = links.iter().filter_map(|link| link.parent()).map(folder).collect();
        self.names = links.iter().filter_map(|link| link.file_name()).map(OsString::from).collect();
        if folders != self.folders {
            self.folders = folders;
            self.watcher = None;
            self.asked = Some(self.ask());
        }
    }

    /// Forgets the folders, so that the next [`Notifier::arm`] asks again.
    pub fn disarm(&mut self) {
        self.watcher = None;
        self.asked = None;
        self.folders.clear();
    }

    /// The answer, once, if it has come: hints are given from now on, or the error says why none will be until the
    /// folders are others, or [`Notifier::disarm`] is called.
    pub fn answer(&mut self) -> Option<notify::Result<()>> {
        let answer = self.asked.as_ref()?.try_recv().ok()?;
        Some(self.take(answer))
    }

    /// Waits for the answer.
    pub fn wait(&mut self) -> Option<notify::Result<()>> {
        let answer = self.asked.as_ref()?.recv().ok()?;
        Some(self.take(answer))
    }

    fn take(&mut self, answer: notify::Result<RecommendedWatcher>) -> notify::Result<()> {
        self.asked = None;
        self.watcher = Some(answer?);
        Ok(())
    }

    /// Asks on a thread of its own: the system may take seconds to refuse (Linux waits for each watch that was removed
    /// anywhere to be freed, `fsnotify_destroy_group`), and polling goes on meanwhile.
    fn ask(&self) -> Receiver<notify::Result<RecommendedWatcher>> {
        let (answer, asked) = channel();
        let (events, refused) = (self.events.clone(), answer.clone());
        // As the events name them, and whether there is such a folder.
        let folders = self
            .folders
            .iter()
            .filter_map(|(folder, identity)| Some((std::path::absolute(folder).ok()?, identity.is_some())));
        let folders: Vec<_> = folders.collect();
        let spawned = thread::Builder::new().name("watch-ask".to_owned()).spawn(move || {
            // The receivers are gone when the folders are others by now, or the process ends.
            let _ = answer.send(watch(&folders, events.clone()));
            let _ = events.send(Event::Answered);
        });
        if let Err(error) = spawned {
            let _ = refused.send(Err(notify::Error::io(error)));
        }
        asked
    }
}

fn watch(folders: &[(PathBuf, bool)], events: Sender<Event>) -> notify::Result<RecommendedWatcher> {
    let names: Vec<PathBuf> = folders.iter().map(|(folder, _)| folder.clone()).collect();
    let mut watcher = notify::recommended_watcher(move |event| {
        if let Some(event) = hint(event, &names) {
            // The receiver is gone only when the process ends.
            let _ = events.send(event);
        }
    })?;
    for (folder, _) in folders.iter().filter(|(_, exists)| *exists) {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
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
