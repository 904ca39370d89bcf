//! Media types of files, by their extension.

use std::path::Path;

use http::HeaderValue;

use super::refusal::FileRefusal;

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MediaType {
    name: &'static str,
    /// The coding that the type implies.
    pub(super) coding: Option<&'static str>,
}

impl MediaType {
    /// The type of the extension, or that of any bytes.
    ///
    /// Those of `mime_guess`, except where they are outdated (RFC 9239, RFC 8081), or where a site means something else: `.ts` and
    /// `.mts` are videos, or parts of a stream (HLS), rather than streams for DLNA.
    pub(super) fn from_path(path: &Path) -> Self {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        let name = match extension.to_str().unwrap_or_default() {
            "mjs" | "cjs" => "text/javascript",
            "otf" => "font/otf",
            "woff" => "font/woff",
            "ts" | "mts" => "video/mp2t",
            _ => mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream"),
        };
        Self { name, coding: (extension == "svgz").then_some("gzip") }
    }

    /// The value of Content-Type.
    pub(super) fn field(self) -> Result<HeaderValue, FileRefusal> {
        let charset = if self.name.starts_with("text/") { "; charset=utf-8" } else { "" };
        Ok(format!("{}{charset}", self.name).try_into()?)
    }

    /// Returns true for files that nobody compresses again.
    pub(super) fn is_compressed(self) -> bool {
        let is_kind = |prefix| self.name.starts_with(prefix);
        let is_binary = ["image/", "video/", "audio/", "font/woff"].into_iter().any(is_kind);
        self.coding.is_some() || is_binary && self.name != "image/svg+xml"
    }
}
