"""A small web-like program that leaks: it greets every visitor with a Session and never forgets one.

It sends its requests to itself, a few hundred a second, and ends after two minutes. Most of what a request makes is
garbage when the answer is out; a cart stays with its Session, and the Session stays in the cache.
"""

import itertools
import random
import time

RUN_FOR = 120  # seconds
VISITORS_PER_SECOND = 300


class Session:
    def __init__(self, number):
        self.token = "%032x" % random.getrandbits(128)
        self.number = number
        self.cart = None


class Request:
    def __init__(self, path, cookies):
        self.path = path
        self.cookies = cookies
        self.headers = {"Host": "shop.example", "Accept": ["text/html", "*/*"]}
        self.response = None


class Response:
    def __init__(self, request, status, lines, session=None):
        self.request = request  # and the request knows its response: garbage only for the collector
        self.status = status
        self.lines = lines
        self.cookies = {"session": session.token} if session else {}
        request.response = self


class NotFound(Exception):
    pass


class Application:
    def __init__(self):
        self.sessions = {}  # the leak: nothing is ever taken out
        self.numbers = itertools.count(1)
        self.routes = {"/": self.index, "/cart": self.cart, "/search": self.search}

    def session_of(self, request):
        token = request.cookies.get("session")
        session = self.sessions.get(token)
        if session is None:
            session = Session(next(self.numbers))
            self.sessions[session.token] = session
        return session

    def index(self, request, session):
        return Response(request, 200, ["Hello, visitor %d" % session.number], session)

    def cart(self, request, session):
        session.cart = ["socks"]
        return Response(request, 200, ["In your cart: " + item for item in session.cart], session)

    def search(self, request, session):
        hits = [{"title": "socks %d" % n, "prices": [n, n + 1]} for n in range(20)]
        hits.sort(key=lambda hit: hit["prices"][0], reverse=True)
        return Response(request, 200, [hit["title"] for hit in hits], session)

    def handle(self, request):
        try:
            try:
                handler = self.routes[request.path]
            except KeyError:
                raise NotFound(request.path)
            return handler(request, self.session_of(request))
        except NotFound as error:
            return Response(request, 404, ["No such page: %s" % error])


def visit(application, number):
    cookies = application.handle(Request("/search", {})).cookies
    if number % 3 == 0:
        application.handle(Request("/cart", cookies))
    if number % 10 == 0:
        application.handle(Request("/favicon.ico", {}))


def main():
    application = Application()
    start = time.monotonic()
    print("serving", flush=True)
    for number in itertools.count(1):
        visit(application, number)
        now = time.monotonic() - start
        if now > RUN_FOR:
            break
        time.sleep(max(0.0, number / VISITORS_PER_SECOND - now))


main()
