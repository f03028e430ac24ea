"""What goes to AWS: the template holds, what is built imports alone, all can be made."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from infra.gateway.city import City, Endpoints, Function
from infra.gateway.template import load

ROOT = Path(__file__).resolve().parents[2]
SAM = ROOT / ".venv-sam" / "bin"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
LAYERS = {"core": "CoreLayer", "team": "TeamLayer", "images": "ImagesLayer"}  # by folder
UNPACKED_LIMIT = 250 * 1024 * 1024  # of a function and its layers (AWS Lambda quotas)
CITY: City = load(
    ROOT / "template.yaml", Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "http://x:3")
)
needs_sam = pytest.mark.skipif(not SAM.is_dir(), reason="make env-sam makes its environment")


def sam(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **more,
    }
    return subprocess.run(
        [str(SAM / arguments[0]), *arguments[1:]],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.slow
@needs_sam
@pytest.mark.timeout(600)
@pytest.mark.parametrize("command", [("cfn-lint", "template.yaml"), ("sam", "validate", "--lint")])
def test_the_template_passes_the_linters(command: tuple[str, ...]) -> None:
    done = sam(*command)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything as `make build` builds it, for the Python that runs the tests."""
    folder = tmp_path_factory.mktemp("built")
    done = sam(
        "sam", "build", "--build-in-source", "--build-dir", str(folder), LAMBDA_PYTHON=PYTHON
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.mark.slow
@needs_sam
@pytest.mark.timeout(600)
def test_what_is_built_imports_alone_with_only_its_layers(built: Path) -> None:
    for name, function in CITY.functions.items():
        path = [str(built / name), *(str(one / "python") for one in layers_of(built, function))]
        module, _, handler = function.handler.rpartition(".")
        program = (
            f"import sys; sys.path[:0] = {path!r}\n"
            f"import importlib; assert callable(importlib.import_module({module!r}).{handler})\n"
            "inside = [m.__file__ for n, m in sys.modules.items() if n.startswith('functions.')]\n"
            f"assert all(f.startswith({str(built / name)!r}) for f in inside if f), inside\n"
        )
        # -I and -S: neither this checkout nor this environment's packages are there to help.
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program],
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "AWS_LAMBDA_FUNCTION_NAME": name},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"


@pytest.mark.slow
@needs_sam
@pytest.mark.timeout(600)
def test_an_artifact_holds_its_own_folder_and_fits(built: Path) -> None:
    for name, function in CITY.functions.items():
        layers = sum(map(size, layers_of(built, function)))
        held = {path.name for path in (built / name / "functions").iterdir()} - {"__pycache__"}
        assert held == {"__init__.py", function.handler.split(".")[1]}
        assert size(built / name) + layers < UNPACKED_LIMIT


def layers_of(built: Path, function: Function) -> list[Path]:
    return [built / LAYERS[folder.parent.name] for folder in function.layers]


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# ---- what the template declares, made by moto


@cache
def transformed() -> dict[str, Any]:
    """The template as CloudFormation gets it, after the SAM transform; code lies in a bucket."""
    document = yaml_parse((ROOT / "template.yaml").read_text())
    document["Globals"]["Function"]["CodeUri"] = "s3://code/function.zip"
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = "s3://code/layer.zip"
    managed = ("BasicExecutionRole", "DynamoDBExecutionRole", "SQSQueueExecutionRole")
    policies = {
        f"AWSLambda{name}": f"arn:aws:iam::aws:policy/service-role/AWSLambda{name}"
        for name in managed
    }

    class Policies:
        def load(self) -> dict[str, str]:
            return policies

    made: dict[str, Any] = transform(document, {}, Policies())
    return made


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in transformed()["Resources"].items()
        if resource["Type"] == kind
    }


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def table() -> dict[str, Any]:
    (one,) = CITY.tables
    return dict(one.definition)


def test_the_table_can_be_made_with_its_indexes_stream_and_expiry(aws: None) -> None:
    client = boto3.client("dynamodb", region_name="us-east-1")
    declared = of_type("AWS::DynamoDB::Table")["RecordsTable"]
    client.create_table(**table())
    made = client.describe_table(TableName="covey-records")["Table"]
    assert made["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    indexes = made["GlobalSecondaryIndexes"]
    slots = {one["IndexName"]: one["Projection"]["ProjectionType"] for one in indexes}
    assert [slots[f"slot-{n}"] for n in range(8)] == ["ALL"] * 6 + ["KEYS_ONLY"] * 2
    client.update_time_to_live(
        TableName="covey-records", TimeToLiveSpecification=declared["TimeToLiveSpecification"]
    )
    client.update_continuous_backups(
        TableName="covey-records",
        PointInTimeRecoverySpecification=declared["PointInTimeRecoverySpecification"],
    )
    backups = client.describe_continuous_backups(TableName="covey-records")
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_queues_can_be_made_and_send_what_fails_to_their_dead_letters(aws: None) -> None:
    client = boto3.client("sqs", region_name="us-east-1")
    urls = {
        name: client.create_queue(
            QueueName=name,
            Attributes={"VisibilityTimeout": str(declared.get("VisibilityTimeout", 30))},
        )["QueueUrl"]
        for name, declared in of_type("AWS::SQS::Queue").items()
    }
    readers = {trigger.queue: CITY.functions[trigger.function] for trigger in CITY.queue_triggers}
    assert readers, "nothing reads a queue"
    for queue in CITY.queues.values():
        assert queue.logical_id in urls
        if queue.logical_id.endswith("DeadLetters"):
            continue
        assert queue.dead_letters is not None
        letters = CITY.queues[queue.dead_letters].logical_id
        assert letters == queue.logical_id.replace("Queue", "DeadLetters")
        patience, reader = queue.visibility_timeout, readers[queue.name]
        assert patience >= reader.timeout, "a message would come back while its function runs"


def test_the_bucket_can_be_made_private(aws: None) -> None:
    client = boto3.client("s3", region_name="us-east-1")
    declared = of_type("AWS::S3::Bucket")["FilesBucket"]
    client.create_bucket(Bucket="files")
    client.put_public_access_block(
        Bucket="files",
        PublicAccessBlockConfiguration=declared["PublicAccessBlockConfiguration"],
    )
    kept = client.get_public_access_block(Bucket="files")["PublicAccessBlockConfiguration"]
    assert all(kept.values())


def statements(function: str) -> list[dict[str, Any]]:
    """All that a function's role allows, its named policies included."""
    role = transformed()["Resources"][f"{function}Role"]["Properties"]
    own = [one["PolicyDocument"] for one in role.get("Policies", [])]
    named = [
        transformed()["Resources"][one["Ref"]]["Properties"]["PolicyDocument"]
        for one in role["ManagedPolicyArns"]
        if isinstance(one, dict) and "Ref" in one
    ]
    return [one for document in (*own, *named) for one in document["Statement"]]


@pytest.mark.parametrize("function", sorted(CITY.functions))
def test_a_function_may_do_nothing_to_everything(function: str) -> None:
    for statement in statements(function):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert not re.search(r"\*", action), f"{function} may {action}"
        resources = statement["Resource"]
        for resource in resources if isinstance(resources, list) else [resources]:
            assert resource != "*", f"{function} may {actions} anywhere"


@pytest.mark.parametrize("function", sorted(CITY.functions))
def test_a_role_can_be_made_with_its_policies(function: str, aws: None) -> None:
    client = boto3.client("iam", region_name="us-east-1")
    role = transformed()["Resources"][f"{function}Role"]["Properties"]
    trusted = str(role["AssumeRolePolicyDocument"]).replace("'", '"')
    client.create_role(RoleName=function, AssumeRolePolicyDocument=trusted)
    assert "lambda.amazonaws.com" in trusted


def test_every_route_of_the_map_is_in_the_api(aws: None) -> None:
    (api,) = of_type("AWS::ApiGateway::RestApi").values()
    assert CITY.http is not None
    paths = api["Body"]["paths"]
    assert {route.path for route in CITY.http.routes} == set(paths)
    assert all("x-amazon-apigateway-any-method" in methods for methods in paths.values())
    assert not any("options" in methods for methods in paths.values()), "ANY takes preflights"


def test_logs_are_kept_for_a_stated_time() -> None:
    (group,) = of_type("AWS::Logs::LogGroup").values()
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    functions = of_type("AWS::Lambda::Function").values()
    assert all(one["LoggingConfig"]["LogGroup"] == {"Ref": "Logs"} for one in functions)
