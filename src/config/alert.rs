//! `[[alerts]]`: whom to tell, outside of this machine, when something needs a person; each with a name.
//!
//! The address of a webhook lets everybody who has it write there, so it is a secret: no message and no `Debug` shows it.
//! The password of a mail server is in a file of its own.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use super::entry::{Listing, RawEntry};
use super::error::{Problem, RuleError, quoted};
use super::setting::{Contradiction, Setting, Value};

/// Maximum entries of a list in an alert.
const LIST_MAX: usize = 50;

/// How an alert leaves the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlertKind {
    /// A POST with Tributary's own JSON.
    #[default]
    Webhook,
    /// A POST in the shape of Slack's incoming webhooks, which Mattermost and others take too.
    Slack,
    /// An e-mail by SMTP.
    Email,
    /// A program of this machine, with the JSON on its standard input.
    Command,
}

impl AlertKind {
    /// All four kinds.
    pub const ALL: [Self; 4] = [Self::Webhook, Self::Slack, Self::Email, Self::Command];

    /// The word in the settings file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Email => "email",
            Self::Command => "command",
        }
    }
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// The forwarder is blocked: nothing is delivered until somebody acts.
    Blocked,
    /// Events failed: the destination will never take them.
    Failed,
    /// The spool is above a share of its limit.
    Spool,
    /// The oldest queued event is older than it may be.
    Oldest,
    /// A source sends nothing any more.
    Silent,
    /// The spool's disk fails, or has no room.
    Disk,
}

impl Condition {
    /// All conditions.
    pub const ALL: [Self; 6] =
        [Self::Blocked, Self::Failed, Self::Spool, Self::Oldest, Self::Silent, Self::Disk];

    /// The word in the settings file and in an alert.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Failed => "failed",
            Self::Spool => "spool",
            Self::Oldest => "oldest",
            Self::Silent => "silent",
            Self::Disk => "disk",
        }
    }
}

/// One alert.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// One line, and no other's name.
    pub name: String,
    /// How it leaves the machine.
    pub kind: AlertKind,
    /// What it is about.
    pub on: Vec<Condition>,
    /// A webhook's address. A secret.
    pub url: String,
    /// The `Authorization` header of a webhook, or empty. A secret.
    pub authorization: String,
    /// The mail server: `smtps://host[:port]` (TLS), or `smtp://host[:port]` (STARTTLS).
    pub smtp: String,
    /// The user name at the mail server, or empty.
    pub smtp_user: String,
    /// A file with that user's password.
    pub smtp_password_file: String,
    /// The sender of the mail.
    pub from: String,
    /// The recipients of the mail.
    pub recipients: Vec<String>,
    /// A program and its arguments.
    pub command: Vec<String>,
    /// Percent of `spool.max_bytes` above which [`Condition::Spool`] holds.
    pub spool_percent: u8,
    /// Minutes after which a queued event is too old for [`Condition::Oldest`].
    pub oldest_minutes: u64,
    /// Minutes without an event after which a source is silent.
    pub silent_minutes: u64,
    /// The sources that may not be silent; empty: each that has sent something since the start.
    pub silent_sources: Vec<String>,
    /// How long a condition must hold before somebody is told, and must be over before that is told.
    pub after_seconds: u64,
}

impl Default for Alert {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: AlertKind::default(),
            on: Condition::ALL.to_vec(),
            url: String::new(),
            authorization: String::new(),
            smtp: String::new(),
            smtp_user: String::new(),
            smtp_password_file: String::new(),
            from: String::new(),
            recipients: Vec::new(),
            command: Vec::new(),
            spool_percent: 80,
            oldest_minutes: 15,
            silent_minutes: 60,
            silent_sources: Vec::new(),
            after_seconds: 60,
        }
    }
}

impl fmt::Debug for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alert").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A mail server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// Host name or address.
    pub host: String,
    /// Port; the scheme's own if none is given.
    pub port: u16,
    /// TLS from the first byte; else STARTTLS.
    pub is_tls: bool,
    /// It is this machine, so it may speak without TLS.
    pub is_local: bool,
}

const LISTING: Listing = Listing { key: "alerts", one: "an alert" };

impl Alert {
    /// Its settings except the name, each with its rule, in the order of the documentation.
    pub(super) fn settings(&mut self) -> Vec<Setting<'_>> {
        let Self { name: _, kind, on, url, authorization, smtp, .. } = self;
        let conditions_now = Value::List(on.iter().map(|one| one.as_str().to_owned()).collect());
        let mut all = vec![
            Setting::word("alerts.kind", kind, &AlertKind::ALL, AlertKind::as_str),
            Setting::new("alerts.on", conditions_now, on, read_conditions),
            Setting::new("alerts.url", Value::text(&*url), url, read_webhook),
            Setting::new("alerts.authorization", Value::text(&*authorization), authorization, read_header),
            Setting::new("alerts.smtp", Value::text(&*smtp), smtp, read_mail_server),
        ];
        let Self { smtp_user, smtp_password_file, from, recipients, command, .. } = self;
        let recipients_now = Value::List(recipients.clone());
        let command_now = Value::List(command.clone());
        all.extend([
            Setting::text("alerts.smtp_user", smtp_user, one_line),
            Setting::text("alerts.smtp_password_file", smtp_password_file, one_line),
            Setting::text("alerts.from", from, check_address),
            Setting::new("alerts.recipients", recipients_now, recipients, read_addresses),
            Setting::new("alerts.command", command_now, command, read_command),
        ]);
        let Self { spool_percent, oldest_minutes, silent_minutes, silent_sources, after_seconds, .. } = self;
        let silent_now = Value::List(silent_sources.clone());
        all.extend([
            Setting::number("alerts.spool_percent", spool_percent, 1..=100),
            Setting::number("alerts.oldest_minutes", oldest_minutes, 1..=60 * 24 * 365),
            Setting::number("alerts.silent_minutes", silent_minutes, 1..=60 * 24 * 365),
            Setting::new("alerts.silent_sources", silent_now, silent_sources, read_texts),
            Setting::number("alerts.after_seconds", after_seconds, 0..=60 * 60 * 24),
        ]);
        all
    }

    /// The key in its table and the value of each setting except the name.
    pub(super) fn values(&self) -> Vec<(&'static str, Value)> {
        let mut copy = self.clone();
        copy.settings().into_iter().map(|setting| (setting.key(), setting.value)).collect()
    }

    /// The values that differ from the defaults, without secrets.
    pub(super) fn shown_values(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let masked = Self {
            url: self.masked_url(),
            authorization: if self.authorization.is_empty() { "" } else { "…" }.to_owned(),
            ..self.clone()
        };
        let pairs = masked.values().into_iter().zip(Self::default().values());
        pairs.filter(|(now, default)| now != default || now.0 == "kind").map(|(now, _)| now)
    }

    /// Scheme and host of the webhook, which tell it from another one; its path is the secret.
    pub fn masked_url(&self) -> String {
        match Url::parse(&self.url) {
            Ok(url) => {
                let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
                format!("{}://{}{port}/…", url.scheme(), url.host_str().unwrap_or_default())
            }
            Err(_) => String::new(),
        }
    }

    /// Where it goes, without secrets: the host of a webhook, the recipients of a mail, or the program.
    pub fn target(&self) -> String {
        match self.kind {
            AlertKind::Webhook | AlertKind::Slack => self.masked_url(),
            AlertKind::Email => self.recipients.join(", "),
            AlertKind::Command => self.command.first().cloned().unwrap_or_default(),
        }
    }

    fn contradictions(&self) -> Vec<Contradiction> {
        let missing = |is_missing: bool, missing: &'static str| {
            is_missing.then(|| Contradiction::missing(missing, "alerts.kind", self.kind.as_str(), ""))
        };
        match self.kind {
            AlertKind::Webhook | AlertKind::Slack => {
                missing(self.url.is_empty(), "alerts.url").into_iter().collect()
            }
            AlertKind::Command => missing(self.command.is_empty(), "alerts.command").into_iter().collect(),
            AlertKind::Email => self.mail_contradictions(missing),
        }
    }

    fn mail_contradictions(
        &self,
        missing: impl Fn(bool, &'static str) -> Option<Contradiction>,
    ) -> Vec<Contradiction> {
        let mut found: Vec<_> = [
            missing(self.smtp.is_empty(), "alerts.smtp"),
            missing(self.from.is_empty(), "alerts.from"),
            missing(self.recipients.is_empty(), "alerts.recipients"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if self.smtp_user.is_empty() != self.smtp_password_file.is_empty() {
            let (given, other) = if self.smtp_user.is_empty() {
                ("alerts.smtp_password_file", "alerts.smtp_user")
            } else {
                ("alerts.smtp_user", "alerts.smtp_password_file")
            };
            let text = format!("{other} is missing, and {given} needs it: give both, or none");
            found.push(Contradiction::new(given, text));
        }
        found
    }
}

/// The alerts that are right; the others become problems.
pub(super) fn checked(raw: &[RawEntry], problems: &mut Vec<Problem>) -> Vec<Alert> {
    let mut checked = Vec::<Alert>::new();
    for raw in raw {
        let mut alert = Alert::default();
        let names: Vec<&str> = checked.iter().map(|other| &*other.name).collect();
        let Some(name) = raw.put_into(&mut alert.settings(), &LISTING, &names, problems) else { continue };
        let alert = Alert { name, ..alert };
        let found = alert.contradictions();
        for Contradiction { text, .. } in &found {
            let text = format!("of the alert {}: {text}", quoted(&alert.name));
            problems.push(Problem::new(raw.origin.clone(), text));
        }
        if found.is_empty() {
            checked.push(alert);
        }
    }
    checked
}

impl MailServer {
    /// Reads `smtps://host[:port]` or `smtp://host[:port]`.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        const SHAPE: &str = "write smtps://HOST[:PORT] (TLS) or smtp://HOST[:PORT] (STARTTLS), such as smtps://mail.example.com";
        let url = Url::parse(text).map_err(|_not_a_url| SHAPE)?;
        let (is_tls, port) = match url.scheme() {
            "smtps" => (true, 465),
            "smtp" => (false, 587),
            _ => return Err(SHAPE.into()),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "the user belongs into smtp_user, and the password into the file smtp_password_file".into()
            );
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(SHAPE)?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err(SHAPE.into());
        }
        let host = host.trim_matches(['[', ']']).to_owned();
        let is_local = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        Ok(Self { port: url.port().unwrap_or(port), host, is_tls, is_local })
    }
}

fn read_texts(value: &Value) -> Result<Vec<String>, RuleError> {
    match value {
        Value::List(texts) if texts.len() <= LIST_MAX => Ok(texts.clone()),
        Value::List(texts) => Err(RuleError::new(
            format!("has {} entries", texts.len()),
            format!("allowed: at most {LIST_MAX}"),
        )),
        other => Err(RuleError::new(
            format!("is {}", other.shown()),
            "it must be a list of texts: [\"one\", \"two\"]",
        )),
    }
}

fn read_conditions(value: &Value) -> Result<Vec<Condition>, RuleError> {
    let words = read_texts(value)?;
    let allowed = || {
        let words: Vec<_> = Condition::ALL.iter().map(|one| format!("{:?}", one.as_str())).collect();
        format!("allowed: {}", words.join(", "))
    };
    if words.is_empty() {
        return Err(RuleError::new("is empty", allowed()));
    }
    let mut conditions = Vec::with_capacity(words.len());
    for word in &words {
        let found = Condition::ALL.into_iter().find(|one| one.as_str() == word);
        let condition =
            found.ok_or_else(|| RuleError::new(format!("has the entry {}", quoted(word)), allowed()))?;
        if !conditions.contains(&condition) {
            conditions.push(condition);
        }
    }
    Ok(conditions)
}

/// The address of a webhook. No message shows it.
fn read_webhook(value: &Value) -> Result<String, RuleError> {
    const SHAPE: &str = "it must be a URL that begins with https:// or http://, in quotes";
    let Value::Text(text) = value else { return Err(RuleError::new("is not right", SHAPE)) };
    if text.is_empty() {
        return Ok(String::new());
    }
    let url = Url::parse(text).map_err(|_not_a_url| RuleError::new("is not right", SHAPE))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(RuleError::new("is not right", SHAPE));
    }
    Ok(text.clone())
}

/// The address of a mail server. A message does not show a password in it.
fn read_mail_server(value: &Value) -> Result<String, RuleError> {
    let text = value.as_text()?;
    if !text.is_empty() {
        let shown = if text.contains('@') { "an address with a user".to_owned() } else { quoted(text) };
        MailServer::parse(text).map_err(|why| why.showing(&shown))?;
    }
    Ok(text.to_owned())
}

/// The value of a header. No message shows it.
fn read_header(value: &Value) -> Result<String, RuleError> {
    match value {
        Value::Text(text) if text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) => {
            Ok(text.clone())
        }
        _ => Err(RuleError::new(
            "is not right",
            "it must be one line of ASCII text in quotes, such as \"Bearer …\"",
        )),
    }
}

fn read_command(value: &Value) -> Result<Vec<String>, RuleError> {
    let words = match value {
        Value::Text(_) => {
            return Err(RuleError::new(
                "is text",
                "it must be a list, the program first: [\"/usr/local/bin/page\", \"--now\"]; there is no shell",
            ));
        }
        other => read_texts(other)?,
    };
    if words.first().is_some_and(String::is_empty) {
        return Err(RuleError::new("has no program", "the first entry is the program"));
    }
    if words.iter().any(|word| word.contains('\0')) {
        return Err(RuleError::new("has a zero byte", "no argument of a program can have one"));
    }
    Ok(words)
}

fn read_addresses(value: &Value) -> Result<Vec<String>, RuleError> {
    let addresses = read_texts(value)?;
    for address in &addresses {
        check_address(address)
            .map_err(|why| RuleError::new(format!("has the entry {}", quoted(address)), why.to_string()))?;
    }
    Ok(addresses)
}

/// An e-mail address, with a name or without.
fn check_address(text: &str) -> Result<(), RuleError> {
    text.parse::<lettre::message::Mailbox>().map(drop).map_err(|_not_an_address| {
        "it must be an e-mail address, such as ops@example.com or Tributary <ops@example.com>".into()
    })
}

fn one_line(text: &str) -> Result<(), RuleError> {
    if text.chars().any(char::is_control) {
        return Err("it must be one line".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_has_tls_from_the_start_or_by_starttls() {
        let server = |text| MailServer::parse(text).map(|it| (it.host, it.port, it.is_tls, it.is_local));
        assert_eq!(server("smtps://mail.example.com"), Ok(("mail.example.com".into(), 465, true, false)));
        assert_eq!(server("smtp://mail.example.com:25"), Ok(("mail.example.com".into(), 25, false, false)));
        assert_eq!(server("smtp://[::1]:2525"), Ok(("::1".into(), 2525, false, true)));
        assert_eq!(server("smtp://localhost"), Ok(("localhost".into(), 587, false, true)));
        for bad in
            ["mail.example.com", "https://mail.example.com", "smtp://", "smtp://h/path", "smtp://h?tls=no"]
        {
            assert!(server(bad).is_err_and(|why| why.to_string().contains("smtps://HOST")), "{bad}");
        }
        let why = server("smtp://user:word@host").unwrap_err().to_string();
        assert!(why.contains("smtp_password_file") && !why.contains("word@"), "{why}");
    }

    #[test]
    fn nothing_that_people_see_has_the_secret_of_a_webhook() {
        let alert = Alert {
            name: "On call".to_owned(),
            url: "https://hooks.example.com/services/T0/B0/secret".to_owned(),
            authorization: "Bearer secret".to_owned(),
            ..Alert::default()
        };
        let shown: Vec<_> =
            alert.shown_values().map(|(key, value)| format!("{key} = {}", value.to_toml())).collect();
        assert_eq!(
            shown,
            ["kind = \"webhook\"", "url = \"https://hooks.example.com/…\"", "authorization = \"…\""]
        );
        assert!(!format!("{alert:?}").contains("secret"), "{alert:?}");
        assert_eq!(alert.target(), "https://hooks.example.com/…");
    }
}
