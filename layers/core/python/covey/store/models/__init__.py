"""Items of fixed shape, as PynamoDB models, and the ports that they serve.

base         the table, its keys, the connection that all models share
account      accounts
session      sessions
factor       authenticator apps, recovery codes, passkeys
flow         sign-ins under way
api_key      API keys
signing_key  keys that sign access tokens
throttle     counted attempts
bootstrap    the offer to make the first administrator
"""
