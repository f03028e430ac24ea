"""/, /docs, /openapi.json, /health: what this API is, and whether it is well.

routes        what is answered
document      the OpenAPI document: openapi.json, and the collections of the catalog
collections   one collection as paths and schemas
page          the document as a page
openapi.json  the routes of all functions, written by `make openapi`
"""
