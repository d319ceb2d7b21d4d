//! The SHA-256 of a request's body, which its signature covers, computed by ring. The signed bytes stay the same. On a
//! processor with instructions for SHA-256 the SDK's own takes the same time (`docs/performance.md`).

use aws_runtime::auth::PayloadSigningOverride;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeTransmitInterceptorContextRef, dyn_dispatch_hint},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use ring::digest::{SHA256, digest};

/// Gives the hash to the SDK's signer.
#[derive(Debug)]
pub(super) struct PayloadHash;

#[dyn_dispatch_hint]
impl Intercept for PayloadHash {
    fn name(&self) -> &'static str {
        "PayloadHash"
    }

    fn read_before_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // The SDK itself deals with a body that is not in memory.
        if let Some(body) = context.request().body().bytes() {
            let hash = PayloadSigningOverride::Precomputed(payload_hash(body));
            settings.interceptor_state().store_put(hash);
        }
        Ok(())
    }
}

/// The hash in lower-case hex.
pub(super) fn payload_hash(body: &[u8]) -> String {
    hex::encode(digest(&SHA256, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_lower_case_hex() {
        let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(payload_hash(b""), of_nothing);
    }
}
