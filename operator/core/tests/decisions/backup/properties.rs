//! What holds for every plan for a BackupPolicy.

use std::collections::BTreeSet;

use proptest::prelude::*;
use runbook_api::backup_policy::{BackupPolicySpec, SlotState};
use runbook_core::backup::exports::DueExport;
use runbook_core::backup::verification::{Run, Verification};
use runbook_core::backup::{self, Input, Memory, exports, predict, reach, retention};
use runbook_core::facts::Answer;
use runbook_core::observed::{Database, DatabaseSnapshot};
use runbook_core::plan::Weight;
use runbook_core::report::Outcome;
use runbook_core::step::DatabaseStep;
use runbook_core::{DatabaseKind, Facts, Plan, Query, Step};

use super::{any, world};

fn case() -> impl Strategy<Value = (DatabaseKind, Input, Facts)> {
    let spec = any::kind().prop_flat_map(|kind| (Just(kind), any::spec(kind)));
    spec.prop_flat_map(|(kind, spec): (DatabaseKind, BackupPolicySpec)| {
        let input = world::input_of(&spec);
        let beside = (any::memory(spec), any::runs(), any::exported()).prop_map(
            move |(memory, runs, exported): (Memory, Vec<Run>, Vec<exports::Run>)| {
                let names = runs.iter().map(|run| run.name.clone()).collect();
                input.clone().beside(memory).with_runs(runs, names).with_exported(exported)
            },
        );
        (Just(kind), beside, any::facts(kind))
    })
}

fn database(kind: DatabaseKind, facts: &Facts) -> Option<Database> {
    match facts.get(&world::queries(kind)[1].1) {
        Some(Ok(Answer::Database(database))) => database.as_deref().cloned(),
        _ => panic!("no facts"),
    }
}

fn snapshots(kind: DatabaseKind, facts: &Facts) -> Vec<DatabaseSnapshot> {
    match facts.get(&world::queries(kind)[2].1) {
        Some(Ok(Answer::DatabaseSnapshots(snapshots))) => snapshots.clone(),
        _ => panic!("no facts"),
    }
}

fn deleted(plan: &Plan) -> Vec<String> {
    let delete = |step: &Step| match step {
        Step::Database(DatabaseStep::DeleteSnapshot { snapshot, .. }) => Some(snapshot.clone()),
        _ => None,
    };
    plan.steps.iter().filter_map(delete).collect()
}

fn created(plan: &Plan) -> Vec<&DatabaseStep> {
    let create = |step| match step {
        &Step::Database(ref step @ DatabaseStep::CreateSnapshot { .. }) => Some(step),
        _ => None,
    };
    plan.steps.iter().filter_map(create).collect()
}

fn verified(plan: &Plan) -> Option<&Verification> {
    plan.steps.iter().find_map(|step| match step {
        Step::VerifyBackup { verification, .. } => Some(&**verification),
        _ => None,
    })
}

fn exported(plan: &Plan) -> Vec<&DueExport> {
    fn export(step: &Step) -> Option<&DueExport> {
        match step {
            Step::ExportDatabase { export, .. } => Some(export),
            _ => None,
        }
    }
    plan.steps.iter().filter_map(export).collect()
}

/// Makes all steps.
fn make(plan: &Plan, input: &mut Input, facts: &mut Facts) {
    for step in &plan.steps {
        predict::predict(facts, step);
        predict::predict_input(input, step, world::now());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do((_, mut input, mut facts) in case()) {
        let plan = backup::plan(&input, &facts, world::now());
        prop_assert!(plan.needs.is_empty());
        make(&plan, &mut input, &mut facts);
        let mut next = backup::plan(&input, &facts, world::now());
        // Where there was no room, or a list was too long for a day, the second plan goes on with what the first made possible.
        if created(&plan).is_empty() && !created(&next).is_empty() {
            prop_assert!(!deleted(&plan).is_empty() || plan.steps.iter().any(|step| step.name() == "ModifyBackupSettings"));
            make(&next, &mut input, &mut facts);
            next = backup::plan(&input, &facts, world::now());
        }
        // A snapshot goes alone: what is no longer kept goes after it, and what is verified is so afterwards.
        if !deleted(&next).is_empty() || verified(&next).is_some() || !exported(&next).is_empty() {
            prop_assert!(deleted(&plan).is_empty() && verified(&plan).is_none() && exported(&plan).is_empty());
            make(&next, &mut input, &mut facts);
            next = backup::plan(&input, &facts, world::now());
        }
        prop_assert_eq!(next.steps, vec![]);
    }

    #[test]
    fn a_plan_is_only_stalled_where_it_does_nothing((_, input, facts) in case()) {
        let plan = backup::plan(&input, &facts, world::now());
        let stalled = plan.findings.iter().any(|finding| finding.weight == Weight::Stalled);
        prop_assert!(!stalled || plan.steps.is_empty());
        prop_assert_eq!(matches!(Outcome::of_plan(&plan, None), Outcome::Stalled { .. }), stalled);
        prop_assert!(plan.next_at.is_none_or(|at| at > world::now()), "{:?}", plan.next_at);
    }

    #[test]
    fn what_is_deleted_is_own_and_never_the_newest((kind, input, facts) in case()) {
        let plan = backup::plan(&input, &facts, world::now());
        let (all, Some(database)) = (snapshots(kind, &facts), database(kind, &facts)) else {
            prop_assert!(plan.steps.is_empty());
            return Ok(());
        };
        let own = backup::own::own(&input, &database, &all);
        let available: Vec<&str> =
            own.iter().filter(|one| one.is_available()).map(|one| one.snapshot.identifier.as_str()).collect();
        let most = retention::allowance(20, &input.memory.deletions, world::now()).0;
        let deleted = deleted(&plan);
        prop_assert!(deleted.len() <= most);
        for one in &deleted {
            prop_assert!(available[1..].contains(&one.as_str()), "{one}");
        }
        prop_assert_eq!(deleted.iter().collect::<BTreeSet<_>>().len(), deleted.len());
    }

    #[test]
    fn at_most_one_snapshot_is_taken_and_it_is_new((kind, input, facts) in case()) {
        let plan = backup::plan(&input, &facts, world::now());
        let created = created(&plan);
        prop_assert!(created.len() <= 1);
        for step in created {
            let DatabaseStep::CreateSnapshot { snapshot, slot: Some(slot), resource_id, .. } = step else { continue };
            prop_assert!(!snapshots(kind, &facts).iter().any(|one| one.identifier == *snapshot));
            let database = database(kind, &facts).unwrap();
            prop_assert_eq!(resource_id, &database.resource_id);
            prop_assert!(*slot <= world::now());
            let ledger = &plan.outlook.as_ref().unwrap().slots;
            prop_assert!(ledger.iter().any(|one| one.time.0 == *slot && one.state == SlotState::Waiting));
        }
    }

    #[test]
    fn one_backup_is_verified_at_a_time_and_it_stays((kind, input, facts) in case()) {
        let plan = backup::plan(&input, &facts, world::now());
        let Some(verification) = verified(&plan) else { return Ok(()) };
        prop_assert_eq!(plan.steps.iter().filter(|step| step.name() == "VerifyBackup").count(), 1);
        prop_assert!(input.runs.iter().all(|run| run.slot.is_none() || run.ended.is_some()), "one is under way");
        prop_assert!(input.runs.iter().all(|run| run.slot != Some(verification.slot)), "that slot was begun before");
        prop_assert!(verification.slot <= world::now());
        prop_assert!(!deleted(&plan).contains(&verification.snapshot));
        let snapshot = snapshots(kind, &facts).into_iter().find(|one| one.identifier == verification.snapshot).unwrap();
        prop_assert_eq!(&*snapshot.status, "available");
        prop_assert_eq!(snapshot.source_resource_id, database(kind, &facts).map(|database| database.resource_id));
    }

    #[test]
    fn each_export_is_made_once_for_a_slot_and_one_at_a_time((_, input, facts) in case()) {
        let plan = backup::plan(&input, &facts, world::now());
        let due = exported(&plan);
        let names: BTreeSet<_> = due.iter().map(|one| &one.name).collect();
        prop_assert_eq!(names.len(), due.len());
        for one in due {
            let of_export: Vec<_> = input.exported.iter().filter(|run| run.of.as_ref().is_some_and(|(name, _)| *name == one.name)).collect();
            prop_assert!(of_export.iter().all(|run| run.ended.is_some()), "one is under way");
            prop_assert!(of_export.iter().all(|run| run.of.as_ref().unwrap().1 != one.slot), "that slot was begun before");
            let export = one.spec.export.as_ref().unwrap();
            prop_assert!(one.slot <= world::now() && world::now() <= export.start_before.as_ref().unwrap().0);
            prop_assert_eq!(&export.slot.as_ref().unwrap().0, &one.slot);
            prop_assert!(one.id.name.len() <= 54);
        }
    }

    #[test]
    fn what_is_being_restored_is_not_deleted((_, input, facts) in case()) {
        let deleted = deleted(&backup::plan(&input, &facts, world::now()));
        for run in input.runs.iter().filter(|run| run.ended.is_none()) {
            prop_assert!(!deleted.contains(run.snapshot.as_ref().unwrap()));
        }
    }

    #[test]
    fn nothing_else_is_written_beside_a_change_that_takes_the_database_down((kind, input, facts) in case()) {
        for step in backup::plan(&input, &facts, world::now()).steps {
            let Step::Database(DatabaseStep::ModifyBackupSettings { from, changes, apply_immediately, .. }) = step else { continue };
            let database = database(kind, &facts).unwrap();
            prop_assert!(changes.deletion_protection != Some(false));
            prop_assert!(!changes.is_empty());
            prop_assert_ne!(&changes.applied_to(&from), &*from);
            let now = database.settings.retention_days;
            let outage = kind == DatabaseKind::Instance && changes.retention_days.is_some_and(|days| (days == 0) != (now == 0));
            prop_assert!(!outage || input.allow_outage);
            prop_assert!(!apply_immediately || outage && !database.pending.contains_key("DBInstanceClass"));
        }
    }

    #[test]
    fn the_loss_of_the_status_loses_no_snapshot_and_takes_none_twice((_, mut input, mut facts) in case()) {
        let plan = backup::plan(&input, &facts, world::now());
        make(&plan, &mut input, &mut facts);
        let taken: Vec<_> = created(&plan).into_iter().cloned().collect();
        let lost = input.beside(Memory { created: Some(world::now()), ..Memory::default() });
        let again = backup::plan(&lost, &facts, world::now());
        if let [DatabaseStep::CreateSnapshot { slot: Some(slot), .. }] = &taken[..] {
            let of_slot = |step: &&DatabaseStep| matches!(step, DatabaseStep::CreateSnapshot { slot: Some(other), .. } if other == slot);
            prop_assert_eq!(created(&again).into_iter().find(of_slot), None);
            let ledger = &again.outlook.as_ref().unwrap().slots;
            // The newest thirty are kept, and newer ones of others may be in front.
            let kept = ledger.iter().find(|one| one.time.0 == *slot);
            prop_assert!(kept.is_some_and(|one| one.state == SlotState::Creating), "{ledger:?}");
        }
    }

    #[test]
    fn whatever_is_asked_or_done_is_allowed((_, input, facts) in case()) {
        let allowed = reach::permissions(&input);
        let mut some = Facts::default();
        loop {
            let plan = backup::plan(&input, &some, world::now());
            let asked = plan.needs.iter().flat_map(Query::permissions);
            for needed in asked.chain(plan.steps.iter().flat_map(|step| step.permissions())) {
                prop_assert!(allowed.contains(&needed), "{:?}", needed);
            }
            if plan.needs.is_empty() {
                break;
            }
            for query in plan.needs {
                let answer = facts.get(&query).unwrap().clone();
                some.insert(query, answer);
            }
        }
    }
}
