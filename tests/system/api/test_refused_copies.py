"""Copies of snapshots that are wrong, and what the server says."""

from __future__ import annotations

import pytest

BACKUP = "BackupPolicy"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
KEEP = {"keepLast": 3}


def copies(*copies: dict) -> dict:
    return {"spec.snapshots": {"schedule": "0 2 * * *", "copies": list(copies)}}


def copy(**changes: object) -> dict:
    """Copies in another region; None takes a field out."""
    fields = {"name": "dublin", "region": "eu-west-1", "kmsKeyId": KEY, "retention": KEEP} | changes
    return {name: value for name, value in fields.items() if value is not None}


BAD = {
    "copy-nowhere": (copy(region=None, kmsKeyId=None), ["say where the copies go: set region, accountRef, or both"]),
    "copy-kept-how-long": (copy(retention=None), ["say how long the copies are kept", "External where something else deletes them"]),
    "copy-kept-in-two-ways": (copy(deletion="External"), ["in one way only: set retention, or deletion: External"]),
    "copy-deleted-by-whom": (copy(retention=None, deletion="Operator"), ["Unsupported value", '"External"']),
    "copy-keeps-nothing": (copy(retention={}), ["say which snapshots are kept: set keepLast, daily"]),
    "copy-keeps-verified": (copy(retention={"keepLast": 1, "minVerified": 1}), ["leave minVerified out of their retention"]),
    "copy-without-a-name": (copy(name=None), ["name", "Required value"]),
    "copy-name-odd": (copy(name="Dublin"), ["name must be a lower-case letter, then lower-case letters, digits and single hyphens"]),
    "copy-region-odd": (copy(region="Ireland", kmsKeyId=None), ["region must be an AWS region code such as eu-west-1"]),
    "copy-key-alias": (copy(kmsKeyId="alias/backups"), ["kmsKeyId must be the ARN of a key, not an alias: arn:aws:kms:eu-west-1:"]),
    "copy-key-of-elsewhere": (copy(region="eu-north-1"), ["kmsKeyId must be a key of the region that the copies are in"]),
    "copy-shared-with-nobody": (copy(shareKmsKeyId=KEY), ["shareKmsKeyId is for copies in another account: set accountRef"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_copies_are_refused_with_a_message_that_helps(server, case: str) -> None:
    bad, fragments = BAD[case]
    with pytest.raises(server.Refused) as refused:
        server.judge(server.example(BACKUP, copies(bad)))
    said = str(refused.value)
    missing = [fragment for fragment in fragments if fragment not in said]
    assert not missing, said
    assert "no such key" not in said and "evaluation error" not in said and "rule compile" not in said, said


def test_each_name_is_given_once(server) -> None:
    with pytest.raises(server.Refused, match="Duplicate value"):
        server.judge(server.example(BACKUP, copies(copy(), copy(region="eu-north-1", kmsKeyId=None))))


@pytest.mark.parametrize(
    "good",
    [
        copy(),
        copy(kmsKeyId=None),
        copy(retention=None, deletion="External"),
        copy(accountRef={"name": "vault"}),
        copy(region=None, accountRef={"name": "vault"}, shareKmsKeyId=KEY),
    ],
)
def test_what_can_be_done_is_taken(server, good: dict) -> None:
    server.judge(server.example(BACKUP, copies(good)))
