"""Records: the documents of collections, and the one service that reads and writes them.

    service.py     Records: create, update, replace, delete, expire, and what it inherits from
    preparing.py   Preparer: a write that every rule and check has passed, not yet done
    batch.py operations.py pending.py   several writes in one request
    idempotency.py a write that is sent again is done once
    reading.py     Reader: get, list, explain
    upserting.py   a record by its unique values
    archive.py     past versions and softly removed records: what keeps them
    history.py restoring.py   what records were, and bringing it back
    counting.py    how many a list has on all its pages
    asking.py      one call: who asks, of which collection, at which moment
    fetching.py    the other records that rules read
    permissions.py why somebody may or may not
    query.py       query parameters → a checked request
    conditions.py  If-Match, If-None-Match
    drafts.py      a body or a patch → what the record would become
    patch.py       merge patch and the operators $inc, $append, $remove
    relations.py   targets exist and may be seen
    expansion.py expand.py    relations to follow, and what they lead to
    projection.py  what of a record an answer shows
    concealing.py  what the store says, without fields that the caller cannot know
    custom_ids.py ids.py      ids that writers give, ids that Covey makes
    model.py time.py          a record, a change, an instant
    ports.py       RecordStore, what is asked of a store
    rebuilding.py  Rebuilder, what a build asks of it

Who may do what is decided in `covey.identity.authorize`. How it looks over HTTP is described in
docs/reference/records.md, the rules in docs/guide/rules.md.
"""
