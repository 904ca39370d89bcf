//! A file with its compressed siblings, as they were when they were last looked at.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::HeaderValue;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, LAST_MODIFIED, VARY,
};
use jiff::Timestamp;

use super::NOSNIFF;
use super::etag::EntityTag;
use super::media_type::MediaType;
use super::precondition::Validators;
use super::refusal::FileRefusal;
use super::siblings::{LocatedResource, with_suffix};
use super::version::FileVersion;
use crate::http1::content_coding::choose_coding;
use crate::http1::request::RequestHead;

/// The longest content that is kept in memory, in bytes. Sending a longer one from the file is cheaper than a copy.
pub(super) const MAX_KEPT: u64 = 64 << 10;

/// A file and its siblings.
#[derive(Debug)]
pub(super) struct Resource {
    /// The file itself is the first. There is at least that one.
    variants: Vec<FileVariant>,
    /// The names of the codings of the others.
    codings: Vec<&'static str>,
    /// All that was found, also what could not be opened.
    candidates: Vec<(Option<&'static str>, FileVersion)>,
    /// True if every later change will show in a version.
    is_settled: bool,
    /// The tick of the clock in which the files had these versions.
    seen_at: AtomicU64,
}

/// One of the files.
#[derive(Debug)]
pub(super) struct FileVariant {
    pub(super) suffix: &'static str,
    pub(super) version: FileVersion,
    pub(super) validators: Validators,
    /// The fields of a response with the whole file.
    pub(super) fields: Arc<HeaderMap>,
    /// The content, once it was read.
    content: OnceLock<Bytes>,
}

impl Resource {
    /// Describes the files that were opened, as they were in `tick`.
    pub(super) fn new(
        path: &Path,
        located: &LocatedResource,
        cache_control: &HeaderValue,
        now: Timestamp,
        tick: u64,
    ) -> Result<Self, FileRefusal> {
        let opened: Vec<_> = located.opened().collect();
        let has_siblings = opened.len() > 1;
        let media_type = MediaType::from_path(path);
        let mut variants = Vec::with_capacity(opened.len());
        for (coding, version) in &opened {
            let etag = version.is_settled(now).then(|| EntityTag::new(version));
            let validators = Validators { etag, modified: version.modified(now) };
            let mut fields = HeaderMap::new();
            fields.insert(CONTENT_TYPE, media_type.field()?);
            if let Some(coding) = coding.map(|coding| coding.name).or(media_type.coding) {
                fields.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
            fields.insert(CACHE_CONTROL, cache_control.clone());
            if let Some(etag) = &validators.etag {
                fields.insert(ETAG, etag.to_string().try_into()?);
                if let Some(modified) = validators.modified {
                    fields.insert(LAST_MODIFIED, httpdate::fmt_http_date(modified).try_into()?);
                }
            }
            if has_siblings {
                fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
            }
            fields.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            fields.extend([NOSNIFF]);
            let suffix = coding.map_or("", |coding| coding.suffix);
            let (version, fields) = (*version, Arc::new(fields));
            variants.push(FileVariant { suffix, version, validators, fields, content: OnceLock::new() });
        }
        Ok(Self {
            is_settled: variants.iter().all(|variant| variant.version.is_settled(now)),
            variants,
            codings: opened.iter().filter_map(|(coding, _)| Some((*coding)?.name)).collect(),
            candidates: located.versions().collect(),
            seen_at: AtomicU64::new(tick),
        })
    }

    /// Returns true if files that were located are those that it describes.
    pub(super) fn describes(&self, located: &LocatedResource) -> bool {
        located.versions().eq(self.candidates.iter().copied())
    }

    /// Returns true if it may be kept until a file changes.
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Returns true if the files had these versions in this tick of the clock.
    pub(super) fn was_seen_in(&self, tick: u64) -> bool {
        self.seen_at.load(Ordering::Relaxed) == tick
    }

    /// Records that the files have these versions.
    pub(super) fn see(&self, tick: u64) {
        self.seen_at.store(tick, Ordering::Relaxed);
    }

    /// How many bytes it may take in memory.
    pub(super) fn weight(&self) -> u64 {
        let contents =
            self.variants.iter().map(|variant| variant.version.length()).filter(|length| *length <= MAX_KEPT);
        contents.map(|length| length + 1024).sum::<u64>() + 1024
    }

    /// Chooses the file for a client, and returns its index.
    pub(super) fn choose(&self, head: &RequestHead<'_>) -> usize {
        choose_coding(|| head.values("accept-encoding"), &self.codings).map_or(0, |index| index + 1)
    }

    /// Returns one of the files.
    pub(super) fn variant(&self, index: usize) -> Option<&FileVariant> {
        self.variants.get(index)
    }

    /// Keeps the content of one of the files, if it may be kept.
    pub(super) fn keep(&self, index: usize, content: &Bytes) {
        if let Some(variant) = self.variant(index).filter(|_| self.is_settled) {
            // Another thread may have read it meanwhile.
            let _ = variant.content.set(content.clone());
        }
    }
}

impl FileVariant {
    /// The path below the root, where `path` is that of the file itself.
    pub(super) fn path(&self, path: &Path) -> PathBuf {
        with_suffix(path, self.suffix)
    }

    /// The content, if it was kept.
    pub(super) fn content(&self) -> Option<&Bytes> {
        self.content.get()
    }
}
