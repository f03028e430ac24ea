"""What is kept from the table's changes: one pipeline, a consumer for each kind of upkeep.

`consumer` is what each of them is, `run` gives a batch of changes to all that want it,
`cloudevents` is a change as those outside are told of it.
"""
