"""A template as a city of local things."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.gateway import template
from infra.gateway.city import Endpoints
from infra.gateway.intrinsics import TemplateError

ROOT = Path(__file__).resolve().parents[3]
ENDPOINTS = Endpoints("http://127.0.0.1:8000", "http://127.0.0.1:9000", "http://127.0.0.1:7000")
FUNCTION = """
  F:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a.b
      Environment: {Variables: {VALUE: %s}}
"""


def city(tmp_path, text, **parameters):
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return template.load(path, ENDPOINTS, parameters)


HEAD = """
Parameters: {Name: {Type: String, Default: ann}, Empty: {Type: String, Default: ""}}
Mappings: {Map: {first: {second: mapped}}}
Conditions:
  IsAnn: !Equals [!Ref Name, ann]
  IsNot: !Not [!Condition IsAnn]
  Both: !And [!Condition IsAnn, !Condition IsNot]
  Either: !Or [!Condition IsAnn, !Condition IsNot]
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Named: {Type: AWS::SQS::Queue, Properties: {QueueName: given}}
  Bucket: {Type: AWS::S3::Bucket}
  Table:
    Type: AWS::DynamoDB::Table
    Properties: {TableName: !Sub "${AWS::StackName}-t", KeySchema: []}
  Gone: {Type: AWS::SQS::Queue, Condition: IsNot}
"""

VALUES = {
    "!Ref Name": "ann",
    "!Ref Queue": "http://127.0.0.1:9000/000000000000/covey-Queue",
    "!Ref Named": "http://127.0.0.1:9000/000000000000/given",
    "!Ref Bucket": "covey-bucket",
    "!Ref Table": "covey-t",
    "!Ref AWS::Region": "us-east-1",
    "!GetAtt Queue.Arn": "arn:aws:sqs:us-east-1:000000000000:covey-Queue",
    "!GetAtt Table.Arn": "arn:aws:dynamodb:us-east-1:000000000000:table/covey-t",
    '{"Fn::GetAtt": [Named, QueueName]}': "given",
    '!Sub "${Name}-${!literal}-${Queue.QueueName}"': "ann-${literal}-covey-Queue",
    '!Sub ["${own}-${Name}", {own: !Ref Table}]': "covey-t-ann",
    '!Join ["-", [a, !Ref Name]]': "a-ann",
    '!Select [1, !Split [",", "a,b"]]': "b",
    "!If [IsAnn, then, !Ref NotThere]": "then",
    "!If [IsNot, then, !Ref Name]": "ann",
    "!If [Both, both, !If [Either, either, none]]": "either",
    "!FindInMap [Map, first, second]": "mapped",
    "!Base64 text": "dGV4dA==",
    "12": "12",
    '"true"': "true",
    "2020-01-01": "2020-01-01",
}


@pytest.mark.parametrize(("written", "value"), VALUES.items(), ids=list(VALUES))
def test_a_value_resolves(tmp_path, written, value):
    found = city(tmp_path, HEAD + FUNCTION % written)
    assert found.functions["F"].environment == {"VALUE": value}


def test_no_value_leaves_the_member_out_and_conditions_leave_resources_out(tmp_path):
    found = city(tmp_path, HEAD + FUNCTION % "!If [IsAnn, !Ref AWS::NoValue, x]")
    assert found.functions["F"].environment == {}
    assert set(found.queues) == {"covey-Queue", "given"}
    assert set(city(tmp_path, HEAD + FUNCTION % "x", Name="ben").queues) >= {"covey-Gone"}


FAULTS = {
    "Resources: [": "template.yaml",
    "just text": "has no Resources",
    HEAD + FUNCTION % "!Ref Nothing": "no such parameter or resource",
    HEAD + FUNCTION % "!GetAtt Nothing.Arn": "no such resource",
    HEAD + FUNCTION % "!If [Nothing, 1, 2]": "Conditions has no Nothing",
    HEAD + FUNCTION % "!Cidr [a, 1, 2]": "Fn::Cidr",
    HEAD + (FUNCTION % "x").replace("a.b", "handler"): "Handler 'handler'",
    HEAD + (FUNCTION % "x") + "      Layers: [arn:elsewhere]": "arn:elsewhere",
    HEAD + (FUNCTION % "x") + "      CodeUri: s3://bucket/key": "must be a folder",
    HEAD
    + (FUNCTION % "x")
    + "      Events: {E: {Type: Kinesis, Properties: {}}}": "of type Kinesis",
}


@pytest.mark.parametrize(("text", "message"), FAULTS.items(), ids=list(FAULTS.values()))
def test_a_fault_is_named(tmp_path, text, message):
    with pytest.raises(TemplateError, match=message.replace("[", r"\[")):
        city(tmp_path, text)


def test_an_unknown_parameter_is_a_fault(tmp_path):
    with pytest.raises(TemplateError, match="no Naem"):
        city(tmp_path, HEAD + FUNCTION % "x", Naem="x")


def test_events_become_triggers(tmp_path):
    events = """
      Events:
        Changes:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Table.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 7
            MaximumBatchingWindowInSeconds: 2
            MaximumRetryAttempts: 3
            BisectBatchOnFunctionError: true
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"]}'}]}
            DestinationConfig: {OnFailure: {Destination: !GetAtt Queue.Arn}}
        Messages: {Type: SQS, Properties: {Queue: !GetAtt Named.Arn, BatchSize: 2}}
        Off: {Type: SQS, Properties: {Queue: !GetAtt Named.Arn, Enabled: false}}
        Often: {Type: Schedule, Properties: {Schedule: rate(1 minute), Input: '{"a":1}'}}
        Nightly:
          Type: ScheduleV2
          Properties:
            ScheduleExpression: cron(15 3 * * ? *)
            ScheduleExpressionTimezone: Europe/Stockholm
            RetryPolicy: {MaximumRetryAttempts: 2}
        Never: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day), State: DISABLED}}
        Upload:
          Type: S3
          Properties:
            Bucket: !Ref Bucket
            Events: "s3:ObjectCreated:*"
            Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}, {Name: suffix, Value: .csv}]}}
"""
    found = city(tmp_path, HEAD + FUNCTION % "x" + events)
    (stream,) = found.streams
    assert (stream.table, stream.batch_size, stream.window) == ("covey-t", 7, 2.0)
    assert (stream.max_attempts, stream.max_age) == (3, -1)
    assert stream.bisect
    assert stream.item_failures
    assert stream.on_failure == "covey-Queue"
    assert stream.filters == ({"eventName": ["INSERT"]},)
    (queue,) = found.queue_triggers
    assert (queue.queue, queue.batch_size, queue.item_failures) == ("given", 2, False)
    often, nightly = found.schedules
    assert (often.expression, often.input) == ("rate(1 minute)", '{"a":1}')
    assert (nightly.timezone, nightly.max_attempts) == ("Europe/Stockholm", 2)
    (upload,) = found.uploads
    assert upload.bucket == "covey-bucket"
    assert (upload.events, upload.prefix, upload.suffix) == (("s3:ObjectCreated:*",), "in/", ".csv")


def test_a_layer_is_found_in_both_its_layouts(tmp_path):
    (tmp_path / "flat").mkdir()
    (tmp_path / "nested" / "python").mkdir(parents=True)
    layers = """
      Layers: [!Ref Flat, !Ref Nested]
  Flat: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: flat}}
  Nested: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: nested/}}
"""
    function = city(tmp_path, HEAD + FUNCTION % "x" + layers).functions["F"]
    assert function.layers == (tmp_path / "flat", tmp_path / "nested" / "python")


def test_coveys_own_template_is_understood():
    found = template.load(ROOT / "template.yaml", ENDPOINTS)
    assert found.http is not None
    assert found.sockets is not None
    assert set(found.sockets.routes) == {"$connect", "$disconnect", "$default"}
    for function in found.functions.values():
        module, _, name = function.handler.rpartition(".")
        assert name == "handler"
        assert (ROOT / (module.replace(".", "/") + ".py")).is_file()
        assert all(layer.is_dir() for layer in function.layers)
        assert not any("amazonaws.com" in value for value in function.environment.values())
        assert function.environment["TABLE_NAME"] == found.tables[0].name
    message = found.functions[found.sockets.routes["$default"]]
    assert message.environment["CONNECTIONS_URL"] == "http://127.0.0.1:9000/realtime"
