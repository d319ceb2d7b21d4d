//! The settings as one table: name, how to read it from a [`Config`], how to check it and put it there.
//!
//! File, environment, flags, saving and showing all go through [`KEYS`]; a new setting is one new row
//! (and a line in `assets/config.example.toml`, which a test demands). `[[capture.sources]]` is not here: see `sources`.

use super::error::quoted;
use super::proxy::{self, PublicUrl, TRUSTED_PROXIES_MAX};
use super::rules;
use super::{Config, CredentialsSource, DestinationKind, Operation};
use crate::event::{Aggregation, Encoding};

/// The tables of the file, in its order.
pub(super) const SECTIONS: [&str; 6] = ["destination", "credentials", "capture", "spool", "log", "app"];

/// A setting's value as written.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Text.
    Text(String),
    /// True or false.
    Switch(bool),
    /// A whole number.
    Number(u64),
    /// Texts.
    List(Vec<String>),
    /// What no setting takes, by name: "a list".
    Other(&'static str),
}

impl Value {
    /// What a variable's text means where `self` is the setting's default; other words stay text and are refused later.
    pub(super) fn meant_by(&self, text: &str) -> Self {
        let meant = match self {
            Self::Text(_) | Self::Other(_) => None,
            Self::List(_) => {
                let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
                Some(Self::List(parts.map(str::to_owned).collect()))
            }
            Self::Switch(_) => text.parse().ok().map(Self::Switch),
            Self::Number(_) => text.parse().ok().map(Self::Number),
        };
        meant.unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Switch(on) => on.to_string(),
            Self::Number(number) => number.to_string(),
            Self::List(_) => "a list".to_owned(),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

/// One setting.
pub(super) struct Key {
    /// `destination.region`
    pub(super) full: &'static str,
    /// The value in these settings.
    pub(super) get: fn(&Config) -> Value,
    /// Checks a value and puts it there. The `Err` follows the setting's name: `is "x"; allowed: …`.
    pub(super) set: fn(&mut Config, &Value) -> Result<(), String>,
}

impl Key {
    /// `destination`
    pub(super) fn section(&self) -> &'static str {
        self.full.split_once('.').map_or("", |(section, _)| section)
    }

    /// `region`
    pub(super) fn name(&self) -> &'static str {
        self.full.split_once('.').map_or("", |(_, name)| name)
    }

    /// `TRIBUTARY_DESTINATION_REGION`
    pub(super) fn variable(&self) -> String {
        format!("TRIBUTARY_{}", self.full.replace('.', "_").to_uppercase())
    }
}

/// The setting of this full name.
pub(super) fn key(full: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.full == full)
}

/// Every setting, in the order of the file.
pub(super) const KEYS: [Key; 31] = [
    Key {
        full: "destination.kind",
        get: |c| text(c.destination.kind.as_str()),
        set: |c, v| {
            word(v, &DestinationKind::ALL, DestinationKind::as_str).map(|kind| c.destination.kind = kind)
        },
    },
    Key {
        full: "destination.enabled",
        get: |c| Value::Switch(c.destination.enabled),
        set: |c, v| switch(v).map(|on| c.destination.enabled = on),
    },
    Key {
        full: "destination.region",
        get: |c| text(&c.destination.region),
        set: |c, v| optional(v, rules::check_region).map(|region| c.destination.region = region),
    },
    Key {
        full: "destination.stream",
        get: |c| text(&c.destination.stream),
        set: |c, v| optional(v, rules::check_stream).map(|stream| c.destination.stream = stream),
    },
    Key {
        full: "destination.account_id",
        get: |c| text(&c.destination.account_id),
        set: |c, v| optional(v, rules::check_account_id).map(|id| c.destination.account_id = id),
    },
    Key {
        full: "destination.operation",
        get: |c| text(c.destination.operation.as_str()),
        set: |c, v| word(v, &Operation::ALL, Operation::as_str).map(|call| c.destination.operation = call),
    },
    Key {
        full: "destination.encoding",
        get: |c| text(c.destination.encoding.as_str()),
        set: |c, v| {
            word(v, &Encoding::ALL, Encoding::as_str).map(|encoding| c.destination.encoding = encoding)
        },
    },
    Key {
        full: "destination.ordered",
        get: |c| Value::Switch(c.destination.ordered),
        set: |c, v| switch(v).map(|on| c.destination.ordered = on),
    },
    Key {
        full: "destination.endpoint_url",
        get: |c| text(&c.destination.endpoint_url),
        set: |c, v| endpoint(v).map(|url| c.destination.endpoint_url = url),
    },
    Key {
        full: "destination.aggregation",
        get: |c| text(c.destination.aggregation.as_str()),
        set: |c, v| {
            word(v, &Aggregation::ALL, Aggregation::as_str).map(|how| c.destination.aggregation = how)
        },
    },
    Key {
        full: "destination.aggregation_max_bytes",
        get: |c| Value::Number(c.destination.aggregation_max_bytes as u64),
        set: |c, v| {
            // Up to the largest record that a stream can be configured for.
            let bytes = number(v, 1024, 10 * 1024 * 1024)?;
            let bytes = usize::try_from(bytes).map_err(|e| e.to_string())?;
            c.destination.aggregation_max_bytes = bytes;
            Ok(())
        },
    },
    Key {
        full: "credentials.source",
        get: |c| text(c.credentials.source.as_str()),
        set: |c, v| {
            word(v, &CredentialsSource::ALL, CredentialsSource::as_str)
                .map(|from| c.credentials.source = from)
        },
    },
    Key {
        full: "credentials.profile",
        get: |c| text(&c.credentials.profile),
        set: |c, v| optional(v, one_line).map(|profile| c.credentials.profile = profile),
    },
    Key {
        full: "credentials.role_arn",
        get: |c| text(&c.credentials.role_arn),
        set: |c, v| optional(v, rules::check_role_arn).map(|arn| c.credentials.role_arn = arn),
    },
    Key {
        full: "credentials.external_id",
        get: |c| text(&c.credentials.external_id),
        set: |c, v| optional(v, rules::check_external_id).map(|id| c.credentials.external_id = id),
    },
    Key {
        full: "capture.listen",
        get: |c| text(&c.capture.listen.to_string()),
        set: |c, v| listen(v).map(|address| c.capture.listen = address),
    },
    Key {
        full: "capture.require_write_key",
        get: |c| Value::Switch(c.capture.require_write_key),
        set: |c, v| switch(v).map(|on| c.capture.require_write_key = on),
    },
    Key {
        full: "capture.tls_cert",
        get: |c| text(&c.capture.tls_cert),
        set: |c, v| as_text(v).map(|path| path.clone_into(&mut c.capture.tls_cert)),
    },
    Key {
        full: "capture.tls_key",
        get: |c| text(&c.capture.tls_key),
        set: |c, v| as_text(v).map(|path| path.clone_into(&mut c.capture.tls_key)),
    },
    Key {
        full: "capture.drop_repeats",
        get: |c| Value::Switch(c.capture.drop_repeats),
        set: |c, v| switch(v).map(|on| c.capture.drop_repeats = on),
    },
    Key {
        full: "capture.analytics_js",
        get: |c| text(&c.capture.analytics_js),
        set: |c, v| optional(v, rules::check_analytics_js).map(|url| c.capture.analytics_js = url),
    },
    Key {
        full: "capture.max_body_bytes",
        get: |c| Value::Number(u64::try_from(c.capture.max_body_bytes).unwrap_or(u64::MAX)),
        set: |c, v| {
            let bytes = number(v, 1024, 256 * 1024 * 1024)?;
            usize::try_from(bytes).map(|bytes| c.capture.max_body_bytes = bytes).map_err(|e| e.to_string())
        },
    },
    Key {
        full: "capture.public_url",
        get: |c| text(&c.capture.public_url.as_ref().map(ToString::to_string).unwrap_or_default()),
        set: |c, v| public_url(v).map(|url| c.capture.public_url = url),
    },
    Key {
        full: "capture.trusted_proxies",
        get: |c| Value::List(c.capture.trusted_proxies.iter().map(proxy::trusted_proxy_text).collect()),
        set: |c, v| trusted_proxies(v).map(|networks| c.capture.trusted_proxies = networks),
    },
    Key {
        full: "capture.max_connections_per_peer",
        get: |c| Value::Number(c.capture.max_connections_per_peer as u64),
        set: |c, v| {
            let count = number(v, 0, 65_536)?;
            usize::try_from(count)
                .map(|count| c.capture.max_connections_per_peer = count)
                .map_err(|e| e.to_string())
        },
    },
    Key {
        full: "spool.max_bytes",
        get: |c| Value::Number(c.spool.max_bytes),
        set: |c, v| number(v, 64 * 1024, i64::MAX as u64).map(|bytes| c.spool.max_bytes = bytes),
    },
    Key {
        full: "spool.min_free_bytes",
        get: |c| Value::Number(c.spool.min_free_bytes),
        set: |c, v| number(v, 0, i64::MAX as u64).map(|bytes| c.spool.min_free_bytes = bytes),
    },
    Key {
        full: "spool.max_source_percent",
        get: |c| Value::Number(c.spool.max_source_percent.into()),
        set: |c, v| {
            let percent = number(v, 1, 100)?;
            u8::try_from(percent)
                .map(|percent| c.spool.max_source_percent = percent)
                .map_err(|e| e.to_string())
        },
    },
    Key {
        full: "log.keep_events",
        get: |c| Value::Number(c.log.keep_events),
        set: |c, v| number(v, 0, i64::MAX as u64).map(|events| c.log.keep_events = events),
    },
    Key {
        full: "log.keep_rejected",
        get: |c| Value::Number(c.log.keep_rejected),
        set: |c, v| number(v, 0, 1_000_000).map(|lines| c.log.keep_rejected = lines),
    },
    Key {
        full: "app.desktop_notices",
        get: |c| Value::Switch(c.app.desktop_notices),
        set: |c, v| switch(v).map(|on| c.app.desktop_notices = on),
    },
];

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn as_text(value: &Value) -> Result<&str, String> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Switch(_) | Value::Number(_) => {
            Err(format!("is {0}; it must be text in quotes: \"{0}\"", value.shown()))
        }
        Value::List(_) | Value::Other(_) => Err(format!("is {}; it must be text in quotes", value.shown())),
    }
}

/// Text that may be empty, and else keeps the rule.
fn optional(value: &Value, rule: fn(&str) -> Result<(), String>) -> Result<String, String> {
    let text = as_text(value)?;
    if !text.is_empty() {
        rule(text).map_err(|why| format!("is {}; {why}", quoted(text)))?;
    }
    Ok(text.to_owned())
}

/// As `optional`, but a URL that holds a password is not shown.
fn endpoint(value: &Value) -> Result<String, String> {
    let text = as_text(value)?;
    rules::check_endpoint_url(text).map_err(|why| {
        let shown = if text.contains(['@', '?']) { "not an endpoint".to_owned() } else { quoted(text) };
        format!("is {shown}; {why}")
    })?;
    Ok(text.to_owned())
}

/// A password in it is not shown.
fn public_url(value: &Value) -> Result<Option<PublicUrl>, String> {
    let text = as_text(value)?;
    if text.is_empty() {
        return Ok(None);
    }
    PublicUrl::parse(text).map(Some).map_err(|why| {
        let shown = if text.contains(['@', '?']) { "not a public address".to_owned() } else { quoted(text) };
        format!("is {shown}; {why}")
    })
}

fn trusted_proxies(value: &Value) -> Result<Vec<ipnet::IpNet>, String> {
    let Value::List(texts) = value else {
        return Err(format!(
            "is {}; it must be a list of texts: [\"127.0.0.1\", \"10.0.0.0/8\"]",
            value.shown()
        ));
    };
    if texts.len() > TRUSTED_PROXIES_MAX {
        return Err(format!("has {} entries; allowed: at most {TRUSTED_PROXIES_MAX}", texts.len()));
    }
    let mut networks = Vec::with_capacity(texts.len());
    for text in texts {
        let network = proxy::check_trusted_proxy(text)
            .map_err(|why| format!("has the entry {}; {why}", quoted(text)))?;
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    Ok(networks)
}

fn listen(value: &Value) -> Result<std::net::SocketAddr, String> {
    let text = as_text(value)?;
    rules::check_listen(text).map_err(|why| format!("is {}; {why}", quoted(text)))
}

fn one_line(text: &str) -> Result<(), String> {
    if text.chars().any(char::is_control) || text.trim() != text {
        return Err("it must be one line that begins and ends with no space".to_owned());
    }
    Ok(())
}

fn word<T: Copy>(value: &Value, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let given = match value {
        Value::Text(text) => text.as_str(),
        Value::Switch(_) | Value::Number(_) | Value::List(_) | Value::Other(_) => "",
    };
    all.iter().copied().find(|one| name(*one) == given).ok_or_else(|| {
        let allowed: Vec<String> = all.iter().map(|one| format!("{:?}", name(*one))).collect();
        format!("is {}; allowed: {}", value.shown(), allowed.join(", "))
    })
}

fn switch(value: &Value) -> Result<bool, String> {
    match value {
        Value::Switch(on) => Ok(*on),
        Value::Text(_) | Value::Number(_) | Value::List(_) | Value::Other(_) => {
            Err(format!("is {}; allowed: true, false", value.shown()))
        }
    }
}

fn number(value: &Value, min: u64, max: u64) -> Result<u64, String> {
    match value {
        Value::Number(number) if (min..=max).contains(number) => Ok(*number),
        Value::Number(_) | Value::Switch(_) | Value::Text(_) | Value::List(_) | Value::Other(_) => {
            Err(format!("is {}; allowed: whole numbers from {min} to {max}", value.shown()))
        }
    }
}
