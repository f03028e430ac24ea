"""/records as a Lambda function."""

from covey.http import lambda_handler
from functions.records.routes import routes

handler = lambda_handler(routes)
