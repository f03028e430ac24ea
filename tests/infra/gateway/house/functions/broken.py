"""Cannot be imported."""

import a_module_that_is_not_there

handler = a_module_that_is_not_there.handler
