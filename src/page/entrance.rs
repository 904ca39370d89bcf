//! Pages at which people enter: testers the site, operators the admin page. They have one head and one script.

/// Returns the text of the page whose title and body are a file in `templates`. With `secret`, its form takes a secret, which may be
/// in the fragment of the URL.
macro_rules! entrance_page {
    ($template:literal) => {
        concat!(entrance_page!(@file "entrance/head.html"), entrance_page!(@file $template))
    };
    ($template:literal, secret) => {
        concat!(entrance_page!($template), entrance_page!(@file "entrance/secret.html"))
    };
    (@file $path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $path))
    };
}

pub(crate) use entrance_page;
