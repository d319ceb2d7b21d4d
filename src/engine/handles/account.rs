//! Requests about the AWS account: profiles, keys, streams, IAM.

use tokio::sync::{oneshot, watch};

use super::super::{
    answer::{Answer, Steps, answer},
    command::{AwsKeys, Check, Request},
    message::{Message, Reply},
    shared::Shared,
};
use crate::{
    config::{Config, Destination},
    delivery::{
        AwsError, AwsProfiles, DescribedStream, KeyOwner, NewStream, OnDemandBilling, SignInPage, StreamList,
    },
    policy::Attachment,
    remedy::SignIn,
};

/// What Set up asks AWS and this machine. The settings passed in need not be applied.
pub struct Account<'a>(pub(crate) &'a Shared);

impl Account<'_> {
    /// The profiles in AWS's own files, read now, and whether the AWS CLI is installed.
    pub fn profiles(&self) -> Answer<Result<AwsProfiles, String>> {
        self.0.request(Request::AwsProfiles, |reply| {
            if let Reply::Profiles(profiles) = reply { Some(profiles) } else { None }
        })
    }

    /// The keys of these settings, and who they belong to. An error: no keys were found.
    pub fn key_owner(&self, config: Config) -> Answer<Result<KeyOwner, AwsError>> {
        self.0.request(Request::KeyOwner(Box::new(config)), |reply| {
            if let Reply::KeyOwner(owner) = reply { Some(owner) } else { None }
        })
    }

    /// Runs `aws sso login` or `aws login` for a profile, which opens the browser. The page that the AWS CLI names is watched
    /// beside the answer, for machines where no browser opens. Dropping the answer ends the sign-in. After a success the
    /// forwarder tries again.
    pub fn sign_in(&self, which: SignIn) -> (Answer<Result<(), String>>, watch::Receiver<SignInPage>) {
        let (reply, outcome) = oneshot::channel();
        self.0.send(Message::SignIn(which, reply));
        (answer(outcome, Reply::done), self.0.sign_in.progress())
    }

    /// Stores a pair of AWS keys in the system keychain for this destination. Its next put uses them if `credentials.source`
    /// says so.
    pub fn store_keys(
        &self,
        destination: Destination,
        access_key_id: String,
        secret_access_key: String,
    ) -> Answer<Result<(), String>> {
        let keys = AwsKeys { access_key_id, secret_access_key };
        self.0.request(Request::StoreKeys { destination: Box::new(destination), keys }, Reply::done)
    }

    /// The streams in the account and region of these settings.
    pub fn streams(&self, config: Config) -> Answer<Result<StreamList, AwsError>> {
        self.0.request(Request::ListStreams(Box::new(config)), |reply| {
            if let Reply::Streams(streams) = reply { Some(streams) } else { None }
        })
    }

    /// The stream of these settings in detail.
    pub fn describe_stream(&self, config: Config) -> Answer<Result<DescribedStream, AwsError>> {
        self.0.request(Request::DescribeStream(Box::new(config)), |reply| {
            if let Reply::Stream(stream) = reply { Some(stream) } else { None }
        })
    }

    /// How the account of these settings pays for on-demand streams.
    pub fn on_demand_billing(&self, config: Config) -> Answer<Result<OnDemandBilling, AwsError>> {
        self.0.request(Request::OnDemandBilling(Box::new(config)), |reply| {
            if let Reply::OnDemandBilling(billing) = reply { Some(billing) } else { None }
        })
    }

    /// Creates the stream of these settings, and reports each of [`NewStream::steps`]. It costs the account's owner money.
    /// What was created stays if a later step fails.
    pub fn create_stream(&self, config: Config, stream: NewStream) -> Steps {
        self.0.check(Check::CreateStream { config: Box::new(config), stream })
    }

    /// Creates an IAM user by calls that the credentials of these settings sign. If a call fails, the earlier ones are undone.
    /// Reports each call and each undo by its name.
    pub fn attach(&self, config: Config, attachment: Attachment) -> Steps {
        self.0.check(Check::Attach { config: Box::new(config), attachment })
    }
}
