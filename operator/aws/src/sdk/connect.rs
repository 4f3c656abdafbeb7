//! Clients: one for each connection, region and service, made when it is first needed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::origin::Origin;
use tokio::sync::OnceCell;

use crate::cloud::Connection;

/// A host that does not answer within this is not there; the whole call is timed above.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What all connections share: the process's own credentials (environment, IRSA, Pod Identity, instance).
pub(super) struct Process {
    session_name: String,
    given: Option<Credentials>,
    config: OnceCell<SdkConfig>,
    /// Whether a call was answered with them before.
    worked: AtomicBool,
}

/// A connection, and the clients made for it.
pub(super) struct Connected {
    pub(super) connection: Connection,
    process: Arc<Process>,
    config: OnceCell<SdkConfig>,
    clients: Mutex<HashMap<String, Clients>>,
}

/// The clients of one region.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) ecs: aws_sdk_ecs::Client,
    pub(super) rds: aws_sdk_rds::Client,
    pub(super) autoscaling: aws_sdk_applicationautoscaling::Client,
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) sqs: aws_sdk_sqs::Client,
}

impl Process {
    pub(super) fn new(session_name: String, given: Option<Credentials>) -> Self {
        Self { session_name, given, config: OnceCell::new(), worked: AtomicBool::new(false) }
    }

    /// A call was answered with the process's credentials.
    pub(super) fn has_worked(&self) {
        self.worked.store(true, Ordering::Relaxed);
    }

    /// Whether a call was answered with the process's credentials before.
    pub(super) fn worked(&self) -> bool {
        self.worked.load(Ordering::Relaxed)
    }

    /// The process's configuration; `region` where the environment names none, for the STS of a web identity.
    async fn config(&self, region: &str) -> &SdkConfig {
        self.config
            .get_or_init(|| async {
                let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
                    .or_else(Region::new(region.to_owned()));
                let loader = aws_config::defaults(BehaviorVersion::latest()).region(region);
                let loader = match &self.given {
                    Some(credentials) => loader.credentials_provider(credentials.clone()),
                    None => loader,
                };
                loader
                    .http_client(super::http::client())
                    .retry_config(RetryConfig::disabled())
                    .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
                    .load()
                    .await
            })
            .await
    }
}

impl Connected {
    pub(super) fn new(connection: Connection, process: Arc<Process>) -> Self {
        Self { connection, process, config: OnceCell::new(), clients: Mutex::default() }
    }

    /// The clients of a region.
    pub(super) async fn clients(&self, region: &str) -> Clients {
        let known = self.lock().get(region).cloned();
        if let Some(clients) = known {
            return clients;
        }
        // The credentials, and their cache, are those of the connection: one role session serves all regions.
        let config = self.config.get_or_init(|| self.configure(region)).await;
        let config = config.to_builder().region(Region::new(region.to_owned())).build();
        let clients = Clients {
            ecs: aws_sdk_ecs::Client::new(&config),
            rds: aws_sdk_rds::Client::new(&config),
            autoscaling: aws_sdk_applicationautoscaling::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
        };
        self.lock().entry(region.to_owned()).or_insert(clients).clone()
    }

    async fn configure(&self, region: &str) -> SdkConfig {
        let mut builder = self.process.config(region).await.to_builder();
        if self.connection.use_fips {
            builder = builder.use_fips(true);
        }
        if self.connection.use_dual_stack {
            builder = builder.use_dual_stack(true);
        }
        if let Some(url) = &self.connection.endpoint_url {
            builder = builder.endpoint_url(url.clone());
            // Else AWS_ENDPOINT_URL, from which the process's configuration was loaded, would win over it.
            builder.insert_origin("endpoint_url", Origin::shared_config());
        }
        let config = builder.region(Region::new(region.to_owned())).build();
        let Some((role_arn, external_id)) = &self.connection.assume_role else { return config };
        // STS is that of the region, never the global one: tokens of the global endpoint are not valid in opt-in regions.
        let mut role = AssumeRoleProvider::builder(role_arn)
            .session_name(&self.process.session_name)
            .region(Region::new(region.to_owned()))
            .configure(&config);
        if let Some(external_id) = external_id {
            role = role.external_id(external_id);
        }
        let provider = SharedCredentialsProvider::new(role.build().await);
        config.into_builder().credentials_provider(provider).build()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Clients>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
