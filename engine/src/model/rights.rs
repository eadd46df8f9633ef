//! Who may do what: one table, operation by operation. Services ask it, and so does the API before it runs anything.

use super::organization::{Access, Organization, Role};
use super::refusal::{Refusal, RefusalCode};

/// What a caller needs for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// At least this role in the organization of the call.
    Role(Role),
    /// To administer the server.
    Server,
}

impl Right {
    /// Whether the caller has it.
    pub fn is_held_by(self, access: &Access) -> bool {
        match self {
            Self::Role(role) => access.role >= role,
            Self::Server => access.server,
        }
    }
}

macro_rules! operations {
    ($($operation:ident $word:literal $right:expr;)*) => {
        /// Something that a caller can ask for. Its word is the name of the root field in the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the words say it")]
        pub enum Operation {
            $($operation,)*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Self] = &[$(Self::$operation,)*];

            /// The name in the API.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$operation => $word,)*
                }
            }

            /// What it needs.
            pub fn right(self) -> Right {
                match self {
                    $(Self::$operation => $right,)*
                }
            }
        }
    };
}

const READ: Right = Right::Role(Role::Viewer);
const RUN: Right = Right::Role(Role::Operator);
const EDIT: Right = Right::Role(Role::Editor);
const ADMINISTER: Right = Right::Role(Role::Admin);

operations! {
    ReadViewer "viewer" READ;
    ReadOrganization "organization" READ;
    ListOrganizations "organizations" Right::Server;
    ListTokens "tokens" ADMINISTER;
    ReadAuditLog "auditLog" ADMINISTER;
    ReadJob "job" READ;
    ListJobs "jobs" READ;
    ReadJobResult "jobResult" READ;
    ListJobResults "jobResults" READ;
    ReadAction "action" READ;
    ListActions "actions" READ;
    ReadModule "module" READ;
    ListModules "modules" READ;
    ReadCollection "collection" READ;
    ListCollections "collections" READ;
    ReadFilterTemplate "filterTemplate" READ;
    ListFilterTemplates "filterTemplates" READ;
    ListQueues "queues" READ;
    ReadSchedule "schedule" READ;
    ListSchedules "schedules" READ;
    PreviewSchedule "previewSchedule" READ;
    // A preview reads whatever a job could.
    PreviewFilter "previewFilter" EDIT;
    ReadNode "node" READ;
    ReadServerInfo "serverInfo" READ;
    ValidateJob "validateJob" EDIT;
    SaveJob "saveJob" EDIT;
    UpdateJob "updateJob" EDIT;
    SetJobActive "setJobActive" EDIT;
    DeleteJob "deleteJob" EDIT;
    RunJob "runJob" RUN;
    RunJobs "runJobs" RUN;
    DryRunJob "dryRunJob" RUN;
    KillJobResult "killJobResult" RUN;
    KillJobResults "killJobResults" RUN;
    RetryJobResult "retryJobResult" RUN;
    SaveSchedule "saveSchedule" EDIT;
    DeleteSchedule "deleteSchedule" EDIT;
    SaveQueue "saveQueue" ADMINISTER;
    DeleteQueue "deleteQueue" ADMINISTER;
    CreateWebhook "createWebhook" EDIT;
    DeleteWebhook "deleteWebhook" EDIT;
    WriteRecords "writeRecords" EDIT;
    DeleteRecords "deleteRecords" EDIT;
    DeleteCollection "deleteCollection" EDIT;
    SaveFilterTemplate "saveFilterTemplate" EDIT;
    DeleteFilterTemplate "deleteFilterTemplate" EDIT;
    CreateOrganization "createOrganization" Right::Server;
    UpdateOrganization "updateOrganization" Right::Server;
    SetQuotas "setQuotas" Right::Server;
    CreateToken "createToken" ADMINISTER;
    RevokeToken "revokeToken" ADMINISTER;
    InstallModule "installModule" ADMINISTER;
    GrantModule "grantModule" ADMINISTER;
    UpgradeModule "upgradeModule" EDIT;
    RemoveModule "removeModule" ADMINISTER;
    WatchJobResult "jobResultChanged" READ;
    WatchLog "logAppended" READ;
}

impl Operation {
    /// The operation with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.word() == word)
    }
}

impl Access {
    /// Refuses what the caller may not do.
    ///
    /// # Errors
    /// `Forbidden`, with what is missing.
    pub fn require(&self, operation: Operation) -> Result<(), Refusal> {
        let (right, word) = (operation.right(), operation.word());
        match right {
            _ if right.is_held_by(self) => Ok(()),
            Right::Role(role) => {
                Err(forbidden(format!("`{word}` needs the role `{role}`; this token has `{}`.", self.role)))
            }
            Right::Server => Err(forbidden(format!("`{word}` needs a token of a server administrator."))),
        }
    }

    /// The same for something that all organizations share, which only server administrators change.
    ///
    /// # Errors
    /// `Forbidden`, with what is missing.
    pub fn require_global(&self, operation: Operation, is_global: bool) -> Result<(), Refusal> {
        self.require(operation)?;
        match is_global && !self.server {
            true => Err(forbidden(
                "Only a token of a server administrator can change what all organizations share.".to_owned(),
            )),
            false => Ok(()),
        }
    }
}

/// Refuses work in a deactivated organization.
///
/// # Errors
/// `Forbidden`, if it is deactivated.
pub fn require_active(organization: &Organization) -> Result<(), Refusal> {
    let Organization { key, .. } = organization;
    match organization.is_active() {
        true => Ok(()),
        false => Err(forbidden(format!(
            "The organization `{key}` is deactivated; a server administrator can activate it again."
        ))),
    }
}

fn forbidden(message: String) -> Refusal {
    Refusal::new(RefusalCode::Forbidden, "", message)
}
