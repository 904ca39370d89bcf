//! Tests with a clock of their own, for files that are kept in memory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use http::header::{ETAG, LAST_MODIFIED};
use jiff::SignedDuration;
use tempfile::TempDir;

use super::*;

/// A directory, whose files are looked at by a clock that is ahead, so that those that were just written are kept.
struct Site {
    directory: TempDir,
    files: Files,
    ahead: SignedDuration,
}

impl Site {
    fn new(ahead: SignedDuration, memory: usize) -> Self {
        Self::with_descriptors(ahead, memory, &REQUESTS)
    }

    fn with_descriptors(
        ahead: SignedDuration,
        memory: usize,
        descriptors: &'static LazyLock<RequestDescriptors>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("public");
        fs::create_dir(&root).unwrap();
        let settings = FileSettings { root, ..FileSettings::default() };
        Self { directory, files: Files::with_descriptors(settings, memory, descriptors), ahead }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("public").join(name)
    }

    /// Writes a file so that it has another version than before.
    fn write(&self, name: &str, content: &str) {
        let version =
            || fs::metadata(self.path(name)).ok().map(|metadata| version::FileVersion::new(&metadata));
        let before = version();
        while version() == before {
            fs::write(self.path(name), content).unwrap();
        }
    }

    /// The time, by the clock of the file system.
    fn now(&self) -> Timestamp {
        let modified = tempfile::tempfile_in(&self.directory).unwrap().metadata().unwrap().modified();
        modified.unwrap().try_into().unwrap()
    }

    async fn stored(&self, path: &str) -> Result<StoredContent, u16> {
        let response = self.respond(path, self.now(), 1).await;
        match response.content {
            FileContent::Stored(content) => Ok(content),
            FileContent::Memory(_) => Err(response.status.as_u16()),
        }
    }

    async fn respond(&self, path: &str, now: Timestamp, tick: u64) -> FileResponse {
        let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
        let head = RequestHead::parse(head.as_bytes()).unwrap();
        self.files.respond(&FileRequest { head: &head, now, tick, read_first: 0 }).await
    }

    async fn get(&self, path: &str, tick: u64) -> (u16, String) {
        let response = self.respond(path, self.now() + self.ahead, tick).await;
        let FileContent::Memory(content) = response.content else { panic!("a small file") };
        (response.status.as_u16(), String::from_utf8(content.to_vec()).unwrap())
    }
}

const AHEAD: SignedDuration = SignedDuration::from_secs(10);
const ENOUGH: usize = 1 << 20;

fn ok(content: &str) -> (u16, String) {
    (200, content.into())
}

#[tokio::test]
async fn a_kept_file_is_looked_at_again_in_the_next_tick() {
    let site = Site::new(AHEAD, ENOUGH);
    site.write("a", "one");
    assert_eq!(site.get("/a", 1).await, ok("one"));
    let modified = fs::metadata(site.path("a")).unwrap().modified().unwrap();
    site.write("a", "two");
    fs::File::open(site.path("a")).unwrap().set_modified(modified).unwrap();
    assert_eq!(site.get("/a", 1).await, ok("one"), "it was kept");
    assert_eq!(site.get("/a", 2).await, ok("two"));

    site.write("b", "three");
    fs::rename(site.path("b"), site.path("a")).unwrap();
    assert_eq!(site.get("/a", 3).await, ok("three"));
    site.write("a.gz", "smaller");
    assert_eq!(site.get("/a", 4).await, ok("smaller"));
    fs::remove_file(site.path("a.gz")).unwrap();
    assert_eq!(site.get("/a", 5).await, ok("three"));
    fs::rename(site.path("a"), site.directory.path().join("a")).unwrap();
    symlink("../a", site.path("a")).unwrap();
    assert_eq!(site.get("/a", 6).await.0, 404, "the same file outside of the root");
    fs::remove_file(site.path("a")).unwrap();
    assert_eq!(site.get("/a", 7).await.0, 404);
    fs::create_dir(site.path("a")).unwrap();
    assert_eq!(site.get("/a", 8).await.0, 301);
}

#[tokio::test]
async fn a_file_that_has_just_changed_is_not_kept() {
    let site = Site::new(SignedDuration::ZERO, ENOUGH);
    for content in ["one", "two"] {
        site.write("a", content);
        assert_eq!(site.get("/a", 1).await, ok(content));
    }
}

#[tokio::test]
async fn kept_files_do_not_take_more_memory_than_allowed() {
    let site = Site::new(AHEAD, 50_000);
    let content = "x".repeat(5_000);
    for name in 0..20 {
        fs::write(site.path(&name.to_string()), &content).unwrap();
    }
    for tick in 0..3 {
        for name in 0..20 {
            assert_eq!(site.get(&format!("/{name}"), tick).await, ok(&content));
            assert!(site.files.finder.weight() <= 50_000);
        }
    }
    assert!(site.files.finder.weight() > 20_000);
    let none = Site::new(AHEAD, 0);
    none.write("a", "one");
    assert_eq!(none.get("/a", 1).await, ok("one"));
    assert_eq!(none.files.finder.weight(), 0);
}

#[tokio::test]
async fn a_file_is_settled_by_the_time_of_the_request() {
    let site = Site::new(-AHEAD, ENOUGH);
    site.write("a", "one");
    assert_eq!(site.get("/a", 1).await, ok("one"));
    assert_eq!(site.files.finder.weight(), 0, "a file from the future");
}

/// Changes files of a site, which have this content.
type Change = fn(&Site, &str);

/// The descriptors of a process with few of them.
static FEW: LazyLock<RequestDescriptors> = LazyLock::new(|| RequestDescriptors::new(Some(ALL as usize)));
const ALL: u32 = 8;

#[tokio::test(start_paused = true)]
async fn a_file_whose_descriptor_was_needed_is_opened_again_if_it_is_the_same() {
    let site = Site::with_descriptors(AHEAD, ENOUGH, &FEW);
    let content = "x".repeat(100_000);
    let changes: [(&str, Change, bool); 8] = [
        ("nothing", |_, _| (), true),
        ("a new name", |site, _| fs::rename(site.path("large"), site.path("moved")).unwrap(), false),
        ("another file", |site, _| fs::rename(site.path("other"), site.path("large")).unwrap(), false),
        ("other content", |site, content| site.write("large", content), false),
        (
            "a link out of the root",
            |site, _| {
                fs::rename(site.path("large"), site.directory.path().join("large")).unwrap();
                symlink("../large", site.path("large")).unwrap();
            },
            false,
        ),
        (
            "times of before",
            |site, content| {
                let modified = fs::metadata(site.path("large")).unwrap().modified().unwrap();
                site.write("large", content);
                fs::File::open(site.path("large")).unwrap().set_modified(modified).unwrap();
            },
            false,
        ),
        ("a second name", |site, _| fs::hard_link(site.path("large"), site.path("second")).unwrap(), true),
        ("another link to it", |site, _| symlink("large", site.path("link")).unwrap(), true),
    ];
    for (change, make, is_same) in changes {
        for name in ["large", "other"] {
            let _ = fs::remove_file(site.path(name));
            fs::write(site.path(name), &content).unwrap();
        }
        let files = [site.stored("/large").await.unwrap(), site.stored("/large").await.unwrap()];
        for file in &files {
            file.file().set_aside();
        }
        make(&site, &content);
        let taken = FEW.take(ALL).await;
        assert!(files.iter().all(|file| file.file().get().is_none()), "{change}");
        drop(taken);
        for file in &files {
            let read = file.read(50_000..50_010).await.map(|bytes| bytes == "xxxxxxxxxx");
            assert_eq!(read.ok(), is_same.then_some(true), "{change}");
        }
    }
    for name in ["large", "other"] {
        fs::write(site.path(name), &content).unwrap();
    }
    let taken = FEW.take(ALL).await;
    assert_eq!(site.stored("/other").await.unwrap_err(), 503, "nobody gives any back");
    drop(taken);
    assert!(site.stored("/other").await.is_ok());
}

#[tokio::test]
async fn only_a_file_whose_next_change_will_show_has_validators() {
    for (ahead, has_validators) in [(AHEAD, true), (SignedDuration::ZERO, false)] {
        let site = Site::new(ahead, ENOUGH);
        site.write("a", "one");
        let fields = site.respond("/a", site.now() + ahead, 1).await.fields;
        for name in [ETAG, LAST_MODIFIED] {
            assert_eq!(fields.contains_key(&name), has_validators, "{name} {ahead}");
        }
    }
}

#[tokio::test]
async fn the_first_bytes_are_read_if_the_file_has_not_changed() {
    let site = Site::new(AHEAD, ENOUGH);
    fs::write(site.path("large"), "x".repeat(100_000)).unwrap();
    for (length, expected) in [
        (0, vec![Part::Range(0..100_000)]),
        (3, vec![Part::Bytes("xxx".into()), Part::Range(3..100_000)]),
        (200_000, vec![Part::Bytes("x".repeat(100_000).into()), Part::Range(100_000..100_000)]),
    ] {
        let mut content = site.stored("/large").await.unwrap();
        assert_eq!(content.read_first(length).await, Ok(()), "{length}");
        let parts: Vec<_> = std::iter::from_fn(|| content.next_part()).collect();
        assert!(parts == expected, "{length}");
    }
    let mut content = site.stored("/large").await.unwrap();
    site.write("large", "other");
    assert_eq!(content.read_first(3).await, Err(FileRefusal::Changed));
}
