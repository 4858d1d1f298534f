//! Differences between the releases in the operations on the device store.

use openclaw_protocol::store::StoreFormat;

/// How a release reads and writes a family of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateRules {
    /// A file that exists but cannot be read or parsed is an error. Otherwise, it counts as absent.
    pub unreadable_ends: bool,
    /// A document that is not an object counts as empty. Otherwise, it is used as JavaScript would use it.
    pub objects_only: bool,
    /// An operation writes only the documents that it changed. Otherwise, it always writes both.
    pub writes_what_changed: bool,
    /// The lifetime of a pending request starts at its last repetition. Otherwise, it starts at the first request.
    pub refresh_keeps_alive: bool,
}

impl StateRules {
    /// The rules of 2026.2.19, the oldest known release.
    pub fn oldest() -> Self {
        Self { unreadable_ends: false, objects_only: false, writes_what_changed: false, refresh_keeps_alive: false }
    }
}

/// The source of a device's roles at a connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectiveRoles {
    /// The record's `roles`, or its `role` if there are none. Tokens do not count.
    Record,
    /// The tokens that are not revoked. A record with an empty `tokens` map has no role.
    ActiveTokens,
    /// As [`Self::ActiveTokens`], but a record with an empty `tokens` map has the roles of the record.
    ActiveTokensOrRecord,
    /// As [`Self::ActiveTokensOrRecord`], but a token counts only for a role that the record lists.
    ActiveTokensWithinRecord,
    /// The tokens that are not revoked, for roles that the record lists. Without such a token, there is no role.
    ActiveTokensOnly,
}

/// The effect of a request on a pending request of the same device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingRepeat {
    /// None: the first pending request does not change.
    Kept,
    /// The request is merged into the first pending request, which keeps its id and its role.
    Merged,
    /// A request with the same key, role and scopes refreshes the pending request. Any other request replaces all
    /// pending requests under a new id.
    Superseded,
}

/// The rules of the device store in one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairingRules {
    /// The storage format of the documents.
    pub format: StoreFormat,
    /// A temporary file that cannot be renamed remains. Otherwise, it is deleted.
    pub failed_files_stay: bool,
    /// Each write first sets the mode of the directory to 0700.
    pub unlocks_directories: bool,
    /// Entries in roles and scopes that are not strings are ignored. Otherwise, they are an error.
    pub lenient_lists: bool,
    /// How the documents are read and written.
    pub state: StateRules,
    /// The source of a device's roles.
    pub effective_roles: EffectiveRoles,
    /// The effect of a repeated request.
    pub pending_repeat: PendingRepeat,
    /// A record has `approvedScopes` in addition to `scopes`, and the device family. A new token defaults to the scopes
    /// of the old one.
    pub approved_scopes_kept: bool,
    /// A rotation is limited to the approved scopes and does not change the record's scopes. Otherwise, it sets them.
    pub rotation_bounded: bool,
    /// Scopes cover the scopes that they imply, and admin covers every operator scope. Otherwise, a scope covers only
    /// itself.
    pub scopes_cover: bool,
    /// The approver must hold the requested operator scopes. Otherwise, every caller of the method can approve
    /// anything.
    pub approver_bounded: bool,
    /// The scopes of a token are limited to those that were approved for the device.
    pub tokens_bounded: bool,
    /// The scopes of a token, and the scopes that they are compared with, include the implied ones.
    pub scopes_imply: bool,
    /// Merging explicit but empty scope lists results in `[]` instead of no list.
    pub empty_scope_list_kept: bool,
    /// A scope belongs to the role that is its prefix: a node cannot use `operator.read`, and an operator cannot use
    /// other scopes.
    pub scopes_follow_role: bool,
    /// A gateway that generated its token pairs the command line client of its host.
    pub pairs_local_cli: bool,
    /// `operator.write` covers `operator.talk`, `operator.sessions.write` and `operator.sessions.read`. `operator.read`
    /// and `operator.sessions.write` cover `operator.sessions.read`.
    pub write_covers_sessions: bool,
    /// An approval mints a token for every role of the request, with the scopes of that role only. Otherwise, it mints
    /// one for `role` with all scopes.
    pub mint_every_role: bool,
    /// A request with operator scopes but without the operator role cannot be approved, and a request without operator
    /// scopes needs no scopes of the caller. Otherwise, the scopes are checked for the first role of the request.
    pub operator_scopes_need_operator: bool,
    /// A token is minted or rotated only for a role that the record lists.
    pub token_needs_approved_role: bool,
    /// A bootstrap token has a profile of roles and scopes. Otherwise, it admits any roles and scopes, once.
    pub bootstrap_profiles: bool,
    /// A bootstrap token admits everything within its profile and is bound to the first device. Otherwise, it admits
    /// exactly its profile and is consumed.
    pub bootstrap_binds: bool,
    /// A bootstrap token records what of its profile was redeemed, and public keys are compared in a normalized form.
    pub bootstrap_records_redeemed: bool,
    /// A repeated request keeps the time of the first one, so repetitions do not extend its lifetime. Otherwise, it
    /// gets a new time.
    pub repeat_keeps_time: bool,
    /// A request with a scope that belongs to none of its roles cannot be approved, and the refusal states this reason.
    pub scopes_within_roles: bool,
    /// A successful connect does not change role and scopes of the record. Otherwise, it adds its own.
    pub connect_leaves_access: bool,
    /// Removing a device also deletes its pending requests.
    pub remove_drops_pending: bool,
    /// The approver must hold the scopes of the resulting operator token, including those of the previous token.
    /// Otherwise, the approver must hold only the requested scopes.
    pub approval_measures_token: bool,
    /// A bootstrap token gives and redeems only the operator scopes that can be handed off.
    pub bootstrap_hands_on_only: bool,
    /// Revoking needs the same as rotating: a role that the record lists, and the scopes of the token.
    pub revocation_needs_rotation_scopes: bool,
    /// A record stores when and why its device was last seen, and keeps the client that it was approved for.
    pub last_seen: bool,
    /// An approval adds the new scopes of the record to the scopes of the token. Otherwise, the token gets only the
    /// requested scopes.
    pub approval_adds_scopes: bool,
    /// A bootstrap token grants what is requested within its profile. Otherwise, it grants the whole profile.
    pub bootstrap_grants_requested: bool,
    /// A bootstrap token stores what its device requests until it is redeemed, and is deleted when the request is
    /// rejected.
    pub bootstrap_stores_request: bool,
    /// A token can be bound to the shared secret that it was obtained with. A browser's token without this binding is
    /// refused.
    pub tokens_bound: bool,
    /// A request that the pending request covers refreshes it. Lists omit the time of the refresh.
    pub pending_covers: bool,
    /// A record states how it was approved.
    pub approval_kinds: bool,
    /// A setup code also hands off `operator.questions`, and a code for a node alone counts as a setup code. The
    /// unredeemed part of a token is not written.
    pub bootstrap_asks_questions: bool,
    /// A bootstrap token has a purpose, which determines what can be handed off and to which client.
    pub bootstrap_purposes: bool,
    /// Other bootstrap tokens are written as they were read. Otherwise, all of them are normalized.
    pub bootstrap_keeps_others: bool,
}

impl PairingRules {
    /// The rules of 2026.2.19, the oldest known release.
    pub fn oldest() -> Self {
        Self {
            format: StoreFormat::Files,
            failed_files_stay: true,
            unlocks_directories: false,
            lenient_lists: false,
            state: StateRules::oldest(),
            effective_roles: EffectiveRoles::Record,
            pending_repeat: PendingRepeat::Kept,
            approved_scopes_kept: false,
            rotation_bounded: false,
            scopes_cover: false,
            approver_bounded: false,
            tokens_bounded: false,
            scopes_imply: false,
            empty_scope_list_kept: false,
            scopes_follow_role: false,
            pairs_local_cli: false,
            write_covers_sessions: false,
            mint_every_role: false,
            operator_scopes_need_operator: false,
            token_needs_approved_role: false,
            bootstrap_profiles: false,
            bootstrap_binds: false,
            bootstrap_records_redeemed: false,
            repeat_keeps_time: false,
            scopes_within_roles: false,
            connect_leaves_access: false,
            remove_drops_pending: false,
            approval_measures_token: false,
            bootstrap_hands_on_only: false,
            revocation_needs_rotation_scopes: false,
            last_seen: false,
            approval_adds_scopes: false,
            bootstrap_grants_requested: false,
            bootstrap_stores_request: false,
            tokens_bound: false,
            pending_covers: false,
            approval_kinds: false,
            bootstrap_asks_questions: false,
            bootstrap_purposes: false,
            bootstrap_keeps_others: false,
        }
    }
}
