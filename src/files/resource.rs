//! A file with its compressed siblings, as they were when they were last looked at.

use std::ffi::OsString;
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
use super::open::{Entry, Failure, OpenFile, RootDirectory};
use super::precondition::Validators;
use super::refusal::FileRefusal;
use super::version::FileVersion;
use crate::http1::content_coding::choose_coding;
use crate::http1::request::RequestHead;

/// A content coding, and how the name of a file that has it ends.
struct Coding {
    name: &'static str,
    suffix: &'static str,
}

/// In the order in which clients get them, if they have no preference.
const CODINGS: [Coding; 3] = [
    Coding { name: "br", suffix: ".br" },
    Coding { name: "zstd", suffix: ".zst" },
    Coding { name: "gzip", suffix: ".gz" },
];

/// The longest content that is kept in memory, in bytes. Sending a longer one from the file is cheaper than a copy.
pub(super) const MAX_KEPT: u64 = 64 << 10;

/// A file and its siblings, opened.
#[derive(Debug)]
pub(super) struct OpenResource {
    /// The file itself is the first.
    variants: Vec<(Option<&'static Coding>, OpenFile)>,
}

/// A file and its siblings.
#[derive(Debug)]
pub(super) struct Resource {
    /// The file itself is the first. There is at least that one.
    variants: Vec<Variant>,
    /// The names of the codings of the others.
    codings: Vec<&'static str>,
    /// True if every later change will show in a version.
    is_settled: bool,
    /// The tick of the clock in which the files had these versions.
    seen_at: AtomicU64,
}

/// One of the files.
#[derive(Debug)]
pub(super) struct Variant {
    suffix: &'static str,
    pub(super) version: FileVersion,
    pub(super) validators: Validators,
    /// The fields of a response with the whole file.
    pub(super) fields: Arc<HeaderMap>,
    /// The content, once it was read.
    content: OnceLock<Bytes>,
}

impl std::fmt::Debug for Coding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl OpenResource {
    /// Opens a file and its siblings; `None` if it is a directory. A sibling counts only if it is not older than the file.
    pub(super) fn open(root: &RootDirectory, path: &Path) -> Result<Option<Self>, Failure> {
        let Entry::File(file) = root.open_entry(path)? else { return Ok(None) };
        let version = file.version;
        let mut variants = vec![(None, file)];
        for coding in CODINGS.iter().filter(|_| may_have_siblings(path)) {
            match root.open_entry(&with_suffix(path, coding.suffix)) {
                Ok(Entry::File(sibling)) if !sibling.version.is_older_than(&version) => {
                    variants.push((Some(coding), sibling));
                }
                Err(Failure::WouldWait) => return Err(Failure::WouldWait),
                Ok(_) | Err(Failure::Refused(_)) => {}
            }
        }
        Ok(Some(Self { variants }))
    }

    /// Takes one of the opened files.
    pub(super) fn into_file(mut self, index: usize) -> Option<OpenFile> {
        (index < self.variants.len()).then(|| self.variants.swap_remove(index).1)
    }
}

impl Resource {
    /// Describes opened files, which were seen in `tick`.
    pub(super) fn new(
        path: &Path,
        opened: &OpenResource,
        cache_control: &HeaderValue,
        now: Timestamp,
        tick: u64,
    ) -> Result<Self, FileRefusal> {
        let has_siblings = opened.variants.len() > 1;
        let media_type = MediaType::from_path(path);
        let mut variants = Vec::with_capacity(opened.variants.len());
        for (coding, OpenFile { version, .. }) in &opened.variants {
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
            variants.push(Variant { suffix, version, validators, fields, content: OnceLock::new() });
        }
        Ok(Self {
            is_settled: variants.iter().all(|variant| variant.version.is_settled(now)),
            variants,
            codings: opened.variants.iter().filter_map(|(coding, _)| Some((*coding)?.name)).collect(),
            seen_at: AtomicU64::new(tick),
        })
    }

    /// Returns true if opened files are those that it describes.
    pub(super) fn describes(&self, opened: &OpenResource) -> bool {
        let codings = opened.variants.iter().filter_map(|(coding, _)| Some((*coding)?.name));
        let versions = opened.variants.iter().map(|(_, file)| file.version);
        codings.eq(self.codings.iter().copied())
            && versions.eq(self.variants.iter().map(|variant| variant.version))
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
    pub(super) fn variant(&self, index: usize) -> Option<&Variant> {
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

impl Variant {
    /// The path below the root, where `path` is that of the file itself.
    pub(super) fn path(&self, path: &Path) -> PathBuf {
        with_suffix(path, self.suffix)
    }

    /// The content, if it was kept.
    pub(super) fn content(&self) -> Option<&Bytes> {
        self.content.get()
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn may_have_siblings(path: &Path) -> bool {
    let name = path.as_os_str().as_encoded_bytes();
    let is_sibling = CODINGS.iter().any(|coding| name.ends_with(coding.suffix.as_bytes()));
    !is_sibling && !MediaType::from_path(path).is_compressed()
}
