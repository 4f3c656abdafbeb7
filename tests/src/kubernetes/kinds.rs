//! The kinds that the server knows.

/// A kind of object and how the server treats it.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// Name in paths.
    pub resource: &'static str,
    /// Name in objects.
    pub kind: &'static str,
    /// Whether objects belong to namespaces.
    pub namespaced: bool,
    /// Whether it has the status subresource.
    pub status: bool,
    /// Whether `metadata.generation` counts changes of the spec.
    pub generation: bool,
    /// Whether a PUT without a resourceVersion is accepted.
    pub unconditional: bool,
}

/// `ScalingPolicy`.
pub const SCALING_POLICY: &Kind = &Kind {
    group: runbook_api::GROUP,
    version: runbook_api::VERSION,
    resource: "scalingpolicies",
    kind: "ScalingPolicy",
    namespaced: true,
    status: true,
    generation: true,
    unconditional: false,
};

/// `BackupPolicy`.
pub const BACKUP_POLICY: &Kind = &Kind {
    group: runbook_api::GROUP,
    version: runbook_api::VERSION,
    resource: "backuppolicies",
    kind: "BackupPolicy",
    namespaced: true,
    status: true,
    generation: true,
    unconditional: false,
};

/// `DatabaseBackup`.
pub const DATABASE_BACKUP: &Kind = &Kind {
    group: runbook_api::GROUP,
    version: runbook_api::VERSION,
    resource: "databasebackups",
    kind: "DatabaseBackup",
    namespaced: true,
    status: true,
    generation: true,
    unconditional: false,
};

/// `DatabaseRestore`.
pub const DATABASE_RESTORE: &Kind = &Kind {
    group: runbook_api::GROUP,
    version: runbook_api::VERSION,
    resource: "databaserestores",
    kind: "DatabaseRestore",
    namespaced: true,
    status: true,
    generation: true,
    unconditional: false,
};

/// `ScalingOverride`.
pub const SCALING_OVERRIDE: &Kind = &Kind {
    group: runbook_api::GROUP,
    version: runbook_api::VERSION,
    resource: "scalingoverrides",
    kind: "ScalingOverride",
    namespaced: true,
    status: true,
    generation: true,
    unconditional: false,
};

/// `AwsAccount`.
pub const AWS_ACCOUNT: &Kind = &Kind {
    group: runbook_api::GROUP,
    version: runbook_api::VERSION,
    resource: "awsaccounts",
    kind: "AwsAccount",
    namespaced: false,
    status: true,
    generation: true,
    unconditional: false,
};

/// `Lease`.
pub const LEASE: &Kind = &Kind {
    group: "coordination.k8s.io",
    version: "v1",
    resource: "leases",
    kind: "Lease",
    namespaced: true,
    status: false,
    generation: false,
    unconditional: false,
};

/// `Event` of events.k8s.io.
pub const EVENT: &Kind = &Kind {
    group: "events.k8s.io",
    version: "v1",
    resource: "events",
    kind: "Event",
    namespaced: true,
    status: false,
    generation: false,
    unconditional: true,
};

const ALL: [&Kind; 8] =
    [SCALING_POLICY, BACKUP_POLICY, DATABASE_BACKUP, DATABASE_RESTORE, SCALING_OVERRIDE, AWS_ACCOUNT, LEASE, EVENT];

impl Kind {
    /// The kind that a path names.
    pub fn find(group: &str, version: &str, resource: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|kind| kind.group == group && kind.version == version && kind.resource == resource)
    }

    /// `apiVersion` of its objects.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.into() } else { format!("{}/{}", self.group, self.version) }
    }
}
