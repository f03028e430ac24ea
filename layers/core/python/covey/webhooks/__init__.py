"""Webhooks: changes of records, told to the servers of others.

model.py      an endpoint, a delivery to it, an attempt at that, the health of an endpoint
ports.py      where they are kept
document.py   an endpoint as administrators write it, checked
filtering.py  which changes an endpoint is told of
endpoints.py  endpoints under the hands of administrators
signing.py    secrets and signatures, by Standard Webhooks
making.py     changes into deliveries: a consumer of the pipeline
retrying.py   when a delivery is tried again, and when an endpoint is left alone
sending.py    one attempt
courier.py    all that is due for an endpoint, by one worker at a time
waking.py     who works next, and when
deliveries.py what was delivered: looked at, sent again
replaying.py  many sent again, as a job
notices.py    letters about endpoints that were disabled
"""
