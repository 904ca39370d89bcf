//! Static files over a real socket.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{CWD, Mode, OFlags, inotify, mkfifoat};
use rustix::io::Errno;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::process::{ConfigDirectory, GatewayProcess};

const DEADLINE: Duration = Duration::from_secs(10);
/// More than the socket buffers of both ends hold, so that the server is still reading the file.
const LARGE: usize = 32 * 1024 * 1024;

/// A server of a directory `public`, with a file `secret` beside it that must not be served.
struct FileServer(GatewayProcess);

impl FileServer {
    fn new() -> Self {
        Self::with("")
    }

    /// With more keys of `[site]`, and sections behind it.
    fn with(config: &str) -> Self {
        let directory = ConfigDirectory::with(&format!("[site]\nroot = \"public\"\n{config}"));
        fs::create_dir(directory.join("public")).unwrap();
        directory.write("secret", "secret");
        Self(GatewayProcess::on(directory))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.directory.join("public").join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    async fn send(&self, request: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let mut stream = socket.connect(self.0.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn fetch(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> FileResponse {
        let mut stream = self.send(&request(method, path, fields)).await;
        FileResponse::read(&mut stream).await
    }

    async fn get(&self, path: &str) -> FileResponse {
        self.fetch("GET", path, &[]).await
    }

    /// Waits until a file has validators: for 2 to 3 s after a change it has none.
    async fn settled(&self, path: &str) -> FileResponse {
        within(async {
            loop {
                let response = self.get(path).await;
                if response.field("etag").is_some() {
                    return response;
                }
                // A pace, so that the polls do not take the processor from other tests.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
    }

    async fn get_with(&self, path: &str, name: &str, value: &str) -> FileResponse {
        self.fetch("GET", path, &[(name, value)]).await
    }
}

fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> String {
    let mut lines =
        vec![format!("{method} {path} HTTP/1.1"), "Host: a.example".into(), "Connection: close".into()];
    lines.extend(fields.iter().map(|(name, value)| format!("{name}: {value}")));
    lines.join("\r\n") + "\r\n\r\n"
}

/// A FIFO. Dropping it wakes a server that waits for it to open, so that such a test fails and does not hang.
struct Fifo(PathBuf);

impl Fifo {
    fn new(path: PathBuf) -> Self {
        mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        Self(path)
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = rustix::fs::open(&self.0, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty());
    }
}

#[derive(Debug)]
struct FileResponse {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl FileResponse {
    async fn read(stream: &mut TcpStream) -> Self {
        let head = read_head(stream).await;
        let body = read_rest(stream).await;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body }
    }

    fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("a response within the deadline")
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.expect("a whole head"));
    }
    String::from_utf8(head).unwrap()
}

/// Reads until the server closes the connection, cleanly or not.
async fn read_rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut body = Vec::new();
    let _ = within(stream.read_to_end(&mut body)).await;
    body
}

/// Sends a GET. Returns the stream, the first mebibyte of the body, and the announced length.
async fn begin_reading(site: &FileServer, path: &str) -> (TcpStream, Vec<u8>, usize) {
    let mut stream = site.send(&request("GET", path, &[])).await;
    let head = read_head(&mut stream).await;
    let mut body = vec![0; 1024 * 1024];
    within(stream.read_exact(&mut body)).await.unwrap();
    (stream, body, field(&head, "content-length").unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_file_has_its_type_length_date_and_validator() {
    let site = FileServer::new();
    site.write("a.html", "<p>hello");
    let modified = UNIX_EPOCH + Duration::from_secs(784_111_777);
    fs::File::open(site.path("a.html")).unwrap().set_modified(modified).unwrap();
    let response = site.settled("/a.html?v=1").await;
    assert_eq!((response.status, response.text()), (200, "<p>hello"));
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("content-length", "8"),
        ("accept-ranges", "bytes"),
        ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-cache"),
    ] {
        assert_eq!(response.field(name), Some(value), "{name}");
    }
    assert!(response.field("etag").unwrap().starts_with('"'));
    assert_eq!(response.field("transfer-encoding"), None);
}

#[tokio::test]
async fn the_content_type_follows_the_extension() {
    let site = FileServer::new();
    for (name, kind) in [
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.cjs", "text/javascript; charset=utf-8"),
        ("a.svg", "image/svg+xml"),
        ("a.otf", "font/otf"),
        ("a.woff", "font/woff"),
        ("a.woff2", "font/woff2"),
        ("a.ts", "video/mp2t"),
        ("a.mts", "video/mp2t"),
        ("a.tsx", "application/octet-stream"),
        ("a.PNG", "image/png"),
        ("a", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
    ] {
        site.write(name, "a");
        assert_eq!(site.get(&format!("/{name}")).await.field("content-type"), Some(kind), "{name}");
    }
}

#[tokio::test]
async fn a_picture_that_is_compressed_by_its_type_says_so() {
    let site = FileServer::new();
    site.write("a.svgz", "by gzip");
    site.write("a.SVGZ", "by gzip");
    site.write("a.svgz.gz", "not sent");
    for path in ["/a.svgz", "/a.SVGZ"] {
        for accepted in ["gzip", ""] {
            let response = site.get_with(path, "Accept-Encoding", accepted).await;
            assert_eq!((response.status, response.text()), (200, "by gzip"), "{path}");
            assert_eq!(response.field("content-type"), Some("image/svg+xml"), "{path}");
            assert_eq!(response.field("content-encoding"), Some("gzip"), "{path}");
        }
    }
}

#[tokio::test]
async fn head_has_the_fields_of_get_and_no_body() {
    let site = FileServer::new();
    site.write("a.txt", "hello");
    site.write("large", vec![b'a'; 300 * 1024]);
    fs::create_dir(site.path("directory")).unwrap();
    let undated = |head: &str| {
        head.lines().filter(|line| !line.starts_with("date")).map(String::from).collect::<Vec<_>>()
    };
    for path in ["/a.txt", "/large", "/missing", "/directory", "/%00", "/.hidden"] {
        let (get, head) = (site.get(path).await, site.fetch("HEAD", path, &[]).await);
        assert_eq!(undated(&get.head), undated(&head.head), "{path}");
        assert_eq!(get.body.len().to_string(), head.field("content-length").unwrap(), "{path}");
        assert_eq!(head.text(), "", "{path}");
    }
}

#[tokio::test]
async fn only_get_head_and_options_are_allowed() {
    let site = FileServer::new();
    site.write("a", "a");
    for (method, status) in [("POST", 405), ("PUT", 405), ("DELETE", 405), ("PATCH", 405), ("OPTIONS", 204)] {
        let response = site.fetch(method, "/a", &[("Content-Length", "0")]).await;
        assert_eq!(
            (response.status, response.field("allow")),
            (status, Some("GET, HEAD, OPTIONS")),
            "{method}"
        );
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_root() {
    let site = FileServer::new();
    site.write("inside/a", "a");
    symlink("../secret", site.path("relative")).unwrap();
    symlink(site.0.directory.join("secret"), site.path("absolute")).unwrap();
    symlink("..", site.path("up")).unwrap();
    symlink("inside/../../secret", site.path("winding")).unwrap();
    symlink("/dev/zero", site.path("device")).unwrap();
    symlink("/proc/self/root", site.path("magic")).unwrap();
    symlink("loop", site.path("loop")).unwrap();
    for path in [
        "/relative",
        "/absolute",
        "/up",
        "/up/",
        "/up/secret",
        "/winding",
        "/device",
        "/magic/etc/passwd",
        "/loop",
        "/../secret",
        "/%2e%2e/secret",
        "/%2E%2E%2Fsecret",
        "/..%2fsecret",
        "/..%5csecret",
        "/..\\secret",
        "/inside/../../secret",
        "/%252e%252e/secret",
        "/./inside/a",
        "//inside/a",
        "/inside//a",
        "/inside%2fa",
    ] {
        let response = site.get(path).await;
        assert_eq!((response.status, response.text()), (404, "404 not found\n"), "{path}");
    }
}

#[tokio::test]
async fn a_symlink_that_is_not_followed_is_logged_for_who_looks_for_it() {
    let site = FileServer::with("[log]\nlevel = \"debug\"\n");
    site.write("a", "a");
    symlink(site.path("a"), site.path("absolute")).unwrap();
    assert_eq!(site.get("/absolute").await.status, 404);
    site.0.log().wait_for("a symbolic link leads out of the root, or its target is absolute path=absolute");
}

#[tokio::test]
async fn a_symlink_that_stays_inside_the_root_is_followed() {
    let site = FileServer::new();
    site.write("..2026/a.txt", "a");
    symlink("..2026", site.path("..data")).unwrap();
    symlink("..data/a.txt", site.path("a.txt")).unwrap();
    assert_eq!(site.get("/a.txt").await.text(), "a");
}

#[tokio::test]
async fn hidden_files_are_not_found_but_well_known_ones_are() {
    let site = FileServer::new();
    for name in
        [".hidden", ".git/config", "a/.htpasswd", "a/.well-known/b", ".well-known/.c", ".well-known/d"]
    {
        site.write(name, "a");
    }
    for (path, status) in [
        ("/.hidden", 404),
        ("/%2ehidden", 404),
        ("/.git", 404),
        ("/.git/config", 404),
        ("/a/.htpasswd", 404),
        ("/a/.well-known/b", 404),
        ("/.well-known/.c", 404),
        ("/.well-known/d", 200),
    ] {
        assert_eq!(site.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn anything_but_a_regular_file_is_not_found_and_never_hangs() {
    let site = FileServer::new();
    let _fifo = Fifo::new(site.path("fifo"));
    let _socket = UnixListener::bind(site.path("socket")).unwrap();
    site.write("file", "a");
    fs::create_dir_all(site.path("directory/index.html")).unwrap();
    let long = format!("/{}", "a".repeat(300));
    let deep = "/a".repeat(3000);
    for path in
        ["/fifo", "/fifo/", "/socket", "/file/", "/file/a", "/directory/", "/missing", "/", &long, &deep]
    {
        let response = site.get(path).await;
        assert_eq!((response.status, response.text()), (404, "404 not found\n"), "{path}");
        assert_eq!(response.field("cache-control"), Some("no-store"), "{path}");
        assert_eq!(response.field("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_sent_is_not_opened() {
    let site = FileServer::new();
    site.write("a.js", "a");
    let _fifos = ["fifo", "a.js.br"].map(|name| Fifo::new(site.path(name)));
    let events = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    for name in ["fifo", "a.js.br"] {
        inotify::add_watch(&events, site.path(name), inotify::WatchFlags::OPEN).unwrap();
    }
    let mut buffer = [std::mem::MaybeUninit::uninit(); 1024];
    let mut events = inotify::Reader::new(&events, &mut buffer);
    assert_eq!(site.get("/fifo").await.status, 404);
    assert_eq!(site.get_with("/a.js", "Accept-Encoding", "br").await.text(), "a");
    assert_eq!(events.next().map(|_| ()), Err(Errno::AGAIN), "nothing was opened");
    drop(rustix::fs::open(site.path("fifo"), OFlags::NONBLOCK, Mode::empty()).unwrap());
    assert!(events.next().is_ok(), "what is opened is noticed");
}

#[tokio::test]
async fn a_directory_that_cannot_be_listed_is_served_like_others() {
    let site = FileServer::new();
    site.write("a/index.html", "a");
    // Root can list it nevertheless.
    fs::set_permissions(site.path("a"), fs::Permissions::from_mode(0o311)).unwrap();
    assert_eq!(site.get("/a").await.field("location"), Some("/a/"));
    assert_eq!(site.get("/a/").await.text(), "a");
}

#[tokio::test]
async fn a_malformed_path_is_a_bad_request() {
    let site = FileServer::new();
    for path in ["/%", "/%zz", "/a%0", "/%00", "/a%00.html"] {
        assert_eq!(site.get(path).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn a_directory_serves_its_index_and_redirects_to_its_slash() {
    let site = FileServer::new();
    site.write("index.html", "top");
    site.write("a b/index.html", "below");
    site.write("evil.example/index.html", "a");
    assert_eq!(site.get("/").await.text(), "top");
    assert_eq!(site.get("/a%20b/").await.text(), "below");
    for (path, location) in
        [("/a%20b", "/a%20b/"), ("/a%20b?c=//d&e", "/a%20b/?c=//d&e"), ("/evil.example", "/evil.example/")]
    {
        let response = site.get(path).await;
        assert_eq!((response.status, response.field("location")), (301, Some(location)), "{path}");
    }
}

#[tokio::test]
async fn no_redirect_leaves_the_site() {
    let site = FileServer::new();
    site.write("evil.example/a/index.html", "a");
    for path in [
        "//evil.example",
        "//evil.example/a",
        "//evil.example/%2e%2e",
        "/..%2F%5cevil.example",
        "/%2fevil.example",
        "/%5cevil.example",
        "/\\evil.example",
        "/.//evil.example",
        "/evil.example/..",
        "/evil.example//a",
    ] {
        let response = site.get(path).await;
        assert_eq!((response.status, response.field("location")), (404, None), "{path}");
    }
}

#[tokio::test]
async fn a_single_range_gets_its_part() {
    let site = FileServer::new();
    site.write("ten", "0123456789");
    for (range, status, body, content_range) in [
        ("bytes=0-0", 206, "0", Some("bytes 0-0/10")),
        ("bytes=2-4", 206, "234", Some("bytes 2-4/10")),
        ("bytes=7-", 206, "789", Some("bytes 7-9/10")),
        ("bytes=8-99", 206, "89", Some("bytes 8-9/10")),
        ("bytes=-3", 206, "789", Some("bytes 7-9/10")),
        ("bytes=-99", 206, "0123456789", Some("bytes 0-9/10")),
        ("bytes=10-", 416, "416 range not satisfiable\n", Some("bytes */10")),
        ("bytes=-0", 416, "416 range not satisfiable\n", Some("bytes */10")),
        ("bytes=4-2", 200, "0123456789", None),
        ("bytes=8-99999999999999999999", 206, "89", Some("bytes 8-9/10")),
        ("bytes=-99999999999999999999", 206, "0123456789", Some("bytes 0-9/10")),
        ("bytes=99999999999999999999-", 416, "416 range not satisfiable\n", Some("bytes */10")),
    ] {
        let response = site.get_with("/ten", "Range", range).await;
        assert_eq!((response.status, response.text()), (status, body), "{range}");
        assert_eq!(response.field("content-range"), content_range, "{range}");
        assert_eq!(response.field("content-length"), Some(&*body.len().to_string()), "{range}");
    }
    let head = site.fetch("HEAD", "/ten", &[("Range", "bytes=0-0")]).await;
    assert_eq!((head.status, head.field("content-length")), (200, Some("10")));
}

#[tokio::test]
async fn a_range_across_chunks_is_exact() {
    let site = FileServer::new();
    let content: Vec<u8> = (0..500_000_u32).flat_map(u32::to_be_bytes).collect();
    site.write("large", &content);
    let response = site.get_with("/large", "Range", "bytes=3-1500001").await;
    assert_eq!(response.status, 206);
    assert!(response.body == content[3..=1_500_001]);
    assert!(site.get("/large").await.body == content);
}

#[tokio::test]
async fn an_empty_file_has_length_0() {
    let site = FileServer::new();
    site.write("empty", "");
    let response = site.get("/empty").await;
    assert_eq!((response.status, response.field("content-length"), response.text()), (200, Some("0"), ""));
}

#[tokio::test]
async fn conditional_requests_are_honoured() {
    let site = FileServer::new();
    site.write("a", "hello");
    let (etag, date) = {
        let response = site.settled("/a").await;
        (response.field("etag").unwrap().to_owned(), response.field("last-modified").unwrap().to_owned())
    };
    let early = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (fields, status) in [
        (&[("If-None-Match", &*etag)][..], 304),
        (&[("If-None-Match", "*")], 304),
        (&[("If-None-Match", "\"other\"")], 200),
        (&[("If-None-Match", "\"other\""), ("If-Modified-Since", &*date)], 200),
        (&[("If-Modified-Since", &*date)], 304),
        (&[("If-Modified-Since", early)], 200),
        (&[("If-Match", &*etag)], 200),
        (&[("If-Match", "\"other\"")], 412),
        (&[("If-Unmodified-Since", early)], 412),
        (&[("If-Unmodified-Since", &*date)], 200),
        (&[("Range", "bytes=1-2"), ("If-Range", &*etag)], 206),
        // Another version may have the same date.
        (&[("Range", "bytes=1-2"), ("If-Range", &*date)], 200),
        (&[("Range", "bytes=1-2"), ("If-Range", "\"other\"")], 200),
        (&[("Range", "bytes=9-"), ("If-Range", "\"other\"")], 200),
        (&[("Range", "bytes=1-2"), ("If-None-Match", &*etag)], 304),
    ] {
        let response = site.fetch("GET", "/a", fields).await;
        assert_eq!(response.status, status, "{fields:?}");
        if status == 304 {
            assert_eq!((response.field("etag"), response.text()), (Some(&*etag), ""), "{fields:?}");
            assert_eq!(response.field("last-modified"), Some(&*date), "{fields:?}");
            assert_eq!(response.field("cache-control"), Some("no-cache"), "{fields:?}");
        }
    }
}

#[tokio::test]
async fn a_version_of_the_same_size_and_date_has_another_etag() {
    // So that each request looks at the file.
    let site = FileServer::with("[limits]\nfile_cache = \"0B\"\n");
    site.write("a", "one");
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let touch = |path: &Path| fs::File::open(path).unwrap().set_modified(date).unwrap();
    touch(&site.path("a"));
    let first = site.settled("/a").await;
    site.write("b", "two");
    touch(&site.path("b"));
    fs::rename(site.path("b"), site.path("a")).unwrap();
    let tag = first.field("etag").unwrap();
    let second = site.get_with("/a", "If-None-Match", tag).await;
    assert_eq!((second.status, second.text()), (200, "two"));
    assert_ne!(site.settled("/a").await.field("etag"), Some(tag));
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_sent_breaks_the_connection() {
    let site = FileServer::new();
    site.write("large", vec![b'a'; LARGE]);
    let (mut stream, start, announced) = begin_reading(&site, "/large").await;
    let file = fs::OpenOptions::new().write(true).open(site.path("large")).unwrap();
    file.set_len(2 * 1024 * 1024).unwrap();
    assert!(start.len() + read_rest(&mut stream).await.len() < announced);
}

#[tokio::test]
async fn a_file_that_is_written_to_while_it_is_sent_breaks_the_connection() {
    // The same length, longer, and longer without a change before the old end.
    for (length, offset) in [(LARGE, 0), (LARGE + 1, 0), (4, LARGE)] {
        let site = FileServer::new();
        site.write("large", vec![b'a'; LARGE]);
        let (mut stream, start, announced) = begin_reading(&site, "/large").await;
        let file = fs::OpenOptions::new().write(true).open(site.path("large")).unwrap();
        file.write_all_at(&vec![b'b'; length], offset as u64).unwrap();
        assert!(start.len() + read_rest(&mut stream).await.len() < announced, "{length} at {offset}");
        site.0.log().wait_for("a file was sent only in part; more are not logged for a minute path=large");
        assert_eq!(site.get_with("/large", "Range", "bytes=-4").await.text(), "bbbb");
    }
}

#[tokio::test]
async fn a_file_that_is_written_to_and_gets_its_old_date_back_breaks_the_connection() {
    let site = FileServer::new();
    site.write("large", vec![b'a'; LARGE]);
    let file = fs::OpenOptions::new().write(true).open(site.path("large")).unwrap();
    let version = || {
        let metadata = file.metadata().unwrap();
        (metadata.len(), metadata.modified().unwrap(), metadata.ctime(), metadata.ctime_nsec())
    };
    let (mut stream, start, announced) = begin_reading(&site, "/large").await;
    let before = version();
    file.write_all_at(&vec![b'b'; LARGE], 0).unwrap();
    // Again until the clock of the file system shows another time.
    while version() == before || version().1 != before.1 {
        file.set_modified(before.1).unwrap();
    }
    assert_eq!(version().0, before.0);
    assert!(start.len() + read_rest(&mut stream).await.len() < announced);
}

#[tokio::test]
async fn a_file_that_grows_all_the_time_is_never_left_without_a_response() {
    let site = FileServer::new();
    site.write("log", vec![b'a'; 300_000]);
    let mut file = fs::OpenOptions::new().append(true).open(site.path("log")).unwrap();
    let is_done = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&is_done);
    let writer = std::thread::spawn(move || {
        for _ in (0..10_000_000).take_while(|_| !until.load(Ordering::Relaxed)) {
            file.write_all(b"a").unwrap();
        }
    });
    for _ in 0..200 {
        let mut stream = site.send(&request("GET", "/log", &[("Range", "bytes=0-99")])).await;
        let head = read_head(&mut stream).await;
        let body = read_rest(&mut stream).await;
        if head.starts_with("HTTP/1.1 206 ") {
            assert_eq!(body, [b'a'; 100]);
        } else {
            assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        }
    }
    is_done.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!(site.0.log().count("it kept changing") <= 1);
}

#[tokio::test]
async fn a_file_that_is_replaced_or_linked_while_it_is_sent_is_sent_to_its_end() {
    let site = FileServer::new();
    for by in ["rename", "link", "removal"] {
        let (large, other) = (site.path("large"), site.path("other"));
        site.write("large", vec![b'a'; LARGE]);
        site.write("other", "new");
        let (mut stream, start, announced) = begin_reading(&site, "/large").await;
        match by {
            "rename" => fs::rename(&other, &large).unwrap(),
            "link" => fs::hard_link(&large, site.path("link")).unwrap(),
            _ => fs::remove_file(&large).unwrap(),
        }
        let rest = read_rest(&mut stream).await;
        assert_eq!(start.len() + rest.len(), announced, "{by}");
        assert!(rest.iter().all(|byte| *byte == b'a'), "{by}");
        if by == "rename" {
            assert_eq!(site.get("/large").await.text(), "new");
        }
    }
}

#[tokio::test]
async fn a_swapped_root_is_used_for_the_next_request() {
    let site = FileServer::new();
    let at = |name: &str| site.0.directory.join(name);
    fs::remove_dir(at("public")).unwrap();
    for release in ["one", "two"] {
        fs::create_dir(at(release)).unwrap();
        fs::write(at(release).join("a"), release).unwrap();
        symlink(release, at("next")).unwrap();
        fs::rename(at("next"), at("public")).unwrap();
        assert_eq!(site.get("/a").await.text(), release);
    }
}

#[tokio::test]
async fn a_missing_root_gives_503_and_is_logged_when_that_changes() {
    let site = FileServer::new();
    for _ in 0..2 {
        fs::remove_dir_all(site.0.directory.join("public")).unwrap();
        for _ in 0..3 {
            let response = site.get("/a").await;
            assert_eq!((response.status, response.field("cache-control")), (503, Some("no-store")));
        }
        site.0.log().wait_for("cannot open the root directory of the site");
        site.write("a", "back");
        assert_eq!(site.get("/a").await.text(), "back");
        site.0.log().wait_for("the root directory of the site can be opened again");
    }
    assert_eq!(site.0.log().count("cannot open the root directory"), 2);
}

#[tokio::test]
async fn several_ranges_are_parts_of_one_response() {
    let site = FileServer::new();
    site.write("ten.txt", "0123456789");
    let large: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    site.write("large.bin", &large);
    for (path, kind, content, ranges) in [
        ("/ten.txt", "text/plain; charset=utf-8", &b"0123456789"[..], &[0..2, 4..6, 9..10][..]),
        ("/large.bin", "application/octet-stream", &large, &[70_000..200_001, 0..1, 399_999..400_000]),
    ] {
        let list: Vec<_> = ranges.iter().map(|range| format!("{}-{}", range.start, range.end - 1)).collect();
        let response = site.get_with(path, "Range", &format!("bytes={}", list.join(", "))).await;
        let boundary =
            response.field("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
        let mut expected = Vec::new();
        for (range, text) in ranges.iter().zip(&list) {
            let length = content.len();
            let head = format!("content-type: {kind}\r\ncontent-range: bytes {text}/{length}\r\n\r\n");
            expected.extend_from_slice(format!("\r\n--{boundary}\r\n{head}").as_bytes());
            expected.extend_from_slice(&content[range.clone()]);
        }
        expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        assert_eq!((response.status, response.field("content-range")), (206, None), "{path}");
        assert_eq!(response.field("content-length"), Some(&*expected.len().to_string()), "{path}");
        assert!(response.body == expected, "{path}");
    }
    let overlapping = site.get_with("/ten.txt", "Range", "bytes=0-8,1-9").await;
    assert_eq!((overlapping.status, overlapping.text()), (200, "0123456789"));
}

#[tokio::test]
async fn a_compressed_sibling_is_sent_to_clients_that_accept_it() {
    let site = FileServer::new();
    let large = "z".repeat(100_000);
    for (name, content) in [
        ("a.css", "plain"),
        ("a.css.br", "by brotli"),
        ("a.css.gz", "by gzip"),
        ("a.css.zst", &large),
        ("a.png", "image"),
        ("a.png.gz", "not sent"),
        ("a.woff", "font"),
        ("a.woff.gz", "not sent"),
        ("b.css", "plain"),
    ] {
        site.write(name, content);
    }
    // It was written last.
    site.settled("/b.css").await;
    let mut tags = Vec::new();
    for (accepted, coding, content) in [
        ("gzip, deflate, br, zstd", Some("br"), "by brotli"),
        ("gzip, zstd", Some("zstd"), &large),
        ("gzip", Some("gzip"), "by gzip"),
        ("br;q=0, gzip;q=0.5", Some("gzip"), "by gzip"),
        ("br;q=0", None, "plain"),
        ("", None, "plain"),
    ] {
        let response = site.get_with("/a.css", "Accept-Encoding", accepted).await;
        assert_eq!((response.status, response.text()), (200, content), "{accepted}");
        assert_eq!(response.field("content-encoding"), coding, "{accepted}");
        assert_eq!(response.field("vary"), Some("accept-encoding"), "{accepted}");
        assert_eq!(response.field("content-type"), Some("text/css; charset=utf-8"), "{accepted}");
        let tag = response.field("etag").unwrap().to_owned();
        let fields = [("Accept-Encoding", accepted), ("If-None-Match", &tag)];
        let again = site.fetch("GET", "/a.css", &fields).await;
        assert_eq!((again.status, again.field("vary")), (304, Some("accept-encoding")), "{accepted}");
        tags.push(tag);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4, "each file has a tag of its own");
    let part = [("Accept-Encoding", "br"), ("Range", "bytes=3-")];
    assert_eq!(site.fetch("GET", "/a.css", &part).await.text(), "brotli");
    assert_eq!(site.get_with("/a.png", "Accept-Encoding", "gzip").await.text(), "image");
    assert_eq!(site.get_with("/a.woff", "Accept-Encoding", "gzip").await.text(), "font");
    let alone = site.get_with("/b.css", "Accept-Encoding", "gzip").await;
    assert_eq!((alone.field("vary"), alone.text()), (None, "plain"));
    assert_eq!(site.get_with("/a.css.gz", "Accept-Encoding", "gzip").await.field("content-encoding"), None);
}

#[tokio::test]
async fn a_compressed_sibling_that_is_older_than_the_file_is_not_sent() {
    let site = FileServer::new();
    site.write("a.css", "new");
    site.write("a.css.gz", "old");
    let touch = |name: &str, milliseconds: u64| {
        let time = UNIX_EPOCH + Duration::from_millis(milliseconds);
        fs::File::open(site.path(name)).unwrap().set_modified(time).unwrap();
    };
    for (of_sibling, expected) in
        [(19_000, "new"), (20_100, "new"), (20_000, "old"), (20_900, "old"), (21_000, "old")]
    {
        touch("a.css", 20_900);
        touch("a.css.gz", of_sibling);
        let response = site.get_with("/a.css", "Accept-Encoding", "gzip").await;
        assert_eq!(response.text(), expected, "{of_sibling}");
    }
}

#[tokio::test]
async fn what_is_not_found_gets_the_page_of_the_site_if_it_has_one() {
    let site = FileServer::new();
    site.write("404.html", "<p>Not here");
    site.write("404.html.gz", "compressed");
    fs::create_dir(site.path("directory")).unwrap();
    for path in ["/missing", "/directory/", "/.git/config", "/../secret", "/a//b"] {
        let response = site.get(path).await;
        assert_eq!((response.status, response.text()), (404, "<p>Not here"), "{path}");
        for (name, value) in [
            ("content-type", Some("text/html; charset=utf-8")),
            ("cache-control", Some("no-store")),
            ("content-length", Some("11")),
            ("etag", None),
            ("last-modified", None),
            ("accept-ranges", None),
        ] {
            assert_eq!(response.field(name), value, "{name}");
        }
    }
    let fields = [("If-None-Match", "*"), ("Range", "bytes=0-0"), ("Accept-Encoding", "gzip")];
    let response = site.fetch("GET", "/missing", &fields).await;
    assert_eq!((response.status, response.text()), (404, "compressed"));
    let head = site.fetch("HEAD", "/missing", &[]).await;
    assert_eq!((head.status, head.field("content-length"), head.text()), (404, Some("11"), ""));
    assert_eq!(site.get("/404.html").await.status, 200);
    assert_eq!(site.get("/%00").await.status, 400);
    assert_eq!(site.fetch("POST", "/missing", &[("Content-Length", "0")]).await.status, 405);
}

#[tokio::test]
async fn a_site_that_is_a_single_page_serves_it_for_paths_without_an_extension() {
    let site = FileServer::with("spa = true\n");
    site.write("index.html", "the page");
    site.write("404.html", "not found");
    site.write("a.css", "style");
    fs::create_dir(site.path("assets")).unwrap();
    for (path, status, content) in [
        ("/", 200, "the page"),
        ("/users/1", 200, "the page"),
        ("/users/", 200, "the page"),
        ("/v1.2/users", 200, "the page"),
        ("/assets/", 200, "the page"),
        ("/a.css", 200, "style"),
        ("/missing.js", 404, "not found"),
        ("/missing.js/", 200, "the page"),
        ("/.well-known/security", 404, "not found"),
        ("/.well-known/", 404, "not found"),
        ("/.env", 404, "not found"),
        ("/../secret", 404, "not found"),
    ] {
        let response = site.get(path).await;
        assert_eq!((response.status, response.text()), (status, content), "{path}");
    }
    let page = site.settled("/users/1").await;
    let again = site.get_with("/users/2", "If-None-Match", page.field("etag").unwrap()).await;
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn the_cache_control_of_a_file_is_that_of_the_first_glob() {
    let site = FileServer::with(
        "[site.cache]\n\"/assets/once.js\" = \"no-store\"\n\"/assets/**\" = \"max-age=60, immutable\"\n\"/**/*.html\" = \
         \"max-age=1\"\n",
    );
    for name in ["assets/once.js", "assets/a.js", "assets/index.html", "docs/index.html", "a.txt"] {
        site.write(name, "a");
    }
    // It was written last.
    site.settled("/a.txt").await;
    for (path, expected) in [
        ("/assets/once.js", "no-store"),
        ("/assets/a.js", "max-age=60, immutable"),
        ("/assets/", "max-age=60, immutable"),
        ("/docs/", "max-age=1"),
        ("/a.txt", "no-cache"),
        ("/assets/missing", "no-store"),
    ] {
        let response = site.get(path).await;
        assert_eq!(response.field("cache-control"), Some(expected), "{path}");
        if let Some(tag) = response.field("etag") {
            let again = site.get_with(path, "If-None-Match", tag).await;
            assert_eq!((again.status, again.field("cache-control")), (304, Some(expected)), "{path}");
        }
    }
}
