"""Which key each profile leads to, asked of botocore (the AWS CLI's own) and of tributary on the same home folder.

python profiles.py TRIBUTARY: makes a home folder with profiles of every form and a server in the place of AWS's sign-in
portal, STS and Kinesis. Prints, for each profile, the end of the access key (or that there was none) by both, as JSON.
"""

import datetime
import hashlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

LATER = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=8)
EARLIER = LATER - datetime.timedelta(hours=9)
STS = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result><AssumedRoleUser>
<AssumedRoleId>A:t</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/r/t</Arn></AssumedRoleUser><Credentials>
<AccessKeyId>ASIA{1}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>{2}</Expiration></Credentials></{0}Result></{0}Response>"""


class Services(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("x-amz-sso_bearer_token") != "good":
            return self.say(401, json.dumps({"__type": "UnauthorizedException", "message": "no"}))
        keys = {"accessKeyId": "ASIAOFSSO", "secretAccessKey": "s", "sessionToken": "t"}
        self.say(200, json.dumps({"roleCredentials": keys | {"expiration": int(LATER.timestamp() * 1000)}}))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        if "x-amz-target" in self.headers:
            return self.say(400, json.dumps({"__type": "DryRunOperationException", "message": "fine"}))
        for action, key in (("AssumeRoleWithWebIdentity", "OFWEB"), ("AssumeRole", "OFROLE")):
            if f"Action={action}&" in body + "&":
                return self.say(200, STS.format(action, key, LATER.isoformat()))
        self.say(400, json.dumps({"__type": "InvalidGrantException", "message": "no"}))

    def say(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "text/xml" if body.startswith("<") else "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Services)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"

home = pathlib.Path(tempfile.mkdtemp())
(home / ".aws/sso/cache").mkdir(parents=True)
printed = json.dumps({"Version": 1, "AccessKeyId": "AKIAOFPROGRAM", "SecretAccessKey": "s"})
(home / "program.sh").write_text(f"echo '{printed}'\n")
(home / "fails.sh").write_text("echo no >&2\nexit 1\n")
(home / "old.sh").write_text(f"echo '{printed[:-1]}, \"SessionToken\": \"t\", \"Expiration\": \"{EARLIER.isoformat()}\"}}'\n")
(home / "web").write_text("token")
KEYS = "aws_access_key_id = AKIAOFKEYS\naws_secret_access_key = s\n"
SSO = "sso_account_id = 123456789012\nsso_role_name = r\n"
START = "sso_region = us-east-1\nsso_start_url = "
ROLE = "role_arn = arn:aws:iam::123456789012:role/r\n"
config = {
    "default": "region = us-east-1\n",
    "profile keys": KEYS,
    "profile commented": KEYS + "  # made in May\n",
    "profile none": "region = us-east-1\n",
    "profile role": ROLE + "source_profile = keys\n",
    "profile of-itself": ROLE + "source_profile = of-itself\n" + KEYS,
    "profile of-none": ROLE + "source_profile = gone\n",
    "profile of-role": ROLE + "source_profile = role\n",
    "profile of-program": ROLE + "source_profile = program\n",
    "profile of-sso": ROLE + "source_profile = sso\n",
    "profile web": ROLE + f"web_identity_token_file = {home}/web\n",
    "profile program": f"credential_process = sh {home}/program.sh\n",
    "profile program-fails": f"credential_process = sh {home}/fails.sh\n",
    "profile program-old": f"credential_process = sh {home}/old.sh\n",
    "profile sso": "sso_session = good\n" + SSO,
    "profile sso-gone": "sso_session = expired\n" + SSO,
    "profile sso-undefined": "sso_session = nobody\n" + SSO,
    "profile legacy": START + "https://good.example/start\n" + SSO,
    "profile legacy-utc": START + "https://utc.example/start\n" + SSO,
    "profile legacy-offset": START + "https://offset.example/start\n" + SSO,
    "profile legacy-gone": START + "https://expired.example/start\n" + SSO,
    "sso-session good": START + "https://good.example/start\n",
    "sso-session expired": START + "https://expired.example/start\n",
}
(home / ".aws/config").write_text("".join(f"[{name}]\n{text}" for name, text in config.items()))
(home / ".aws/credentials").write_text(f"[only-keys]\n{KEYS}")
Z = "%Y-%m-%dT%H:%M:%SZ"
tokens = {
    "good": LATER.strftime(Z),
    "expired": EARLIER.strftime(Z),
    "https://good.example/start": LATER.strftime(Z),
    "https://utc.example/start": LATER.strftime("%Y-%m-%dT%H:%M:%SUTC"),
    "https://offset.example/start": LATER.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
    "https://expired.example/start": EARLIER.strftime(Z),
}
for name, expires in tokens.items():
    token = {"accessToken": "bad" if "expired" in name else "good", "expiresAt": expires, "region": "us-east-1"}
    file = home / ".aws/sso/cache" / f"{hashlib.sha1(name.encode()).hexdigest()}.json"
    file.write_text(json.dumps(token | {"startUrl": "https://x.example/start"}))

variables = {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true"}
variables |= {f"AWS_ENDPOINT_URL_{name}": url for name in ("SSO", "SSO_OIDC", "STS")}
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ.update(variables)

# It looks for the home folder when it is imported.
import botocore.exceptions  # noqa: E402
import botocore.session  # noqa: E402


def by_botocore(profile):
    try:
        session = botocore.session.Session(profile=profile)
        session.set_config_variable("region", "us-east-1")
        keys = session.get_credentials()
        return keys.get_frozen_credentials().access_key[-4:] if keys else None
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, RuntimeError):
        return None  # RuntimeError: keys that had expired already.


def by_tributary(profile):
    words = ["--config", str(home / "config.toml"), "--data-dir", str(home / "data"), "check", "--json"]
    words += ["--region", "us-east-1", "--stream", "clicks", "--endpoint-url", url, "--profile", profile]
    ended = subprocess.run([sys.argv[1], *words], env=variables, capture_output=True, text=True, timeout=60)
    step = json.loads(ended.stdout)["steps"][0]
    return step["detail"].split(" from ")[0][-4:] if step["result"] == "passed" else None


names = [name.removeprefix("profile ") for name in config if not name.startswith("sso-session")] + ["only-keys", "missing"]
print(json.dumps({name: [by_botocore(name), by_tributary(name)] for name in names}))
