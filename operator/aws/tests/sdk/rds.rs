//! Amazon RDS.

use runbook_aws::{Call, Cloud, Password, RdsCall, Reply};
use runbook_core::observed::{BackupSettings, Endpoint, Instance, Quota};
use runbook_core::step::{RestoreFrom, RestoredInstance, SettingsChange};
use runbook_core::{DatabaseId, DatabaseKind, ErrorClass};

use crate::server::*;
use crate::support::scope;

const CLUSTER: &str = "<DBCluster><DBClusterIdentifier>db</DBClusterIdentifier><Status>available</Status><Engine>aurora-mysql</Engine>\
    <DBClusterArn>arn:aws:rds:eu-central-1:123456789012:cluster:db</DBClusterArn><DBClusterMembers>\
    <DBClusterMember><DBInstanceIdentifier>a</DBInstanceIdentifier><IsClusterWriter>true</IsClusterWriter></DBClusterMember>\
    <DBClusterMember><DBInstanceIdentifier>b</DBInstanceIdentifier><IsClusterWriter>false</IsClusterWriter></DBClusterMember>\
    </DBClusterMembers><TagList><Tag><Key>team</Key><Value>shop</Value></Tag></TagList></DBCluster>";

fn described_clusters(cluster: &str, marker: &str) -> String {
    format!(
        r#"<DescribeDBClustersResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBClustersResult>{marker}
        <DBClusters>{cluster}</DBClusters></DescribeDBClustersResult></DescribeDBClustersResponse>"#
    )
}

#[tokio::test]
async fn clusters_are_asked_by_a_filter_and_observed_page_by_page() {
    let server = Server::start(|_| (200, described_clusters(CLUSTER, "<Marker>m2</Marker>"))).await;
    let cloud = cloud(&server, false).await;
    let call = Call::DescribeDbClusters { clusters: vec!["db".into(), "gone".into()], marker: Some("m1".into()) };
    let Reply::DbClusters { clusters, marker } = cloud.call(&scope(), &call).await.unwrap().reply else {
        panic!("no clusters")
    };
    assert_eq!(marker.as_deref(), Some("m2"));
    let [(name, db)] = &clusters[..] else { panic!("{clusters:?}") };
    assert_eq!((name.as_str(), db.status.as_str(), db.engine.as_str()), ("db", "available", "aurora-mysql"));
    assert_eq!(db.arn, "arn:aws:rds:eu-central-1:123456789012:cluster:db");
    let members: Vec<_> = db.members.iter().map(|member| (member.instance.as_str(), member.is_writer)).collect();
    assert_eq!(members, [("a", true), ("b", false)]);
    assert_eq!(db.tags.get("team").map(String::as_str), Some("shop"));
    let body = server.requests()[0].body.clone();
    for sent in [
        "Action=DescribeDBClusters&",
        "Filters.Filter.1.Name=db-cluster-id",
        "Filters.Filter.1.Values.Value.1=db",
        "Filters.Filter.1.Values.Value.2=gone",
        "MaxRecords=100",
        "Marker=m1",
    ] {
        assert!(body.contains(sent), "{sent}: {body}");
    }
}

#[tokio::test]
async fn a_cluster_without_what_decides_is_an_error() {
    let call = Call::DescribeDbClusters { clusters: vec!["db".into()], marker: None };
    for (absent, what) in [
        ("<Status>available</Status>", "Status"),
        ("<Engine>aurora-mysql</Engine>", "Engine"),
        ("<IsClusterWriter>false</IsClusterWriter>", "IsClusterWriter"),
    ] {
        let body = described_clusters(&CLUSTER.replace(absent, ""), "");
        let error = answered(&body, &call).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Transient, "IncompleteAnswer"), "{error:?}");
        assert!(error.message.contains(what), "{error:?}");
    }
}

const DATABASE: &str = "<DBInstance><DBInstanceIdentifier>clocked-db</DBInstanceIdentifier>\
    <DBInstanceArn>arn:aws:rds:eu-central-1:123456789012:db:clocked-db</DBInstanceArn><DbiResourceId>db-ABC</DbiResourceId>\
    <DBInstanceStatus>available</DBInstanceStatus><Engine>postgres</Engine><BackupRetentionPeriod>7</BackupRetentionPeriod>\
    <PreferredBackupWindow>03:00-04:00</PreferredBackupWindow><CopyTagsToSnapshot>true</CopyTagsToSnapshot>\
    <DeletionProtection>false</DeletionProtection><LatestRestorableTime>2026-03-01T02:55:00Z</LatestRestorableTime>\
    <DBInstanceClass>db.t4g.medium</DBInstanceClass><MultiAZ>false</MultiAZ><MasterUsername>clocked</MasterUsername>\
    <DBSubnetGroup><DBSubnetGroupName>private</DBSubnetGroupName></DBSubnetGroup>\
    <VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-1</VpcSecurityGroupId></VpcSecurityGroupMembership>\
    </VpcSecurityGroups><DBParameterGroups><DBParameterGroup><DBParameterGroupName>clocked</DBParameterGroupName>\
    </DBParameterGroup></DBParameterGroups><StorageType>gp3</StorageType>\
    <Endpoint><Address>clocked-db.rds</Address><Port>5432</Port></Endpoint>\
    <TagList><Tag><Key>team</Key><Value>shop</Value></Tag></TagList>PENDING</DBInstance>";

fn described_database(pending: &str) -> String {
    let database = DATABASE.replace("PENDING", &format!("<PendingModifiedValues>{pending}</PendingModifiedValues>"));
    format!(
        "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{database}</DBInstances><Marker>more</Marker>\
         </DescribeDBInstancesResult></DescribeDBInstancesResponse>"
    )
}

fn describe_databases() -> Call {
    let identifiers = vec!["clocked-db".into(), "gone".into()];
    Call::Rds(RdsCall::DescribeDatabases { kind: DatabaseKind::Instance, identifiers, marker: Some("page-2".into()) })
}

async fn pending(values: &str) -> Vec<(String, String)> {
    match answered(&described_database(values), &describe_databases()).await.unwrap() {
        Reply::Databases { databases, .. } => {
            databases.into_iter().flat_map(|(_, database)| database.pending).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn databases_are_asked_by_a_filter_and_observed_with_what_is_pending() {
    let server = Server::start(|_| (200, described_database(""))).await;
    let reply = cloud(&server, false).await.call(&scope(), &describe_databases()).await.unwrap().reply;
    let Reply::Databases { databases, marker } = reply else { panic!() };
    assert_eq!(marker.as_deref(), Some("more"));
    let [(identifier, database)] = databases.as_slice() else { panic!() };
    assert_eq!((identifier.as_str(), database.resource_id.as_str()), ("clocked-db", "db-ABC"));
    let settings = BackupSettings {
        retention_days: 7,
        window: Some("03:00-04:00".into()),
        copy_tags_to_snapshot: true,
        deletion_protection: false,
    };
    assert_eq!(database.settings, settings);
    assert_eq!(database.latest_restorable_time.map(|time| time.to_string()).as_deref(), Some("2026-03-01T02:55:00Z"));
    assert_eq!(database.tags.get("team").map(String::as_str), Some("shop"));
    assert!(database.pending.is_empty());
    let instance = Instance {
        class: "db.t4g.medium".into(),
        subnet_group: Some("private".into()),
        security_groups: vec!["sg-1".into()],
        parameter_group: Some("clocked".into()),
        storage_type: Some("gp3".into()),
        iops: None,
        master_username: Some("clocked".into()),
        endpoint: Some(Endpoint { address: "clocked-db.rds".into(), port: 5432 }),
        ..Instance::default()
    };
    assert_eq!(database.instance.as_deref(), Some(&instance));
    let body = &server.requests()[0].body;
    for part in ["Filters.Filter.1.Name=db-instance-id", "Values.Value.2=gone", "MaxRecords=100", "Marker=page-2"] {
        assert!(body.contains(part), "{part}: {body}");
    }
}

#[tokio::test]
async fn whatever_is_pending_is_seen_and_no_password() {
    let named = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    assert_eq!(pending("<BackupRetentionPeriod>3</BackupRetentionPeriod>").await, named("BackupRetentionPeriod", "3"));
    assert_eq!(pending("<MasterUserPassword>hunter2</MasterUserPassword>").await, named("MasterUserPassword", "****"));
    assert_eq!(pending("<LicenseModel>bring-your-own-license</LicenseModel>").await, named("Others", ""));
}

#[tokio::test]
async fn a_database_without_its_settings_is_an_error() {
    let body = described_database("").replace("<DeletionProtection>false</DeletionProtection>", "");
    let error = answered(&body, &describe_databases()).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Transient, "IncompleteAnswer"));
}

#[tokio::test]
async fn snapshots_of_a_database_are_listed_and_one_that_is_taken_has_no_time_yet() {
    let body = "<DescribeDBClusterSnapshotsResponse><DescribeDBClusterSnapshotsResult><DBClusterSnapshots>\
        <DBClusterSnapshot><DBClusterSnapshotIdentifier>one</DBClusterSnapshotIdentifier><DBClusterIdentifier>aurora</DBClusterIdentifier>\
        <DBClusterSnapshotArn>arn:aws:rds:r:1:cluster-snapshot:one</DBClusterSnapshotArn><SnapshotType>manual</SnapshotType>\
        <DbClusterResourceId>cluster-A</DbClusterResourceId><Status>creating</Status><PercentProgress>10</PercentProgress>\
        <TagList><Tag><Key>ops.clocked.app/slot</Key><Value>2026-03-01T02:00:00Z</Value></Tag></TagList></DBClusterSnapshot>\
        </DBClusterSnapshots></DescribeDBClusterSnapshotsResult></DescribeDBClusterSnapshotsResponse>";
    let server = Server::start(move |_| (200, body.into())).await;
    let source = Some("aurora".to_owned());
    let call =
        Call::Rds(RdsCall::DescribeSnapshots { kind: DatabaseKind::Cluster, source, snapshot: None, marker: None });
    let reply = cloud(&server, false).await.call(&scope(), &call).await.unwrap().reply;
    let Reply::Snapshots { snapshots, marker: None } = reply else { panic!() };
    let [(source, snapshot)] = snapshots.as_slice() else { panic!() };
    assert_eq!((source.as_str(), snapshot.status.as_str(), snapshot.percent_progress), ("aurora", "creating", 10));
    assert_eq!((snapshot.created_at, snapshot.source_resource_id.as_deref()), (None, Some("cluster-A")));
    assert_eq!(snapshot.tags.len(), 1);
    let body = &server.requests()[0].body;
    assert!(body.contains("DBClusterIdentifier=aurora") && !body.contains("SnapshotType"), "{body}");
}

#[tokio::test]
async fn quotas_are_read_by_name() {
    let body = "<DescribeAccountAttributesResponse><DescribeAccountAttributesResult><AccountQuotas><AccountQuota>\
        <AccountQuotaName>ManualSnapshots</AccountQuotaName><Used>3</Used><Max>100</Max></AccountQuota></AccountQuotas>\
        </DescribeAccountAttributesResult></DescribeAccountAttributesResponse>";
    let reply = answered(body, &Call::Rds(RdsCall::DescribeAccountAttributes)).await.unwrap();
    assert_eq!(reply, Reply::Quotas([("ManualSnapshots".to_owned(), Quota { used: 3, max: 100 })].into()));
}

#[tokio::test]
async fn what_is_written_about_a_database_is_what_changes_and_nothing_beside_it() {
    let server = Server::start(|request| {
        let action = request.body.split('&').find_map(|part| part.strip_prefix("Action=")).unwrap();
        (200, format!("<{action}Response><{action}Result/></{action}Response>"))
    })
    .await;
    let cloud = cloud(&server, false).await;
    let (kind, identifier) = (DatabaseKind::Instance, "clocked-db".to_owned());
    let changes =
        SettingsChange { retention_days: Some(7), deletion_protection: Some(true), ..SettingsChange::default() };
    let tags = vec![("owner".to_owned(), "a/b/c".to_owned())];
    for call in [
        RdsCall::Modify { kind, identifier: identifier.clone(), changes, apply_immediately: false },
        RdsCall::CreateSnapshot { kind, source: identifier, snapshot: "one".into(), tags },
        RdsCall::DeleteSnapshot { kind, snapshot: "one".into() },
    ] {
        let answered = cloud.call(&scope(), &Call::Rds(call)).await.unwrap();
        assert_eq!((answered.reply, answered.request_id.as_deref()), (Reply::Done, Some("r-1")));
    }
    let sent: Vec<Vec<String>> = server
        .requests()
        .iter()
        .map(|request| request.body.split('&').filter(|part| !part.starts_with("Version=")).map(Into::into).collect())
        .collect();
    assert_eq!(
        sent,
        [
            vec![
                "Action=ModifyDBInstance",
                "DBInstanceIdentifier=clocked-db",
                "ApplyImmediately=false",
                "BackupRetentionPeriod=7",
                "DeletionProtection=true"
            ],
            vec![
                "Action=CreateDBSnapshot",
                "DBSnapshotIdentifier=one",
                "DBInstanceIdentifier=clocked-db",
                "Tags.Tag.1.Key=owner",
                "Tags.Tag.1.Value=a%2Fb%2Fc"
            ],
            vec!["Action=DeleteDBSnapshot", "DBSnapshotIdentifier=one"],
        ]
    );
}

#[tokio::test]
async fn a_copy_names_its_source_its_key_and_its_own_tags_and_takes_none_along() {
    let server = Server::start(|request| {
        let action = request.body.split('&').find_map(|part| part.strip_prefix("Action=")).unwrap_or_default();
        let body = format!(
            "<{action}Response><{action}Result/><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></{action}Response>"
        );
        (200, body)
    })
    .await;
    let cloud = cloud(&server, false).await;
    let copy = |kind, option_group: Option<&str>| RdsCall::CopySnapshot {
        kind,
        source: "arn:aws:rds:eu-central-1:123456789012:snapshot:one".into(),
        snapshot: "one".into(),
        kms_key: Some("key".into()),
        option_group: option_group.map(Into::into),
        tags: vec![("owner".into(), "a".into())],
    };
    let share = |kind| RdsCall::ShareSnapshot { kind, snapshot: "one".into(), account: "210987654321".into() };
    for call in [
        copy(DatabaseKind::Instance, Some("group")),
        copy(DatabaseKind::Cluster, None),
        share(DatabaseKind::Instance),
        share(DatabaseKind::Cluster),
    ] {
        let answered = cloud.call(&scope(), &Call::Rds(call)).await.unwrap();
        assert_eq!((answered.reply, answered.request_id.as_deref()), (Reply::Done, Some("r-1")));
    }
    let sent: Vec<String> =
        server.requests().iter().map(|request| request.body.replace("&Version=2014-10-31", "")).collect();
    let source = "arn%3Aaws%3Ards%3Aeu-central-1%3A123456789012%3Asnapshot%3Aone";
    let tags = "Tags.Tag.1.Key=owner&Tags.Tag.1.Value=a";
    let to = "AttributeName=restore&ValuesToAdd.AttributeValue.1=210987654321";
    assert_eq!(
        sent,
        [
            format!(
                "Action=CopyDBSnapshot&SourceDBSnapshotIdentifier={source}&TargetDBSnapshotIdentifier=one&KmsKeyId=key&{tags}\
                 &CopyTags=false&OptionGroupName=group"
            ),
            format!(
                "Action=CopyDBClusterSnapshot&SourceDBClusterSnapshotIdentifier={source}&TargetDBClusterSnapshotIdentifier=one\
                 &KmsKeyId=key&CopyTags=false&{tags}"
            ),
            format!("Action=ModifyDBSnapshotAttribute&DBSnapshotIdentifier=one&{to}"),
            format!("Action=ModifyDBClusterSnapshotAttribute&DBClusterSnapshotIdentifier=one&{to}"),
        ]
    );
}

#[tokio::test]
async fn refusals_of_rds_have_their_classes() {
    let kind = DatabaseKind::Instance;
    let create = Call::Rds(RdsCall::CreateSnapshot { kind, source: "db".into(), snapshot: "one".into(), tags: vec![] });
    let refusal = |code: &str| {
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
        )
    };
    for (status, code, class) in [
        (400, "InvalidDBInstanceState", ErrorClass::Conflict),
        // It is there since a moment ago: whose it is is found by looking again.
        (400, "DBSnapshotAlreadyExists", ErrorClass::Conflict),
        (400, "SnapshotQuotaExceeded", ErrorClass::Invalid),
        (404, "DBInstanceNotFound", ErrorClass::NotFound),
        (400, "Throttling", ErrorClass::Throttled),
        (403, "AccessDenied", ErrorClass::Denied),
    ] {
        let error = refused(status, &refusal(code), &create).await;
        assert_eq!((error.class, error.code.as_str()), (class, code));
    }
    let delete = Call::Rds(RdsCall::DeleteSnapshot { kind, snapshot: "one".into() });
    let gone = refusal("DBSnapshotNotFound");
    let server = Server::start(move |_| (404, gone.clone())).await;
    let answered = cloud(&server, false).await.call(&scope(), &delete).await.unwrap();
    assert_eq!(answered.reply, Reply::Done, "what is gone is deleted");
}

#[tokio::test]
async fn a_restore_says_everything_that_rds_has_a_default_for() {
    let server = Server::start(|request| {
        let action = request.body.split('&').find_map(|part| part.strip_prefix("Action=")).unwrap();
        (200, format!("<{action}Response><{action}Result/></{action}Response>"))
    })
    .await;
    let cloud = cloud(&server, false).await;
    let source = || DatabaseId { scope: scope(), kind: DatabaseKind::Instance, identifier: "clocked-db".into() };
    let instance = || RestoredInstance {
        class: "db.t4g.medium".into(),
        subnet_group: "private".into(),
        security_groups: vec!["sg-1".into(), "sg-2".into()],
        parameter_group: "clocked".into(),
        option_group: Some("default:postgres-15".into()),
        multi_az: false,
        storage_type: Some("gp3".into()),
        iops: None,
        iam_authentication: true,
    };
    let time = Some("2026-03-01T02:30:00Z".parse().unwrap());
    let resource_id = String::from("db-1");
    for from in [
        RestoreFrom::Snapshot { source: source(), snapshot: "one".into() },
        RestoreFrom::PointInTime { source: source(), resource_id: resource_id.clone(), time },
        RestoreFrom::PointInTime { source: source(), resource_id, time: None },
    ] {
        let tags = vec![("owner".to_owned(), "a/b/c".to_owned())];
        let call = RdsCall::Restore { identifier: "rbv-one".into(), from, instance: Box::new(instance()), tags };
        assert_eq!(cloud.call(&scope(), &Call::Rds(call)).await.unwrap().reply, Reply::Done);
    }
    let stated = [
        "DBInstanceClass=db.t4g.medium",
        "DBSubnetGroupName=private",
        "VpcSecurityGroupIds.VpcSecurityGroupId.2=sg-2",
        "DBParameterGroupName=clocked",
        "OptionGroupName=default%3Apostgres-15",
        "MultiAZ=false",
        "PubliclyAccessible=false",
        "DeletionProtection=false",
        "AutoMinorVersionUpgrade=false",
        "EnableIAMDatabaseAuthentication=true",
        "Tags.Tag.1.Key=owner",
    ];
    let of_each = [
        vec!["Action=RestoreDBInstanceFromDBSnapshot", "DBInstanceIdentifier=rbv-one", "DBSnapshotIdentifier=one"],
        vec![
            "Action=RestoreDBInstanceToPointInTime",
            "TargetDBInstanceIdentifier=rbv-one",
            "RestoreTime=2026-03-01T02%3A30%3A00Z",
            "UseLatestRestorableTime=false",
        ],
        vec!["SourceDBInstanceIdentifier=clocked-db", "UseLatestRestorableTime=true"],
    ];
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for (request, own) in requests.iter().zip(of_each) {
        for said in own.iter().chain(&stated) {
            assert!(request.body.split('&').any(|part| part == *said), "{said} is not said: {}", request.body);
        }
    }
    assert!(!requests[2].body.contains("RestoreTime="));
}

#[tokio::test]
async fn what_was_restored_to_be_verified_is_deleted_with_all_that_it_would_leave() {
    let server = Server::start(|request| {
        let action = request.body.split('&').find_map(|part| part.strip_prefix("Action=")).unwrap();
        (200, format!("<{action}Response><{action}Result/></{action}Response>"))
    })
    .await;
    let cloud = cloud(&server, false).await;
    let identifier = String::from("rbv-one");
    for call in [
        RdsCall::SetMasterPassword { identifier: identifier.clone(), password: Password::new("a-secret") },
        RdsCall::AddTags { arn: "arn:aws:rds:x".into(), tags: vec![("verified".into(), "now".into())] },
        RdsCall::DeleteInstance { identifier },
    ] {
        assert!(!format!("{call:?}").contains("a-secret"));
        cloud.call(&scope(), &Call::Rds(call)).await.unwrap();
    }
    let requests = server.requests();
    let says = |at: usize, said: &[&str]| {
        said.iter().for_each(|said| assert!(requests[at].body.split('&').any(|part| part == *said), "{said}"));
    };
    says(
        0,
        &[
            "Action=ModifyDBInstance",
            "DBInstanceIdentifier=rbv-one",
            "MasterUserPassword=a-secret",
            "ApplyImmediately=true",
        ],
    );
    says(1, &["Action=AddTagsToResource", "ResourceName=arn%3Aaws%3Ards%3Ax", "Tags.Tag.1.Key=verified"]);
    says(2, &["Action=DeleteDBInstance", "SkipFinalSnapshot=true", "DeleteAutomatedBackups=true"]);
}
