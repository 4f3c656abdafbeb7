//! `crds`: the CustomResourceDefinitions, for those who install them another way than by the chart.

use runbook_api::crd;

use crate::errors::CliError;
use crate::output::Shown;

/// Prints every CRD.
pub fn run() -> Result<Shown, CliError> {
    let files = crd::files().map_err(|error| CliError::Output { what: "a CRD", error: error.to_string() })?;
    let texts: Vec<String> = files.into_iter().map(|(_, text)| text).collect();
    Ok(Shown::text(texts.join("---\n")))
}
