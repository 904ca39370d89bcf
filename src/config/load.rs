//! Reads the config file and the files that it names, as one.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use crate::config::diagnostic::Diagnostic;
use crate::config::templates::ReadFile;
use crate::config::{Config, LintContext, ParsedConfig};
use crate::hex;
use crate::store::read::{self, FileStamp, MAX_LENGTH, ReadError};

/// The config file and all that it rests on, as one reading found them.
#[derive(Debug)]
pub struct Loaded {
    /// The config, or the diagnostics alone; and the other files that it rests on.
    pub reading: ParsedConfig,
    /// The SHA-256 of the config file's bytes, in hexadecimal; `None` where it could not be read.
    pub sha256: Option<String>,
    /// The SHA-256 of everything that was read: the same means that nothing has changed.
    pub fingerprint: [u8; 32],
    /// Each file that was read, or should have been, and its state then.
    pub stamps: Vec<(PathBuf, Option<FileStamp>)>,
    /// Whether the config file is mounted by itself.
    pub is_mount_point: bool,
    /// Whether a file was written to meanwhile, so that this reading does not count.
    pub changing: bool,
}

/// Reads the config file and the files that it names.
pub fn load(path: &Path) -> Loaded {
    let reader = RefCell::new(FileReader::default());
    let content = reader.borrow_mut().read(path);
    let sha256 = content.as_ref().ok().map(|bytes| sha256(bytes));
    let reading = match content {
        Ok(bytes) => interpret(path, bytes, &|path| reader.borrow_mut().read_text(path)),
        Err(error) => {
            ParsedConfig::refused(Diagnostic::of_file(format!("{} {error}", path.display()), remedy(&error)))
        }
    };
    let FileReader { hash, stamps, mut changing } = reader.into_inner();
    // What was read first may have gone before the last was there: together they are nothing that ever stood so.
    changing |= stamps.iter().any(|(file, stamp)| FileStamp::from_path(file) != *stamp);
    let is_mount_point = read::is_mount_point(path);
    Loaded { reading, sha256, fingerprint: hash.finalize().into(), stamps, is_mount_point, changing }
}

impl Loaded {
    /// Adds the warnings of what is valid and probably not meant, as it stands at `now` on this machine.
    pub fn lint(&mut self, now: Timestamp) {
        let context =
            LintContext { now, machine_zone: TimeZone::system(), is_mount_point: self.is_mount_point };
        self.reading.lint(&context);
    }
}

/// Reads files, and remembers which and what was in them.
#[derive(Default)]
struct FileReader {
    hash: Sha256,
    stamps: Vec<(PathBuf, Option<FileStamp>)>,
    changing: bool,
}

impl FileReader {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, ReadError> {
        let before = FileStamp::from_path(path);
        let read = read::read(path, MAX_LENGTH);
        self.hash.update(path.as_os_str().as_encoded_bytes());
        match &read {
            Ok((bytes, _)) => self.hash.update([&[0], Sha256::digest(bytes).as_slice()].concat()),
            Err(error) => self.hash.update(format!("\u{1}{error}")),
        }
        self.changing |= matches!(read, Err(ReadError::Changing));
        self.stamps.push((path.to_owned(), read.as_ref().map_or(before, |(_, stamp)| Some(*stamp))));
        read.map(|(bytes, _)| bytes)
    }

    fn read_text(&mut self, path: &Path) -> Result<String, String> {
        let bytes = self.read(path).map_err(|error| format!("{} {error}", path.display()))?;
        String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", path.display()))
    }
}

fn interpret(path: &Path, bytes: Vec<u8>, read: ReadFile<'_>) -> ParsedConfig {
    let name = path.display().to_string();
    match String::from_utf8(bytes) {
        Ok(text) => Config::read(&name, &text, folder(path), read),
        Err(error) => ParsedConfig::refused(Diagnostic::not_utf8(
            &name,
            error.as_bytes(),
            error.utf8_error().valid_up_to(),
        )),
    }
}

/// What a text would say if it stood in the file at `path`.
pub fn preview(path: &Path, text: &str) -> ParsedConfig {
    let reader = RefCell::new(FileReader::default());
    Config::read(&path.display().to_string(), text, folder(path), &|path| reader.borrow_mut().read_text(path))
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn remedy(error: &ReadError) -> &'static str {
    match error {
        ReadError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
            "create it, or name another with -c FILE or DOWNTIME_CONFIG"
        }
        ReadError::Io(_) => "see who owns it, its mode, and those of the directories above it",
        ReadError::NotRegular(_) => "name the file itself with -c FILE",
        ReadError::TooLong(_) => "a config file has at most 1 MiB: is this the right one?",
        ReadError::Changing => "wait until it is written",
    }
}

/// The SHA-256 of a file's bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}
