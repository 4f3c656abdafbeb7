"""The server, its control API and its clock."""


def test_the_sandbox_answers_and_tells_its_health(aws):
    assert aws.control("GET", "/health")["status"] == "ok"
    assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_moto_tells_the_sandboxs_time(aws):
    aws.clock.advance(86_400)
    created = aws.client("iam").create_user(UserName="ann")["User"]["CreateDate"]
    assert abs((created - aws.clock.now()).total_seconds()) < 1.0
