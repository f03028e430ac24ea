"""The table as template.yaml declares it, created where CloudFormation is not at hand."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from covey.store.faults import ServiceFault
from covey.store.transport import Transport

_RESOURCE = "RecordsTable"
_TAKEN = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")


def definition(template: Path) -> dict[str, Any]:
    """The Properties of the records table in a CloudFormation template.

    Tags such as ``!Sub`` are read as their plain argument.
    """
    import yaml  # the layer on Lambda has no PyYAML, and no need of it

    class Loader(yaml.SafeLoader):
        """SafeLoader that does not mind CloudFormation's tags."""

    def plain(loader: Any, suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return loader.construct_scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_mapping(node, deep=True)

    Loader.add_multi_constructor("!", plain)
    document = yaml.load(template.read_text("utf-8"), Loader)  # noqa: S506 - a SafeLoader
    properties: dict[str, Any] = document["Resources"][_RESOURCE]["Properties"]
    return properties


def create_table(transport: Transport, name: str, template: Path) -> None:
    """Create the table and wait until it answers; nothing is changed where it exists."""
    properties = definition(template)
    request = {key: properties[key] for key in _TAKEN if key in properties}
    view = properties.get("StreamSpecification", {}).get("StreamViewType")
    if view:
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
    try:
        transport.call("CreateTable", {"TableName": name, **request})
    except ServiceFault as fault:
        if fault.code != "ResourceInUseException":
            raise
    for _ in range(600):
        table = transport.call("DescribeTable", {"TableName": name})["Table"]
        states = [table["TableStatus"]]
        states += [index["IndexStatus"] for index in table.get("GlobalSecondaryIndexes", ())]
        if set(states) == {"ACTIVE"}:
            break
        time.sleep(0.05)
    if expiry := properties.get("TimeToLiveSpecification"):
        _expire(transport, name, expiry)


def _expire(transport: Transport, name: str, expiry: dict[str, Any]) -> None:
    wanted = {"AttributeName": expiry["AttributeName"], "Enabled": True}
    try:
        transport.call("UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": wanted})
    except ServiceFault as fault:
        if "already enabled" not in str(fault):
            raise
