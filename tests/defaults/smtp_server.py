"""A server that says what it is told to: as a program on stdin and stdout, or in a thread on a socket.

A script is a dictionary. A key is ``greeting``, a command line, its verb, ``.`` for the end of
the text, or ``text`` for its first octets; a value is one answer, or a list of which the last
one repeats. An answer is put on the wire as it is, line end added, but for ``hang``, ``drop``, ``silent``,
``late`` (the usual answer, once the other side has ended what it says) and what begins with ``raw:``
(no line end) or ``last:`` (then it hangs up).
What is not in the script is answered as a good server does.
``lmtp`` makes it answer per recipient.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time

GOOD = {
    "greeting": "220 fake",
    "EHLO": "250-fake\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 SMTPUTF8",
    "DATA": "354 go",
    "QUIT": "221 bye",
}
GOOD["LHLO"] = GOOD["EHLO"]


class Over(Exception):
    """The session is at its end."""


class Session:
    """One session; `record` holds the commands and the texts as they came."""

    def __init__(self, read, write, script):
        self.read, self.write, self.script = read, write, script
        self.record = {"commands": [], "texts": [], "end": "eof"}
        self.heard = b""
        self.accepted = 0

    def serve(self):
        try:
            self.answer("greeting")
            while True:
                line = self.line().decode("utf-8", "replace")
                self.record["commands"].append(line)
                verb = line.partition(" ")[0].upper()
                said = self.answer(line if line in self.script else verb)
                if verb == "MAIL":
                    self.accepted = 0
                elif verb == "RCPT" and said[:1] == "2":
                    self.accepted += 1
                elif verb == "QUIT":
                    self.record["end"] = "quit"
                    return
                elif verb == "DATA" and said[:1] == "3":
                    self.text()
        except Over:
            pass
        except OSError:
            self.record["end"] = "error"

    def line(self):
        while b"\n" not in self.heard:
            self.more()
        line, _, self.heard = self.heard.partition(b"\n")
        assert line.endswith(b"\r")
        return line[:-1]

    def more(self):
        chunk = self.read(65536)
        if not chunk:
            raise Over
        self.heard += chunk

    def text(self):
        if "text" in self.script:
            self.more()
            self.answer("text")
        self.heard = b"\r\n" + self.heard
        while b"\r\n.\r\n" not in self.heard:
            self.more()
        text, _, self.heard = self.heard.partition(b"\r\n.\r\n")
        self.record["texts"].append((text + b"\r\n")[2:].decode("latin-1"))
        for _ in range(self.accepted if self.script.get("lmtp") else 1):
            self.answer(".")

    def answer(self, key):
        answer = self.script.get(key, GOOD.get(key, "250 ok"))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if answer == "hang":
            self.record["end"] = "hang"
            time.sleep(600)
        if answer == "drop":
            self.record["end"] = "drop"
            raise Over
        if answer == "late":
            while self.read(1):
                pass
            answer = GOOD[key]
        if answer.startswith("last:"):
            self.record["end"] = "drop"
            self.write(answer[5:].encode() + b"\r\n")
            raise Over
        if answer != "silent":
            self.write((answer[4:] if answer.startswith("raw:") else answer + "\r\n").encode())
        return answer


class Listener:
    """A server in threads; `sessions` are the records of those that are over."""

    def __init__(self, script, path=None):
        self.script = script
        if path is None:
            self.socket = socket.create_server(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(str(path))
            self.socket.listen()
            self.address = f"unix:{path}"
        self.records = []
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self.session, args=(connection,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def session(self, connection):
        session = Session(connection.recv, connection.sendall, self.script)
        self.records.append(session.record)
        try:
            session.serve()
        finally:
            connection.close()

    def sessions(self):
        """Return the records, once their sessions are over."""
        for thread in self.threads[1:]:
            thread.join(30)
        return self.records

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.threads[0].join(30)


def stop(_number, _frame):
    raise Over


def main():
    signal.signal(signal.SIGTERM, stop)
    with open(sys.argv[1]) as file:
        script = json.load(file)
    sys.stderr.write(script.get("stderr", ""))
    sys.stderr.flush()
    if "exit" in script:
        sys.exit(script["exit"])
    session = Session(lambda size: os.read(0, size), lambda data: os.write(1, data), script)
    name = f"{sys.argv[1]}.{time.time_ns()}"
    try:
        session.serve()
    finally:
        with open(name + ".part", "w") as file:
            json.dump(session.record, file)
        os.rename(name + ".part", name + ".record")


if __name__ == "__main__":
    main()
