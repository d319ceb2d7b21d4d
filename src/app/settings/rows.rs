//! The settings of this place: their names, what they do, and how each is edited. Set up has the others.

use crate::app::{number::NUMBER_MAX, widgets};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// One setting.
pub(crate) struct Row {
    /// Its name in the settings file, such as `spool.max_bytes`.
    pub key: &'static str,
    pub name: &'static str,
    /// What it does, in one or two short sentences.
    pub hint: &'static str,
    pub(super) control: Control,
    /// A setting without which this one is not valid: both are saved together.
    pub(super) pair: Option<&'static str>,
}

/// How a setting is edited.
#[derive(Clone, Copy)]
pub(super) enum Control {
    /// As text. The text of an empty field.
    Text(&'static str),
    Switch,
    /// As a size, from the first to the second; the step of an arrow key.
    Bytes(u64, u64, u64),
    /// As a whole number, from the first to the second; the step of an arrow key.
    Count(u64, u64, u64),
}

/// Settings that belong together.
pub(crate) struct Group {
    pub title: &'static str,
    pub rows: &'static [Row],
}

const fn row(key: &'static str, name: &'static str, control: Control, hint: &'static str) -> Row {
    Row { key, name, hint, control, pair: None }
}

/// All of them, in the order of the page.
pub(crate) static GROUPS: [Group; 7] = [
    Group {
        title: "Capture endpoint",
        rows: &[
            row(
                "capture.listen",
                "Listen address",
                Control::Text("127.0.0.1:8485"),
                "Where senders connect. 127.0.0.1: from this computer only. 0.0.0.0: from other computers too.",
            ),
            row(
                "capture.require_write_key",
                "Require a write key",
                Control::Switch,
                "Requests without the write key of a source are refused.",
            ),
            row(
                "capture.drop_repeats",
                "Drop repeated events",
                Control::Switch,
                "An event whose messageId was accepted before is not forwarded. The log shows it as rejected.",
            ),
            row(
                "capture.max_body_bytes",
                "Request size limit",
                Control::Bytes(KIB, 256 * MIB, MIB),
                "After decompression. A larger request gets a 413 response. SDKs build up to 4 MB.",
            ),
            row(
                "capture.max_connections_per_peer",
                "Connections per address",
                Control::Count(0, 65_536, 64),
                "Maximum open connections of one address; this computer has no limit. 0: no limit.",
            ),
            row(
                "capture.analytics_js",
                "Your copy of analytics.js",
                Control::Text("https://cdn.example.com/a.js"),
                "Where web pages find it: a URL, or a path of the page's own site. With it, the endpoint serves the loader.",
            ),
        ],
    },
    Group {
        title: "HTTPS",
        rows: &[
            Row {
                pair: Some("capture.tls_key"),
                ..row(
                    "capture.tls_cert",
                    "Certificate file",
                    Control::Text("/etc/ssl/events.pem"),
                    "A PEM file with the certificate chain. It is read again when it changes. Empty: http.",
                )
            },
            Row {
                pair: Some("capture.tls_cert"),
                ..row(
                    "capture.tls_key",
                    "Private key file",
                    Control::Text("/etc/ssl/events.key"),
                    "A PEM file with the certificate's private key. Only its path is stored.",
                )
            },
        ],
    },
    Group {
        title: "Reverse proxy",
        rows: &[
            row(
                "capture.public_url",
                "Public address",
                Control::Text("https://events.example.com"),
                "What senders see if a proxy is in front. Snippets and the settings of SDKs contain it.",
            ),
            row(
                "capture.trusted_proxies",
                "Trusted proxies",
                Control::Text("127.0.0.1, 10.0.0.0/8"),
                "Their Forwarded headers name the client. Do not list addresses that senders can connect from.",
            ),
        ],
    },
    Group {
        title: "Disk",
        rows: &[
            row(
                "spool.max_bytes",
                "Spool size limit",
                Control::Bytes(64 * KIB, NUMBER_MAX, 16 * MIB),
                "For waiting and failed events. When it is full, senders get a 429 response and retry.",
            ),
            row(
                "spool.min_free_bytes",
                "Keep free on the disk",
                Control::Bytes(0, NUMBER_MAX, 16 * MIB),
                "When the disk has less free space than this, senders get a 429 response and retry.",
            ),
            row(
                "spool.max_source_percent",
                "Share of one source",
                Control::Count(1, 100, 5),
                "Percent of the spool that one of several sources may fill. 100: no limit.",
            ),
        ],
    },
    Group {
        title: "Delivery log",
        rows: &[
            row(
                "log.keep_events",
                "Keep in the log",
                Control::Count(0, NUMBER_MAX, 1000),
                "Delivered events. Queued and failed ones are never removed.",
            ),
            row(
                "log.keep_rejected",
                "Keep rejected events",
                Control::Count(0, 1_000_000, 1000),
                "Rejected events, with the reason and the first bytes of each. All of them are counted.",
            ),
        ],
    },
    Group {
        title: "Metrics by OpenTelemetry",
        rows: &[
            row(
                "metrics.otlp_endpoint",
                "OTLP receiver",
                Control::Text("http://127.0.0.1:4318"),
                "Gets the numbers of /metrics over HTTP: the address without /v1/metrics. Empty: nothing is pushed.",
            ),
            row(
                "metrics.otlp_interval_seconds",
                "Seconds between pushes",
                Control::Count(1, 3600, 10),
                "A push that fails is left out; the next one has newer numbers.",
            ),
            row(
                "metrics.otlp_headers_file",
                "Headers file",
                Control::Text("/etc/tributary/otlp-headers"),
                "For a receiver that asks for a key: one header a line, as NAME=VALUE. Only the file's path is stored.",
            ),
        ],
    },
    Group {
        title: "Notices",
        rows: &[row(
            "app.desktop_notices",
            "Desktop notifications",
            Control::Switch,
            "When delivery needs you, the spool is nearly full, or events fail. The window shows these in any case.",
        )],
    },
];

/// The first setting of this place that a text names by its key: the title of its group, and the key.
pub(crate) fn named_in(text: &str) -> Option<(&'static str, &'static str)> {
    let all = GROUPS.iter().flat_map(|group| group.rows.iter().map(|row| (group.title, row.key)));
    all.filter(|(_, key)| text.contains(key)).min_by_key(|(_, key)| text.find(key))
}

impl Row {
    /// Whether the setting's name, key or hint contains each of these words, which are in lower case.
    pub(crate) fn matches(&self, words: &str) -> bool {
        widgets::contains_words(&[self.name, self.key, self.hint], words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, differences, export, value_text, with_values};

    fn all() -> impl Iterator<Item = &'static Row> {
        GROUPS.iter().flat_map(|group| group.rows)
    }

    #[test]
    fn every_row_is_a_setting_that_takes_what_its_field_takes() {
        let config = Config::default();
        for row in all() {
            let now = value_text(&config, row.key);
            let other = match row.control {
                Control::Switch => (now != "true").to_string(),
                Control::Bytes(min, max, _) | Control::Count(min, max, _) => {
                    for edge in [min, max].map(|edge| edge.to_string()) {
                        assert!(with_values(&config, &[(row.key, &edge)]).is_ok(), "{} = {edge}", row.key);
                    }
                    min.to_string()
                }
                Control::Text(example) => match example.strip_suffix('5') {
                    Some(start) => format!("{start}6"),
                    None => example.to_owned(),
                },
            };
            let mut values = vec![(row.key, &*other)];
            values.extend(row.pair.map(|key| (key, "/some.pem")));
            let changed = with_values(&config, &values).unwrap_or_else(|why| panic!("{}: {why}", row.key));
            assert!(
                differences(&config, &changed).iter().any(|change| change.name == row.key),
                "{}",
                row.key
            );
        }
    }

    #[test]
    fn every_setting_that_is_not_in_set_up_or_sources_has_a_row() {
        // It leaves the sources out.
        let file: toml::Table = export(&Config::default()).parse().expect("a settings file");
        let sections = file.iter().filter_map(|(name, keys)| Some((name, keys.as_table()?)));
        let here = sections.filter(|(name, _)| !["destination", "credentials"].contains(&name.as_str()));
        let keys: Vec<_> =
            here.flat_map(|(name, keys)| keys.keys().map(move |key| format!("{name}.{key}"))).collect();
        let without: Vec<_> = keys.iter().filter(|key| all().all(|row| row.key != **key)).collect();
        assert!(keys.len() >= all().count() && without.is_empty(), "{without:?}");
    }

    #[test]
    fn a_setting_is_found_by_its_name_its_key_and_what_it_does() {
        let found =
            |words: &str| all().filter(|row| row.matches(words)).map(|row| row.key).collect::<Vec<_>>();
        assert_eq!(found("spool.max_bytes"), ["spool.max_bytes"]);
        assert_eq!(found("free disk"), ["spool.min_free_bytes"]);
        assert_eq!(found("413"), ["capture.max_body_bytes"]);
        assert!(found("nothing like it").is_empty());
        assert_eq!(found("").len(), all().count());
    }
}
