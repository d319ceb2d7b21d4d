// Loaded before a program: the SDK for JavaScript then speaks HTTP/1 to Kinesis, as the practice stream does.
const handlers = require('@smithy/node-http-handler')

handlers.NodeHttp2Handler = handlers.NodeHttpHandler
