"""The documentation as a Lambda function."""

from covey.http import lambda_handler
from functions.docs.routes import routes

handler = lambda_handler(routes)
