//! The file with the headers of a push (`metrics.otlp_headers_file`): a header a line, as `NAME=VALUE`. Empty lines and lines that
//! begin with `#` are skipped. Values are secrets: no message shows one.

use std::io::Read as _;

use ureq::http::{HeaderName, HeaderValue};

/// Maximum bytes of the file.
const BYTES_MAX: u64 = 64 << 10;

/// Reads the file; no headers where none is named. Blocks.
pub(super) fn read(path: &str) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |error| format!("the file {path} with the headers cannot be read ({error})");
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(format!("the file {path} with the headers has more than {BYTES_MAX} bytes"));
    }
    parse(&text).map_err(|line| format!("line {line} of the file {path} is not a header as NAME=VALUE"))
}

/// The error is the number of the line that is wrong.
fn parse(text: &str) -> Result<Vec<(HeaderName, HeaderValue)>, usize> {
    let lines = text.lines().map(str::trim).zip(1..);
    let lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(line, number)| header(line).ok_or(number)).collect()
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once('=')?;
    let name = HeaderName::from_bytes(name.trim_end().as_bytes()).ok()?;
    let mut value = HeaderValue::from_str(value.trim_start()).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_line_and_its_value_may_have_any_sign() {
        let text = "# of our tenant\n\nauthorization = Basic dXNlcjpwYXNz==\r\nX-Scope-OrgID=a,b=c%20d\n";
        let headers = parse(text).expect("headers");
        let shown: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII"))).collect();
        assert_eq!(shown, [("authorization", "Basic dXNlcjpwYXNz=="), ("x-scope-orgid", "a,b=c%20d")]);
        assert!(!format!("{headers:?}").contains("dXNlcjpwYXNz"), "{headers:?}");
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_header_is_named_by_its_line_alone() {
        assert_eq!(parse("a=b\n\nAuthorization: secret\n"), Err(3));
        assert_eq!(parse("=secret"), Err(1));
        assert_eq!(parse("a b=secret"), Err(1));
        let folder = tempfile::tempdir().expect("the system has a place for temporary files");
        let path = folder.path().join("headers");
        std::fs::write(&path, "secret\n").expect("the folder is ours");
        let path = path.to_str().expect("UTF-8");
        assert_eq!(read(path), Err(format!("line 1 of the file {path} is not a header as NAME=VALUE")));
        let missing = read("/nowhere/headers").unwrap_err();
        assert!(
            missing.starts_with("the file /nowhere/headers with the headers cannot be read ("),
            "{missing}"
        );
        assert_eq!(read(""), Ok(Vec::new()));
    }
}
