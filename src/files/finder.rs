//! Finds files, and keeps small ones in memory.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::content::StoredFile;
use super::open::{DiskWait, Failure, OpenFile, RootDirectory};
use super::reading::read_whole;
use super::refusal::FileRefusal;
use super::resource::{MAX_KEPT, Resource};
use super::response::OpenedContent;
use super::settings::CacheControl;
use super::siblings::LocatedResource;
use super::version::FileVersion;
use super::warnings::CANNOT_OPEN;
use crate::descriptors::{CountedFile, Descriptors, LentFile, MAX_FINDING, RequestDescriptors};

/// How long a request waits for a descriptor. Only disks that do not answer make it wait as long.
const DESCRIPTOR_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// Not used before the gateway has started.
    descriptors: &'static LazyLock<RequestDescriptors>,
}

/// A file that was found.
pub(super) struct Found {
    pub(super) resource: Arc<Resource>,
    /// `None` if it was kept, and looked at in the same tick.
    located: Option<Counted<LocatedResource>>,
}

/// Something that was opened, and its descriptors; `None` while they are not counted, which is for a moment only.
type Counted<T> = (T, Option<Descriptors>);

impl Finder {
    /// Keeps about `memory` bytes.
    pub(super) fn new(
        root: PathBuf,
        cache_control: CacheControl,
        memory: usize,
        descriptors: &'static LazyLock<RequestDescriptors>,
    ) -> Self {
        let kept = Cache::with_weighter(memory >> 12, memory as u64, ByWeight);
        Self { root, is_root_missing: Arc::default(), cache_control, memory, kept, descriptors }
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
            return Ok(Found { resource, located: None });
        }
        let before = kept.clone();
        let locate = move |root, path: &Path| {
            let is_kept = |located: &_| before.as_ref().is_some_and(|resource| resource.describes(located));
            LocatedResource::find(root, path, is_kept)
        };
        let located = self.attempt(path, locate).await.inspect_err(|_| drop(self.kept.remove(path)))?;
        if let Some(resource) = kept.filter(|resource| resource.describes(&located.0)) {
            resource.see(tick);
            return Ok(Found { resource, located: Some(located) });
        }
        let cache_control = self.cache_control.value(path);
        let resource = Arc::new(Resource::new(path, &located.0, &cache_control, now, tick)?);
        if resource.is_settled() {
            self.kept.insert(path.to_owned(), Arc::clone(&resource));
        }
        Ok(Found { resource, located: Some(located) })
    }

    /// Opens one of the files that were found, and reads it if it is small.
    pub(super) async fn open(
        self: &Arc<Self>,
        found: Found,
        path: &Path,
        index: usize,
    ) -> Result<OpenedContent, FileRefusal> {
        let Found { resource, located } = found;
        let variant = resource.variant(index).ok_or(FileRefusal::Internal)?;
        if let Some(content) = variant.content() {
            return Ok(OpenedContent::Memory(content.clone()));
        }
        let opened = match located.map(|(located, counted)| (located.open(path, variant.suffix), counted)) {
            Some((Ok(file), counted)) => Some((file, counted)),
            Some((Err(Failure::Refused(refusal)), _)) => return Err(refusal),
            Some((Err(Failure::WouldWait), _)) | None => None,
        };
        let (file, descriptors) = self.count(opened, &variant.path(path)).await?;
        if file.version != variant.version {
            // Another thread must not find it by its version of before.
            self.kept.remove(path);
            return Err(FileRefusal::Changed);
        }
        if variant.version.length() > MAX_KEPT {
            let lent = LentFile::new(self.descriptors, CountedFile::new(file.file, descriptors));
            let (finder, version) = (Arc::clone(self), file.version.into());
            return Ok(OpenedContent::Stored(StoredFile { finder, lent, path: variant.path(path), version }));
        }
        let content = read_small((file, descriptors), variant.path(path)).await?;
        resource.keep(index, &content);
        Ok(OpenedContent::Memory(content))
    }

    /// Opens a file again whose descriptor was needed elsewhere.
    pub(super) async fn reopen(
        &self,
        path: &Path,
        version: &FileVersion,
    ) -> Result<CountedFile, FileRefusal> {
        let (file, descriptors) = self.count(None, path).await?;
        if !file.version.is_file_of(version) || !version.has_content_of(&file.version) {
            return Err(FileRefusal::Changed);
        }
        Ok(CountedFile::new(file.file, descriptors))
    }

    /// Counts the descriptor of a file that was opened, or opens one.
    async fn count(
        &self,
        opened: Option<Counted<OpenFile>>,
        path: &Path,
    ) -> Result<(OpenFile, Descriptors), FileRefusal> {
        let (file, descriptors) = match opened {
            Some(opened) => opened,
            None => self.attempt(path, |root, path| root.open_path(path)).await?,
        };
        if let Some(descriptors) = descriptors.or_else(|| self.descriptors.try_take()) {
            return Ok((file, descriptors));
        }
        // Before the wait for it.
        drop(file);
        self.wait(path, |root, path| root.open_path(path)).await
    }

    /// Opens something at once, or else on a blocking thread, which may wait for a disk.
    async fn attempt<T: Send + 'static>(
        &self,
        path: &Path,
        open: impl Fn(RootDirectory, &Path) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Counted<T>, FileRefusal> {
        let at_once = RootDirectory::open(&self.root, DiskWait::Never, &self.is_root_missing);
        match at_once.and_then(|root| open(root, path)) {
            Ok(opened) => Ok((opened, None)),
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(Failure::WouldWait) => {
                self.wait(path, open).await.map(|(opened, descriptors)| (opened, Some(descriptors)))
            }
        }
    }

    /// Opens something on a blocking thread, as soon as there are descriptors for it.
    async fn wait<T: Send + 'static>(
        &self,
        path: &Path,
        open: impl Fn(RootDirectory, &Path) -> Result<T, Failure> + Send + 'static,
    ) -> Result<(T, Descriptors), FileRefusal> {
        let descriptors = self.descriptors.take(MAX_FINDING);
        let Ok(descriptors) = timeout(DESCRIPTOR_TIMEOUT, descriptors).await else {
            CANNOT_OPEN.log(
                path,
                &"too many files and connections to the upstream are open: allow more with `LimitNOFILE=` in the unit, or \
                  `ulimit -n`",
            );
            return Err(FileRefusal::Unavailable);
        };
        let (root, path) = (self.root.clone(), path.to_owned());
        let is_missing = Arc::clone(&self.is_root_missing);
        let open = move || {
            let root = RootDirectory::open(&root, DiskWait::Allowed, &is_missing)?;
            // In this order: the descriptors count as long as the thread runs.
            Ok((open(root, &path)?, descriptors))
        };
        block(open).await
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

/// Reads a file at once, or else on a blocking thread.
async fn read_small(
    (file, descriptors): (OpenFile, Descriptors),
    path: PathBuf,
) -> Result<Bytes, FileRefusal> {
    match read_whole(&file, &path, DiskWait::Never) {
        Ok(content) => Ok(content),
        Err(Failure::Refused(refusal)) => Err(refusal),
        Err(Failure::WouldWait) => {
            let descriptor = descriptors.only_one();
            let read = move || {
                let read = read_whole(&file, &path, DiskWait::Allowed);
                drop((file, descriptor));
                read
            };
            block(read).await
        }
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
