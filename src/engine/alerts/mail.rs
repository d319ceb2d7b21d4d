//! A notification as a mail, by SMTP.

use std::{error::Error, io, time::Duration};

use lettre::{
    Message, SmtpTransport, Transport as _,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};

use super::error::SendError;
use crate::{
    config::{Alert, MailServer},
    engine::https::said,
};

/// For each answer of the server.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Sends one mail with this subject and body to all recipients. Blocks.
///
/// With `smtp://` the server must offer STARTTLS, unless it is this machine: a relay on loopback often has no certificate.
pub(super) fn send(alert: &Alert, (subject, body): (String, String)) -> Result<(), SendError> {
    let mail = mail(alert, subject, body)?;
    let server = MailServer::parse(&alert.smtp).map_err(|why| SendError::refused(why.to_string()))?;
    let tls = || {
        TlsParameters::new(server.host.clone())
            .map_err(|error| SendError::refused(format!("TLS cannot be used ({error})")))
    };
    let tls = match (server.is_tls, server.is_local) {
        (true, _) => Tls::Wrapper(tls()?),
        (false, true) => Tls::Opportunistic(tls()?),
        (false, false) => Tls::Required(tls()?),
    };
    let mut transport =
        SmtpTransport::builder_dangerous(&server.host).port(server.port).tls(tls).timeout(Some(TIMEOUT));
    if !alert.smtp_user.is_empty() {
        transport = transport.credentials(Credentials::new(alert.smtp_user.clone(), password(alert)?));
    }
    transport.build().send(&mail).map(drop).map_err(|error| {
        SendError::refused(format!("the mail server {} did not take it ({})", server.host, why(&error)))
    })
}

/// The innermost cause, which is what the server or the system said.
fn why(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    let kind = innermost.downcast_ref::<io::Error>().map(io::Error::kind);
    if matches!(kind, Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)) {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    // The outermost text has the server's code, and what kind of error it is.
    let (outer, inner) = (error.to_string(), innermost.to_string());
    said(&if outer.contains(&inner) { outer } else { format!("{outer}: {inner}") })
}

fn mail(alert: &Alert, subject: String, body: String) -> Result<Message, SendError> {
    let wrong = |what: &str| SendError::refused(format!("{what} is no e-mail address"));
    let from: Mailbox = alert.from.parse().map_err(|_not_an_address| wrong("alerts.from"))?;
    let mut mail = Message::builder().from(from).subject(subject).header(ContentType::TEXT_PLAIN);
    for recipient in &alert.recipients {
        mail =
            mail.to(recipient.parse().map_err(|_not_an_address| wrong("an entry of alerts.recipients"))?);
    }
    mail.body(body).map_err(|error| SendError::refused(format!("the mail cannot be written ({error})")))
}

/// The password is the first line of its file.
fn password(alert: &Alert) -> Result<String, SendError> {
    let path = &alert.smtp_password_file;
    let text = std::fs::read_to_string(path).map_err(|error| {
        SendError::refused(format!("the file {path} with the password cannot be read ({error})"))
    })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
