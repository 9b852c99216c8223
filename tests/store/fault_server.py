#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""An HTTP server that misbehaves as the last part of the path says.

Prints its port, and with a certificate that of TLS as well. Signatures are not
looked at: real servers do that. Also a metadata service, for credentials.
"""
import hashlib
import socket
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse

objects, uploads = {}, {}
log = []
# What the metadata service gives out, and what the store takes. So many objects are
# deleted before one is refused, -1: all; so many GETs of a manifest are followed by a change
# of it; at the @undo-th GET of one it is as it was before the last PUT. What has @late in its
# key is not there before so many PUTs.
state = {"token": "", "generation": 0, "kind": "aws", "lifetime": 3600, "parts": 0,
         "deletes": -1, "meddle": 0, "late": "", "puts": 0, "undo": 0}
before = {}
lock = threading.Lock()


class Hangup(Exception):
    pass


def error(status, code, message="as told"):
    xml = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return status, {}, xml.encode()


def page(keys, truncated=False, token=None, extra=""):
    out = ["<?xml version='1.0'?><ListBucketResult xmlns='x'>"]
    out.append(f"<IsTruncated>{str(truncated).lower()}</IsTruncated>")
    if token is not None:
        out.append(f"<NextContinuationToken>{token}</NextContinuationToken>")
    out += [f"<Contents><Key>{k}</Key><Size>1</Size></Contents>" for k in keys]
    return 200, {}, ("".join(out) + extra + "</ListBucketResult>").encode()


def listing(bucket, query):
    prefix = query.get("prefix", "")
    name = prefix.rsplit("/", 1)[-1]
    many = "<a>" * 200
    answers = {
        "garbage": (200, {}, b"\x00\xff<<<not xml"),
        "empty": (200, {}, b""),
        "html": (200, {}, b"<html><body>Welcome</body></html>"),
        "cut": (200, {}, b"<ListBucketResult><Contents><Key>"),
        "doctype": (200, {}, b"<!DOCTYPE x [<!ENTITY a 'b'>]><ListBucketResult>&a;</ListBucketResult>"),
        "deep": (200, {}, f"<ListBucketResult>{many}".encode()),
        "error": error(200, "InternalError"),
        "unordered": page([prefix + "/b", prefix + "/a"]),
        "twice": page([prefix + "/a", prefix + "/a"]),
        "foreign": page(["elsewhere/a"]),
        "no-key": (200, {}, b"<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>"),
        "bad-size": (200, {}, b"<ListBucketResult><Contents><Key>k</Key><Size>-1</Size></Contents></ListBucketResult>"),
        "no-token": page([prefix + "/a"], truncated=True),
        "same-token": page([], truncated=True, token="again"),
        "long-key": page([prefix + "/" + "x" * 3000]),
        "endless": (200, {}, b"<ListBucketResult>" + b"<Junk>x</Junk>" * 1000000),
        "odd-keys": page([prefix + "/a", prefix + "/b c", prefix + "/d"]),
    }
    if name in answers:
        return answers[name]
    inside = bucket + "/" if bucket else ""
    return page(sorted(k[len(inside):] for k in objects if k.startswith(inside + prefix)))


def tag(data):
    return '"' + hashlib.md5(data).hexdigest() + '"'


def get_range(data, headers):
    value = headers.get("range")
    if not value:
        return 200, {}, data
    first, last = value.removeprefix("bytes=").split("-")
    first, last = int(first), min(int(last), len(data) - 1)
    if first > last:
        return error(416, "InvalidRange")
    return 206, {"Content-Range": f"bytes {first}-{last}/{len(data)}"}, data[first:last + 1]


DATA = bytes(range(256)) * 40


def get_fault(name, headers, raw):
    if name == "truncated":
        raw(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 100\r\n"
            b"Content-Range: bytes 0-99/10240\r\n\r\n" + DATA[:50])
        raise Hangup
    if name == "truncated-chunked":
        raw(b"HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Range: bytes 0-99/10240\r\n\r\n32\r\n" + DATA[:50] + b"\r\n0\r\n\r\n")
        return None
    if name == "overlong":
        raw(b"HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Range: bytes 0-99/10240\r\n\r\n96\r\n" + DATA[:150] + b"\r\n0\r\n\r\n")
        return None
    if name == "stalls":
        raw(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 100\r\n"
            b"Content-Range: bytes 0-99/10240\r\n\r\n" + DATA[:50])
        time.sleep(30)
        raise Hangup
    ranges = {
        "whole": None, "elsewhere": "bytes 100-199/10240", "shorter": "bytes 0-49/10240",
        "longer": "bytes 0-199/10240", "nonsense": "bytes zero-99/10240",
        "backwards": "bytes 99-0/10240", "beyond": "bytes 0-99/50", "star": "bytes 0-99/*",
        "huge": "bytes 0-99999999999999999999/999999999999999999999",
    }
    if name in ranges:
        value = ranges[name]
        if value is None:
            return 200, {}, DATA
        return 206, {"Content-Range": value}, DATA[:50] if name == "shorter" else DATA[:100]
    if name == "lying":
        return 206, {"Content-Range": "bytes 0-99/10240"}, DATA[:60]
    if name == "long-etag":
        return 200, {"ETag": '"' + "e" * 200 + '"'}, DATA[:100]
    if name == "bad-length":
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 12abc\r\n\r\n")
        raise Hangup
    if name == "good":
        return get_range(DATA, headers)
    return False


def multipart(method, key, query, body):
    if method == "POST" and "uploads" in query:
        uploads["u"] = []
        return 200, {}, (b"<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                         b"</InitiateMultipartUploadResult>")
    if method == "DELETE":
        log.append("abort")
        return 204, {}, b""
    if method == "PUT":
        number = int(query["partNumber"])
        if key.endswith("/mp-part-fails") and number == 2:
            return error(500, "InternalError")
        if key.endswith("/mp-odd-tag"):
            return 200, {"ETag": '"<b>"'}, b""
        uploads["u"].append(body)
        return 200, {"ETag": f'"t{number}"'}, b""
    if key.endswith("/mp-error-in-200"):
        return error(200, "InternalError")
    objects[key] = b"".join(uploads["u"])
    if key.endswith("/mp-lost"):
        raise Hangup
    return 200, {}, (b"<CompleteMultipartUploadResult><ETag>&quot;whole-2&quot;</ETag>"
                     b"</CompleteMultipartUploadResult>")


def metadata(method, path, headers):
    kind = state["kind"]
    header = {"aws": "x-aws-ec2-metadata-token", "aliyun": "x-aliyun-ecs-metadata-token"}.get(kind)
    root = {"aws": "/latest/meta-data/iam/security-credentials/",
            "aliyun": "/latest/meta-data/ram/security-credentials/"}.get(kind, "/none/")
    if path == "/latest/api/token":
        if method == "PUT" and header and header + "-ttl-seconds" in headers:
            return 200, {}, b"session-1"
        return 404, {}, b""
    if headers.get(header) != "session-1" or not path.startswith(root):
        return 401, {}, b""
    if path == root:
        return 200, {}, b"role-a\n"
    if path != root + "role-a":
        return 404, {}, b""
    state["generation"] += 1
    state["token"] = f"token-{state['generation']}"
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + state["lifetime"]))
    names = ("SecretAccessKey", "Token") if kind == "aws" else ("AccessKeySecret", "SecurityToken")
    return 200, {}, (f'{{"Code":"Success","AccessKeyId":"AK","{names[0]}":"SK",'
                     f'"{names[1]}":"{state["token"]}","Expiration":"{end}"}}').encode()


def control(path, query):
    if path == "/__log":
        text = "\n".join(log).encode()
        log.clear()
        return 200, {}, text
    for name, value in query.items():
        state[name] = type(state[name])(value)
    return 200, {}, b""


def answer(method, path, query, headers, body, raw):
    key = urllib.parse.unquote(path).lstrip("/")
    name = key.rsplit("/", 1)[-1]
    if path.startswith("/latest/"):
        return metadata(method, path, headers)
    if name.startswith("s") and name[1:4].isdigit():        # s503-SlowDown
        status, _, code = name[1:].partition("-")
        return error(int(status), code) if code else (int(status), {}, b"")
    if name == "needs-token":
        if headers.get("x-amz-security-token") != state["token"]:
            return error(400, "ExpiredToken")
        return 200, {"ETag": '"t"'}, b"secret enough"
    if name == "nosy":
        return error(403, "AccessDenied", "\x1b[31m" + headers.get("authorization", "")[:40])
    if name == "hang":
        time.sleep(30)
        raise Hangup
    if name == "no-answer":
        raise Hangup
    if name == "not-http":
        raw(b"220 ftp ready\r\n")
        raise Hangup
    if name == "moved":
        return 301, {"x-amz-bucket-region": "eu-west-7", "Location": "http://127.0.0.1:1/"}, b""
    if name == "once-only":
        # Says that the connection stays, and closes it.
        objects[key] = body
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"o\"\r\n\r\n")
        raise Hangup
    if "list-type" in query:
        return listing(key.rstrip("/"), query)
    if "uploads" in query or "uploadId" in query:
        return multipart(method, key, query, body)
    if method == "GET":
        fault = get_fault(name, headers, raw)
        if fault is not False:
            return fault
    if method == "PUT":
        if headers.get("if-none-match") == "*" and key in objects:
            return error(412, "PreconditionFailed")
        if "if-match" in headers and headers["if-match"] != tag(objects.get(key, b"")):
            return error(412, "PreconditionFailed")
        before[key] = objects.get(key)
        objects[key] = body
        state["puts"] -= state["puts"] > 0
        return 200, {"ETag": tag(body)}, b""
    if method == "DELETE":
        if state["deletes"] == 0:
            return error(416, "InvalidRange")           # which nobody tries again
        state["deletes"] -= state["deletes"] > 0
        objects.pop(key, None)
        return 204, {}, b""
    if key not in objects or state["puts"] and state["late"] in key:
        return error(404, "NoSuchKey")
    if method == "GET" and name == "manifest" and state["undo"]:
        state["undo"] -= 1
        if not state["undo"]:
            objects[key] = before[key]
    data = objects[key]
    if method == "GET" and name == "manifest" and state["meddle"]:
        state["meddle"] -= 1
        objects[key] = data + b"x"
    status, more, part = get_range(data, headers)
    return status, {"ETag": tag(data)} | more, part


class Handler(socketserver.StreamRequestHandler):
    wbufsize = 0
    served = False

    def one(self):
        first = self.rfile.readline().split()
        if len(first) != 3:
            return False
        method, url = first[0].decode(), first[1].decode()
        headers = {}
        while (line := self.rfile.readline().strip()):
            name, value = line.decode("latin-1").split(":", 1)
            headers[name.lower()] = value.strip()
        path, _, query = url.partition("?")
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        if path.endswith("/deaf"):
            raise Hangup            # without having read the body
        body = self.rfile.read(int(headers.get("content-length", 0)))
        if not path.startswith("/__"):
            log.append(" ".join([method, headers.get("host", "").split(":")[0], url] + [
                f"{n}={headers[n]}" for n in ("if-match", "if-none-match", "range",
                "x-amz-content-sha256", "x-oss-forbid-overwrite") if n in headers]))
        if path.startswith("/__"):
            result = control(path, query)
        else:
            with threading.Lock() if path.endswith(("/hang", "/stalls")) else lock:
                result = answer(method, path, query, headers, body, self.wfile.write)
        if result is None:
            return True
        if path.endswith("/reused") and self.served:
            raise Hangup            # carried out, and nobody hears of it
        self.served = True
        status, more, data = result
        head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}"]
        head += [f"{n}: {v}" for n, v in more.items()]
        self.wfile.write("\r\n".join(head).encode() + b"\r\n\r\n" + (b"" if method == "HEAD" else data))
        return True

    def handle(self):
        try:
            while self.one():
                pass
        except (Hangup, OSError, ValueError):
            pass
        # Reset, so that nobody takes it for an end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64
    tls = None

    def get_request(self):
        sock, address = super().get_request()
        if self.tls:
            sock = self.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, address

    def handle_error(self, request, address):
        pass


def main():
    plain = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    secure = Server(("127.0.0.1", 0), Handler)
    secure.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.tls.load_cert_chain(sys.argv[1])
    threading.Thread(target=secure.serve_forever, daemon=True).start()
    print(plain.server_address[1], secure.server_address[1], flush=True)
    sys.stdin.read()                # until whoever started it has gone


main()
