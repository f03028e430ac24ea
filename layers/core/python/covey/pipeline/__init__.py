"""What happens to a change: one pipeline, a consumer for each thing that follows from records.

consumer.py     what each of them is
told.py         a record of the table's stream, as the pipeline is told of it
run.py          a batch through all consumers, each for itself
letters.py      what a consumer could not take: dead letters, and their port
redriving.py    takes dead letters up again, for the consumer that failed alone
gauges.py       how far behind each consumer is, and how often it failed
cloudevents.py  a change as the outside is told of it

Which consumers there are is said in one place, `services().pipeline`; what each may rely on, and
must do, in docs/guide/events.md.
"""
