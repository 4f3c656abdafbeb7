//! The cluster, as far as it is asked: always reading, never writing.

use std::collections::BTreeMap;

use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource, ResourceExt};
use runbook_api::{AwsAccount, ScalingPolicy};
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
        let resource = ApiResource::erase::<ScalingPolicy>(&());
        let api = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        self.list("ScalingPolicy", api).await
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
        Ok(Self { objects })
    }

    /// One object.
    pub fn object(&self, subject: &Subject) -> Option<&Value> {
        self.objects.get(subject)
    }

    /// Those of one kind that can be read as such.
    pub fn of_kind<K: Resource<DynamicType = ()> + serde::de::DeserializeOwned>(&self) -> impl Iterator<Item = K> {
        let kind = K::kind(&());
        self.objects
            .iter()
            .filter(move |(subject, _)| subject.kind == kind)
            .filter_map(|(_, object)| K::deserialize(object).ok())
    }
}
