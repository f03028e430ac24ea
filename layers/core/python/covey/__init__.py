"""Covey's domain.

http, triggers   Chalice app and events → plain calls, problem rendering
expressions      the CEL subset: parse → AST → check, evaluate, explain
collections      what a team declares: collections, fields, rules, indexes; the catalog
fields           one file per field type
records          create, get, change, list, import
identity         who asks, and what they may: principals, tokens, accounts, authorize
realtime         subscriptions and who is told of a change
jobs             background work and schedules
files            blobs
insight          the cost meter, statistics
store            DynamoDB: keys, transport, repositories, planner
aws              S3, SQS and socket adapters behind the domain's ports
testing          in-memory twins and event builders
wiring           the one place where the parts are joined

Imports point one way: http, triggers → domain ← store, aws; only `wiring` knows all.
"""
