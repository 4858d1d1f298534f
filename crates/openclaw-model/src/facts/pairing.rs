//! What differs among the releases in the device store's operations.

use openclaw_protocol::store::StoreFormat;

/// How a release reads and writes the documents of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateRules {
    /// A file that is there but cannot be read or parsed ends the operation; else it counts as absent.
    pub unreadable_ends: bool,
    /// A document that is no object counts as empty; else it is used as JavaScript uses it.
    pub objects_only: bool,
    /// An operation writes only the documents that it changed; else always both.
    pub writes_what_changed: bool,
    /// A pending request lives from its last repetition on; else from the first.
    pub refresh_keeps_alive: bool,
}

impl StateRules {
    /// The rules of the oldest release of the history.
    pub fn oldest() -> Self {
        Self { unreadable_ends: false, objects_only: false, writes_what_changed: false, refresh_keeps_alive: false }
    }
}

/// Where a device's roles come from when it connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectiveRoles {
    /// From the record's `roles`, else its `role`; tokens do not count.
    Record,
    /// From the tokens that are not revoked; a record with an empty `tokens` map has no role at all.
    ActiveTokens,
    /// As [`Self::ActiveTokens`], but an empty `tokens` map falls back to the record.
    ActiveTokensOrRecord,
    /// As [`Self::ActiveTokensOrRecord`], and a token counts only for a role that the record names too.
    ActiveTokensWithinRecord,
    /// From the tokens that are not revoked, for roles that the record names too; without such a token there is no role.
    ActiveTokensOnly,
}

/// What a request does to a pending one of the same device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingRepeat {
    /// Nothing: the first pending one stays as it is.
    Kept,
    /// It is merged into the first pending one, which keeps its id and its role.
    Merged,
    /// The same key, role and scopes refresh the one pending request; anything else replaces all of them under a new id.
    Superseded,
}

/// The device store's rules of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairingRules {
    /// How the documents are kept.
    pub format: StoreFormat,
    /// A file that could not be put in its place stays beside it under its temporary name.
    pub failed_files_stay: bool,
    /// Each write first gives the directory of the file the mode 0700.
    pub unlocks_directories: bool,
    /// What is no text among roles and scopes is passed over; else it ends what needs it.
    pub lenient_lists: bool,
    /// How the documents are read and written.
    pub state: StateRules,
    /// Where roles come from.
    pub effective_roles: EffectiveRoles,
    /// What a repeated request does.
    pub pending_repeat: PendingRepeat,
    /// A record has `approvedScopes` beside `scopes`, and a device's family; a new token falls back to the old one's scopes.
    pub approved_scopes_kept: bool,
    /// A rotation asks for no more than was approved, and leaves the record's scopes alone; else it sets them.
    pub rotation_bounded: bool,
    /// Scopes cover what they imply, and admin every operator scope; else only themselves.
    pub scopes_cover: bool,
    /// Who approves must hold the operator scopes that are asked for; else whoever may call it may approve anything.
    pub approver_bounded: bool,
    /// What a token may do is bounded by what the device was approved for.
    pub tokens_bounded: bool,
    /// A token's scopes, and those compared with it, have the implied ones added.
    pub scopes_imply: bool,
    /// Merging explicit but empty scope lists gives `[]` instead of no list.
    pub empty_scope_list_kept: bool,
    /// A scope belongs to the role that is its prefix: `operator.read` is nothing to a node, and no other scope is
    /// anything to an operator.
    pub scopes_follow_role: bool,
    /// A gateway that made up its token pairs the command line client of its machine.
    pub pairs_local_cli: bool,
    /// `operator.write` covers `operator.talk`, `operator.sessions.write` and `operator.sessions.read`, and both
    /// `operator.read` and `operator.sessions.write` the last one.
    pub write_covers_sessions: bool,
    /// Approving mints a token for every role that the request names, with that role's scopes only; else for its `role`
    /// alone with all scopes.
    pub mint_every_role: bool,
    /// Operator scopes in a request that does not ask for the operator role cannot be approved, and a request without
    /// operator scopes needs no caller's scopes; else they are measured by the first role of the request.
    pub operator_scopes_need_operator: bool,
    /// A token is minted or rotated only for a role that the record names.
    pub token_needs_approved_role: bool,
    /// A bootstrap token stands for a profile of roles and scopes; else it admits any of them once.
    pub bootstrap_profiles: bool,
    /// A bootstrap token admits whatever lies within its profile and is bound to the first device; else it admits
    /// exactly its profile and is consumed.
    pub bootstrap_binds: bool,
    /// A bootstrap token counts what of its profile has been redeemed, and public keys are compared in one form.
    pub bootstrap_redeems: bool,
    /// A repeated request keeps the time of the first, so that repeating does not keep it alive; else it gets a new one.
    pub repeat_keeps_time: bool,
    /// A request that asks for a scope which belongs to none of its roles cannot be approved, and the refusal says so.
    pub scopes_within_roles: bool,
    /// A connect that was let in leaves role and scopes of the record alone; else it adds its own.
    pub connect_leaves_access: bool,
    /// Removing a device drops its pending requests too.
    pub remove_drops_pending: bool,
    /// Who approves must hold the scopes of the operator's token that comes of it, those it had before too; else only
    /// what the request asks for.
    pub approval_measures_token: bool,
    /// A bootstrap token gives and redeems the operator scopes that may be handed on, and no others.
    pub bootstrap_hands_on_only: bool,
    /// Revoking takes what rotating takes: a role that the record names, and the token's scopes.
    pub revoke_like_rotate: bool,
    /// A record says when and by what its device was last seen, and keeps the client that it was approved for.
    pub last_seen: bool,
    /// An approved token gets the scopes that are new to the record beside those it has; else the requested ones alone.
    pub approval_adds_scopes: bool,
    /// A bootstrap token grants what is asked for within its profile; else all of it.
    pub bootstrap_grants_requested: bool,
    /// A bootstrap token remembers what its device asks for until it is redeemed, and is taken back when the request is
    /// rejected.
    pub bootstrap_pends: bool,
    /// A token may be bound to the shared secret by which it was got, and a browser's token without that is not taken.
    pub tokens_bound: bool,
    /// A request that the pending one covers refreshes it, and lists leave out when that was.
    pub pending_covers: bool,
    /// A record says how it was approved.
    pub approval_kinds: bool,
    /// A setup code hands on `operator.questions`, too, and a code for a node alone is one; what has not been redeemed of a
    /// token is not written.
    pub bootstrap_asks_questions: bool,
    /// A bootstrap token has a purpose, which says what may be handed on and to whom.
    pub bootstrap_purposes: bool,
    /// What is written of the bootstrap tokens that are not used is what was read; else all of them are brought into their form.
    pub bootstrap_keeps_others: bool,
}

impl PairingRules {
    /// The rules of 2026.2.19, the oldest release of the history.
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
            bootstrap_redeems: false,
            repeat_keeps_time: false,
            scopes_within_roles: false,
            connect_leaves_access: false,
            remove_drops_pending: false,
            approval_measures_token: false,
            bootstrap_hands_on_only: false,
            revoke_like_rotate: false,
            last_seen: false,
            approval_adds_scopes: false,
            bootstrap_grants_requested: false,
            bootstrap_pends: false,
            tokens_bound: false,
            pending_covers: false,
            approval_kinds: false,
            bootstrap_asks_questions: false,
            bootstrap_purposes: false,
            bootstrap_keeps_others: false,
        }
    }
}
