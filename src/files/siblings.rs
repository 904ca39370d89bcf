//! Finds a file and its compressed siblings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::media_type::MediaType;
use super::open::{Entry, Failure, LocatedFile, OpenFile, RootDirectory};
use super::refusal::FileRefusal;
use super::version::FileVersion;

/// A content coding, and how the name of a file that has it ends.
pub(super) struct Coding {
    pub(super) name: &'static str,
    pub(super) suffix: &'static str,
}

/// In the order in which clients get them, if they have no preference.
const CODINGS: [Coding; 3] = [
    Coding { name: "br", suffix: ".br" },
    Coding { name: "zstd", suffix: ".zst" },
    Coding { name: "gzip", suffix: ".gz" },
];

/// A file and its siblings, as they were found.
#[derive(Debug)]
pub(super) struct LocatedResource {
    root: RootDirectory,
    /// The file itself is the first.
    candidates: Vec<Candidate>,
}

/// One of the files.
#[derive(Debug)]
struct Candidate {
    coding: Option<&'static Coding>,
    version: FileVersion,
    state: CandidateState,
}

#[derive(Debug)]
enum CandidateState {
    Located(LocatedFile),
    Opened(OpenFile),
    Forbidden,
}

impl std::fmt::Debug for Coding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Coding {
    fn all(path: &Path) -> &'static [Self] {
        let name = path.as_os_str().as_encoded_bytes();
        let is_sibling = CODINGS.iter().any(|coding| name.ends_with(coding.suffix.as_bytes()));
        if is_sibling || MediaType::from_path(path).is_compressed() { &[] } else { &CODINGS }
    }
}

impl LocatedResource {
    /// Locates a file and its siblings, and opens them unless they are known. A sibling counts only if it is not older than the
    /// file, and can be opened.
    pub(super) fn find(
        root: RootDirectory,
        path: &Path,
        is_known: impl Fn(&Self) -> bool,
    ) -> Result<Self, Failure> {
        let mut found = Self::locate(root, path)?;
        if !is_known(&found) {
            found.open_all(path)?;
        }
        Ok(found)
    }

    fn locate(root: RootDirectory, path: &Path) -> Result<Self, Failure> {
        let Entry::File(located) = root.locate(path)? else {
            return Err(FileRefusal::Directory.into());
        };
        let version = located.version;
        let mut candidates = vec![Candidate::new(None, located)];
        for coding in Coding::all(path) {
            match root.locate(&with_suffix(path, coding.suffix)) {
                Ok(Entry::File(located)) if !located.version.is_older_than(&version) => {
                    candidates.push(Candidate::new(Some(coding), located));
                }
                Err(Failure::WouldWait) => return Err(Failure::WouldWait),
                Ok(_) | Err(Failure::Refused(_)) => {}
            }
        }
        Ok(Self { root, candidates })
    }

    /// Opens the file and its siblings, with one more descriptor than before at most.
    fn open_all(&mut self, path: &Path) -> Result<(), Failure> {
        for mut candidate in std::mem::take(&mut self.candidates) {
            let CandidateState::Located(located) = &candidate.state else { continue };
            match self.root.open_file(&with_suffix(path, candidate.suffix()), located) {
                Ok(file) => candidate.state = CandidateState::Opened(file),
                Err(Failure::Refused(refusal)) if candidate.coding.is_some() => match refusal {
                    FileRefusal::Forbidden => candidate.state = CandidateState::Forbidden,
                    // Without it, it is tried again at the next look.
                    _ => continue,
                },
                Err(failure) => return Err(failure),
            }
            self.candidates.push(candidate);
        }
        Ok(())
    }

    /// Opens one of the files, unless that was done.
    pub(super) fn open(self, path: &Path, suffix: &str) -> Result<OpenFile, Failure> {
        let mut candidates = self.candidates.into_iter();
        match candidates.find(|candidate| candidate.suffix() == suffix).map(|candidate| candidate.state) {
            Some(CandidateState::Located(located)) => {
                self.root.open_file(&with_suffix(path, suffix), &located)
            }
            Some(CandidateState::Opened(file)) => Ok(file),
            Some(CandidateState::Forbidden) | None => Err(FileRefusal::Internal.into()),
        }
    }

    /// The files that were opened.
    pub(super) fn opened(&self) -> impl Iterator<Item = (Option<&'static Coding>, FileVersion)> {
        let opened =
            self.candidates.iter().filter(|candidate| matches!(candidate.state, CandidateState::Opened(_)));
        opened.map(|candidate| (candidate.coding, candidate.version))
    }

    /// All files, by the name of their coding.
    pub(super) fn versions(&self) -> impl Iterator<Item = (Option<&'static str>, FileVersion)> {
        let version = |candidate: &Candidate| (candidate.coding.map(|coding| coding.name), candidate.version);
        self.candidates.iter().map(version)
    }
}

impl Candidate {
    fn new(coding: Option<&'static Coding>, located: LocatedFile) -> Self {
        Self { coding, version: located.version, state: CandidateState::Located(located) }
    }

    fn suffix(&self) -> &'static str {
        self.coding.map_or("", |coding| coding.suffix)
    }
}

/// Appends a suffix to the name of a file.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
