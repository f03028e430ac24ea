"""A house with a folder of files: what is posted is stored, announced and judged as on AWS."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from covey.files.directory import Directory
from covey.wiring import services
from functions.files.verify import handler as verify
from infra.gateway.blobs import FilesApp

SECRET = "secret"
PROFILES = {
    "name": "profiles",
    "ids": "custom",
    "fields": {
        "owner": {"type": "text", "default": "auth.id"},
        "open": {"type": "bool", "default": True},
        "photo": {"type": "file", "types": ["image/*"], "thumbs": ["40x40", "16x16c"]},
        "papers": {
            "type": "file",
            "list": True,
            "max_items": 3,
            "max_size": 40_000_000,
            "read": "owner == auth.id",
        },
        "badge": {"type": "file", "types": ["image/png"], "public": True},
        "sealed": {"type": "file", "write": "false"},
        "secret": {"type": "file", "hidden": True},
    },
    "rules": {
        "read": "open || owner == auth.id",
        "create": "auth != null",
        "update": "owner == auth.id",
        "delete": "owner == auth.id",
    },
}


def png(width: int = 120, height: int = 60, color: str = "red") -> bytes:
    target = BytesIO()
    Image.new("RGB", (width, height), color).save(target, "PNG")
    return target.getvalue()


class Files:
    """What a client does, and what S3 and its events do."""

    def __init__(self, api: Any, folder: Path) -> None:
        self.api = api
        self.directory = Directory(folder)
        self.app = FilesApp(self.directory, secret=SECRET, stored=self.announce)

    def ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport) as client:
                return await client.request(method, url, **more)

        return asyncio.run(send())

    def announce(self) -> None:
        """Tell the verifier of what was stored; in a thread, as the store is asked in a loop."""

    def judge(self) -> None:
        """Call the trigger for each marker that there is, as S3 would."""
        for marker in sorted(self.directory.events.glob("*.ready")):
            about = json.loads(marker.read_text())
            marker.unlink()
            if about["event"].startswith("ObjectCreated") and about["key"].startswith("uploads/"):
                self.event(about["key"])

    def event(self, key: str) -> None:
        stored = {"bucket": {"name": "files"}, "object": {"key": key}}
        verify({"Records": [{"s3": stored}]}, None)  # type: ignore[arg-type]

    def reserve(self, who: str, field: str, data: bytes, of: str, **more: Any) -> Any:
        asked = {"collection": "profiles", "field": field, "type": of, "size": len(data)}
        body = {"name": "a file", **asked, **more}
        return self.api("POST", "/files", body=body, token=self.api.token(who))

    def post(self, upload: Any, data: bytes, **changed: str) -> httpx.Response:
        fields = {**upload["fields"], **changed}
        return self.ask(upload["method"], upload["url"], data=fields, files={"file": ("x", data)})

    def send(
        self, who: str = "ada", field: str = "photo", data: bytes = b"", of: str = "image/png",
        **more: Any,
    ) -> str:  # fmt: skip
        """Reserve, post, have it judged; the id."""
        data = data or png()
        made = self.reserve(who, field, data, of, **more)
        assert made.status == 201, made
        assert self.post(made.json["upload"], data).status_code == 204
        self.judge()
        return str(made.json["file"]["id"])

    def about(self, who: str, file_id: str) -> Any:
        return self.api("GET", f"/files/{file_id}/about", token=self.api.token(who))

    def record(self, who: str, **values: Any) -> Any:
        return self.api("POST", "/records/profiles", body=values, token=self.api.token(who))

    def patch(self, who: str, record: str, **values: Any) -> Any:
        path = f"/records/profiles/{record}"
        return self.api("PATCH", path, body=values, token=self.api.token(who))

    def read(self, who: str | None, file_id: str, query: str = "", **headers: str) -> Any:
        token = {} if who is None else {"token": self.api.token(who)}
        return self.api("GET", f"/files/{file_id}{query}", headers=headers, **token)

    def stored(self) -> list[str]:
        """The keys that there are, but of exports and the like."""
        root = self.directory._root / "files"
        found = [path.relative_to(root).as_posix() for path in root.rglob("*@meta")]
        return sorted(path.removesuffix("@meta") for path in found)

    def known(self, file_id: str) -> Any:
        return services().file_store.get(file_id)
