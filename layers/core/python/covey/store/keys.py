"""Every key pattern of the table, with the access it serves and what that costs.

    item            pk                    sk       serves
    record          {collection}.{shard}  {id}     get 0.5; newest first list 0.5 per 4 KB
    record          {collection}.={id}    {id}     the same for ids given by the writer
    catalog         !catalog              {name}   all collections in one query; ``!``: version
    its versions    !catalog.{name}       {n}      what a collection was, by version of the catalog
    unique claim    !claim.{hash}         .        one owner per unique value; lookup 1
    reference       !ref.{name}.{id}      {collection}.{field}.{id}  who refers to a record
    its gate        !ref.{name}.{id}      .        references ever made; closed at the end
    past version    !history.{name}.{id}  {created}.{version}  versions of a record in order
    removed record  !buried.{name}.{n}    {id}     a quarter of what was removed softly
    single use      !once.{hash}          .        put and take by condition, 1 each
    outcome         !outcome.{hash}       . or {n} of a keyed request: take 1, kept with the write
    secret          !secret.{name}        .        keys that this deployment made for itself
    account         !account.{user}       .        the credentials of a user
    factor          !account.{user}       totp, recovery, passkey.{hash}  what else proves who it is
    flow            !flow.{hash}          .        a sign-in under way: guesses counted, 1 each
    identity        !identity.{digest}    .        the user whose identity at a provider this is
    its listing     !account.{user}       identity.{digest}  where a user can sign in by
    anonymous user  !anonymous            {seconds}.{user}  when to look whether they are there
    session         !session.{user}       {sid}    a sign-in and its refresh tokens
    signing key     !signing              {n}      keys of access tokens, oldest first
    attempts        !attempts.{hash}      .        attempts of one window, counted
    bootstrap       !bootstrap            .        the offer to make the first administrator
    API key         !account.{user}       key.{id} a user's key, hashed
    service key     !keys                 {id}     a key of the service, hashed
    job             !job.{id}             .        background work and its progress
    schedule        !schedules            {name}   what runs by the clock, all in one query
    due             !due.{n}              {ms}.{job}  jobs to be asked for, by when
    held key        !held.{hash}          .        the one job that is under way under it: 1 each
    job given up    !undone               {ms}.{job}  jobs that failed for good, one query
    job of an owner !jobs.{owner}         {id}     an owner's newest jobs, one query
    mark            !mark.{c}.{bucket}    {id}     what a record adds to totals: 1 per change
    total           !total.{c}.{n}.{lane} {group}  a group of an aggregate; all are one query
    extreme         !extreme.{hash}       {value}  values of a group in order: the first, the last
    connection      !conn.{id}            .        an open socket
    subscription    !sub.{collection}.{topic}  {connection}/{id}  who may want a change: one query
    its topic       !sub.{collection}.{topic}  .   whether the topic's subscriptions changed: 1
    listened        !listened.{collection}  .      whether anybody listens: 1 per batch of changes
    change log      !log.{collection}.{lane}  {ms}.{n}  the latest changes, for who was away
    channel         !channels             {name}   what channels there are, one query
    member          !room.{address}       {connection}  who is in a room, one query per message
    rooms           !conn.{id}            rooms    the rooms of a socket, to leave them all
    frames          !conn.{id}            frames   how fast a socket sends: 1 per frame
    file            !file.{id}            .        a stored file: what it is, whose it is
    its listing     !filed.{name}.{n}     {field}.{id}  files of a field, to find those of none
    its day         !loose.{n}            {seconds}.{id}  when to look whether a file is used
    letter          !outbox               {id}     mail that is kept instead of sent, newest first
    suppressed      !suppressed           {address}  addresses that get no letters, in their order
    webhook         !webhooks             {id}     endpoints: each batch of changes reads all
    its turn        !webhook.{id}         .        who works for an endpoint, and how it is
    delivery        !delivery.{webhook}   {id}     an event for an endpoint, with its attempts
    its place       !queued.{webhook}     {due}.{sequence}.{id}  what is to be sent, in order
    audit event     !audit.{day}          {id}     what happened to accounts, newest first
    search mark     !search.{collection}.{id}  .   what a record has contributed to the search
    posting         !post.{search}.{word} {impact}{id}  best records of a word in a field, one query
    word            !word.{search}.{initial}  {word}  how many records have it; words by beginning
    dead letter     !dead.{consumer}      {id}     changes that a consumer could not take, in order
    its image       !image.{letter}       {n}      the stream's record of it, in parts
    gauge           !gauge.{hour}         {process}  what a process says of the pipeline: one query
    texts           !texts.{search}       {lane}   how many records have words, and how many

Collection names start with a letter, so that ``!`` keeps everything else apart. Slots are
secondary indexes shared by all collections: ``a{slot}`` is a digest of (collection, index
number, equality values, shard), ``b{slot}`` the encoded ordered values and the id. Digests
keep keys short: each covering slot repeats the item, and 1 KB is a write unit.
"""

from __future__ import annotations

from hashlib import blake2b

from covey.collections.model import Collection, Epoch
from covey.records.ids import created_of, is_auto

PK, SK = "pk", "sk"
ONLY = "."  # the sort key of items that are alone in their partition
COVERING_SLOTS = range(6)
KEYS_ONLY_SLOTS = range(6, 8)
SLOTS = range(8)
CREATION_SLOT = 5  # carries index 0 of collections with custom ids
CREATION_INDEX = 0
EXPIRY_INDEX = "expiry"
# A record that expires is written to its bucket twice, and a key serves 1,000 writes a second.
EXPIRY_BUCKETS = tuple(str(number) for number in range(64))
SOCKET_BUCKETS = tuple(f"socket.{number}" for number in range(8))
SLOT_KEY_BYTES = 12
MAX_PARTITION_BYTES = 2048  # DynamoDB's limits
MAX_SORT_BYTES = 1022  # DynamoDB's 1024 less room to bound a range just past a key
MAX_ID_BYTES = 256
SEQUENCE_DIGITS = 40  # of a stream's sequence numbers, at most
LATEST_MS = 10**15 - 1  # beyond the end of the year 9999

Key = tuple[str, str]


def record(collection: Collection, record_id: str) -> Key:
    """Where a record lives; ValueError for an id that this collection cannot hold."""
    if collection.ids == "auto":
        return partition(collection, shard_of(collection, record_id)), record_id
    if not is_custom_id(record_id):
        raise ValueError("not an id")
    return f"{collection.name}.={record_id}", record_id


def partition(collection: Collection, shard: int) -> str:
    """One shard of a collection of auto ids, in creation order."""
    return f"{collection.name}.{shard}"


def prefix(collection: Collection) -> str:
    """What every partition of a collection's records begins with, and no other."""
    return f"{collection.name}."


def collection_of(pk: str) -> str | None:
    """The collection of a record's partition; None for every other kind of item."""
    name, dot, _ = pk.partition(".")
    return name if dot and not pk.startswith("!") else None


def is_custom_id(text: str) -> bool:
    """Whether a writer may give this id: 1 to 256 bytes of UTF-8, no control characters."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= MAX_ID_BYTES and text.isprintable()


def shard_of(collection: Collection, record_id: str, created_ms: int | None = None) -> int:
    """The shard of a record and of its index entries.

    The time in the id (or of creation, for custom ids) picks the epoch of the schedule, so
    raising the count later moves nothing.
    """
    if created_ms is None:
        created_ms = created_of(record_id)
    count = _epoch(collection.schedule, created_ms).shards
    if count == 1:
        return 0
    digest = blake2b(record_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count


def shards(collection: Collection) -> range:
    """All shards that may hold records of a collection."""
    return range(max(epoch.shards for epoch in collection.schedule))


def slot_key(collection: Collection, index: int, equality: bytes, shard: int) -> bytes:
    """The hash key of an index entry; `equality` is the encoding of the hashed values."""
    text = f"{collection.name}\0{index}\0{shard}\0".encode()
    return blake2b(text + equality, digest_size=SLOT_KEY_BYTES).digest()


def slot(number: int) -> str:
    """The name of a slot's secondary index."""
    return f"slot-{number}"


def slot_attributes(number: int) -> tuple[str, str]:
    """The hash and range attributes of a slot."""
    return f"a{number}", f"b{number}"


def expiry_bucket(record_id: str) -> str:
    """Which of the expiry index's partitions a record is swept from."""
    digest = blake2b(record_id.encode(), digest_size=1).digest()
    return EXPIRY_BUCKETS[digest[0] % len(EXPIRY_BUCKETS)]


def claim(collection: Collection, fields: tuple[str, ...], values: bytes, since: int = 0) -> Key:
    """The claim on a unique value; `fields` are field keys, so that a rename keeps it.

    `since` is the version that declared the tuple, 0 for the first: what was claimed before the
    tuple was taken back and declared again means nothing.
    """
    declared = f";{since}" if since else ""
    text = f"{collection.name}\0{','.join(fields)}{declared}\0".encode()
    return f"!claim.{blake2b(text + values, digest_size=20).hexdigest()}", ONLY


def gate(to: str, target: str) -> Key:
    """The gate of a record that others refer to: passed by each new reference."""
    return f"!ref.{to}.{target}", ONLY


def reference(to: str, target: str, collection: str, field: str, referrer: str) -> Key:
    """One reference; `field` is the field's key. Those of a field are one range."""
    return f"!ref.{to}.{target}", f"{collection}.{field}.{referrer}"


def past(collection: Collection, record_id: str, created: int, version: int) -> Key:
    """A past version of a record; all of an id are one query, in order."""
    return f"!history.{collection.life}.{record_id}", f"{created:015d}.{version:010d}"


def place_of(sk: str) -> tuple[int, int]:
    """The creation and the number of a past version."""
    created, _, version = sk.partition(".")
    return int(created), int(version)


def quarters(collection: Collection) -> list[str]:
    """The partitions of a collection's removed records."""
    return [f"!buried.{collection.life}.{number}" for number in range(4)]


def buried(collection: Collection, record_id: str) -> Key:
    """Where a record lies that was removed softly."""
    number = blake2b(record_id.encode(), digest_size=1).digest()[0] % 4
    return quarters(collection)[number], record_id


def once(key: str) -> Key:
    """A single-use thing; hashed, as the key itself is often a secret."""
    return f"!once.{blake2b(key.encode(), digest_size=20).hexdigest()}", ONLY


def outcome(name: str, part: str) -> Key:
    """What a keyed request was answered; `part` "" is the request, else one of a batch."""
    return f"!outcome.{name}", part or ONLY


SEARCH_LANES = 4  # counters that every indexed record of a shard would else meet in


def search_shard(collection: Collection, record_id: str) -> int:
    """The shard of a record's postings, from the count of now: its mark keeps it."""
    digest = blake2b(record_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % len(shards(collection))


def search_mark(collection: Collection, record_id: str) -> Key:
    """What a record has contributed to the search of its collection."""
    return f"!search.{collection.name}.{record_id}", ONLY


def posting(collection: str, since: int, field: str, shard: int, word: str) -> str:
    """The partition of a word's postings in one field (its key), of one search."""
    return f"!post.{collection}.{since}.{field}.{shard}.{word}"


def posting_place(impact: int, record_id: str) -> str:
    """Where a posting stands in its partition: those of more impact, 0 first, before others."""
    return f"{impact:02x}{record_id}"


def search_word(collection: str, since: int, field: str, shard: int, word: str) -> Key:
    """How many records of a shard have a word; words with one first letter are one range."""
    return f"!word.{collection}.{since}.{field}.{shard}.{word[0]}", word


def search_texts(collection: str, since: int, shard: int) -> str:
    """The partition of the totals of a shard, in lanes."""
    return f"!texts.{collection}.{since}.{shard}"


def search_lane(record_id: str) -> str:
    """Which of the totals a record is counted in."""
    return str(blake2b(record_id.encode(), digest_size=1).digest()[0] % SEARCH_LANES)


CATALOG = "!catalog"
CATALOG_VERSION = "!"  # sorts before every collection's name


def catalog(collection: str) -> Key:
    """One collection of the catalog."""
    return CATALOG, collection


def catalog_version(collection: str, version: int) -> Key:
    """What a collection was at a version of the catalog; in their order."""
    return f"!catalog.{collection}", f"{version:08d}"


def secret(name: str) -> Key:
    """A key that this deployment made for itself."""
    return f"!secret.{name}", ONLY


def account(user: str) -> Key:
    """The credentials of a user."""
    return f"!account.{user}", ONLY


def factor(user: str, kind: str) -> Key:
    """What else proves who a user is; with the account, all are one query."""
    return account(user)[0], kind


def flow(digest: str) -> Key:
    """A sign-in under way."""
    return f"!flow.{digest}", ONLY


def identity(digest: str) -> Key:
    """The claim on an identity at a provider: one user each."""
    return f"!identity.{digest}", ONLY


def identity_of(user: str, digest: str) -> Key:
    """An identity among the credentials of its user; without a digest, what all begin with."""
    return f"!account.{user}", f"identity.{digest}"


def anonymous(due: int, user: str) -> Key:
    """An anonymous user, by when to look for it."""
    return "!anonymous", f"{due:012d}.{user}"


def session(user: str, sid: str) -> Key:
    """A sign-in and the family of its refresh tokens; those of a user are one query."""
    return f"!session.{user}", sid


def signing_key(generation: int) -> Key:
    """One generation of the keys that sign access tokens; all are one query."""
    return "!signing", f"{generation:06d}"


def attempts(digest: str) -> Key:
    """Attempts counted against a limit, in one window."""
    return f"!attempts.{digest}", ONLY


def bootstrap() -> Key:
    """The offer to make the first administrator."""
    return "!bootstrap", ONLY


API_KEY = "key."  # what the sort keys of a user's API keys begin with


def api_key(user: str, key_id: str) -> Key:
    """An API key, hashed; those of a user are one query, and so are the service's (user "")."""
    return (f"!account.{user}", API_KEY + key_id) if user else ("!keys", key_id)


def job(job_id: str) -> Key:
    """Background work and its progress."""
    return f"!job.{job_id}", ONLY


def job_of(owner: str, job_id: str) -> Key:
    """Where an owner's jobs are listed, in the order of their ids."""
    return f"!jobs.{owner}", job_id


def schedule(name: str) -> Key:
    """What runs by the clock."""
    return "!schedules", name


DUE_PARTITIONS = 8


def due(at_ms: int, job_id: str) -> Key:
    """A job to be asked for; those of a partition are in the order of their time."""
    lane = blake2b(job_id.encode(), digest_size=1).digest()[0] % DUE_PARTITIONS
    return f"!due.{lane}", f"{at_ms:015d}.{job_id}"


def due_partitions() -> list[str]:
    """Where jobs that are to be asked for may lie."""
    return [f"!due.{lane}" for lane in range(DUE_PARTITIONS)]


def due_of(sk: str) -> tuple[int, str]:
    """The time and the job of an entry of `due`."""
    at, _, job_id = sk.partition(".")
    return int(at), job_id


def held(digest: str) -> Key:
    """A key that one job at a time has."""
    return f"!held.{digest}", ONLY


def buried_job(created_ms: int, job_id: str) -> Key:
    """A job that was given up; the newest are one query."""
    return "!undone", f"{created_ms:015d}.{job_id}"


def connection(connection_id: str) -> Key:
    """An open socket."""
    return f"!conn.{connection_id}", ONLY


def rooms(connection_id: str) -> Key:
    """The rooms that a socket is in."""
    return f"!conn.{connection_id}", "rooms"


def frames(connection_id: str) -> Key:
    """How fast a socket sends."""
    return f"!conn.{connection_id}", "frames"


def connection_of(pk: str) -> str:
    """The socket of a partition of `connection`."""
    return pk.removeprefix("!conn.")


def socket_bucket(connection_id: str) -> str:
    """Which of the expiry index's partitions a socket is swept from."""
    digest = blake2b(connection_id.encode(), digest_size=1).digest()
    return SOCKET_BUCKETS[digest[0] % len(SOCKET_BUCKETS)]


def member(address: str, connection_id: str) -> Key:
    """A socket in a room; those of a room are one query."""
    return f"!room.{address}", connection_id


def channel(name: str) -> Key:
    """A declared channel; all are one query."""
    return "!channels", name


def subscription(collection: str, topic: str, connection_id: str, subscription_id: str) -> Key:
    """One subscription under one of its topics; those of a topic are one query."""
    return f"!sub.{collection}.{topic}", f"{connection_id}/{subscription_id}"


def topic(collection: str, text: str) -> Key:
    """What says when the subscriptions under a topic changed."""
    return f"!sub.{collection}.{text}", ONLY


def listened(collection: str) -> Key:
    """Whether, and by the values of which fields, anybody listens to a collection."""
    return f"!listened.{collection}", ONLY


def log_lanes(collection: Collection) -> list[str]:
    """The partitions of the latest changes of a collection: as many as its records bear."""
    count = min(LANES, len(shards(collection)))
    return [f"!log.{collection.life}.{lane}" for lane in range(count)]


def log_place(at: int, token: str = "") -> str:
    """Where changes of a time (milliseconds) stand in a lane; without a token, before all."""
    return f"{at:015d}.{token}"


def webhook(endpoint: str) -> Key:
    """A server that is told of changes; all are one query."""
    return "!webhooks", endpoint


def webhook_turn(endpoint: str) -> Key:
    """Whose turn it is to work for an endpoint, and how the endpoint is."""
    return f"!webhook.{endpoint}", ONLY


def delivery(endpoint: str, delivery_id: str) -> Key:
    """An event for an endpoint; those of an endpoint are one query, in the order of time."""
    return f"!delivery.{endpoint}", delivery_id


def queued(endpoint: str, ms: int = 0, sequence: str = "", delivery_id: str = "") -> Key:
    """A place in the queue of an endpoint: by when it is due, then by sequence."""
    return f"!queued.{endpoint}", f"{ms:015d}.{sequence.zfill(SEQUENCE_DIGITS)}.{delivery_id}"


def place_in_queue(sk: str) -> tuple[int, str, str]:
    """When a place is due, the sequence of its change, and its delivery."""
    ms, sequence, delivery_id = sk.split(".")
    return int(ms), sequence.lstrip("0"), delivery_id


def audit(day: str, event_id: str) -> Key:
    """An event of a day (``20261122``, UTC); those of a day are one query, in order of time."""
    return f"!audit.{day}", event_id


def file(file_id: str) -> Key:
    """A stored file."""
    return f"!file.{file_id}", ONLY


def filed(life: str, lane: int) -> str:
    """A quarter of the files of a collection; those of a field are one range."""
    return f"!filed.{life}.{lane}"


def loose(lane: int) -> str:
    """A quarter of the files that are to be looked at, by when."""
    return f"!loose.{lane}"


FILE_LANES = range(4)  # a reservation writes to one: 4,000 a second in all


def file_lane(file_id: str) -> int:
    """Which quarter a file is listed in."""
    return blake2b(file_id.encode(), digest_size=1).digest()[0] % len(FILE_LANES)


def letter(letter_id: str) -> Key:
    """A letter that was kept instead of sent; the newest are one query."""
    return "!outbox", letter_id


def dead_letter(consumer: str, letter_id: str) -> Key:
    """A change that a consumer could not take; those of a consumer are in the order of writing."""
    return f"!dead.{consumer}", letter_id


def image_part(letter_id: str, part: int) -> Key:
    """A part of the stream's record of a dead letter."""
    return f"!image.{letter_id}", f"{part:02d}"


def gauge(hour: int, process: str) -> Key:
    """What a process says of the pipeline in an hour (since the epoch)."""
    return f"!gauge.{hour}", process


def suppressed(address: str) -> Key:
    """An address that gets no letters; all are one query."""
    return "!suppressed", address


MARK_BUCKETS = 4  # per shard: a mark's transaction costs twice what a record's write costs
CUSTOM_BUCKETS = 16
LANES = 8  # of a group's totals, so that the shards of a busy collection do not meet in one item
CUSTOM_LANES = 4


def mark(collection: Collection, record_id: str) -> Key:
    """What the totals have of a record."""
    digest = blake2b(record_id.encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "big")
    if collection.ids != "auto":
        return f"!mark.{collection.name}.{number % CUSTOM_BUCKETS}", record_id
    bucket = number // 4096 % MARK_BUCKETS  # other bits than those that chose the shard
    shard = shard_of(collection, record_id)
    return f"!mark.{collection.name}.{shard * MARK_BUCKETS + bucket}", record_id


def mark_partitions(collection: Collection) -> list[str]:
    """Every partition that may hold marks of a collection."""
    buckets = CUSTOM_BUCKETS
    if collection.ids == "auto":
        buckets = len(shards(collection)) * MARK_BUCKETS
    return [f"!mark.{collection.name}.{bucket}" for bucket in range(buckets)]


def lane_of(collection: Collection, record_id: str) -> int:
    """The lane that counts a record: its shard's, as each shard has a consumer of its own."""
    if collection.ids == "auto":
        return shard_of(collection, record_id) % LANES
    return blake2b(record_id.encode(), digest_size=1).digest()[0] % CUSTOM_LANES


def lanes(collection: Collection) -> range:
    """Every lane that may count records of a collection."""
    if collection.ids == "auto":
        return range(min(LANES, len(shards(collection))))
    return range(CUSTOM_LANES)


def totals(collection: Collection, aggregate: int, lane: int) -> str:
    """The partition of one lane of an aggregate, a group an item."""
    return f"!total.{collection.name}.{aggregate}.{lane}"


def extremes(collection: Collection, aggregate: int, group: str) -> str:
    """The partition of a group's values in order."""
    text = f"{collection.name}\0{aggregate}\0{group}"
    return f"!extreme.{blake2b(text.encode(), digest_size=16).hexdigest()}"


def _epoch(schedule: tuple[Epoch, ...], ms: int) -> Epoch:
    """The last epoch that has begun; the first covers all time before it too."""
    for epoch in reversed(schedule):
        if epoch.from_ms <= ms:
            return epoch
    return schedule[0]


def holds(collection: Collection, record_id: str) -> bool:
    """Whether an id is of the shape that this collection gives out or takes."""
    return is_auto(record_id) if collection.ids == "auto" else is_custom_id(record_id)
