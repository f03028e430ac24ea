"""The local and container runtime: runs what ``template.yaml`` declares, with AWS's semantics.

    city          what a template declares, as plain data
    template      a CloudFormation file → City
    invoker       the port through which every trigger calls a function
    workers pool nests   one invocation at a time per worker process; kills and replaces them
    zygote worker   the processes behind it: a warm parent that forks, a child that runs handlers
    apigateway refusals routes   REST v1 events and answers, exactly
    server        the public ASGI application
    private       the loopback endpoints that functions reach as if they were AWS
    triggers      streams, queues, schedules, uploads, sockets
    engine        the DynamoDB-compatible data engine: fetched, started, kept alive
    start reload  the whole, from nothing to serving, and again when a file changes

Processes: one front (HTTP, sockets, triggers), one zygote per set of layers, workers by need, one
engine. All end with the front.
"""
