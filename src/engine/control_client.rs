//! The caller's side of the control port ([`super::control`]): every call blocks until the engine has answered.

use std::{
    io::{self, BufRead, BufReader, Lines, Write},
    net::{SocketAddr, TcpStream},
    num::NonZeroU32,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use super::control_message::{
    CheckReply, CheckRequest, ControlAccess, DeliveryLimit, LimitReply, LimitRequest, ResendReply,
    ResendRequest, WindowReply, WindowRequest,
};
use crate::delivery::{CheckStep, ResendSelection, Resent};

/// How long the engine may take to accept a caller, and to answer without work.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// A resend reports twice a second; after so much silence the engine may be considered gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long one step of a check may take: a host may have several addresses that do not answer.
const CHECK_STEP_MAX: Duration = Duration::from_mins(2);

/// Why a running engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It has no control port.
    #[error("the running engine takes no orders; stop it and start it again with this version")]
    NoPort,
    /// It did not answer, or ended in the midst of its answer.
    #[error("the engine at {address} does not answer")]
    NoAnswer {
        /// Its control port.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The same, while it resent or set aside: what it had done stays done.
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
        "the engine at {address} did not understand: it is probably of an older version; stop it and start it again with this \
         version"
    )]
    Unknown {
        /// Its control port.
        address: String,
    },
    /// It says why.
    #[error("{0}")]
    Failed(String),
}

impl ControlError {
    /// Of a request that changes what is stored.
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
    /// Resends, or (`dry_run`) counts what would be resent; `progress` hears how far it is.
    pub(super) fn resend(
        &self,
        selection: ResendSelection,
        rate: Option<NonZeroU32>,
        dry_run: bool,
        mut progress: impl FnMut(&Resent),
    ) -> Result<Resent, ControlError> {
        let request = ResendRequest { key: self.key(), selection, rate, dry_run, set_aside: false };
        // Counting reports nothing before its end.
        let mut replies = self.send(&request, (!dry_run).then_some(SILENCE_MAX))?;
        loop {
            match replies.next().map_err(ControlError::while_changing)? {
                ResendReply::SoFar(done) => progress(&done),
                ResendReply::Done(done) => return Ok(done),
                ResendReply::Failed(why) => return Err(ControlError::Failed(why)),
                ResendReply::SetAside(_) => return Err(self.unknown()),
            }
        }
    }

    /// Sets aside what the destination keeps refusing; returns the number of events.
    pub(super) fn set_aside(&self) -> Result<u64, ControlError> {
        let selection = ResendSelection::Lines(Vec::new());
        let request =
            ResendRequest { key: self.key(), selection, rate: None, dry_run: false, set_aside: true };
        match self.send(&request, Some(SILENCE_MAX))?.next().map_err(ControlError::while_changing)? {
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

    /// Checks the public address; `progress` hears each step.
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

    /// Sends a request. Each line of the answer may take `silence_max`; `None`: however long it takes.
    fn send(
        &self,
        request: &impl Serialize,
        silence_max: Option<Duration>,
    ) -> Result<Replies<'_>, ControlError> {
        let address = &self.0.address;
        let send = || {
            let to: SocketAddr = address.parse().map_err(io::Error::other)?;
            // Written before it connects: the engine waits a short time for the line.
            let mut line = serde_json::to_vec(request)?;
            line.push(b'\n');
            let stream = TcpStream::connect_timeout(&to, ANSWER_TIME_MAX)?;
            stream.set_read_timeout(silence_max)?;
            (&stream).write_all(&line)?;
            Ok(BufReader::new(stream).lines())
        };
        let lines = send().map_err(|source| ControlError::NoAnswer { address: address.clone(), source })?;
        Ok(Replies { lines, address, is_first: true })
    }
}

/// The answer to one request, line by line.
struct Replies<'a> {
    lines: Lines<BufReader<TcpStream>>,
    address: &'a str,
    is_first: bool,
}

impl Replies<'_> {
    /// An engine that does not know a request closes the connection without any answer.
    fn next<T: DeserializeOwned>(&mut self) -> Result<T, ControlError> {
        let unknown = || ControlError::Unknown { address: self.address.to_owned() };
        let no_answer = |source| ControlError::NoAnswer { address: self.address.to_owned(), source };
        let line = match self.lines.next() {
            Some(line) => line.map_err(no_answer)?,
            None if self.is_first => return Err(unknown()),
            None => return Err(no_answer(io::ErrorKind::UnexpectedEof.into())),
        };
        let reply = serde_json::from_str(&line).map_err(|_other_shape| unknown())?;
        self.is_first = false;
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// An engine that answers one request with these lines and then ends.
    fn resend_from(answer: &'static str) -> ControlError {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let engine = std::thread::Builder::new().spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).unwrap();
            (&stream).write_all(answer.as_bytes()).unwrap();
        });
        let engine = engine.unwrap();
        let access = ControlAccess { address, key: "key".to_owned() };
        let lines = ResendSelection::Lines(vec![1]);
        let ended = Client(&access).resend(lines, None, false, |_| {}).unwrap_err();
        engine.join().unwrap();
        ended
    }

    #[test]
    fn an_engine_that_ends_in_the_midst_of_a_resend_is_not_taken_for_an_older_one() {
        let so_far = serde_json::to_string(&ResendReply::SoFar(Resent::default())).unwrap();
        let started = resend_from(Box::leak(format!("{so_far}\n").into_boxed_str()));
        assert!(started.to_string().ends_with("does not answer; what it had done stays done"), "{started}");
        assert!(matches!(resend_from(""), ControlError::Unknown { .. }), "it did not even begin");
    }
}
