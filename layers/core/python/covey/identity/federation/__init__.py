"""Signing in with who knows the user already: OpenID Connect, and OAuth 2 at GitHub.

providers   who may say who somebody is, from configuration
redirects   where a sign-in may lead back to
ports       what of this is stored, and how other servers are called
web         the calls themselves: https, bounded in time and size
discovery   a provider's addresses and keys, remembered
id_tokens   ID tokens: verified
profiles    what a provider says of a user
flow        to the provider and back, up to a one-time code
identities  the code in exchange for a session: sign in, sign up, link
"""
