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
    /// It did not answer. What a resend had queued stays queued.
    #[error("the engine at {address} does not answer; what it had done stays done")]
    NoAnswer {
        /// Its control port.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It closed the connection without an answer, or answered something else.
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
            match self.next(&mut replies)? {
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
        match self.next(&mut self.send(&request, Some(SILENCE_MAX))?)? {
            ResendReply::SetAside(count) => Ok(count),
            ResendReply::Failed(why) => Err(ControlError::Failed(why)),
            ResendReply::SoFar(_) | ResendReply::Done(_) => Err(self.unknown()),
        }
    }

    /// What limits delivery; `None`: the queue does not grow.
    pub(super) fn delivery_limit(&self) -> Result<Option<DeliveryLimit>, ControlError> {
        let request = LimitRequest { key: self.key(), what_holds: true };
        let reply: LimitReply = self.next(&mut self.send(&request, Some(ANSWER_TIME_MAX))?)?;
        Ok(reply.limit)
    }

    /// Brings the window to the front; `false`: there is none.
    pub(super) fn show_window(&self) -> Result<bool, ControlError> {
        let request = WindowRequest { key: self.key(), show_window: true };
        let reply: WindowReply = self.next(&mut self.send(&request, Some(ANSWER_TIME_MAX))?)?;
        Ok(reply.is_shown)
    }

    /// Checks the public address; `progress` hears each step.
    pub(super) fn check_public(&self, mut progress: impl FnMut(CheckStep)) -> Result<(), ControlError> {
        let request = CheckRequest { key: self.key(), check_public: true };
        let mut replies = self.send(&request, Some(CHECK_STEP_MAX))?;
        while let Some(step) = self.next::<CheckReply>(&mut replies)?.step() {
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

    fn no_answer(&self, source: io::Error) -> ControlError {
        ControlError::NoAnswer { address: self.0.address.clone(), source }
    }

    /// Sends a request. Each line of the answer may take `silence_max`; `None`: however long it takes.
    fn send(
        &self,
        request: &impl Serialize,
        silence_max: Option<Duration>,
    ) -> Result<Lines<BufReader<TcpStream>>, ControlError> {
        let send = || {
            let address: SocketAddr = self.0.address.parse().map_err(io::Error::other)?;
            // Written before it connects: the engine waits a short time for the line.
            let mut line = serde_json::to_vec(request)?;
            line.push(b'\n');
            let stream = TcpStream::connect_timeout(&address, ANSWER_TIME_MAX)?;
            stream.set_read_timeout(silence_max)?;
            (&stream).write_all(&line)?;
            Ok(BufReader::new(stream).lines())
        };
        send().map_err(|error| self.no_answer(error))
    }

    fn next<T: DeserializeOwned>(
        &self,
        replies: &mut Lines<BufReader<TcpStream>>,
    ) -> Result<T, ControlError> {
        let line = replies.next().ok_or_else(|| self.unknown())?.map_err(|error| self.no_answer(error))?;
        serde_json::from_str(&line).map_err(|_other_shape| self.unknown())
    }
}
