"""Who asks, and what they may.

principal     a caller, as rules see it
profile       the caller's own fields, read when a rule asks
authorize     the one place that says yes or no
caller        an Authorization header → a principal
accounts      sign up, sign in, refresh, sign out
users         the records behind them
second_factor what is asked for after the first, and what answers it
factors       authenticator apps, recovery codes, passkeys: how they are kept
authenticator setting up and taking away apps and recovery codes
totp          codes of authenticator apps
recovery      codes for who has lost one
passkeys      WebAuthn: adding, removing, signing in
codes         signing in by a code or a link in a letter
flows         sign-ins under way: a few guesses, finished once
reclaiming    accounts of whoever proves the address first
sealing       secrets at rest
bootstrap     the one-time token that makes the first administrator
api_key       keys of programs: what one is, how it is written
api_keys      making, listing and ending them
key_callers   a key → a principal
scopes        what a key was given
impersonation administrators in the name of users
passwords     argon2id, and which passwords are taken
tokens        access tokens: signed, verified, remembered
signing_keys  the Ed25519 keys behind them, and how one follows another
sessions      refresh tokens: hashed, rotated, ended by reuse
throttle      attempts per account and per address
pace          requests a minute
ports         what of this is stored, and how it must behave
"""
