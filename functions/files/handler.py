"""/files as a Lambda function."""

from covey.http import lambda_handler
from functions.files.routes import routes

handler = lambda_handler(routes)
