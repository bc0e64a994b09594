"""The desk: pages on the loopback address, for whoever has the token, with Tornado.

Nothing here executes or parses what a student wrote: `notebook.cells_of` has it read in the room, the templates show it
as text, and the pages forbid the browser every script but the desk's own, and every other address.
"""

import hmac
import importlib.metadata
import secrets
from pathlib import Path

import tornado.httpserver
import tornado.netutil
import tornado.web

from course_rnn.checking.result import SIGNS
from course_rnn.grading.desk import edits, views
from course_rnn.grading.out.report import environment

HOST = "127.0.0.1"
TEMPLATES = Path(__file__).parent.parent / "out" / "templates" / "desk"
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # MathJax styles what it draws
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Page(tornado.web.RequestHandler):
    """A page of the desk: only this machine asks for it, and only with the token."""

    def set_default_headers(self):
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self):
        if self.request.host not in self.settings["hosts"]:  # another name that leads here
            raise tornado.web.HTTPError(403)
        token = self.get_query_argument("token", "")
        if token and hmac.compare_digest(token, self.settings["token"]):
            self.set_cookie(self.cookie, token, httponly=True, samesite="Strict", path="/")
            self.redirect(self.request.path)
        elif not hmac.compare_digest(self.get_cookie(self.cookie, ""), self.settings["token"]):
            raise tornado.web.HTTPError(403)

    @property
    def cookie(self):
        """Its name: another one for each desk of this machine."""
        return f"desk-{self.settings['port']}"

    @property
    def folder(self):
        """Of the grades."""
        return self.settings["folder"]

    def show(self, template, **what):
        """Write a page."""
        said, wrong = self.get_query_argument("said", ""), what.pop("wrong", "")
        pages = self.settings["pages"]
        pages.globals["xsrf"] = self.xsrf_form_html()
        known = tornado.escape.url_unescape(self.get_cookie("desk-who", ""), plus=False)
        who = self.text("who") or known
        page = pages.get_template(f"desk/{template}.html")
        self.write(page.render(said=said, wrong=wrong, who=who, signs=SIGNS, here=self.request.path, **what))

    def back(self, to, changed):
        """Go on to a page that says what changed."""
        count = len(changed)
        said = f"Kept. {count} {'grade' if count == 1 else 'grades'} changed." if count else "Kept."
        self.redirect(tornado.httputil.url_concat(to, {"said": said}))

    def write_error(self, status_code, **how):
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code}: {self._reason}. The address with the token stands where the desk was started.\n")

    def text(self, name):
        """An argument of a form."""
        return self.get_body_argument(name, "").strip()

    def decider(self):
        """Who decides: asked once, then known."""
        who = self.text("who")
        if who:
            self.set_cookie("desk-who", tornado.escape.url_escape(who, plus=False), samesite="Strict", httponly=True)
        return who


class Nothing(Page):
    """What is no page."""

    def get(self):
        raise tornado.web.HTTPError(404)


class Class(Page):
    """Everybody, and what wants a look."""

    def get(self):
        self.show("class", **views.of_class(self.folder))


class Student(Page):
    """One student: what was handed in, what was said of it, and what is decided."""

    def get(self):
        self._show()

    def _show(self, wrong=""):
        student = self.get_query_argument("who", "")
        found = views.of_student(self.folder, student)
        if found is None:
            raise tornado.web.HTTPError(404)
        self.show("student", wrong=wrong, **found)

    def post(self):
        who = self.get_query_argument("who", "")
        how = [self.text(name) for name in ("question", "points", "reason")]
        try:
            changed = edits.override(self.folder, who, *how, self.decider())
        except ValueError as error:
            self.set_status(400)
            self._show(str(error))
        else:
            self.back(tornado.httputil.url_concat("/student", {"who": who}), changed)


class ByHand(Page):
    """One answer to an open question, with its rubric and the comments that were given before."""

    def get(self):
        self._show()

    def _show(self, wrong=""):
        order, number = self.get_query_argument("order", "listed"), self.get_query_argument("answer", "")
        self.show("by_hand", wrong=wrong, **views.by_hand(self.folder, order, number))

    def post(self):
        order, student, question = (self.text(name) for name in ("order", "student", "question"))
        try:
            points, comment = self.get_body_arguments("points"), self.text("comment")
            changed = edits.mark(self.folder, student, question, points, comment)
        except ValueError as error:
            self.set_status(400)
            self._show(str(error))
        else:
            self.back(tornado.httputil.url_concat("/by-hand", {"order": order}), changed)


class Alike(Page):
    """Rings of copies, whole."""

    def get(self):
        self.show("alike", **views.alike(self.folder))


class Unnamed(Page):
    """Wrong answers of which no cause is known, those together that err alike."""

    def get(self):
        self._show()

    def _show(self, wrong=""):
        self.show("unnamed", wrong=wrong, clusters=views.unnamed(self.folder))

    def post(self):
        how = [self.text(name) for name in ("question", "alike", "cause", "sentence")]
        try:
            changed = edits.name(self.folder, *how, self.decider())
        except ValueError as error:
            self.set_status(400)
            self._show(str(error))
        else:
            self.back("/unnamed", changed)


def mathjax():
    """The folder of MathJax, which draws formulas; None where it is not installed, and they stay text."""
    try:
        files = importlib.metadata.files("sphinx-mathjax-offline") or ()
    except importlib.metadata.PackageNotFoundError:
        return None
    found = [file.locate() for file in files if file.name == "tex-svg.js"]
    return Path(found[0]).parent if found else None


def serve(folder, port=0):
    """Start the desk of a folder of grades on the loopback address.

    Returns
    -------
    server : tornado.httpserver.HTTPServer
    address : str
        With the token.

    Raises
    ------
    ValueError
        There are no grades.
    """
    folder, token = Path(folder).absolute(), secrets.token_urlsafe(24)
    views.of_class(folder)
    [socket, *_] = sockets = tornado.netutil.bind_sockets(port, HOST)
    port, drawn = socket.getsockname()[1], mathjax()
    pages = environment()
    pages.globals |= {"formulas": drawn is not None}
    handlers = [
        ("/", Class),
        ("/student", Student),
        ("/by-hand", ByHand),
        ("/alike", Alike),
        ("/unnamed", Unnamed),
        ("/static/(desk.js)", tornado.web.StaticFileHandler, {"path": TEMPLATES}),
    ]
    handlers += [("/mathjax/(.*)", tornado.web.StaticFileHandler, {"path": drawn})] if drawn else []
    app = tornado.web.Application(
        handlers,
        folder=folder,
        token=token,
        port=port,
        hosts={f"{HOST}:{port}", f"localhost:{port}"},
        pages=pages,
        xsrf_cookies=True,
        xsrf_cookie_kwargs={"httponly": True, "samesite": "Strict"},
        default_handler_class=Nothing,
        log_function=lambda handler: None,
    )
    server = tornado.httpserver.HTTPServer(app, max_body_size=1 << 20)
    server.add_sockets(sockets)
    return server, f"http://{HOST}:{port}/?token={token}"
