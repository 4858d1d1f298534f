//! The access rules of the methods (`server-methods-list.ts`, `method-scopes.ts`).

use crate::facts::rpc::names::Names;

/// The clients that can call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rpc) enum MethodAccess {
    /// Only nodes.
    Node,
    /// Operators, whatever their scopes.
    Operator,
    /// Operators with `operator.read` or `operator.write`.
    Read,
    /// Operators with `operator.talk` or `operator.write`.
    Talk,
    /// Operators with `operator.sessions.write` or `operator.write`.
    SessionsWrite,
    /// Operators with `operator.questions`.
    Questions,
    /// Operators with `operator.write`.
    Write,
    /// Operators with `operator.approvals`.
    Approvals,
    /// Operators with `operator.pairing`.
    Pairing,
    /// Operators with `operator.admin`, which also includes all the other scopes.
    Admin,
}

impl MethodAccess {
    /// The clients that can call a method of this release. `None` if the release does not have the method.
    pub(in crate::rpc) fn of(methods: &Names, method: &str) -> Option<Self> {
        Some(match methods.letter(method)? {
            "n" => Self::Node,
            "o" => Self::Operator,
            "r" => Self::Read,
            "w" => Self::Write,
            "v" => Self::Approvals,
            "p" => Self::Pairing,
            "q" => Self::Questions,
            "t" => Self::Talk,
            "s" => Self::SessionsWrite,
            _ => Self::Admin,
        })
    }

    /// The scope that a refusal names.
    pub(in crate::rpc) fn scope(self) -> &'static str {
        match self {
            Self::Read => "operator.read",
            Self::Write => "operator.write",
            Self::Approvals => "operator.approvals",
            Self::Pairing => "operator.pairing",
            Self::Talk => "operator.talk",
            Self::SessionsWrite => "operator.sessions.write",
            Self::Questions => "operator.questions",
            Self::Node | Self::Operator | Self::Admin => "operator.admin",
        }
    }

    /// Whether a scope grants the access.
    pub(in crate::rpc) fn given_by(self, held: &str) -> bool {
        let implied = matches!(self, Self::Read | Self::Talk | Self::SessionsWrite) && held == "operator.write";
        held == "operator.admin" || held == self.scope() || implied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Facts, known_releases};

    #[test]
    fn access_letters_are_known() {
        for release in known_releases() {
            let methods = Facts::of(release).unwrap().rpc.methods;
            for method in methods.listed() {
                let letter = methods.letter(method);
                assert!(
                    letter == Some("a") || MethodAccess::of(&methods, method) != Some(MethodAccess::Admin),
                    "{release} {method}"
                );
            }
        }
    }
}
