"""/auth: accounts, sessions and tokens.

routes          what is answered
forms           bodies of a few texts
schemas         what the documentation says of bodies and answers
bootstrap_page  the page that makes the first administrator
"""
