"""Event patterns, by "Comparison operators for use in event patterns" (EventBridge User Guide)."""

import json

import pytest

from runbook_sandbox.aws.events import patterns
from runbook_sandbox.aws.wire.errors import ApiError

EVENT = {
    "source": "aws.ecs",
    "account": "123456789012",
    "resources": ["arn:aws:ecs:eu-central-1:123456789012:service/app/web", "arn:other"],
    "detail": {
        "state": "RUNNING",
        "count": 3,
        "ratio": 0.5,
        "done": True,
        "nothing": None,
        "ip": "10.1.2.3",
        "path": "dir/file.png",
        "containers": [{"name": "web", "exit": 0}, {"name": "log", "exit": 1}],
        "empty": [],
        "nested": {"deep": {"value": "x"}},
    },
}


def _detail(**fields):
    return {"detail": fields}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"source": ["aws.ecs"]}, True),
        ({"source": ["aws.rds", "aws.ecs"]}, True),
        ({"source": ["aws.rds"]}, False),
        ({"source": ["aws.ecs"], "account": ["1"]}, False),
        ({"missing": ["x"]}, False),
        ({"resources": ["arn:other"]}, True),
        ({"resources": [{"prefix": "arn:aws:ecs:"}]}, True),
        (_detail(state=["RUNNING", "STOPPED"]), True),
        (_detail(state=["running"]), False),
        (_detail(count=[3]), True),
        (_detail(count=[3.0]), True),
        (_detail(count=["3"]), False),
        (_detail(done=[True]), True),
        (_detail(done=[1]), False),
        (_detail(nothing=[None]), True),
        (_detail(state=[None]), False),
        (_detail(state=[{"prefix": "RUN"}]), True),
        (_detail(state=[{"prefix": {"equals-ignore-case": "run"}}]), True),
        (_detail(path=[{"suffix": ".png"}]), True),
        (_detail(path=[{"suffix": {"equals-ignore-case": ".PNG"}}]), True),
        (_detail(state=[{"equals-ignore-case": "running"}]), True),
        (_detail(state=[{"anything-but": "STOPPED"}]), True),
        (_detail(state=[{"anything-but": ["RUNNING", "STOPPED"]}]), False),
        (_detail(state=[{"anything-but": {"prefix": "RUN"}}]), False),
        (_detail(state=[{"anything-but": {"suffix": ["X", "Y"]}}]), True),
        (_detail(state=[{"anything-but": {"wildcard": "R*G"}}]), False),
        (_detail(state=[{"anything-but": {"equals-ignore-case": ["running"]}}]), False),
        (_detail(count=[{"anything-but": 3}]), False),
        (_detail(missing=[{"anything-but": "x"}]), False),
        (_detail(count=[{"numeric": [">", 0, "<=", 3]}]), True),
        (_detail(count=[{"numeric": ["=", 3]}]), True),
        (_detail(ratio=[{"numeric": ["<", 0.5]}]), False),
        (_detail(state=[{"numeric": [">", 0]}]), False),
        (_detail(done=[{"numeric": ["=", 1]}]), False),
        (_detail(state=[{"exists": True}]), True),
        (_detail(missing=[{"exists": False}]), True),
        (_detail(missing=[{"exists": True}]), False),
        (_detail(nothing=[{"exists": True}]), True),
        (_detail(nested=[{"exists": True}]), False),
        (_detail(nested={"deep": {"value": ["x"]}}), True),
        (_detail(nested={"deep": {"other": [{"exists": False}]}}), True),
        (_detail(ip=[{"cidr": "10.0.0.0/8"}]), True),
        (_detail(ip=[{"cidr": "192.168.0.0/16"}]), False),
        (_detail(path=[{"wildcard": "dir/*.png"}]), True),
        (_detail(path=[{"wildcard": "*/file.*"}]), True),
        (_detail(path=[{"wildcard": "dir/*x*.png"}]), False),
        (_detail(path=[{"wildcard": "dir/file.png"}]), True),
        (_detail(path=[{"wildcard": "*file*file*"}]), False),
        (_detail(containers={"name": ["log"]}), True),
        (_detail(containers={"exit": [{"numeric": [">", 1]}]}), False),
        (_detail(containers={"name": ["web"], "exit": [1]}), False),
        (_detail(empty=[{"exists": True}]), True),
        ({"$or": [{"source": ["aws.rds"]}, {"detail": {"count": [3]}}]}, True),
        ({"$or": [{"source": ["aws.rds"]}, {"detail": {"count": [4]}}]}, False),
        ({"source": ["aws.ecs"], "$or": [{"account": ["1"]}, {"account": ["2"]}]}, False),
        (_detail(**{"$or": [{"state": ["STOPPED"]}, {"count": [3]}]}), True),
    ],
)
def test_matching(pattern, expected):
    assert patterns.matches(patterns.parse(json.dumps(pattern)), EVENT) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"source": "aws.ecs"}',
        '{"source": []}',
        '{"detail": {}}',
        '{"source": [{"begins-with": "x"}]}',
        '{"source": [{"exists": "yes"}]}',
        '{"source": [{"numeric": [">"]}]}',
        '{"source": [{"numeric": ["!", 1]}]}',
        '{"source": [{"cidr": "10.0.0.0/99"}]}',
        '{"source": [["x"]]}',
        '{"$or": [{"source": ["x"]}]}',
        '{"source": [{"prefix": "a", "suffix": "b"}]}',
    ],
)
def test_patterns_that_eventbridge_does_not_store(text):
    with pytest.raises(ApiError) as caught:
        patterns.parse(text)
    assert caught.value.code == "InvalidEventPatternException"
