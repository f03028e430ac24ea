"""Who asks, and what they may.

principal     a caller, as rules see it
profile       the caller's own fields, read when a rule asks
authorize     the one place that says yes or no
caller        an Authorization header → a principal
accounts      sign up, sign in, refresh, sign out
users         the records behind them
bootstrap     the one-time token that makes the first administrator
passwords     argon2id, and which passwords are taken
tokens        access tokens: signed, verified, remembered
signing_keys  the Ed25519 keys behind them, made once
sessions      refresh tokens: hashed, rotated, ended by reuse
throttle      attempts per account and per address
ports         what of this is stored, and how it must behave
"""
