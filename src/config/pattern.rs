//! Regular expressions of what single values look like, for the schema: each lets pass all that the parser does.

// Validators see a TOML date-time as the text of it. The format `date-time` would refuse local ones.
pub(super) const DATE_TIME: &str =
    r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})?$";
pub(super) const DATE_OR_DATE_TIME: &str =
    r"^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})?)?$";
/// As `humantime` reads it.
pub(super) const DURATION: &str = r"^\s*(\d[\d\s]*(\.[\d\s]+)?[a-zA-Zµ]+\s*)+$";
pub(super) const CRON: &str = r"^\s*([0-9A-Za-z*,/#-]+\s+){4}[0-9A-Za-z*,/#-]+\s*$";
pub(super) const PATH: &str = "^/";
pub(super) const REDIRECT: &str = "^/|://";
pub(super) const UPSTREAM: &str = "^unix:|://";
pub(super) const METHOD: &str = r"^([^\s*]|\S{2,})$";
