//! Tests with a clock of their own, for files that are kept in memory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

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
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("public");
        fs::create_dir(&root).unwrap();
        let settings = FileSettings { root, ..FileSettings::default() };
        Self { directory, files: Files::new(settings, memory), ahead }
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

    async fn get(&self, path: &str, tick: u64) -> (u16, String) {
        let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
        let head = RequestHead::parse(head.as_bytes()).unwrap();
        let now = self.now() + self.ahead;
        let response = self.files.respond(&FileRequest { head: &head, now, tick }).await;
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
