//! Loading the config file together with the files that it names.

mod admin_files;
mod hook_files;
mod unit;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use crate::config::diagnostic::Diagnostic;
use crate::config::read_file::{ReadFile, UnreadableCause, UnreadableFile};
use crate::config::{
    Config, LintContext, MissingPeriodsFile, ParseOptions, ParsedConfig, UnusableCertificate,
};
use crate::hex;
use crate::store::closed_directory::closed_directory;
use crate::store::dangling;
use crate::store::read::{self, FileStamp, MAX_LENGTH, ReadError};

/// The config file and the files that it names, as they were when they were read.
#[derive(Debug)]
pub struct Loaded {
    /// The config, or the diagnostics of an invalid file.
    pub reading: ParsedConfig,
    /// The SHA-256 of the config file and the periods file, one after the other, in hexadecimal; `None` if the config file could
    /// not be read.
    pub sha256: Option<String>,
    /// The SHA-256 of everything that was read. If it is the same, nothing has changed.
    pub fingerprint: [u8; 32],
    /// Each file that the config depends on, with its stamp; `None` if the file was not there.
    pub stamps: Vec<(PathBuf, Option<FileStamp>)>,
    /// True if the config file is a mount point of its own.
    pub is_mount_point: bool,
    /// True if a file changed while it was read, so that the result must not be used.
    pub changing: bool,
    /// True if a file could not be read for lack of descriptors: it may be readable soon although no stamp changes.
    pub lacked_descriptors: bool,
}

/// Reads the config file at `path` and the files that it names.
pub fn load(path: &Path) -> Loaded {
    let (unusable, missing_periods) = (UnusableCertificate::Refuse, MissingPeriodsFile::CountsAsEmpty);
    load_with(path, FileReader::default(), ParseOptions { unusable, missing_periods })
}

/// As [`load`], for a gateway that runs. Certificates whose files cannot be used are replaced by those in use for the same
/// files, or left out. A periods file that does not exist is an error, unless it did not exist before either.
pub fn load_again(path: &Path, in_use: &Config) -> Loaded {
    let was_missing = in_use.periods_file.as_ref().is_some_and(|file| file.content.is_none());
    let missing_periods =
        if was_missing { MissingPeriodsFile::CountsAsEmpty } else { MissingPeriodsFile::Refuse };
    let unusable = UnusableCertificate::Replace(&in_use.certificates);
    load_with(path, FileReader::default(), ParseOptions { unusable, missing_periods })
}

/// As [`load`], for a command that does not serve. Certificates and keys that this user may not read are not checked, and those
/// that cannot be used are left out.
pub fn load_to_show(path: &Path) -> Loaded {
    load_with(path, FileReader::without_private_files(), TO_SHOW)
}

/// The options of commands that do not serve.
const TO_SHOW: ParseOptions<'_> =
    ParseOptions { unusable: UnusableCertificate::Note, missing_periods: MissingPeriodsFile::CountsAsEmpty };

fn load_with(path: &Path, reader: FileReader, options: ParseOptions<'_>) -> Loaded {
    let reader = RefCell::new(reader);
    let content = reader.borrow_mut().read(path);
    let main = content.as_ref().ok().map(Sha256::new_with_prefix);
    let reading = match content {
        Ok(bytes) => parse(path, bytes, &|path| reader.borrow_mut().read_named(path), options),
        Err(error) => ParsedConfig::refused(unreadable(path, &error)),
    };
    let periods = reading.periods_file.as_ref().and_then(|file| file.content.as_deref());
    let sha256 = main.map(|main| hash_of_both(main, periods));
    let FileReader { hash, stamps, mut changing, lacked_descriptors, .. } = reader.into_inner();
    // The first file may have changed before the last was read: such a combination never existed on disk.
    changing |= stamps.iter().any(|(file, stamp)| FileStamp::from_path(file) != *stamp);
    let is_mount_point = read::is_mount_point(path);
    let fingerprint = hash.finalize().into();
    Loaded { reading, sha256, fingerprint, stamps, is_mount_point, changing, lacked_descriptors }
}

impl Loaded {
    /// Adds the warnings and notes about a valid config, now on this machine.
    pub fn lint(&mut self, now: Timestamp) {
        self.lint_at(now, now);
    }

    /// As [`Self::lint`], but as of another time than the `clock` shows.
    pub fn lint_at(&mut self, now: Timestamp, clock: Timestamp) {
        let config = self.reading.config.as_ref();
        let periods_file = config.and_then(|config| config.periods_file.as_ref());
        let context = LintContext {
            now,
            clock,
            machine_zone: TimeZone::system(),
            is_mount_point: self.is_mount_point,
            is_periods_file_mount_point: periods_file.is_some_and(|file| read::is_mount_point(&file.path)),
            admin_faults: self.reading.config.as_ref().map(admin_files::faults).unwrap_or_default(),
            command_faults: hook_files::command_faults(&self.reading.hooks),
            secret_faults: hook_files::secret_faults(&self.reading.hooks),
            stop_limit: self.stamps.first().and_then(|(path, _)| unit::stop_limit(path)),
        };
        self.reading.lint(&context);
    }
}

/// Reads files, and records their stamps and a hash of their contents.
#[derive(Default)]
struct FileReader {
    hash: Sha256,
    stamps: Vec<(PathBuf, Option<FileStamp>)>,
    changing: bool,
    lacked_descriptors: bool,
    /// True if files that this user may not read are not needed.
    skips_private: bool,
}

impl FileReader {
    fn without_private_files() -> Self {
        Self { skips_private: true, ..Self::default() }
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, ReadError> {
        let before = FileStamp::from_path(path);
        let result = read::read(path, MAX_LENGTH);
        self.hash.update(path.as_os_str().as_encoded_bytes());
        match &result {
            Ok((bytes, _)) => self.hash.update([&[0], Sha256::digest(bytes).as_slice()].concat()),
            Err(error) => self.hash.update(format!("\u{1}{error}")),
        }
        self.changing |= matches!(result, Err(ReadError::Changing));
        self.lacked_descriptors |= result.as_ref().is_err_and(ReadError::is_out_of_descriptors);
        self.stamps.push((path.to_owned(), result.as_ref().map_or(before, |(_, stamp)| Some(*stamp))));
        result.map(|(bytes, _)| bytes)
    }

    /// Reads a file that the config file names.
    fn read_named(&mut self, path: &Path) -> Result<Vec<u8>, UnreadableFile> {
        self.read(path).map_err(|error| {
            let closed_directory = closed_directory_of(path, &error);
            let message = format!("{} {error}{}", path.display(), closed_part(closed_directory.as_deref()));
            let cause = match error.is_forbidden() {
                true if self.skips_private => UnreadableCause::Private,
                true => UnreadableCause::Forbidden,
                false if error.is_missing() => UnreadableCause::Missing,
                false => UnreadableCause::Other,
            };
            UnreadableFile { message, cause, closed_directory }
        })
    }
}

fn parse(path: &Path, bytes: Vec<u8>, read: ReadFile<'_>, options: ParseOptions<'_>) -> ParsedConfig {
    let name = path.display().to_string();
    match String::from_utf8(bytes) {
        Ok(text) => {
            let mut reading = Config::parse_with(&name, &text, directory(path), read, options);
            if let Some(config) = &mut reading.config {
                config.file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            }
            reading
        }
        Err(error) => ParsedConfig::refused(Diagnostic::not_utf8(
            &name,
            error.as_bytes(),
            error.utf8_error().valid_up_to(),
        )),
    }
}

/// Parses `text` as if it were the content of the config file at `path`. Certificates and keys that this user may not read are
/// not checked, and those that cannot be used are left out.
pub fn preview(path: &Path, text: &str) -> ParsedConfig {
    preview_with(path, text, None)
}

/// As [`preview`], with another text for the file at `periods`, which the text names as its periods file.
pub fn preview_with(path: &Path, text: &str, periods: Option<(&Path, &str)>) -> ParsedConfig {
    let reader = RefCell::new(FileReader::without_private_files());
    let read = |path: &Path| match periods.filter(|(periods, _)| *periods == path) {
        Some((_, text)) => Ok(text.as_bytes().to_vec()),
        None => reader.borrow_mut().read_named(path),
    };
    Config::parse_with(&path.display().to_string(), text, directory(path), &read, TO_SHOW)
}

fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Returns the error for the file at `path`, which cannot be read.
fn unreadable(path: &Path, error: &ReadError) -> Diagnostic {
    let name = path.display();
    if let Some(target) = error.is_missing().then(|| dangling(path)).flatten() {
        let message = format!("{name} is a symbolic link to {}, which does not exist", target.display());
        return Diagnostic::for_file(message, "create the target, or correct the link");
    }
    let closed = closed_part(closed_directory_of(path, error).as_deref());
    Diagnostic::for_file(format!("{name} {error}{closed}"), help(error))
}

/// Returns the directory that keeps this user from a file.
fn closed_directory_of(path: &Path, error: &ReadError) -> Option<PathBuf> {
    error.is_forbidden().then(|| closed_directory(path)).flatten()
}

/// Returns the part of a message that names such a directory.
fn closed_part(directory: Option<&Path>) -> String {
    let part = |directory: &Path| format!(": the directory {} is closed to it", directory.display());
    directory.map(part).unwrap_or_default()
}

fn help(error: &ReadError) -> &'static str {
    match error {
        ReadError::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
            "create it, or name another file with -c FILE or DOWNTIME_CONFIG"
        }
        error if error.is_out_of_descriptors() => {
            "allow more open files with `LimitNOFILE=` in the unit, or `ulimit -n`"
        }
        ReadError::Io(error) => read::path_help(error)
            .unwrap_or("check the owner and mode of the file and of the directories above it"),
        ReadError::NotRegular(_) => "name a file with -c FILE",
        ReadError::TooLong(_) => "a configuration file has at most 1 MiB: is this the right one?",
        ReadError::Changing => "try again when the other program has finished writing",
    }
}

/// Returns the SHA-256 of the main file and the periods file, one after the other, in hexadecimal.
pub fn sha256(main: &[u8], periods: Option<&[u8]>) -> String {
    hash_of_both(Sha256::new_with_prefix(main), periods)
}

fn hash_of_both(main: Sha256, periods: Option<&[u8]>) -> String {
    hex::encode(&main.chain_update(periods.unwrap_or_default()).finalize())
}
