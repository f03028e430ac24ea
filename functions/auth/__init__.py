"""/auth: accounts, sessions and tokens.

routes     signing up, in, on and out, and the first administrator
passwords  changing and resetting them
addresses  verifying and changing them
otp        codes and links by mail
mfa        the second factor
passkeys   signing in with them
oauth      signing in by a provider, and what one can sign in by
anonymous  users without credentials
sessions   where one is signed in
pages      what links in letters lead to; page, page.css: what all pages share
forms      bodies of a few texts
schemas    what the documentation says of bodies and answers
"""
