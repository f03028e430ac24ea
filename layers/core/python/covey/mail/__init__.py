"""Mail: letters from templates, and the ways that they leave by.

message.py    one letter as it is sent
ports.py      Mailer: whoever sends it; implemented by smtp.py here, by `covey.aws.mail`
              (SES) and by outbox.py, which keeps it to be looked at
letters.py    renders the templates of the folder ``letters``, or a team's own
suppressing.py  addresses that get no letters for a while
returns.py    what SES tells of bounces and complaints
post.py       asks for a letter to be written and sent by the queue, in the same time
              whoever it is for
"""
