"""/auth as a Lambda function."""

from covey.http import lambda_handler
from functions.auth.routes import routes

handler = lambda_handler(routes)
