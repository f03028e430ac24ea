"""/admin as a Lambda function."""

from covey.http import lambda_handler
from functions.admin.routes import routes

handler = lambda_handler(routes)
