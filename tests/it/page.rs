//! The down page as clients get it: all header fields, over a real socket.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Read as _;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use downtime::page::brand::{Brand, Logo};
use downtime::page::language::Language;
use downtime::page::message::Message;
use downtime::page::template::Template;
use downtime::page::{self, Cause, Cors, Page, PageContent, VisitorRequest};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const DEADLINE: Duration = Duration::from_secs(10);
const VARY: &str = "Accept, Accept-Encoding, Sec-Fetch-Dest, X-Requested-With, Origin";
static NO_FIELDS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
const ENGLISH: (&str, &str) = ("content-language", "en");
const HTML: &str = "text/html; charset=utf-8";

/// Sends one request. Returns the status, the headers except `Date` and `Connection`, and the body of the response.
async fn exchange(
    method: &str,
    headers: &[&str],
    respond: impl Fn(&Request<Incoming>) -> http::Response<Bytes>,
) -> (u16, BTreeMap<String, String>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(async |request| Ok::<_, Infallible>(respond(&request).map(Full::new)));
        let connection = hyper::server::conn::http1::Builder::new();
        connection.serve_connection(TokioIo::new(stream), service).await.unwrap();
    };
    let request = async {
        let start = format!("{method} / HTTP/1.1\r\nHost: a.example\r\nConnection: close");
        let head = [&[start.as_str()], headers, &["\r\n"]].concat().join("\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let mut response = String::new();
        client.read_to_string(&mut response).await.unwrap();
        response
    };
    let ((), response) =
        tokio::time::timeout(DEADLINE, async { tokio::join!(serve, request) }).await.unwrap();
    parse(&response)
}

fn parse(response: &str) -> (u16, BTreeMap<String, String>, String) {
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let (status_line, headers) = head.split_once("\r\n").unwrap();
    let mut headers: BTreeMap<String, String> = headers
        .lines()
        .map(|line| line.split_once(": ").unwrap_or((line, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    headers.remove("date");
    headers.remove("connection");
    (status_line.split(' ').nth(1).unwrap().parse().unwrap(), headers, body.to_owned())
}

fn message(text: &str) -> Option<Message> {
    Message::new([(Language::ENGLISH, text.into())])
}

fn visitor<B>(request: &Request<B>) -> VisitorRequest<'_> {
    VisitorRequest {
        method: request.method(),
        headers: request.headers(),
        is_favicon: false,
        is_unsent: true,
    }
}

fn content(template: &Template) -> PageContent {
    PageContent {
        template: template.clone(),
        message: message("<script>alert(1)</script>"),
        language: Language::ENGLISH,
        brand: Arc::default(),
        status_path: Some("/.downtime/status".into()),
        start: None,
        until: Some(Timestamp::from_second(1_796_173_200).unwrap()),
        status: StatusCode::SERVICE_UNAVAILABLE,
        cause: Cause::Planned,
        retry_after: 300,
        cors: Cors::Any,
        fields: HeaderMap::new(),
    }
}

async fn request(method: &str, headers: &[&str], page: &Page) -> (u16, BTreeMap<String, String>, String) {
    exchange(method, headers, |request| page.respond(&visitor(request), 90)).await
}

fn headers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The headers of every down response, and `pairs`.
fn down_headers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut all = headers(&[
        ("retry-after", "90"),
        ("downtime", "planned"),
        ("cache-control", "no-store"),
        ("vary", VARY),
        ("x-content-type-options", "nosniff"),
    ]);
    all.extend(headers(pairs));
    all
}

#[tokio::test]
async fn html_has_a_language_a_policy_and_an_escaped_message() {
    let page = Page::new(content(&Template::built_in()));
    let (status, mut found, body) = request("GET", &["Accept: text/html,*/*;q=0.8"], &page).await;
    let policy = found.remove("content-security-policy").unwrap();
    let length = body.len().to_string();
    let expected = down_headers(&[("content-type", HTML), ENGLISH, ("content-length", &length)]);
    assert_eq!((status, found), (503, expected));
    let (start, hashes) = policy.split_once("; style-src 'sha256-").expect(&policy);
    assert_eq!(
        start,
        "default-src 'none'; connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    );
    assert_eq!(hashes.matches("sha256-").count(), 2, "one for each script, none for the message: {policy}");
    assert!(hashes.contains("; script-src 'sha256-"), "{policy}");
    assert!(body.contains("&lt;script&gt;alert(1)") && body.contains("2026-12-02T01:00:00Z"), "{body}");
}

#[tokio::test]
async fn problem_json_is_sent_for_json_too() {
    let page = Page::new(content(&Template::built_in()));
    for accept in ["Accept: application/problem+json", "Accept: application/json"] {
        let (status, found, body) = request("POST", &[accept, "Content-Length: 0"], &page).await;
        let length = body.len().to_string();
        let expected = down_headers(&[
            ("content-type", "application/problem+json"),
            ENGLISH,
            ("content-length", &length),
        ]);
        assert_eq!((status, found), (503, expected));
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let expected = json!({
            "type": "about:blank",
            "title": "Down for planned maintenance",
            "status": 503,
            "detail": "<script>alert(1)</script>",
            "until": "2026-12-02T01:00:00Z",
            "saved": false,
        });
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn text_has_lines_for_the_heading_the_message_and_the_end() {
    let page = Page::new(content(&Template::built_in()));
    for accept in ["Accept: text/plain", "Accept: application/x-unheard-of"] {
        let (status, found, body) = request("GET", &[accept], &page).await;
        let length = body.len().to_string();
        let expected = down_headers(&[
            ("content-type", "text/plain; charset=utf-8"),
            ENGLISH,
            ("content-length", &length),
        ]);
        assert_eq!((status, found), (503, expected));
        assert_eq!(
            body,
            "Down for planned maintenance\n<script>alert(1)</script>\nExpected back: 2026-12-02 01:00 UTC\n"
        );
    }
}

#[tokio::test]
async fn images_styles_and_scripts_get_no_body() {
    let page = Page::new(content(&Template::built_in()));
    for header in ["Accept: image/avif,*/*;q=0.8", "Sec-Fetch-Dest: style", "Sec-Fetch-Dest: script"] {
        let (status, found, body) = request("GET", &[header], &page).await;
        assert_eq!((status, found), (503, down_headers(&[("content-length", "0")])), "{header}");
        assert_eq!(body, "", "{header}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let page = Page::new(content(&Template::built_in()));
    for accept in ["*/*", "application/json", "text/plain", "image/png"] {
        let accept = format!("Accept: {accept}");
        let (status, found, _) = request("GET", &[&accept], &page).await;
        assert_eq!(request("HEAD", &[&accept], &page).await, (status, found, String::new()), "{accept}");
    }
}

#[tokio::test]
async fn each_representation_shows_the_status_the_cause_and_an_unknown_end() {
    let template = Template::built_in();
    let status = StatusCode::from_u16(599).unwrap();
    let unknown = PageContent {
        message: message(" "),
        until: None,
        cause: Cause::Unreachable,
        status,
        ..content(&template)
    };
    let page = Page::new(unknown);
    for (accept, expected) in [
        ("text/plain", "This site is not responding at the moment.\n"),
        (
            "application/json",
            r#"{"type":"about:blank","title":"This site is not responding","status":599,"detail":"This site "#,
        ),
        ("text/html", "<!doctype html>"),
    ] {
        let (status, found, body) = request("GET", &[&format!("Accept: {accept}")], &page).await;
        assert_eq!((status, found["downtime"].as_str()), (599, "unreachable"), "{accept}");
        assert!(body.starts_with(expected) && !body.contains("until\":"), "{body}");
    }
}

#[tokio::test]
async fn retry_after_depends_on_the_request_and_is_at_least_a_second() {
    let template = Template::parse("{{ retry_after }}").unwrap();
    let page = Page::new(PageContent { retry_after: 0, ..content(&template) });
    assert!(page.depends_on_retry_after());
    assert!(!Page::new(content(&Template::built_in())).depends_on_retry_after());
    for (given, expected) in [(0, "1"), (1, "1"), (5400, "5400")] {
        let respond = |request: &Request<Incoming>| page.respond(&visitor(request), given);
        let (_, found, body) = exchange("GET", &[], respond).await;
        assert_eq!((found["retry-after"].as_str(), body.as_str()), (expected, "1"));
    }
}

#[tokio::test]
async fn a_custom_template_has_no_content_language_and_its_own_hashes() {
    let template = Template::parse("<style>p { color: red }</style><p>{{ message }}").unwrap();
    let (_, found, body) = request("GET", &[], &Page::new(content(&template))).await;
    assert_eq!(found.get("content-language"), None);
    assert!(found["content-security-policy"].contains("; style-src 'sha256-"), "{found:?}");
    assert!(!found["content-security-policy"].contains("script-src"), "{found:?}");
    assert_eq!(body, "<style>p { color: red }</style><p>&lt;script&gt;alert(1)&lt;&#x2f;script&gt;");
}

#[tokio::test]
async fn a_template_that_fails_to_render_is_replaced_by_the_built_in_page() {
    let template = Template::parse("{% if status == 599 %}{{ 1 // 0 }}{% endif %}").unwrap();
    let status = StatusCode::from_u16(599).unwrap();
    let page = Page::new(PageContent { status, ..content(&template) });
    let (status, found, body) = request("GET", &[], &page).await;
    assert_eq!((status, found["content-language"].as_str()), (599, "en"));
    assert!(body.contains("Down for planned maintenance"), "{body}");
}

const ORIGIN: &str = "https://app.example";

#[tokio::test]
async fn a_page_of_another_origin_can_read_the_response_if_cors_allows_it() {
    let template = Template::built_in();
    let listed = Cors::Origins(vec![HeaderValue::from_static(ORIGIN)]);
    let exposed = ("access-control-expose-headers", "Retry-After, Downtime, Date");
    for (cors, expected) in [
        (Cors::Any, &[("access-control-allow-origin", "*"), exposed][..]),
        (
            listed,
            &[("access-control-allow-origin", ORIGIN), ("access-control-allow-credentials", "true"), exposed],
        ),
        (Cors::Off, &[("vary", "Accept, Accept-Encoding, Sec-Fetch-Dest, X-Requested-With")]),
    ] {
        let page = Page::new(PageContent { cors: cors.clone(), ..content(&template) });
        let origin = format!("Origin: {ORIGIN}");
        let (status, found, _) = request("GET", &[&origin, "Accept: image/png"], &page).await;
        let mut all = down_headers(&[("content-length", "0")]);
        all.extend(headers(expected));
        assert_eq!((status, found), (503, all), "{cors:?}");
    }
}

#[tokio::test]
async fn a_preflight_is_allowed_so_that_the_response_can_be_read() {
    let template = Template::built_in();
    let preflight = [
        &format!("Origin: {ORIGIN}")[..],
        "Access-Control-Request-Method: PUT",
        "Access-Control-Request-Headers: content-type",
    ];
    let common = [
        ("downtime", "planned"),
        ("cache-control", "no-store"),
        ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        ("access-control-max-age", "0"),
        ("surrogate-control", "no-store"),
    ];
    let fields =
        HeaderMap::from_iter([("surrogate-control".parse().unwrap(), HeaderValue::from_static("no-store"))]);
    let listed = Cors::Origins(vec![HeaderValue::from_static(ORIGIN)]);
    for (cors, expected) in [
        (
            Cors::Any,
            &[("access-control-allow-origin", "*"), ("access-control-allow-methods", "GET, HEAD, POST")][..],
        ),
        (
            listed,
            &[
                ("access-control-allow-origin", ORIGIN),
                ("access-control-allow-credentials", "true"),
                ("access-control-allow-methods", "PUT"),
                ("access-control-allow-headers", "content-type"),
            ],
        ),
    ] {
        let page =
            Page::new(PageContent { cors: cors.clone(), fields: fields.clone(), ..content(&template) });
        let (status, found, body) = request("OPTIONS", &preflight, &page).await;
        let expected = headers(&[&common[..], expected].concat());
        assert_eq!((status, found, body.as_str()), (204, expected, ""), "{cors:?}");
    }
    let page = Page::new(PageContent { cors: Cors::Off, ..content(&template) });
    assert_eq!(request("OPTIONS", &preflight, &page).await.0, 503);
}

#[tokio::test]
async fn a_grpc_client_gets_unavailable_and_the_message() {
    let template = Template::built_in();
    let page = Page::new(PageContent { message: message("Back at 5 — 100 %"), ..content(&template) });
    for (media_type, expected_type) in [
        ("application/grpc", "application/grpc"),
        ("application/grpc+proto", "application/grpc"),
        ("application/grpc-web+proto", "application/grpc-web"),
        ("application/grpc-web-text", "application/grpc-web-text"),
    ] {
        let content_type = format!("Content-Type: {media_type}");
        let (status, found, body) =
            request("POST", &[&content_type, "Content-Length: 0", "Origin: null"], &page).await;
        let expected = down_headers(&[
            ("content-type", expected_type),
            ("content-length", "0"),
            ("grpc-status", "14"),
            ("grpc-message", "Back at 5 %E2%80%94 100 %25"),
            ("access-control-allow-origin", "*"),
            ("access-control-expose-headers", "Retry-After, Downtime, Date, Grpc-Status, Grpc-Message"),
        ]);
        assert_eq!((status, found, body.as_str()), (200, expected, ""), "{media_type}");
    }
}

#[tokio::test]
async fn a_long_grpc_message_is_truncated_between_characters() {
    let template = Template::built_in();
    let text = format!("{}é, and so on", "x".repeat(999));
    let page = Page::new(PageContent { message: message(&text), ..content(&template) });
    let (_, found, _) =
        request("POST", &["Content-Type: application/grpc", "Content-Length: 0"], &page).await;
    assert_eq!(found.get("grpc-message").map(String::as_str), Some(&text[..999]));
}

#[tokio::test]
async fn configured_fields_are_on_each_response() {
    let template = Template::built_in();
    let fields = HeaderMap::from_iter([("x-more".parse().unwrap(), HeaderValue::from_static("1"))]);
    let page = Page::new(PageContent { fields: fields.clone(), ..content(&template) });
    for accept in ["text/html", "application/json", "text/plain", "image/png", "application/grpc"] {
        let (_, found, _) = request("GET", &[&format!("Accept: {accept}")], &page).await;
        assert_eq!(found.get("x-more").map(String::as_str), Some("1"), "{accept}");
    }
    let location = HeaderValue::from_static("/sorry");
    let (_, found, _) = exchange("GET", &[], |_| page::redirect(&location, &fields)).await;
    assert_eq!(found.get("x-more").map(String::as_str), Some("1"));
}

#[tokio::test]
async fn a_redirect_is_never_stored_and_has_no_body() {
    let location = HeaderValue::from_static("https://status.example.com/");
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        let (status, found, body) =
            exchange(method, &["Content-Length: 0"], |_| page::redirect(&location, &NO_FIELDS)).await;
        let expected = headers(&[
            ("location", "https://status.example.com/"),
            ("cache-control", "no-store"),
            ("downtime", "planned"),
            ("content-length", "0"),
        ]);
        assert_eq!((status, found, body.as_str()), (302, expected, ""), "{method}");
    }
}

#[tokio::test]
async fn the_welcome_page_shows_the_next_steps() {
    let respond = |request: &Request<Incoming>| page::welcome(request.method(), "/etc/<b>/downtime.toml");
    let (status, mut found, body) = exchange("GET", &[], respond).await;
    assert_eq!(exchange("HEAD", &[], respond).await, (status, found.clone(), String::new()));
    assert!(found.remove("content-security-policy").unwrap().contains("; style-src 'sha256-"));
    let length = body.len().to_string();
    let expected = headers(&[
        ("content-type", HTML),
        ("content-language", "en"),
        ("content-length", &length),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ]);
    assert_eq!((status, found), (200, expected));
    for words in [
        "&lt;b&gt;&#x2f;downtime.toml",
        "upstream",
        "root",
        "downtime start",
        "downtime end",
        "downtime --check",
    ] {
        assert!(body.contains(words), "{words}");
    }
}

#[tokio::test]
async fn the_page_is_in_the_language_of_the_visitor() {
    let template = Template::parse("{{ lang }} {{ dir }}: {{ words.try_now }}").unwrap();
    let page = Page::new(PageContent { message: None, ..content(&template) });
    for (field, language, body) in [
        ("Accept-Language: de-AT, en;q=0.5", "de", "de ltr: Jetzt versuchen"),
        ("Accept-Language: tlh, he;q=0.1", "he", "he rtl: "),
        ("Accept-Language: tlh", "en", "en ltr: Try now"),
        ("X: y", "en", "en ltr: Try now"),
    ] {
        let (_, found, text) = request("GET", &[field, "Accept: text/html"], &page).await;
        assert_eq!(found["content-language"], language, "{field}");
        assert!(found["vary"].contains("Accept-Language") && text.starts_with(body), "{field}: {text}");
    }
    let (_, found, text) = request("GET", &["Accept-Language: de", "Accept: text/plain"], &page).await;
    assert_eq!(found["content-language"], "de");
    assert!(text.starts_with("Diese Website ist") && text.contains("Voraussichtlich"), "{text}");
}

#[tokio::test]
async fn the_page_has_only_the_languages_of_its_message() {
    let german = Language::from_tag("de").unwrap();
    let template = Template::parse("{{ lang }}: {{ message }}").unwrap();
    let both = Message::new([(Language::ENGLISH, "Soon".into()), (german, "Bald".into())]);
    for (message, field, expected) in [
        (both.clone(), "Accept-Language: de", "de: Bald"),
        (both.clone(), "Accept-Language: fr", "en: Soon"),
        (Message::new([(german, "Bald".into())]), "Accept-Language: en", "de: Bald"),
        (message("Soon"), "Accept-Language: de", "en: Soon"),
    ] {
        let page = Page::new(PageContent { message, ..content(&template) });
        assert_eq!(request("GET", &[field], &page).await.2, expected, "{field}");
    }
}

#[tokio::test]
async fn the_page_is_compressed_for_clients_that_accept_it() {
    let page = Page::new(content(&Template::built_in()));
    let (_, plain, body) = request("GET", &["Accept: text/html"], &page).await;
    assert_eq!(plain.get("content-encoding"), None);
    for (field, coding) in
        [("Accept-Encoding: gzip, deflate, br, zstd", "br"), ("Accept-Encoding: gzip, deflate", "gzip")]
    {
        let request = Request::get("/").header("accept-encoding", &field[17..]).body(()).unwrap();
        let response = page.respond(&visitor(&request), 90);
        assert_eq!(response.headers()["content-encoding"], coding);
        assert_eq!(response.headers()["content-length"], response.body().len().to_string().as_str());
        let mut decoded = Vec::new();
        let compressed: &[u8] = response.body();
        match coding {
            "br" => brotli::Decompressor::new(compressed, 4096).read_to_end(&mut decoded),
            _ => flate2::read::GzDecoder::new(compressed).read_to_end(&mut decoded),
        }
        .unwrap();
        assert_eq!(decoded, body.as_bytes(), "{coding}");
        assert!(response.body().len() * 2 < body.len(), "{coding}");
    }
    let request =
        Request::get("/").header("accept-encoding", "br").header("accept", "text/plain").body(()).unwrap();
    assert!(!page.respond(&visitor(&request), 90).headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn a_page_says_what_became_of_the_data_in_the_request() {
    let template = Template::parse("{{ answers }}").unwrap();
    let page = Page::new(content(&template));
    for (method, is_unsent, html, text, saved) in [
        ("GET", false, "safe", None, None),
        ("POST", true, "not-saved", Some("What you sent was not saved."), Some(json!(false))),
        ("DELETE", false, "unknown", Some("We do not know"), Some(json!(null))),
    ] {
        let respond =
            |request: &Request<Incoming>| page.respond(&VisitorRequest { is_unsent, ..visitor(request) }, 90);
        let no_body = "Content-Length: 0";
        assert_eq!(exchange(method, &[no_body], respond).await.2, html, "{method}");
        let shown = exchange(method, &[no_body, "Accept: text/plain"], respond).await.2;
        let last = shown.lines().last().unwrap();
        assert!(text.is_none_or(|text| last.starts_with(text)), "{method}: {shown}");
        let problem = exchange(method, &[no_body, "Accept: application/json"], respond).await.2;
        let problem: serde_json::Value = serde_json::from_str(&problem).unwrap();
        assert_eq!(problem.get("saved"), saved.as_ref(), "{method}: {problem}");
    }
}

#[tokio::test]
async fn a_browser_that_wants_an_icon_gets_the_logo_or_nothing() {
    let template = Template::built_in();
    let icon = |request: &Request<Incoming>, page: &Page| {
        page.respond(&VisitorRequest { is_favicon: true, ..visitor(request) }, 90)
    };
    let page = Page::new(content(&template));
    let (status, found, _) = exchange("GET", &[], |request| icon(request, &page)).await;
    assert_eq!((status, found["cache-control"].as_str()), (204, "no-store"));
    let logo = Logo { media_type: "image/svg+xml", bytes: Bytes::from_static(b"<svg/>") };
    let brand = Arc::new(Brand { logo: Some(logo), ..Brand::default() });
    let page = Page::new(PageContent { brand, ..content(&template) });
    let (status, found, body) = exchange("GET", &[], |request| icon(request, &page)).await;
    assert_eq!((status, found["content-type"].as_str(), body.as_str()), (200, "image/svg+xml", "<svg/>"));
    assert!(found["content-security-policy"].contains("sandbox"), "{found:?}");
    for (method, path, expected) in
        [("GET", "/favicon.ico", true), ("POST", "/favicon.ico", false), ("GET", "/x/favicon.ico", false)]
    {
        assert_eq!(page::is_favicon(&method.parse().unwrap(), path), expected, "{method} {path}");
    }
}
