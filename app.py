"""The whole HTTP API as one Chalice app: the table of contents.

On AWS each line is a function of its own (template.yaml); here they are one, for
``chalice local``, for tests and for the documentation.
"""

from covey.http import CoveyApp
from functions.admin.routes import routes as admin
from functions.auth.routes import routes as auth
from functions.docs.routes import routes as docs
from functions.files.routes import routes as files
from functions.jobs.routes import routes as jobs
from functions.realtime.routes import routes as realtime
from functions.records.routes import routes as records
from functions.webhooks.routes import routes as webhooks

app = CoveyApp("covey")
app.register_blueprint(records())  #  /records   the records of every collection; /batch
app.register_blueprint(auth())  #     /auth      accounts, sessions and tokens
app.register_blueprint(files())  #    /files     the files of records
app.register_blueprint(realtime())  # /realtime  tickets for the socket
app.register_blueprint(jobs())  #     /jobs      background work and its progress
app.register_blueprint(webhooks())  # /webhooks  servers that are told of changes
app.register_blueprint(admin())  #    /admin     collections, for administrators
app.register_blueprint(docs())  #     /          what this API is: /docs, /openapi.json, /health
