//! Why a provider gave no keys.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sso::{error::SdkError, operation::get_role_credentials::GetRoleCredentialsError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;

use super::profile_chain::{Base, ProfileChain};
use crate::{
    delivery::{AwsError, error_code},
    kinesis::error::{self, Carried, causes, chain, credentials_code, redacted, with_causes},
    remedy,
};

/// The first cause of that type.
fn cause<T: Error + 'static>(error: &CredentialsError) -> Option<&T> {
    chain(error.source()).find_map(|cause| cause.downcast_ref())
}

/// The error's causes without secrets.
fn text_of(error: &CredentialsError) -> String {
    redacted(&causes(error))
}

/// A service that hands out keys did not answer.
pub(super) fn unresponsive(profile: &str, text: &str) -> AwsError {
    AwsError::new(error_code::KEY_SERVICE_SILENT, redacted(&remedy::about_profile(profile, text)))
}

/// Whether the SDK could not read a token file. Sometimes it fails to read only the times in the file.
pub(super) fn is_about_a_token_file(error: &CredentialsError) -> bool {
    let text = with_causes(error);
    text.contains("cached SSO token") || text.contains("cached token")
}

/// Whether the error says that a network or a service did not answer.
pub(super) fn is_about_the_network(error: &CredentialsError) -> bool {
    remedy::is_about_the_network(&with_causes(error))
}

/// The failure of any provider. If STS answered, its own code says more than that there are no credentials.
pub(super) fn aws_error(error: &CredentialsError) -> AwsError {
    if let Some(error) = Carried::within(error) {
        return error.clone();
    }
    if let Some(assumed) = cause::<SdkError<AssumeRoleError>>(error) {
        let failure = error::aws_error(assumed);
        let has_answer = matches!(assumed, SdkError::ServiceError(_) | SdkError::ResponseError(_));
        if matches!(assumed, SdkError::ServiceError(_)) && &*failure.code == "AccessDenied" {
            let message = format!("AssumeRole: AccessDenied: {}", failure.message);
            return AwsError::new(error_code::CREDENTIALS_FAILED, message);
        }
        // Without an answer, STS cannot be reached, not Kinesis.
        if !has_answer {
            return AwsError::new(error_code::CREDENTIALS_FAILED, format!("AssumeRole: {}", failure.message));
        }
        return failure;
    }
    let code = match error {
        CredentialsError::CredentialsNotLoaded(_) => error_code::CREDENTIALS_NOT_FOUND,
        _ => credentials_code(&with_causes(error)).unwrap_or(error_code::CREDENTIALS_FAILED),
    };
    AwsError::new(code, text_of(error))
}

/// The failure of a profile, by its kind.
pub(super) fn profile_error(error: &CredentialsError, chain: &ProfileChain) -> AwsError {
    let profile = &*chain.base_profile;
    let text = text_of(error);
    if chain.wants_mfa && with_causes(error).contains("AccessDenied") {
        let said = "the profile names an MFA device (mfa_serial), whose code cannot be typed in here";
        return AwsError::new(error_code::CREDENTIALS_FAILED, format!("{said}: {text}"));
    }
    if matches!(cause::<SdkError<AssumeRoleError>>(error), Some(SdkError::ServiceError(_))) {
        return aws_error(error);
    }
    if is_about_the_network(error) {
        return unresponsive(profile, &format!("{} did not answer: {text}", chain.base.service()));
    }
    let failure = |code: &str, text: &str| AwsError::new(code, remedy::about_profile(profile, text));
    match &chain.base {
        Base::Sso { .. } => sso_error(cause(error), &text, failure),
        Base::Login => failure(error_code::LOGIN_NEEDED, &text),
        Base::Machine(source) if &*aws_error(error).code == error_code::CREDENTIALS_NOT_FOUND => {
            let text = format!("`credential_source` is {source}, and there are no keys ({text})");
            failure(error_code::CREDENTIAL_SOURCE_EMPTY, &text)
        }
        Base::Keys | Base::WebIdentity | Base::Machine(_) | Base::Process { .. } => {
            let error = aws_error(error);
            failure(&error.code, &error.message)
        }
    }
}

fn sso_error(
    portal: Option<&SdkError<GetRoleCredentialsError>>,
    text: &str,
    failure: impl Fn(&str, &str) -> AwsError,
) -> AwsError {
    match portal {
        Some(SdkError::ServiceError(answer)) => match answer.raw().status().as_u16() {
            401 => failure(error_code::SSO_SIGN_IN_NEEDED, text),
            status @ (429 | 500..) => failure(&format!("Http{status}"), text),
            _ => failure(error_code::SSO_ROLE_REFUSED, text),
        },
        Some(SdkError::ResponseError(_)) => {
            failure(error_code::CREDENTIALS_FAILED, "the answer of the SSO portal could not be read")
        }
        Some(_) => failure(error_code::CREDENTIALS_FAILED, text),
        // The portal was not asked: there is no token, or an old one.
        None => failure(error_code::SSO_SIGN_IN_NEEDED, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credentials_error_says_whether_there_were_none_or_they_failed() {
        let none = CredentialsError::not_loaded("no providers in chain provided credentials");
        assert_eq!(&*aws_error(&none).code, "CredentialsNotFound");
        let failed = CredentialsError::provider_error("failed to load the cached SSO token");
        let error = aws_error(&failed);
        assert_eq!(
            (&*error.code, &*error.message),
            ("CredentialsFailed", "failed to load the cached SSO token")
        );
    }

    fn chain(base: Base, wants_mfa: bool) -> ProfileChain {
        ProfileChain { base, base_profile: "work".to_owned(), roles: Vec::new(), wants_mfa }
    }

    #[test]
    fn a_role_that_is_refused_to_a_profile_with_an_mfa_device_is_a_matter_of_the_code() {
        for (wants_mfa, said, is_about_the_code) in [
            (true, "service error: unhandled error (AccessDenied)", true),
            (false, "service error: unhandled error (AccessDenied)", false),
            (true, "dispatch failure: io error", false),
        ] {
            let error = CredentialsError::provider_error(said);
            let error = profile_error(&error, &chain(Base::Keys, wants_mfa));
            assert_eq!(error.message.contains("mfa_serial"), is_about_the_code, "{said}: {error}");
        }
    }

    #[test]
    fn an_error_of_ours_is_found_again_behind_the_errors_of_the_sdk() {
        let ours = AwsError::new("ProfileNotFound", "x");
        let carried = CredentialsError::provider_error(Carried(ours.clone()));
        let error = CredentialsError::provider_error(carried);
        assert_eq!(Carried::within(&error), Some(&ours));
        assert_eq!(aws_error(&error), ours);
    }
}
