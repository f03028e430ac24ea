"""/realtime as a Lambda function."""

from covey.http import lambda_handler
from functions.realtime.routes import routes

handler = lambda_handler(routes)
