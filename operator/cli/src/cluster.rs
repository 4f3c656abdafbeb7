//! The cluster: what is read of it, and the ScalingOverrides that `scale` writes.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Config, Resource, ResourceExt};
use runbook_api::common::AccountRef;
use runbook_api::{
    AwsAccount, BackupPolicy, BackupPolicySpec, DatabaseBackup, DatabaseRestore, ScalingOverride, ScalingPolicy,
};
use runbook_core::backup::exports;
use runbook_core::backup::verification::Run;
use runbook_core::ids::ObjectId;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::arguments::Kube;
use crate::errors::CliError;
use crate::kinds::Subject;

/// Objects of a page; the list goes on until its end.
const PAGE: u32 = 500;

/// A cluster.
pub struct Cluster {
    client: Client,
}

/// The objects that exist.
#[derive(Debug, Default)]
pub struct Existing {
    objects: BTreeMap<Subject, Value>,
    /// Whether a cluster was read at all.
    known: bool,
}

/// An object as it is, whatever it holds: one that a newer or an older schema let in is none the less there.
pub type Raw = (Subject, Value);

impl Cluster {
    /// The cluster that a kubeconfig leads to.
    ///
    /// # Errors
    /// When there is no kubeconfig, or no such context in it.
    pub async fn connect(kube: &Kube) -> Result<Self, CliError> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| CliError::Cluster {
            what: "the cluster cannot be reached".into(),
            error,
        };
        let options = KubeConfigOptions { context: kube.context.clone(), ..KubeConfigOptions::default() };
        let config = match &kube.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).map_err(|error| failed(error.into()))?;
                Config::from_custom_kubeconfig(file, &options).await
            }
            None if kube.context.is_some() => Config::from_kubeconfig(&options).await,
            None => Config::infer().await.map_err(|error| failed(error.into())).map(Ok)?,
        };
        let config = config.map_err(|error| failed(error.into()))?;
        let client = Client::try_from(config).map_err(|error| failed(error.into()))?;
        Ok(Self { client })
    }

    /// The namespace of the context.
    pub fn default_namespace(&self) -> &str {
        self.client.default_namespace()
    }

    /// All AwsAccounts.
    ///
    /// # Errors
    /// When the API server refuses or cannot be reached.
    pub async fn accounts(&self) -> Result<Vec<Raw>, CliError> {
        let resource = ApiResource::erase::<AwsAccount>(&());
        self.list("AwsAccount", Api::all_with(self.client.clone(), &resource)).await
    }

    /// The ScalingPolicies of one namespace, or of all.
    ///
    /// # Errors
    /// When the API server refuses or cannot be reached.
    pub async fn policies(&self, namespace: Option<&str>) -> Result<Vec<Raw>, CliError> {
        self.list_in::<ScalingPolicy>("ScalingPolicy", namespace).await
    }

    /// The ScalingOverrides of one namespace, or of all.
    ///
    /// # Errors
    /// When the API server refuses or cannot be reached.
    pub async fn overrides(&self, namespace: Option<&str>) -> Result<Vec<Raw>, CliError> {
        self.list_in::<ScalingOverride>("ScalingOverride", namespace).await
    }

    /// The BackupPolicies of one namespace, or of all.
    ///
    /// # Errors
    /// When the API server refuses or cannot be reached.
    pub async fn backups(&self, namespace: Option<&str>) -> Result<Vec<Raw>, CliError> {
        self.list_in::<BackupPolicy>("BackupPolicy", namespace).await
    }

    /// The DatabaseBackups of one namespace, or of all.
    ///
    /// # Errors
    /// When the API server refuses or cannot be reached.
    pub async fn database_backups(&self, namespace: Option<&str>) -> Result<Vec<Raw>, CliError> {
        self.list_in::<DatabaseBackup>("DatabaseBackup", namespace).await
    }

    /// The DatabaseRestores of one namespace, or of all.
    ///
    /// # Errors
    /// When the API server refuses or cannot be reached.
    pub async fn database_restores(&self, namespace: Option<&str>) -> Result<Vec<Raw>, CliError> {
        self.list_in::<DatabaseRestore>("DatabaseRestore", namespace).await
    }

    /// One object, if it is there.
    ///
    /// # Errors
    /// When the API server refuses or cannot be reached, or the object is not one of its kind.
    pub async fn find<K>(&self, namespace: &str, name: &str) -> Result<Option<K>, CliError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        api.get_opt(name).await.map_err(|error| CliError::Cluster {
            what: format!("{} {namespace}/{name} cannot be read", K::kind(&())),
            error: error.into(),
        })
    }

    /// Creates an object; `dry_run` lets the API server judge it only. An equal one that is there already is as good.
    ///
    /// # Errors
    /// When the API server refuses or cannot be reached.
    pub async fn create<K>(&self, object: &K, dry_run: bool) -> Result<(), CliError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::Serialize
            + DeserializeOwned,
    {
        let namespace = object.namespace().unwrap_or_default();
        let api: Api<K> = Api::namespaced(self.client.clone(), &namespace);
        match api.create(&PostParams { dry_run, ..PostParams::default() }, object).await {
            Ok(_) => Ok(()),
            // The name is made of what the object says: it is an answer that was lost.
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(()),
            Err(error) => Err(CliError::Cluster {
                what: format!("{} {namespace}/{} cannot be created", K::kind(&()), object.name_any()),
                error: error.into(),
            }),
        }
    }

    /// Lets an override end at `expires_at`; one that is gone has ended.
    ///
    /// # Errors
    /// When the API server refuses or cannot be reached.
    pub async fn end(&self, object: &ScalingOverride, expires_at: &str, dry_run: bool) -> Result<(), CliError> {
        let namespace = object.namespace().unwrap_or_default();
        let api: Api<ScalingOverride> = Api::namespaced(self.client.clone(), &namespace);
        // The uid keeps it from another one of the same name.
        let patch = serde_json::json!({"metadata": {"uid": object.uid()}, "spec": {"expiresAt": expires_at}});
        let parameters = PatchParams { dry_run, ..PatchParams::default() };
        match api.patch(&object.name_any(), &parameters, &Patch::Merge(patch)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.reason == "NotFound" => Ok(()),
            Err(error) => Err(CliError::Cluster {
                what: format!("ScalingOverride {namespace}/{} cannot be ended", object.name_any()),
                error: error.into(),
            }),
        }
    }

    async fn list_in<K: Resource<DynamicType = ()>>(
        &self,
        kind: &'static str,
        namespace: Option<&str>,
    ) -> Result<Vec<Raw>, CliError> {
        let resource = ApiResource::erase::<K>(&());
        let api = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        self.list(kind, api).await
    }

    async fn list(&self, kind: &'static str, api: Api<DynamicObject>) -> Result<Vec<Raw>, CliError> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| CliError::Cluster {
            what: format!("{kind} objects cannot be listed"),
            error,
        };
        let mut found = Vec::new();
        let mut parameters = ListParams::default().limit(PAGE);
        loop {
            let page = api.list(&parameters).await.map_err(|error| failed(error.into()))?;
            for object in &page.items {
                let subject = Subject { kind, namespace: object.namespace(), name: object.name_any() };
                found.push((subject, serde_json::to_value(object).map_err(|error| failed(error.into()))?));
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters = parameters.continue_token(&token),
                None => return Ok(found),
            }
        }
    }
}

impl Existing {
    /// Everything of ours in a cluster.
    ///
    /// # Errors
    /// When the API server refuses or cannot be reached.
    pub async fn read(cluster: &Cluster) -> Result<Self, CliError> {
        let mut objects: BTreeMap<Subject, Value> = cluster.accounts().await?.into_iter().collect();
        objects.extend(cluster.policies(None).await?);
        objects.extend(cluster.overrides(None).await?);
        objects.extend(cluster.backups(None).await?);
        objects.extend(cluster.database_backups(None).await?);
        objects.extend(cluster.database_restores(None).await?);
        Ok(Self { objects, known: true })
    }

    /// Whether a cluster was read: else nothing is known of what exists.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// One object.
    pub fn object(&self, subject: &Subject) -> Option<&Value> {
        self.objects.get(subject)
    }

    /// One object, where it can be read as what it says it is.
    pub fn get<K: DeserializeOwned>(&self, subject: &Subject) -> Option<K> {
        K::deserialize(self.object(subject)?).ok()
    }

    /// The DatabaseRestores of a policy's namespace, those of its account and region as it sees them, and the names of all. None where no
    /// cluster was read.
    pub fn restores(
        &self,
        account: &AccountRef,
        region: Option<&str>,
        policy: &ObjectId,
    ) -> Option<(Vec<Run>, BTreeSet<String>)> {
        let of_namespace = |subject: &&Subject| {
            subject.kind == DatabaseRestore::kind(&()) && subject.namespace.as_ref() == Some(&policy.namespace)
        };
        let names = self.objects.keys().filter(|subject| of_namespace(subject)).map(|subject| subject.name.clone());
        let runs = self.of_kind::<DatabaseRestore>().filter(|restore| {
            restore.metadata.namespace.as_ref() == Some(&policy.namespace)
                && restore.spec.account_ref == *account
                && restore.spec.region.as_deref() == region
        });
        self.known.then(|| (runs.map(|restore| Run::read(&restore, &policy.name)).collect(), names.collect()))
    }

    /// The DatabaseBackups of a policy's namespace, as it sees them.
    pub fn exported(&self, spec: &BackupPolicySpec, policy: &ObjectId) -> Vec<exports::Run> {
        let own = (&spec.account_ref, spec.region.as_deref(), &spec.source);
        self.of_kind::<DatabaseBackup>()
            .filter(|backup| backup.metadata.namespace.as_ref() == Some(&policy.namespace))
            .map(|backup| exports::Run::read(&backup, &policy.name, own))
            .collect()
    }

    /// Those of one kind that can be read as such.
    pub fn of_kind<K: Resource<DynamicType = ()> + DeserializeOwned>(&self) -> impl Iterator<Item = K> {
        let kind = K::kind(&());
        self.objects
            .iter()
            .filter(move |(subject, _)| subject.kind == kind)
            .filter_map(|(_, object)| K::deserialize(object).ok())
    }
}
