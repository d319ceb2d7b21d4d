//! What the practice stream's faults look like. Its user has no keys, no policy and no stream to mend.
//!
//! A fault that made one request fail may be off when its remedy is read, so that is told as past.

use super::{
    cause::Cause,
    connection::Connection,
    context::{Audience, Context, EVENTS_SAFE},
    permission::Permission,
    signature::Signature,
    stream::Stream,
    text::{Location, Remedy},
    throttling::Throttling,
};

/// `None`: the cause is none of the practice stream's own.
pub(super) fn remedy(cause: Cause, context: &Context) -> Option<Remedy> {
    let tense = |now, past| tense(context, now, past);
    let retry = context.only_retry();
    let remedy = match cause {
        Cause::Permission(Permission::Denied) => Remedy::new(
            tense("The practice stream refuses every request.", "The practice stream refused the request."),
            answers_as_aws(context, "no policy allows it"),
            switch_off(context),
        ),
        Cause::Signature(Signature::SessionExpired) => Remedy::new(
            tense(
                "The practice stream says that the session has expired.",
                "The practice stream said that the session had expired.",
            ),
            answers_as_aws(context, "temporary keys are too old"),
            switch_off(context),
        ),
        Cause::Throttling(Throttling::Throughput | Throttling::RateLimit) => Remedy::new(
            format!("The practice stream {} over its throughput limit.", tense("is", "was")),
            answers_as_aws(context, "the shards (parts) of a stream are over their limit"),
            format!(
                "{retry} It {} off.",
                tense(
                    "goes on at full speed once the practice stream's faults are",
                    "is not throttled when the practice stream's faults are"
                )
            ),
        ),
        Cause::Connection(Connection::ServiceFailing) => Remedy::new(
            "The practice stream reported an internal error.",
            answers_as_aws(context, "it has an internal error"),
            format!("{retry} It ends when the practice stream's faults are off."),
        ),
        Cause::Connection(cause) => return connection(cause, context),
        Cause::Stream(Stream::NotFound) => Remedy::new(
            format!("The practice stream {} gone.", tense("is", "was")),
            "It was deleted, as a stream on AWS can be.",
            format!(
                "{} it again: switch the practice stream's faults off. {}",
                tense("Create", "If it is still gone, create"),
                context.promise(EVENTS_SAFE)
            ),
        ),
        Cause::Stream(Stream::RecordRefused) => Remedy::new(
            "The practice stream cannot take this event.",
            "Its record is larger than the practice stream takes: 1 MiB with its key, and 1 KiB while the fault “Refuse large records” is on.",
            "The event is kept under Failed, and its user's later events go on. First switch that fault off. Then resend the event, in Live or with `tributary resend`.",
        )
        .at(Location::PracticeFaults),
        Cause::Signature(
            Signature::KeyUnknown | Signature::SecretWrong | Signature::Missing | Signature::ClockWrong,
        ) => Remedy::new(
            "The practice stream does not know the key that Tributary made for it.",
            "Tributary makes the key at each start, and only this engine has it. This should not happen.",
            "Restart Tributary: it makes a new key and delivers the queued events. If this happens again, please report it.",
        ),
        _ => return None,
    };
    Some(remedy)
}

fn connection(cause: Connection, context: &Context) -> Option<Remedy> {
    let (what, fault) = match cause {
        Connection::Lost => (
            "The connection to the practice stream was lost before an answer came.",
            tense(context, "is switched on and cuts connections", "was switched on and cut connections"),
        ),
        Connection::NoAnswer => (
            "The practice stream did not answer in time.",
            tense(
                context,
                "is switched on and delays answers, or this computer is very busy",
                "was switched on and delayed answers, or this computer was very busy",
            ),
        ),
        _ => return None,
    };
    let why = format!("One of the practice stream's faults {fault}.{}", context.may_be_stored());
    Some(Remedy::new(what, why, context.only_retry()))
}

fn tense(context: &Context, now: &'static str, past: &'static str) -> &'static str {
    match context.audience {
        Audience::Forwarder => now,
        Audience::OnePut | Audience::OneCall => past,
    }
}

fn answers_as_aws(context: &Context, when: &str) -> String {
    let answers = tense(context, "is switched on: it answers", "was switched on: it answered");
    format!("One of the practice stream's faults {answers} as AWS does when {when}.")
}

fn switch_off(context: &Context) -> String {
    let which = tense(context, "", " if any is still on");
    format!("Switch the practice stream's faults off{which}. {}", context.promise(EVENTS_SAFE))
}
