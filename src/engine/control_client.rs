//! The caller's side of the control port ([`super::control`]): every call blocks until the engine has answered.

use std::{
    io::{self, BufRead, BufReader, Lines, Write},
    net::{SocketAddr, TcpStream},
    num::NonZeroU32,
    path::Path,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use super::control_message::{
    AdoptReply, AdoptRequest, CheckReply, CheckRequest, ControlAccess, DeliveryLimit, LimitReply,
    LimitRequest, ResendReply, ResendRequest, WindowReply, WindowRequest,
};
use crate::delivery::{Adopting, CheckStep, ResendSelection, Resent, Taken};

/// How long the engine may take to accept a connection, and to answer a request that needs no work.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// A resend reports twice a second. After this long without a report the engine is considered gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long one step of a check may take: a host may have several addresses that do not answer.
const CHECK_STEP_MAX: Duration = Duration::from_mins(2);

/// The possible reasons why an engine closed the connection before the end of its answer.
const CLOSED: &str =
    "it closed the connection: it is stopping, has too many callers, or is of another version";

/// Why a running engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It has no control port.
    #[error("the running engine has no control port; stop it and start it again with this version")]
    NoPort,
    /// It did not answer, or closed the connection in the middle of its answer.
    #[error("the engine at {address} does not answer")]
    NoAnswer {
        /// Its control port.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Like [`Self::NoAnswer`], during a resend or set-aside: events that were handled before stay so.
    #[error("the engine at {address} does not answer; what it had done stays done")]
    Interrupted {
        /// Its control port.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It closed the connection without any answer, or answered something else.
    #[error(
        "the engine at {address} does not know this request: it is probably an older version; stop it and start it again with this \
         version"
    )]
    Unknown {
        /// Its control port.
        address: String,
    },
    /// The reason that the engine gave.
    #[error("{0}")]
    Failed(String),
}

impl ControlError {
    /// Converts the error of a request that changes stored events.
    fn while_changing(self) -> Self {
        match self {
            Self::NoAnswer { address, source } => Self::Interrupted { address, source },
            other => other,
        }
    }
}

/// A caller of the control port.
pub(super) struct Client<'a>(pub(super) &'a ControlAccess);

impl Client<'_> {
    /// Resends, or with `dry_run` counts what would be resent. `progress` is called with the events so far.
    pub(super) fn resend(
        &self,
        selection: ResendSelection,
        rate: Option<NonZeroU32>,
        dry_run: bool,
        mut progress: impl FnMut(&Resent),
    ) -> Result<Resent, ControlError> {
        let request = ResendRequest { key: self.key(), selection, rate, dry_run, set_aside: false };
        // A dry run sends no progress, so it has no limit of silence.
        let mut replies = self.send_changing(&request, (!dry_run).then_some(SILENCE_MAX))?;
        loop {
            match replies.next().map_err(ControlError::while_changing)? {
                ResendReply::SoFar(done) => progress(&done),
                ResendReply::Done(done) => return Ok(done),
                ResendReply::Failed(why) => return Err(ControlError::Failed(why)),
                ResendReply::SetAside(_) => return Err(self.unknown()),
            }
        }
    }

    /// Adopts the data folder `dir`. `progress` is called with how far that is.
    pub(super) fn adopt(
        &self,
        dir: &Path,
        leave_damaged: bool,
        mut progress: impl FnMut(&Adopting),
    ) -> Result<Taken, ControlError> {
        let request = AdoptRequest { key: self.key(), adopt: dir.to_owned(), leave_damaged };
        let mut replies = self.send_changing(&request, Some(SILENCE_MAX))?;
        loop {
            match replies.next().map_err(ControlError::while_changing)? {
                AdoptReply::SoFar(done) => progress(&done),
                AdoptReply::Done(taken) => return Ok(taken),
                AdoptReply::Failed(why) => return Err(ControlError::Failed(why)),
            }
        }
    }

    /// Sets aside what the destination keeps refusing; returns the number of events.
    pub(super) fn set_aside(&self) -> Result<u64, ControlError> {
        let selection = ResendSelection::Lines(Vec::new());
        let request =
            ResendRequest { key: self.key(), selection, rate: None, dry_run: false, set_aside: true };
        match self.send_changing(&request, Some(SILENCE_MAX))?.next().map_err(ControlError::while_changing)? {
            ResendReply::SetAside(count) => Ok(count),
            ResendReply::Failed(why) => Err(ControlError::Failed(why)),
            ResendReply::SoFar(_) | ResendReply::Done(_) => Err(self.unknown()),
        }
    }

    /// What limits delivery; `None`: the queue does not grow.
    pub(super) fn delivery_limit(&self) -> Result<Option<DeliveryLimit>, ControlError> {
        let request = LimitRequest { key: self.key(), what_holds: true };
        let reply: LimitReply = self.send(&request, Some(ANSWER_TIME_MAX))?.next()?;
        Ok(reply.limit)
    }

    /// Brings the window to the front; `false`: there is none.
    pub(super) fn show_window(&self) -> Result<bool, ControlError> {
        let request = WindowRequest { key: self.key(), show_window: true };
        let reply: WindowReply = self.send(&request, Some(ANSWER_TIME_MAX))?.next()?;
        Ok(reply.is_shown)
    }

    /// Checks the public address. `progress` is called with each step.
    pub(super) fn check_public(&self, mut progress: impl FnMut(CheckStep)) -> Result<(), ControlError> {
        let request = CheckRequest { key: self.key(), check_public: true };
        let mut replies = self.send(&request, Some(CHECK_STEP_MAX))?;
        while let Some(step) = replies.next::<CheckReply>()?.step() {
            progress(step);
        }
        Ok(())
    }

    fn key(&self) -> String {
        self.0.key.clone()
    }

    fn unknown(&self) -> ControlError {
        ControlError::Unknown { address: self.0.address.clone() }
    }

    /// Sends a request that changes stored events. An engine that closes the connection without any answer does not know
    /// it.
    fn send_changing(
        &self,
        request: &impl Serialize,
        silence_max: Option<Duration>,
    ) -> Result<Replies<'_>, ControlError> {
        Ok(Replies { is_unknown_if_closed: true, ..self.send(request, silence_max)? })
    }

    /// Sends a request. Each line of the answer may take `silence_max`; `None`: however long it takes.
    fn send(
        &self,
        request: &impl Serialize,
        silence_max: Option<Duration>,
    ) -> Result<Replies<'_>, ControlError> {
        let address = &self.0.address;
        let send = || {
            let to: SocketAddr = address.parse().map_err(io::Error::other)?;
            // The line is serialised before connecting, because the engine waits only a short time for it.
            let mut line = serde_json::to_vec(request)?;
            line.push(b'\n');
            let stream = TcpStream::connect_timeout(&to, ANSWER_TIME_MAX)?;
            stream.set_read_timeout(silence_max)?;
            (&stream).write_all(&line)?;
            Ok(BufReader::new(stream).lines())
        };
        let lines = send().map_err(|source| ControlError::NoAnswer { address: address.clone(), source })?;
        Ok(Replies { lines, address, is_unknown_if_closed: false })
    }
}

/// The answer to one request, line by line.
struct Replies<'a> {
    lines: Lines<BufReader<TcpStream>>,
    address: &'a str,
    /// An engine that closes the connection without any answer does not know the request.
    is_unknown_if_closed: bool,
}

impl Replies<'_> {
    fn next<T: DeserializeOwned>(&mut self) -> Result<T, ControlError> {
        let unknown = || ControlError::Unknown { address: self.address.to_owned() };
        let no_answer = |source| ControlError::NoAnswer { address: self.address.to_owned(), source };
        let line = match self.lines.next() {
            Some(line) => line.map_err(no_answer)?,
            None if self.is_unknown_if_closed => return Err(unknown()),
            None => return Err(no_answer(io::Error::new(io::ErrorKind::UnexpectedEof, CLOSED))),
        };
        let reply = serde_json::from_str(&line).map_err(|_other_shape| unknown())?;
        self.is_unknown_if_closed = false;
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// The error of `call` when the engine sends `answer` and then closes the connection.
    fn error_of<T: std::fmt::Debug>(
        answer: &str,
        call: impl FnOnce(&Client<'_>) -> Result<T, ControlError>,
    ) -> ControlError {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answer = answer.to_owned();
        let engine = std::thread::Builder::new().spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).unwrap();
            (&stream).write_all(answer.as_bytes()).unwrap();
        });
        let engine = engine.unwrap();
        let error = call(&Client(&ControlAccess { address, key: "key".to_owned() })).unwrap_err();
        engine.join().unwrap();
        error
    }

    fn resend(client: &Client<'_>) -> Result<Resent, ControlError> {
        client.resend(ResendSelection::Lines(vec![1]), None, false, |_| {})
    }

    fn show_window(client: &Client<'_>) -> Result<bool, ControlError> {
        client.show_window()
    }

    #[test]
    fn an_engine_that_ends_in_the_midst_of_a_resend_is_not_taken_for_an_older_one() {
        let so_far = serde_json::to_string(&ResendReply::SoFar(Resent::default())).unwrap();
        let started = error_of(&format!("{so_far}\n"), resend);
        assert!(started.to_string().ends_with("does not answer; what it had done stays done"), "{started}");
        assert!(matches!(error_of("", resend), ControlError::Unknown { .. }), "it did not even begin");
    }

    #[test]
    fn a_connection_that_only_ends_is_not_taken_for_another_version() {
        let step = serde_json::to_string(&CheckReply::Passed { name: "dns".into(), detail: String::new() });
        let step = format!("{}\n", step.unwrap());
        let check = |client: &Client<'_>| client.check_public(|step| assert_eq!(step.name, "dns"));
        for error in [error_of("", show_window), error_of("", check), error_of(&step, check)] {
            assert!(matches!(error, ControlError::NoAnswer { .. }), "{error}");
        }
        let other = error_of("{\"other\":1}\n", show_window);
        assert!(matches!(other, ControlError::Unknown { .. }), "{other}");
    }
}
