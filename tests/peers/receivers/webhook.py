"""A webhook on loopback, by Flask: prints each request as a line of JSON. The first one is answered with 503."""

import json
import sys

from flask import Flask, request

app = Flask(__name__)
seen = 0


@app.post("/hook/<secret>")
def hook(secret):
    global seen
    seen += 1
    line = {"secret": secret, "type": request.content_type, "body": request.get_json()}
    print(json.dumps(line), flush=True)
    return ("", 204) if seen > 1 else ("come again", 503)


app.run("127.0.0.1", int(sys.argv[1]), threaded=False)
