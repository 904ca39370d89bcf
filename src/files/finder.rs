//! Finds files, and keeps small ones in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use jiff::Timestamp;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::task::spawn_blocking;

use super::content::read_whole;
use super::open::{Entry, Failure, OpenFile, RootDirectory, Waiting};
use super::refusal::FileRefusal;
use super::resource::{MAX_KEPT, OpenResource, Resource};
use super::response::Opened;
use super::settings::CacheControl;

/// Finds the files of a directory.
#[derive(Debug)]
pub(super) struct Finder {
    root: PathBuf,
    /// True if it could not be opened.
    is_root_missing: Arc<AtomicBool>,
    cache_control: CacheControl,
    /// How many bytes may be kept.
    memory: usize,
    kept: Cache<PathBuf, Arc<Resource>, ByWeight>,
}

/// A file that was found, and was opened unless that was not needed.
pub(super) struct Found {
    pub(super) resource: Arc<Resource>,
    opened: Option<OpenResource>,
}

impl Finder {
    /// Keeps about `memory` bytes.
    pub(super) fn new(root: PathBuf, cache_control: CacheControl, memory: usize) -> Self {
        let kept = Cache::with_weighter(memory >> 12, memory as u64, ByWeight);
        Self { root, is_root_missing: Arc::default(), cache_control, memory, kept }
    }

    /// How many bytes may be kept.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// How many bytes are kept.
    #[cfg(test)]
    pub(super) fn weight(&self) -> u64 {
        self.kept.weight()
    }

    /// Finds a file and its siblings at `now`, in this tick of the clock: by what is kept, if that was compared in the same
    /// tick.
    pub(super) async fn find(&self, path: &Path, now: Timestamp, tick: u64) -> Result<Found, FileRefusal> {
        let kept = self.kept.get(path);
        if let Some(resource) = kept.clone().filter(|resource| resource.was_seen_in(tick)) {
            return Ok(Found { resource, opened: None });
        }
        let opened = self.attempt(path, open_resource).await.inspect_err(|_| drop(self.kept.remove(path)))?;
        if let Some(resource) = kept.filter(|resource| resource.describes(&opened)) {
            resource.see(tick);
            return Ok(Found { resource, opened: Some(opened) });
        }
        let cache_control = self.cache_control.value(path);
        let resource = Arc::new(Resource::new(path, &opened, &cache_control, now, tick)?);
        if resource.is_settled() {
            self.kept.insert(path.to_owned(), Arc::clone(&resource));
        }
        Ok(Found { resource, opened: Some(opened) })
    }

    /// Opens one of the files that were found, and reads it if it is small.
    pub(super) async fn open(&self, found: Found, path: &Path, index: usize) -> Result<Opened, FileRefusal> {
        let Found { resource, opened } = found;
        let variant = resource.variant(index).ok_or(FileRefusal::Internal)?;
        if let Some(content) = variant.content() {
            return Ok(Opened::Memory(content.clone()));
        }
        let file = match opened.and_then(|opened| opened.into_file(index)) {
            Some(file) => file,
            None => self.attempt(&variant.path(path), open_file).await?,
        };
        if file.version != variant.version {
            // Another thread must not find it by its version of before.
            self.kept.remove(path);
            return Err(FileRefusal::Changed);
        }
        if variant.version.length() > MAX_KEPT {
            return Ok(Opened::Stored(file, variant.path(path)));
        }
        let content = read_small(file, variant.path(path)).await?;
        resource.keep(index, &content);
        Ok(Opened::Memory(content))
    }

    /// Opens something at once, or else on a blocking thread, which may wait for a disk.
    async fn attempt<T: Send + 'static>(
        &self,
        path: &Path,
        open: fn(&RootDirectory, &Path) -> Result<T, Failure>,
    ) -> Result<T, FileRefusal> {
        let run = move |root: &Path, path: &Path, waiting, is_missing: &AtomicBool| {
            open(&RootDirectory::open(root, waiting, is_missing)?, path)
        };
        let at_once = run(&self.root, path, Waiting::Never, &self.is_root_missing);
        match at_once {
            Ok(opened) => return Ok(opened),
            Err(Failure::Refused(refusal)) => return Err(refusal),
            Err(Failure::WouldWait) => {}
        }
        let (root, path) = (self.root.clone(), path.to_owned());
        let is_missing = Arc::clone(&self.is_root_missing);
        block(move || run(&root, &path, Waiting::Allowed, &is_missing)).await
    }
}

/// Weighs by the bytes that are kept.
#[derive(Clone, Debug)]
struct ByWeight;

impl Weighter<PathBuf, Arc<Resource>> for ByWeight {
    fn weight(&self, path: &PathBuf, resource: &Arc<Resource>) -> u64 {
        resource.weight() + path.as_os_str().len() as u64
    }
}

fn open_resource(root: &RootDirectory, path: &Path) -> Result<OpenResource, Failure> {
    OpenResource::open(root, path)?.ok_or(Failure::Refused(FileRefusal::Directory))
}

fn open_file(root: &RootDirectory, path: &Path) -> Result<OpenFile, Failure> {
    match root.open_entry(path)? {
        Entry::File(file) => Ok(file),
        // It was a file before.
        Entry::Directory => Err(FileRefusal::Changed.into()),
    }
}

/// Reads a file at once, or else on a blocking thread.
async fn read_small(file: OpenFile, path: PathBuf) -> Result<Bytes, FileRefusal> {
    match read_whole(&file, &path, Waiting::Never) {
        Ok(content) => Ok(content),
        Err(Failure::Refused(refusal)) => Err(refusal),
        Err(Failure::WouldWait) => block(move || read_whole(&file, &path, Waiting::Allowed)).await,
    }
}

/// Runs something on a thread that may wait.
async fn block<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, FileRefusal> {
    let result = spawn_blocking(run).await.unwrap_or_else(|error| {
        tracing::error!(target: "downtime::files", %error, "a thread that reads files has panicked");
        Err(FileRefusal::Internal.into())
    });
    result.map_err(|failure| match failure {
        Failure::Refused(refusal) => refusal,
        Failure::WouldWait => FileRefusal::Internal,
    })
}
