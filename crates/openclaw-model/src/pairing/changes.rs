//! What changed when in the device store's operations.

use super::{EffectiveRoles, PendingRepeat};
use crate::Change;
use crate::versions::{
    V2026_2_19, V2026_2_26, V2026_3_13, V2026_3_28, V2026_3_31, V2026_4_1, V2026_4_2, V2026_4_5, V2026_4_8, V2026_4_15,
    V2026_5_7, V2026_6_11, V2026_7_35, V2026_9_6,
};
use openclaw_protocol::store::StoreFormat;

/// The device store's changes, oldest first.
pub const CHANGES: &[Change] = &[
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "A repeated request is merged into the device's pending one; before, the pending one stayed as it was.",
        sources: &["device-pairing.ts mergePendingDevicePairingRequest"],
        apply: |rules| rules.pairing.pending_repeat = PendingRepeat::Merged,
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "A record has approvedScopes beside its scopes, and the device's family.",
        sources: &["device-pairing.ts approveDevicePairing"],
        apply: |rules| rules.pairing.approved_scopes_kept = true,
    },
    Change {
        seen: V2026_2_26,
        not_yet: V2026_2_19,
        what: "A rotation asks for no more than was approved; before, it took any scopes and wrote them into the record.",
        sources: &["device-pairing.ts rotateDeviceToken"],
        apply: |rules| rules.pairing.rotation_bounded = true,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "A file that could not be put in its place is taken away; before, it stayed under its temporary name.",
        sources: &["json-files.ts writeTextAtomic", "seen in 2026.2.26"],
        apply: |rules| rules.pairing.failed_files_stay = false,
    },
    Change {
        seen: V2026_3_13,
        not_yet: V2026_2_26,
        what: "A device token admits, and is minted, only within what its device was approved for.",
        sources: &["device-pairing.ts scopesWithinApprovedDeviceBaseline"],
        apply: |rules| rules.pairing.tokens_bounded = true,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "Approving a device needs every operator scope that it asks for.",
        sources: &["device-pairing.ts approveDevicePairing"],
        apply: |rules| rules.pairing.approver_bounded = true,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "A request that differs from the device's pending one replaces it under a new id; before, it was merged into \
               it.",
        sources: &["device-pairing.ts requestDevicePairing"],
        apply: |rules| rules.pairing.pending_repeat = PendingRepeat::Superseded,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "A token keeps the scopes that its scopes imply: admin those to read and to write, write that to read.",
        sources: &["shared/device-auth.ts normalizeDeviceAuthScopes"],
        apply: |rules| rules.pairing.scopes_imply = true,
    },
    Change {
        seen: V2026_3_28,
        not_yet: V2026_3_13,
        what: "A bootstrap token admits exactly the roles and scopes of its profile; before, it admitted any, once.",
        sources: &["device-bootstrap.ts verifyDeviceBootstrapToken"],
        apply: |rules| rules.pairing.bootstrap_profiles = true,
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "A device's roles come from its tokens that are not revoked; a record with `tokens: {}` has no role.",
        sources: &["#59045", "device-pairing-*.js listEffectivePairedDeviceRoles"],
        apply: |rules| rules.pairing.effective_roles = EffectiveRoles::ActiveTokens,
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "Merging explicit but empty scope lists writes `scopes: []` instead of leaving the field out.",
        sources: &["device-pairing-*.js mergeScopes"],
        apply: |rules| rules.pairing.empty_scope_list_kept = true,
    },
    Change {
        seen: V2026_3_31,
        not_yet: V2026_3_28,
        what: "A bootstrap token admits what lies within its profile and is bound to its first device; before, it \
               admitted exactly its profile and was consumed.",
        sources: &["device-bootstrap-*.js verifyDeviceBootstrapToken"],
        apply: |rules| rules.pairing.bootstrap_binds = true,
    },
    Change {
        seen: V2026_4_2,
        not_yet: V2026_4_1,
        what: "A record with `tokens: {}` falls back to the roles it names.",
        sources: &["#59092", "#59555", "device-pairing-*.js listEffectivePairedDeviceRoles"],
        apply: |rules| rules.pairing.effective_roles = EffectiveRoles::ActiveTokensOrRecord,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "A token gives a role only where the record names that role too.",
        sources: &["device-pairing-*.js listApprovedPairedDeviceRoles"],
        apply: |rules| rules.pairing.effective_roles = EffectiveRoles::ActiveTokensWithinRecord,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "A scope counts only for the role that is its prefix.",
        sources: &["pairing-token-*.js roleScopesAllow"],
        apply: |rules| rules.pairing.scopes_follow_role = true,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "Approving mints a token for every role of the request, with that role's scopes only; a role upgrade to \
               node gives no operator scopes.",
        sources: &["device-pairing-*.js approveDevicePairing, resolveApprovedTokenScopes"],
        apply: |rules| rules.pairing.mint_every_role = true,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "Operator scopes in a request that does not ask for the operator role cannot be approved.",
        sources: &["device-pairing-*.js approveDevicePairing"],
        apply: |rules| rules.pairing.operator_scopes_need_operator = true,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "A token is minted or rotated only for a role that the record names.",
        sources: &["device-pairing-*.js resolveDeviceTokenUpdateContext"],
        apply: |rules| rules.pairing.token_needs_approved_role = true,
    },
    Change {
        seen: V2026_4_5,
        not_yet: V2026_4_2,
        what: "A bootstrap token counts which roles and scopes of its profile were redeemed.",
        sources: &["device-bootstrap-*.js redeemDeviceBootstrapTokenProfile"],
        apply: |rules| rules.pairing.bootstrap_redeems = true,
    },
    Change {
        seen: V2026_4_15,
        not_yet: V2026_4_8,
        what: "A device has a role only by an active token: a record with `tokens: {}` or without `tokens` has none again.",
        sources: &["device-pairing-*.js listEffectivePairedDeviceRoles"],
        apply: |rules| rules.pairing.effective_roles = EffectiveRoles::ActiveTokensOnly,
    },
    Change {
        seen: V2026_4_15,
        not_yet: V2026_4_8,
        what: "A repeated request keeps the time of the first one, so that repeating it does not keep it alive.",
        sources: &["device-pairing-*.js refreshPendingDevicePairingRequest"],
        apply: |rules| rules.pairing.repeat_keeps_time = true,
    },
    Change {
        seen: V2026_4_15,
        not_yet: V2026_4_8,
        what: "A request with a scope that belongs to none of its roles cannot be approved, by nobody, and the refusal \
               says so.",
        sources: &["device-pairing-*.js approveDevicePairing, formatDevicePairingForbiddenMessage"],
        apply: |rules| rules.pairing.scopes_within_roles = true,
    },
    Change {
        seen: V2026_4_15,
        not_yet: V2026_4_8,
        what: "A connect that is let in writes its name, client and address into the record, no longer its role and \
               scopes.",
        sources: &["device-pairing-*.js updatePairedDeviceMetadata"],
        apply: |rules| rules.pairing.connect_leaves_access = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A store file that is there but cannot be read or parsed ends what needs it, and a connect closes 1000 \
               without a word; a document that is no object counts as empty.",
        sources: &["json-files-*.js readDurableJsonFile", "pairing-files.ts coercePairingStateRecord"],
        apply: |rules| {
            for state in [&mut rules.pairing.state, &mut rules.nodes.state] {
                state.unreadable_ends = true;
                state.objects_only = true;
            }
        },
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "An operation on devices writes only the file that it changed.",
        sources: &["device-pairing-*.js persistState"],
        apply: |rules| rules.pairing.state.writes_what_changed = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "Removing a device drops its pending requests too.",
        sources: &["device-pairing-*.js removePairedDevice"],
        apply: |rules| rules.pairing.remove_drops_pending = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "Who approves must hold every scope of the operator's token that comes of it, also those that it inherits.",
        sources: &["device-pairing-*.js approveDevicePairing"],
        apply: |rules| rules.pairing.approval_measures_token = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "A bootstrap token puts only scopes into the record that may be handed on.",
        sources: &["device-bootstrap-profile.ts resolveBootstrapProfileScopesForRoles"],
        apply: |rules| rules.pairing.bootstrap_hands_on_only = true,
    },
    Change {
        seen: V2026_5_7,
        not_yet: V2026_4_15,
        what: "Revoking a token takes a role that the record names, and the scopes of the token.",
        sources: &["device-pairing-*.js revokeDeviceToken"],
        apply: |rules| rules.pairing.revoke_like_rotate = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A write of the store first makes its directory one that the gateway can write into, if the directory is its own.",
        sources: &["@openclaw/fs-safe replaceFileAtomic"],
        apply: |rules| rules.pairing.unlocks_directories = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A record says when and by what its device was last seen, and keeps the client that it was approved for.",
        sources: &["device-pairing-*.js updatePairedDeviceMetadata", "message-handler.ts clientAccessMetadata"],
        apply: |rules| rules.pairing.last_seen = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "What is no text among the roles and scopes of a record is passed over, a token without a role too.",
        sources: &[
            "string-normalization.ts normalizeUniqueSingleOrTrimmedStringList",
            "device-auth.ts normalizeDeviceAuthScopes",
        ],
        apply: |rules| rules.pairing.lenient_lists = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "Approving again adds what is new to the scopes that the token has.",
        sources: &["device-pairing-*.js resolveApprovedTokenScopes"],
        apply: |rules| rules.pairing.approval_adds_scopes = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A bootstrap token grants what is asked for within its profile, no longer all of it.",
        sources: &["device-pairing-*.js approveBootstrapDevicePairing"],
        apply: |rules| rules.pairing.bootstrap_grants_requested = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A bootstrap token remembers what its device asks for, takes no other request meanwhile, and is taken back with a rejection.",
        sources: &["device-bootstrap-*.js pendingProfile", "device-pairing-*.js rejectDevicePairing"],
        apply: |rules| rules.pairing.bootstrap_pends = true,
    },
    Change {
        seen: V2026_6_11,
        not_yet: V2026_5_7,
        what: "A token names the shared secret that it is bound to.",
        sources: &["device-pairing-*.js buildDeviceAuthToken"],
        apply: |rules| rules.pairing.tokens_bound = true,
    },
    Change {
        seen: V2026_7_35,
        not_yet: V2026_6_11,
        what: "A request that the pending one covers keeps it under its id, and repeating a request keeps it alive.",
        sources: &["#98145", "#100976", "device-pairing-*.js incomingApprovalCoveredByExisting"],
        apply: |rules| {
            rules.pairing.pending_covers = true;
            rules.pairing.state.refresh_keeps_alive = true;
        },
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "The store is in state/openclaw.sqlite. JSON files are imported when the gateway starts, paired devices and \
               nodes only, and renamed.",
        sources: &["#103160", "device-pairing-store.ts", "device-pairing-migration.ts", "told of 2026.8.1"],
        apply: |rules| rules.pairing.format = StoreFormat::Sqlite,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A record says how its device was approved: by its owner, silently, by its address, by a reverse proxy, or by a bootstrap \
               token; an owner's name for it stays.",
        sources: &["device-pairing-approval.kernel.ts mergeApprovalKind"],
        apply: |rules| rules.pairing.approval_kinds = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A setup code hands on `operator.questions`, too; a code for a node alone pairs a node host at once.",
        sources: &[
            "shared/device-bootstrap-profile.ts PAIRING_SETUP_BOOTSTRAP_PROFILE",
            "device-bootstrap.worker-kernel.ts",
        ],
        apply: |rules| rules.pairing.bootstrap_asks_questions = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A setup code has a purpose: a phone with full access, a voice node, a cloud's node, a Control UI or its owner's; \
               it says which scopes are handed on and which client is paired at once.",
        sources: &["shared/device-bootstrap-profile.ts", "connect-pairing-plan.ts resolvePairingApprovalPlan"],
        apply: |rules| rules.pairing.bootstrap_purposes = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "The use of a bootstrap token leaves the others in the store as they are.",
        sources: &["device-bootstrap.worker-kernel.ts verifyDeviceBootstrapToken, redeemDeviceBootstrapTokenProfile"],
        apply: |rules| rules.pairing.bootstrap_keeps_others = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "operator.write covers operator.talk and operator.sessions.*, operator.read covers operator.sessions.read.",
        sources: &["operator-scope-compat.ts operatorScopeSatisfied"],
        apply: |rules| rules.pairing.write_covers_sessions = true,
    },
    Change {
        seen: V2026_9_6,
        not_yet: V2026_7_35,
        what: "A gateway on loopback that starts with a token it made up pairs the command line client of its machine.",
        sources: &["gateway/startup-local-cli-pairing.ts ensureStartupLocalCliPairing"],
        apply: |rules| rules.pairing.pairs_local_cli = true,
    },
];
