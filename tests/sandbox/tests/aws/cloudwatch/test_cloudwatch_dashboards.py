"""Dashboards."""

from __future__ import annotations

BODY = '{"widgets": []}'


def test_a_dashboard_is_kept_for_all_regions_of_its_account(aws, cloudwatch, refused):
    """API Reference, PutDashboard: dashboards are global. moto: one set for each Region."""
    assert cloudwatch.put_dashboard(DashboardName="front", DashboardBody=BODY)["DashboardValidationMessages"] == []
    elsewhere = aws.client("cloudwatch", "us-east-1")
    found = elsewhere.get_dashboard(DashboardName="front")
    assert (found["DashboardBody"], found["DashboardArn"]) == (BODY, "arn:aws:cloudwatch::123456789012:dashboard/front")
    entry = elsewhere.list_dashboards(DashboardNamePrefix="fr")["DashboardEntries"][0]
    assert (entry["DashboardName"], entry["Size"]) == ("front", len(BODY))
    assert aws.client("cloudwatch", aws_access_key_id="222222222222").list_dashboards()["DashboardEntries"] == []
    with refused("ResourceNotFound", "ghost"):
        cloudwatch.delete_dashboards(DashboardNames=["front", "ghost"])
    cloudwatch.delete_dashboards(DashboardNames=["front"])
    with refused("ResourceNotFound", "front"):
        cloudwatch.get_dashboard(DashboardName="front")


def test_a_dashboard_must_be_json_and_well_named(cloudwatch, refused):
    """API Reference, PutDashboard: InvalidParameterInput. moto: takes any name."""
    for name, body in (("front", "{"), ("front", "[]"), ("a b", BODY)):
        with refused("InvalidParameterInput"):
            cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)
    assert cloudwatch.list_dashboards()["DashboardEntries"] == []
