//! What gateways say they can do: `features.capabilities` of `hello-ok`.

/// Told in the challenge already.
pub(crate) const MODEL_CATALOG: &str = "model-catalog-snapshot";
