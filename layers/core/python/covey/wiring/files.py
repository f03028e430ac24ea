"""Files: reserving them, judging what was sent, serving, and letting go of them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from covey.wiring.records import RecordServices

if TYPE_CHECKING:
    from covey.files.keeping import Keeping
    from covey.files.ports import Pictures
    from covey.files.reserving import Reservations
    from covey.files.serving import Serving
    from covey.files.verifying import Verifier


class FileServices(RecordServices):
    """Files: reserving them, judging what was sent, serving, and letting go of them."""

    @cached_property
    def reservations(self) -> Reservations:
        """Places to send files to."""
        from covey.files.reserving import Reservations

        return Reservations(
            self.file_store, lambda: self.blobs, lambda: self.records, lambda: self.keeping
        )

    @cached_property
    def serving(self) -> Serving:
        """Files for those who may read them."""
        from covey.files.serving import Serving

        return Serving(self.file_store, lambda: self.blobs, lambda: self.records, self.catalog.get)

    def verifier(self, pictures: Pictures) -> Verifier:
        """What judges the bytes that were sent; only one function has what looks into pictures."""
        from covey.files.verifying import Verifier

        return Verifier(self.file_store, self.blobs, pictures, self.catalog.get)

    @cached_property
    def keeping(self) -> Keeping:
        """What lets go of files that nothing holds."""
        from covey.collections.catalog import Everything
        from covey.files.keeping import Keeping

        return Keeping(
            self.file_store,
            lambda: self.blobs,
            self.record_store,
            self.archive,
            Everything(self.catalog),
        )
