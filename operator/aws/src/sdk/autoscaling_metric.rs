//! Customized metrics of target tracking policies, metric math included.

use std::collections::BTreeMap;

use aws_sdk_applicationautoscaling::error::BuildError;
use aws_sdk_applicationautoscaling::types::{
    CustomizedMetricSpecification, MetricDimension, TargetTrackingMetric, TargetTrackingMetricDataQuery,
    TargetTrackingMetricDimension, TargetTrackingMetricStat,
};
use runbook_core::observed::{MetricDataQuery, MetricSource, TrackedMetric};

/// The metric that a specification speaks of.
pub(super) fn observed(metric: &CustomizedMetricSpecification) -> TrackedMetric {
    match (metric.namespace(), metric.metric_name(), metric.statistic()) {
        (Some(namespace), Some(metric_name), Some(statistic)) if metric.metrics().is_empty() => {
            TrackedMetric::Customized {
                namespace: namespace.into(),
                metric_name: metric_name.into(),
                dimensions: metric
                    .dimensions()
                    .iter()
                    .map(|dimension| (dimension.name.clone(), dimension.value.clone()))
                    .collect(),
                statistic: statistic.as_str().into(),
                unit: metric.unit().map(Into::into),
            }
        }
        _ => TrackedMetric::MetricMath(metric.metrics().iter().filter_map(observed_query).collect()),
    }
}

/// A query of metric math; none that is neither an expression nor a metric, which nobody can have declared.
fn observed_query(query: &TargetTrackingMetricDataQuery) -> Option<MetricDataQuery> {
    let source = match (query.expression(), query.metric_stat()) {
        (Some(expression), _) => MetricSource::Expression(expression.into()),
        (None, Some(stat)) => {
            let metric = stat.metric()?;
            MetricSource::Metric {
                namespace: metric.namespace()?.into(),
                metric_name: metric.metric_name()?.into(),
                dimensions: metric
                    .dimensions()
                    .iter()
                    .map(|dimension| (dimension.name.clone(), dimension.value.clone()))
                    .collect(),
                stat: stat.stat.clone(),
                unit: stat.unit().map(Into::into),
            }
        }
        (None, None) => return None,
    };
    Some(MetricDataQuery {
        id: query.id.clone(),
        label: query.label().map(Into::into),
        // API Reference, TargetTrackingMetricDataQuery: true where nothing is said.
        return_data: query.return_data().unwrap_or(true),
        source,
    })
}

/// The specification of a metric that is not predefined.
pub(super) fn sent(metric: &TrackedMetric) -> Result<CustomizedMetricSpecification, BuildError> {
    let builder = CustomizedMetricSpecification::builder();
    Ok(match metric {
        TrackedMetric::Predefined { .. } => builder.build(),
        TrackedMetric::Customized { namespace, metric_name, dimensions, statistic, unit } => {
            let dimensions =
                dimensions.iter().map(|(name, value)| MetricDimension::builder().name(name).value(value).build());
            let dimensions: Vec<MetricDimension> = dimensions.collect::<Result<_, _>>()?;
            builder
                .namespace(namespace)
                .metric_name(metric_name)
                .statistic(statistic.as_str().into())
                .set_dimensions((!dimensions.is_empty()).then_some(dimensions))
                .set_unit(unit.clone())
                .build()
        }
        TrackedMetric::MetricMath(queries) => {
            builder.set_metrics(Some(queries.iter().map(sent_query).collect::<Result<_, _>>()?)).build()
        }
    })
}

fn sent_query(query: &MetricDataQuery) -> Result<TargetTrackingMetricDataQuery, BuildError> {
    let builder = TargetTrackingMetricDataQuery::builder()
        .id(&query.id)
        .set_label(query.label.clone())
        .return_data(query.return_data);
    match &query.source {
        MetricSource::Expression(expression) => builder.expression(expression).build(),
        MetricSource::Metric { namespace, metric_name, dimensions, stat, unit } => {
            let metric = TargetTrackingMetric::builder()
                .namespace(namespace)
                .metric_name(metric_name)
                .set_dimensions(sent_dimensions(dimensions)?)
                .build();
            let stat = TargetTrackingMetricStat::builder().metric(metric).stat(stat).set_unit(unit.clone()).build()?;
            builder.metric_stat(stat).build()
        }
    }
}

fn sent_dimensions(
    dimensions: &BTreeMap<String, String>,
) -> Result<Option<Vec<TargetTrackingMetricDimension>>, BuildError> {
    let built =
        dimensions.iter().map(|(name, value)| TargetTrackingMetricDimension::builder().name(name).value(value).build());
    let built: Vec<TargetTrackingMetricDimension> = built.collect::<Result<_, _>>()?;
    Ok((!built.is_empty()).then_some(built))
}
