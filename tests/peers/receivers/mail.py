"""A mail server on loopback, by aiosmtpd: prints each mail that it takes as a line of JSON.

mail.py PORT plain            no TLS, no users
mail.py PORT starttls DIR     STARTTLS with DIR/cert.pem and DIR/key.pem, and the user "tributary"
mail.py PORT tls DIR          the same with TLS from the first byte
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

PASSWORD = b"right horse"


class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": mail["subject"],
            "text": mail.get_content(),
            "user": session.auth_data.login.decode() if session.authenticated else None,
            "tls": session.ssl is not None or "tls" in sys.argv[2:3],
        }
        print(json.dumps(line), flush=True)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, auth):
    success = (auth.login, auth.password) == (b"tributary", PASSWORD)
    # handled=False: the server answers with 535.
    return AuthResult(success=success, handled=False, auth_data=auth)


async def main():
    port, mode = int(sys.argv[1]), sys.argv[2]
    context = None
    if mode != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(f"{sys.argv[3]}/cert.pem", f"{sys.argv[3]}/key.pem")

    def protocol():
        if mode == "plain":
            return SMTP(Handler())
        users = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": mode == "starttls"}
        if mode == "starttls":
            return SMTP(Handler(), tls_context=context, require_starttls=True, **users)
        return SMTP(Handler(), **users)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", port, ssl=context if mode == "tls" else None)
    await server.serve_forever()


asyncio.run(main())
