//! The capabilities that gateways report in `features.capabilities` of `hello-ok`.

/// The capability that the challenge already reports.
pub(crate) const MODEL_CATALOG: &str = "model-catalog-snapshot";
