//! `[metrics]`: pushes to a receiver that speaks OTLP, OpenTelemetry's protocol. `/metrics` needs no settings.
//!
//! The standard variables `OTEL_EXPORTER_OTLP_…` are not read: a variable that is set for other programs must not start a push.
//! Keys of a hosted receiver are in a file of their own.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::error::{RuleError, quoted};
use super::setting::{Setting, Value};

/// What every OTLP receiver has below its address.
const PATH: &str = "/v1/metrics";

/// `[metrics]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// The receiver's address without `/v1/metrics`, such as `http://127.0.0.1:4318`. Empty: nothing is pushed.
    pub otlp_endpoint: String,
    /// Seconds between two pushes.
    pub otlp_interval_seconds: u64,
    /// A file with one header a line, as `NAME=VALUE`. Empty: no headers.
    pub otlp_headers_file: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { otlp_endpoint: String::new(), otlp_interval_seconds: 60, otlp_headers_file: String::new() }
    }
}

impl Metrics {
    pub(super) fn settings(&mut self) -> Vec<Setting<'_>> {
        let Self { otlp_endpoint, otlp_interval_seconds, otlp_headers_file } = self;
        let endpoint_now = Value::text(&*otlp_endpoint);
        vec![
            Setting::new("metrics.otlp_endpoint", endpoint_now, otlp_endpoint, read_endpoint),
            Setting::number("metrics.otlp_interval_seconds", otlp_interval_seconds, 1..=3600),
            Setting::text("metrics.otlp_headers_file", otlp_headers_file, |_any| Ok(())),
        ]
    }

    /// Where metrics are pushed to; `None`: nowhere.
    pub fn otlp_url(&self) -> Option<String> {
        let base = self.otlp_endpoint.trim_end_matches('/');
        (!base.is_empty()).then(|| format!("{base}{PATH}"))
    }

    /// Whether the receiver is on this machine, where no proxy stands between.
    pub fn otlp_is_local(&self) -> bool {
        let url = Url::parse(&self.otlp_endpoint);
        url.is_ok_and(|url| match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        })
    }
}

/// Reads the setting. The error does not show a password in the URL.
fn read_endpoint(value: &Value) -> Result<String, RuleError> {
    let text = value.as_text()?;
    check_endpoint(text).map_err(|why| {
        let shown = if text.contains(['@', '?']) { "not an address".to_owned() } else { quoted(text) };
        why.showing(&shown)
    })?;
    Ok(text.to_owned())
}

fn check_endpoint(text: &str) -> Result<(), RuleError> {
    const SHAPE: &str = "it must be the address of an OTLP receiver over HTTP, such as http://127.0.0.1:4318 or https://otlp.example.com/otlp";
    if text.is_empty() {
        return Ok(());
    }
    let url = Url::parse(text).map_err(|_not_a_url| SHAPE)?;
    if !matches!(url.scheme(), "http" | "https")
        || text.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return Err(SHAPE.into());
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(
            "keys belong into the file metrics.otlp_headers_file; the address has no user, ? and #".into()
        );
    }
    if url.fragment().is_some() {
        return Err(SHAPE.into());
    }
    if url.path().trim_end_matches('/').ends_with(PATH) {
        return Err("leave out /v1/metrics: Tributary adds it".into());
    }
    if url.port() == Some(4317) {
        return Err(
            "4317 is the port for gRPC; Tributary pushes over HTTP, which receivers take at 4318".into()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(endpoint: &str) -> Metrics {
        Metrics { otlp_endpoint: endpoint.to_owned(), ..Metrics::default() }
    }

    #[test]
    fn the_path_is_added_to_the_address_of_a_receiver() {
        for (endpoint, url, is_local) in [
            ("", None, false),
            ("http://127.0.0.1:4318", Some("http://127.0.0.1:4318/v1/metrics"), true),
            ("http://[::1]:4318/", Some("http://[::1]:4318/v1/metrics"), true),
            ("http://localhost", Some("http://localhost/v1/metrics"), true),
            ("https://otlp.example.com/otlp", Some("https://otlp.example.com/otlp/v1/metrics"), false),
        ] {
            assert_eq!(check_endpoint(endpoint), Ok(()), "{endpoint}");
            assert_eq!(metrics(endpoint).otlp_url().as_deref(), url);
            assert_eq!(metrics(endpoint).otlp_is_local(), is_local, "{endpoint}");
        }
    }

    #[test]
    fn an_address_that_cannot_work_says_what_to_write() {
        for (endpoint, why) in [
            ("127.0.0.1:4318", "such as http://127.0.0.1:4318"),
            ("grpc://collector:4318", "such as http://127.0.0.1:4318"),
            ("http://collector :4318", "such as http://127.0.0.1:4318"),
            ("http://collector:4317", "4318"),
            ("http://collector:4318/v1/metrics", "leave out /v1/metrics"),
            ("http://collector:4318/v1/metrics/", "leave out /v1/metrics"),
            ("https://user:secret@collector", "metrics.otlp_headers_file"),
            ("https://collector?key=secret", "metrics.otlp_headers_file"),
        ] {
            let error = read_endpoint(&Value::text(endpoint)).expect_err(endpoint).to_string();
            assert!(error.contains(why) && !error.contains("secret"), "{endpoint}: {error}");
        }
    }
}
