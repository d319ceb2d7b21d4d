//! What an error means: for the forwarder ([`class_of`]) and for the user ([`remedy`]). Pure tables, nothing else.
//!
//! Both start from one `Cause`, so that what the forwarder does and what the user reads cannot drift apart. Each kind of
//! cause has a file with its class and its sentences.
//! Sentences name the stream, region and profile of the settings. They never hold a key or a payload. Of an error's
//! message they quote only our own words about AWS's files.

mod bound;
mod cause;
mod class;
mod connection;
mod context;
mod credentials;
mod endpoint;
mod label;
mod message;
mod new_stream;
mod permission;
mod practice;
mod public;
mod signature;
mod spool;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod throttling;

use crate::{
    config::Config,
    delivery::{AwsError, NewStream},
};

use cause::Cause;
use context::{Audience, Context};

pub use bound::bound;
pub use cause::{class_of, is_the_clock, may_be_the_records, refuses_the_record, says_nothing_of_keys};
pub use class::Class;
pub use context::about_profile;
pub use label::label;
pub use message::is_about_the_network;
pub use new_stream::{demands_tags, is_rate_limit};
pub use stream::{other_server, slow, spread_keys, stuck, unreadable};
pub use text::{Location, Remedy, SignIn, SignInWith};

/// What to tell the user about an error of the forwarder, with the names of these settings. Never empty, for any code.
pub fn remedy(error: &AwsError, config: &Config) -> Remedy {
    remedy_for(Audience::Forwarder, error, config)
}

/// The same for a call that stores no record, such as a check: nothing retries by itself, and no event depends on it.
pub fn remedy_once(error: &AwsError, config: &Config) -> Remedy {
    remedy_for(Audience::OneCall, error, config)
}

/// The same for a record that was put once, when the user asked for it.
pub fn remedy_of_put(error: &AwsError, config: &Config) -> Remedy {
    remedy_for(Audience::OnePut, error, config)
}

/// The same for the creation of a stream. `stream`: how it was to be created, and whether it was.
pub fn remedy_of_new_stream(error: &AwsError, config: &Config, stream: &NewStream) -> Remedy {
    let context = Context::new(error, config, Audience::OneCall);
    new_stream::remedy(error, &context, stream).unwrap_or_else(|| remedy_once(error, config))
}

fn remedy_for(audience: Audience, error: &AwsError, config: &Config) -> Remedy {
    let cause = Cause::of(&error.code, &error.message);
    let context = Context::new(error, config, audience);
    if context.is_practice {
        return practice::remedy(cause, &context)
            .unwrap_or_else(|| of(cause, error, &context).for_practice());
    }
    of(cause, error, &context)
}

fn of(cause: Cause, error: &AwsError, context: &Context) -> Remedy {
    match cause {
        Cause::Endpoint(code) => endpoint::remedy(code),
        Cause::Throttling(cause) => cause.remedy(context),
        Cause::Connection(cause) => cause.remedy(context),
        Cause::Credentials(cause) => cause.remedy(context),
        Cause::Signature(cause) => cause.remedy(context),
        Cause::Permission(cause) => cause.remedy(context),
        Cause::Stream(cause) => cause.remedy(context),
        Cause::Spool(cause) => cause.remedy(),
        Cause::Public(cause) => public::remedy(cause, context.config),
        Cause::Unknown => unknown(&error.code, context),
    }
}

fn unknown(code: &str, context: &Context) -> Remedy {
    let code = if code.is_empty() { "an error without a code" } else { code };
    Remedy::new(
        format!("{} answered with {code}.", context.server),
        format!(
            "Tributary has no explanation for this error. The error message has the answer about {}.",
            context.stream
        ),
        format!(
            "Read that answer, and check stream, region, endpoint URL and keys. {}",
            context.promise(context::RETRIES_SAFELY)
        ),
    )
    .at(Location::SetUpStream)
}
