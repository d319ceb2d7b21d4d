//! The destination gave no usable answer: a failure on its side, or of something between it and this computer.

use super::{
    class::Class,
    context::{Audience, Context, EVENTS_KEPT, RETRIES_SAFELY},
    message::host_talked_to,
    text::{Location, Remedy},
};

const HEALTH: &str = "https://health.aws.amazon.com/health/status";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    ServiceFailing,
    /// No answer came in time.
    NoAnswer,
    /// The connection ended before an answer came.
    Lost,
    /// No connection came about.
    Failed,
    UnclearAnswer,
    CertificateNotTrusted,
    ProxyRefused,
}

impl Connection {
    pub(super) fn class(self) -> Class {
        match self {
            Self::ServiceFailing | Self::NoAnswer | Self::Lost | Self::Failed | Self::UnclearAnswer => {
                Class::Offline
            }
            Self::CertificateNotTrusted | Self::ProxyRefused => Class::Blocked,
        }
    }

    pub(super) fn remedy(self, context: &Context) -> Remedy {
        let Context { stream, server, .. } = context;
        let remedy = match self {
            Self::ServiceFailing => {
                return Remedy::new(
                    format!("{server} reported an internal error."),
                    "The cause is on its side, not in your settings.",
                    context.only_retry(),
                )
                .see(HEALTH);
            }
            Self::Failed => return no_connection(context),
            Self::Lost => Remedy::new(
                format!("The connection to {server} was lost before an answer came."),
                format!(
                    "The other side, a proxy or the network ended the connection.{}",
                    context.may_be_stored()
                ),
                if_it_goes_on(context),
            ),
            Self::NoAnswer => {
                let why = if context.has_endpoint_url {
                    "The server is overloaded or stuck, or the connection is broken."
                } else {
                    "The connection is slow or broken, or the other side is overloaded."
                };
                Remedy::new(
                    format!("{server} did not answer in time."),
                    format!("{why}{}", context.may_be_stored()),
                    if_it_goes_on(context),
                )
            }
            Self::UnclearAnswer => {
                let what = match context.audience {
                    Audience::Forwarder | Audience::OnePut => "did not say where it stored the record",
                    Audience::OneCall => "did not answer as Kinesis does",
                };
                let so = match context.audience {
                    Audience::Forwarder => ", so the record is sent again",
                    Audience::OnePut | Audience::OneCall => "",
                };
                Remedy::new(
                    format!("{server} {what}."),
                    format!(
                        "An answer without shard (part of {stream}) and sequence number proves nothing{so}. Something that is not Kinesis may be answering, such as a proxy or a sign-in page of the network."
                    ),
                    format!(
                        "If it goes on, check the endpoint URL and whether a proxy answers in place of Kinesis. {}",
                        context.promise(RETRIES_SAFELY)
                    ),
                )
            }
            Self::CertificateNotTrusted => Remedy::new(
                format!("The certificate of {server} is not trusted here."),
                "Something in the network answers with a certificate of its own (many companies' proxies do), or this computer's list of certificates is old or its clock is wrong.",
                format!(
                    "Get the proxy's root certificate as a PEM file from whoever runs the network, name it in AWS_CA_BUNDLE, and restart Tributary. {}",
                    context.promise(EVENTS_KEPT)
                ),
            ),
            Self::ProxyRefused => Remedy::new(
                format!("The proxy of this network does not let Tributary through to {server}."),
                "It refused to connect: it wants a user name and password, or does not allow this host.",
                "Put the name and password into HTTPS_PROXY (http://name:password@host:port), have the host allowed, or name it in NO_PROXY where no proxy is needed; then restart Tributary.",
            ),
        };
        remedy.at(place(context))
    }
}

/// The address of another server is with the keys, the region with the stream.
fn place(context: &Context) -> Location {
    if context.has_endpoint_url { Location::SetUpCredentials } else { Location::SetUpStream }
}

fn if_it_goes_on(context: &Context) -> String {
    let check = if context.has_endpoint_url {
        "check that the server works, and its address"
    } else {
        "check the network, the proxy (HTTPS_PROXY) and the region"
    };
    format!("{} If it goes on, {check}.", context.only_retry())
}

fn no_connection(context: &Context) -> Remedy {
    let server = &context.server;
    if context.is_practice {
        return Remedy::new(
            "The practice stream cannot be reached.",
            "It runs inside Tributary and is starting, or something on this computer keeps programs from talking to 127.0.0.1.",
            format!(
                "{} If it goes on, restart Tributary and check this computer's firewall.",
                context.only_retry()
            ),
        );
    }
    let retry = context.promise(RETRIES_SAFELY);
    let remedy = if let Some(server) = refused_by_this_computer(context) {
        Remedy::new(
            format!("Nothing listens at {server}."),
            "The connection was refused: the server is not running, or it listens on another port.",
            format!("Start the server, or correct its address. {retry}"),
        )
    } else if context.has_endpoint_url {
        Remedy::new(
            format!("No connection to {server}."),
            "The server is not running, its name cannot be found, or a firewall or proxy is in the way.",
            format!(
                "Check that the server runs, its address, and the proxy (HTTPS_PROXY, NO_PROXY) and certificates (AWS_CA_BUNDLE) where your network needs them. {retry}"
            ),
        )
    } else {
        Remedy::new(
            format!("No connection to {server}."),
            "There is no network, its name cannot be found (a region that does not exist?), or a firewall or proxy is in the way.",
            format!(
                "Check the network, the region, and the proxy (HTTPS_PROXY, NO_PROXY) and certificates (AWS_CA_BUNDLE) where your network needs them. {retry}"
            ),
        )
    };
    remedy.at(place(context))
}

/// The server's address if it is on this computer and refused the connection: no network or proxy is in the way.
fn refused_by_this_computer(context: &Context) -> Option<String> {
    let is_refused = context.message.to_ascii_lowercase().contains("refused");
    let talked_to = host_talked_to(context.message);
    let server = if context.has_endpoint_url || talked_to.is_empty() {
        context.server.clone()
    } else {
        format!("http://{talked_to}")
    };
    let host = server.split_once("://").map_or("", |(_, host)| host);
    let is_here = ["localhost", "127.", "[::1]", "0.0.0.0"].iter().any(|here| host.starts_with(here));
    (is_refused && is_here).then_some(server)
}
