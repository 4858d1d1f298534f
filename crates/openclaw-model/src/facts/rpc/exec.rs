//! Differences between the releases in the approval of commands.

/// The contents of an approval request for a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecRequestForm {
    /// The command and where it runs.
    Command,
    /// Also its arguments and, for a node, a plan without the text of the command.
    Arguments,
    /// Also the text of the command in a node's plan.
    PlanText,
}

/// The rules for the approval of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecRules {
    /// The contents of a request.
    pub form: ExecRequestForm,
    /// The event about a decision contains the request.
    pub decisions_show_request: bool,
    /// The names of environment variables are shown for every host. Otherwise, they are shown only for a node.
    pub env_named_everywhere: bool,
    /// Hangul fillers are shown as escapes.
    pub escapes_fillers: bool,
    /// A command that contains only blanks is refused.
    pub blank_refused: bool,
    /// A request can exclude the decision `allow-always`.
    pub decisions_can_be_excluded: bool,
    /// A request can be announced to no client, or can wait although no client can decide it.
    pub delivery_chosen: bool,
    /// Commands inside commands are also counted and checked.
    pub nested_commands_explained: bool,
    /// A request names its run, its tool call and its session. `security` and `ask` accept only known values.
    pub runs_named: bool,
    /// The id of an approval must have a specific format. Otherwise, every text that is not empty is accepted.
    pub ids_restricted: bool,
    /// Events and lists name the kind of approval.
    pub kind_named: bool,
    /// The response to a client that waits for a decision states how the decision was made.
    pub explains_decision: bool,
    /// The refusal of `allow-always` mentions the command. Otherwise, it mentions the policy.
    pub refusal_by_command: bool,
    /// `sudo` and other programs that run another command are named.
    pub carriers_known: bool,
    /// The policy is stored in the database. Otherwise, it is stored in a file.
    pub policy_in_database: bool,
}

impl ExecRules {
    /// The rules of the oldest known release.
    pub(crate) fn oldest() -> Self {
        Self {
            form: ExecRequestForm::Command,
            decisions_show_request: false,
            env_named_everywhere: false,
            escapes_fillers: false,
            blank_refused: false,
            decisions_can_be_excluded: false,
            delivery_chosen: false,
            nested_commands_explained: false,
            runs_named: false,
            ids_restricted: false,
            kind_named: false,
            explains_decision: false,
            refusal_by_command: false,
            carriers_known: false,
            policy_in_database: false,
        }
    }
}
