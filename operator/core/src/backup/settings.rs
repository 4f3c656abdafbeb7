//! RDS's own settings about backups: what is declared, against what is there and what is on its way.

use super::input::Input;
use super::status;
use super::window::Window;
use crate::ids::DatabaseKind;
use crate::observed::{BackupSettings, Database};
use crate::ownership;
use crate::plan::Finding;
use crate::step::{DatabaseStep, SettingsChange};

/// The name under which RDS lists a change of the retention that is still to come.
pub const RETENTION: &str = "BackupRetentionPeriod";

/// What is to be done about the settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// The change, where one is to be made.
    pub step: Option<DatabaseStep>,
    /// What there is to say.
    pub findings: Vec<Finding>,
}

/// Compares what is declared with the settings, what RDS has still to do included: what was asked for is not asked for again.
pub fn judge(input: &Input, database: &Database) -> Judged {
    let (declared, id) = (&input.settings, &input.database);
    let mut judged = Judged::default();
    let from = with_pending(database);
    let mut changes = SettingsChange::default();
    let mut apply_immediately = false;
    if let Some(days) = declared.retention_days.filter(|days| *days != from.retention_days) {
        // Amazon RDS API Reference, ModifyDBInstance, BackupRetentionPeriod: from 0 or to 0 is an outage; between two others it is not,
        // and is done as soon as possible.
        let outage = id.kind == DatabaseKind::Instance && (database.settings.retention_days == 0) != (days == 0);
        if outage && !input.allow_outage {
            judged
                .findings
                .push(Finding::stalled("OutageRefused", refused(input, database.settings.retention_days, days)));
        } else {
            changes.retention_days = Some(days);
            // Immediately means everything that is pending, which is somebody else's to time.
            apply_immediately = outage && database.pending.keys().all(|name| name == RETENTION);
        }
    }
    if let Some(window) = declared.window.as_ref().filter(|window| from.window.as_ref() != Some(window)) {
        match conflict(window, database) {
            // Amazon RDS API Reference, ModifyDBInstance, PreferredBackupWindow.
            Some(maintenance) => judged.findings.push(Finding::stalled(
                "WindowConflict",
                format!(
                    "automated.window {window} overlaps the maintenance window of {id}, {maintenance}, which RDS refuses: write another window, or \
                     move that one"
                ),
            )),
            None => changes.window = Some(window.clone()),
        }
    }
    changes.copy_tags_to_snapshot = declared.copy_tags_to_snapshot.filter(|copy| *copy != from.copy_tags_to_snapshot);
    changes.deletion_protection = (declared.deletion_protection && !from.deletion_protection).then_some(true);
    if !input.take_ownership {
        judged.findings.extend(leave_to_others(input, database, &from, &mut changes));
    }
    if changes.is_empty() {
        judged.findings.extend(awaited(input, database));
        return judged;
    }
    match status::ready_for_settings(id, &database.status) {
        Ok(()) => {
            judged.step = Some(DatabaseStep::ModifyBackupSettings {
                database: id.clone(),
                from: Box::new(from),
                apply_immediately: apply_immediately && changes.retention_days.is_some(),
                changes,
            });
        }
        Err(finding) => judged.findings.push(finding),
    }
    judged
}

/// Takes out of `changes` what somebody else manages, who would undo it, and says who.
fn leave_to_others(
    input: &Input,
    database: &Database,
    from: &BackupSettings,
    changes: &mut SettingsChange,
) -> Option<Finding> {
    let id = &input.database;
    let said = |left: &SettingsChange, who: String| {
        let left = left.changes_from(from).join(", ");
        Finding::stalled("ManagedElsewhere", format!("{who}; not changed: {left}"))
    };
    if let Some(stack) = ownership::stack(&database.tags) {
        let left = std::mem::take(changes);
        let who = format!(
            "{id} belongs to the CloudFormation stack {stack}, whose next update would undo what is written here: take these settings out of \
             its template, then set takeOwnership: true, or leave them out of this policy"
        );
        return (!left.is_empty()).then(|| said(&left, who));
    }
    // Amazon RDS User Guide, "Using AWS Backup to manage automated backups": the retention and the window are the backup plan's.
    let recovery_point = database.aws_backup.as_ref()?;
    let left = SettingsChange {
        retention_days: changes.retention_days.take(),
        window: changes.window.take(),
        ..SettingsChange::default()
    };
    let who = format!(
        "AWS Backup keeps the automated backups of {id} ({recovery_point}), and their retention and window: take it out of the backup plan, \
         then set takeOwnership: true, or leave them out of this policy"
    );
    (!left.is_empty()).then(|| said(&left, who))
}

/// The settings as they will be when RDS has done what it was asked for.
pub fn with_pending(database: &Database) -> BackupSettings {
    let pending = database.pending.get(RETENTION).and_then(|days| days.parse().ok());
    let mut settings = database.settings.clone();
    settings.retention_days = pending.unwrap_or(settings.retention_days);
    settings
}

/// What was asked for and is not there yet.
fn awaited(input: &Input, database: &Database) -> Option<Finding> {
    let now = database.settings.retention_days;
    let wanted = input.settings.retention_days.filter(|wanted| *wanted != now)?;
    let (reason, when) = if (now == 0) == (wanted == 0) {
        ("ChangePending", "RDS does it as soon as it can".into())
    } else {
        let window = database.maintenance_window.as_deref().unwrap_or("which RDS does not tell");
        ("MaintenanceAwaited", format!("RDS does it in the maintenance window, {window}"))
    };
    let message = format!("{RETENTION} of {} is {now} and will be {wanted}: {when}", input.database);
    (with_pending(database).retention_days == wanted).then(|| Finding::waiting(reason, message))
}

fn refused(input: &Input, now: i32, wanted: i32) -> String {
    let what = if wanted == 0 { "deletes every automated backup and takes" } else { "takes" };
    format!(
        "automated.retentionDays {now} to {wanted} {what} {} down for a moment: set allowOutage: true if that is meant, or retentionDays: {now}",
        input.database
    )
}

fn conflict<'d>(window: &str, database: &'d Database) -> Option<&'d str> {
    let maintenance = database.maintenance_window.as_deref()?;
    Window::parse(window)?.overlaps(maintenance).then_some(maintenance)
}
