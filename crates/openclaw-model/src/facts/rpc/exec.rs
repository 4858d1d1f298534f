//! Differences between the releases in the approvals of commands.

/// What a request for the approval of a command has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecRequestForm {
    /// The command and where it runs.
    Command,
    /// Its arguments too, and for a node a plan without the text of the command.
    Arguments,
    /// A node's plan has the text of the command.
    PlanText,
}

/// The rules of the approvals of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecRules {
    /// What a request has.
    pub form: ExecRequestForm,
    /// The event of a decision shows the request.
    pub decisions_show_request: bool,
    /// The names of the environment's variables are shown on any host; else only on a node.
    pub env_named_everywhere: bool,
    /// Hangul fillers are spelt out.
    pub fillers_spelt: bool,
    /// A command of blanks alone is refused.
    pub blank_refused: bool,
    /// A request may take the decision `allow-always` away.
    pub decisions_taken_away: bool,
    /// A request may be told to nobody, or wait although nobody can decide.
    pub delivery_chosen: bool,
    /// Commands inside commands are counted and looked at, too.
    pub nested_commands_explained: bool,
    /// A request names the run, the call of the tool and the session that it comes from; `security` and `ask` have known words.
    pub runs_named: bool,
    /// The id of an approval has a form; else any text with something in it will do.
    pub ids_restricted: bool,
    /// Events and lists name the kind of approval.
    pub kind_named: bool,
    /// Who waits for a decision is told how it came about.
    pub ends_explained: bool,
    /// The refusal of `allow-always` speaks of the command; else of the policy.
    pub refusal_by_command: bool,
    /// `sudo` and other programs that hand a command on are named.
    pub carriers_known: bool,
    /// The policy is kept in the database; else in a file.
    pub policy_in_database: bool,
}

impl ExecRules {
    /// Those of the oldest known release.
    pub(crate) fn oldest() -> Self {
        Self {
            form: ExecRequestForm::Command,
            decisions_show_request: false,
            env_named_everywhere: false,
            fillers_spelt: false,
            blank_refused: false,
            decisions_taken_away: false,
            delivery_chosen: false,
            nested_commands_explained: false,
            runs_named: false,
            ids_restricted: false,
            kind_named: false,
            ends_explained: false,
            refusal_by_command: false,
            carriers_known: false,
            policy_in_database: false,
        }
    }
}
