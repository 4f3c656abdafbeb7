//! `plan`: what would be written to AWS if the files were applied.

mod observe;
mod radius;
mod show;
mod verdict;

use jiff::Timestamp;

use self::show::{json, text};
use self::verdict::{Planned, Summary};
use crate::arguments::PlanOptions;
use crate::errors::CliError;
use crate::kinds::{self, Accounts};
use crate::output::{Exit, Format, Shown};
use crate::{aws, sources};

/// Plans for every object of the files.
pub async fn run(options: &PlanOptions) -> Result<Shown, CliError> {
    let existing = super::existing(&options.sources).await?;
    let declared = sources::load(&options.sources, &existing)?;
    let accounts = Accounts::new(&declared.accounts, &existing);
    let custom_endpoints = options.allow_custom_endpoints || options.aws.endpoint_url.is_some();
    let now = Timestamp::now();
    let cluster_id = options.cluster_id.as_deref();
    let candidates = kinds::candidates(&declared, &accounts, &existing, cluster_id, custom_endpoints, now);
    let observer = aws::observer(&accounts, &options.aws, options.allow_custom_endpoints);
    // All at once, so that they share calls.
    let planned =
        futures::future::join_all(candidates.iter().map(|candidate| observe::plan(&observer, candidate, now)));
    let planned: Vec<Planned> = planned.await;
    let summary = Summary::of(&planned);
    let text = match options.output {
        Format::Text => text(&planned, &summary),
        Format::Json => json(&planned, &summary)?,
    };
    let mut notes = radius::notes(&candidates, &planned, &radius::targets(&declared, &existing));
    notes.splice(0..0, declared.notes);
    Ok(Shown { text, notes, exit: exit(&summary) })
}

fn exit(summary: &Summary) -> Exit {
    match summary {
        Summary { errors: 1.., .. } => Exit::Errors,
        Summary { changes: 1.., .. } => Exit::Changes,
        _ => Exit::Fine,
    }
}
