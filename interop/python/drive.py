# SPDX-License-Identifier: GPL-3.0-only
"""Drives a store with craft-store, as a program that publishes snaps would.

Reads a task (a line of JSON) from standard input and prints one JSON object per
step:

    {"step": NAME, "answer": …}
    {"step": NAME, "refused": STATUS, "codes": […], "raised": CLASS}
    {"step": NAME, "raised": CLASS}       nothing was sent
    {"step": NAME, "absent": WHY}         this craft-store cannot do it
    {"ask": WHAT}                         the store's operator, or the person's
                                          authenticator, shall answer with a line

It knows craft-store 2.2.1 and 3.x. The same steps with larder's SDK are in
publishers_sdk_test.go.
"""

import contextlib
import importlib.metadata
import json
import os
import pathlib
import sys
import time

import craft_store
import craft_store.models.release_request_model as release_models
import craft_store.models.revisions_model as revisions_models
import pymacaroons
from craft_store import endpoints

VERSION = importlib.metadata.version("craft-store")
OLD = VERSION.startswith("2.")
APPLICATION = "larder-interop"
DASHBOARD_WORDS = [
    "package_access", "package_manage", "package_metrics", "package_push",
    "package_register", "package_release", "package_update",
]
GATEWAY_WORDS = ["account-register-package", "account-view-packages", "package-manage", "package-view"]
DAY = 86400


# What libraries print for people goes elsewhere.
TOLD, sys.stdout = sys.stdout, sys.stderr


class Absent(Exception):
    """This version of craft-store has no such thing."""


def response_of(error):
    """The answer that an exception tells of, if any."""
    for e in (error, error.__cause__):
        response = getattr(e, "response", None)
        if response is not None:
            return response
    return None


def failure(error):
    told = {"raised": type(error).__name__}
    response = response_of(error)
    if response is not None:
        told["refused"] = response.status_code
        with contextlib.suppress(ValueError):
            body = response.json()
            told["codes"] = [e["code"] for e in body.get("error-list") or body.get("error_list") or []]
    elif str(error).startswith("Error ") and " returned from store" in str(error):
        # PublisherGateway keeps nothing of the answer but a sentence.
        told["refused"] = int(str(error).split()[1])
    return told


def step(name, action):
    told = {"step": name}
    try:
        told["answer"] = action()
    except Absent as absent:
        told["absent"] = str(absent)
    except Exception as error:  # every failure is an answer here
        told.update(failure(error))
        if "refused" not in told:
            told["said"] = str(error)
    print(json.dumps(told, default=str), file=TOLD, flush=True)
    return told.get("answer")


def ask(what):
    print(json.dumps({"ask": what}), file=TOLD, flush=True)
    return sys.stdin.readline().strip()


def marshal(model):
    return model.marshal()


class GatewayEndpoints(endpoints.Endpoints):
    """Endpoints for snaps on a publisher gateway: what the set for charms does, with another namespace."""


def gateway_endpoints(**changes):
    values = dict(
        namespace="snap",
        whoami="/v1/tokens/whoami",
        tokens="/v1/tokens",
        tokens_exchange="/v1/tokens/exchange",
        valid_package_types=["snap"],
        list_releases_model=endpoints.SNAP_STORE.list_releases_model,
    )
    values.update(changes)
    return GatewayEndpoints(**values)


class OnPremClient(craft_store.StoreClient):
    """Logs in with an administrator's macaroon, as snapcraft does where SNAPCRAFT_STORE_AUTH is onprem."""

    def _get_macaroon(self, token_request):
        return os.environ["ADMIN_MACAROON"]

    def _get_discharged_macaroon(self, root_macaroon, **kwargs):
        response = self.http_client.request(
            "POST", self._base_url + self._endpoints.tokens_exchange, json={"macaroon": root_macaroon}
        )
        return response.json()["macaroon"]

    def _get_authorization_header(self):
        return f"macaroon {self._auth.get_credentials()}"


class Publisher:
    """One client of one flavour, and the steps that it can do."""

    def __init__(self, task):
        self.task = task
        self.url = task["url"]
        self.name = task["name"]
        self.words = DASHBOARD_WORDS
        self.login_with = {}
        self.client = self.make()

    def keep(self):
        """Where credentials are kept: in a file if this craft-store can."""
        return {"ephemeral": True} if OLD else {"file_fallback": True}

    def common(self):
        return dict(base_url=self.url, storage_base_url=self.url, application_name=APPLICATION,
                    user_agent=f"drive/{VERSION}", **self.keep())

    def login(self, **kwargs):
        exported = self.client.login(
            **{"permissions": self.words, "description": "interop", "ttl": DAY, **self.login_with, **kwargs})
        if "export" in self.task:
            pathlib.Path(self.task["export"]).write_text(exported)
        return {"exported": bool(exported)}

    def raw(self, method, path, **kwargs):
        return self.client.request(method, self.url + path, **kwargs).json()

    def register(self, name):
        if OLD:
            return self.raw("POST", "/v1/snap", json={"name": name, "private": False})["id"]
        return self.client.register_name(name)

    def names(self):
        if OLD:
            raise Absent("it has no list_registered_names")
        found = self.client.list_registered_names()
        return [marshal(n) for n in found if n.name.startswith(self.name)]

    def upload(self, path):
        sizes, total = [], []

        def begin(encoder):
            total.append(encoder.len)
            return lambda monitor: sizes.append(monitor.bytes_read)

        upload_id = self.client.upload_file(filepath=pathlib.Path(path), monitor_callback=begin)
        return {
            "upload-id": upload_id,
            "calls": len(sizes),
            "rising": sizes == sorted(sizes),
            "complete": bool(sizes) and sizes[-1] == total[0],
        }

    def notify(self, upload_id):
        request = revisions_models.RevisionsRequestModel(upload_id=upload_id) if not OLD else \
            revisions_models.RevisionsRequestModel(**{"upload-id": upload_id})
        return self.client.notify_revision(name=self.name, revision_request=request).status_url

    def review(self, status_url):
        """Polls as charmcraft does."""
        for _ in range(120):
            found = self.raw("GET", status_url)["revisions"]
            assert len(found) == 1, found
            if found[0]["status"] in ("approved", "rejected"):
                return {"status": found[0]["status"], "revision": found[0]["revision"],
                        "errors": found[0].get("errors") or []}
            time.sleep(0.5)
        raise TimeoutError(status_url)

    def release(self, *wanted):
        wanted_ = [
            release_models.ReleaseRequestModel(channel=channel, revision=revision, resources=[])
            for channel, revision in wanted
        ]
        self.client.release(name=self.name, release_request=wanted_)
        return "released"

    def releases(self):
        return marshal(self.client.get_list_releases(name=self.name))

    def revisions(self):
        if OLD:
            raise Absent("it has no list_revisions")
        return [marshal(r) for r in self.client.list_revisions(self.name)]

    def logout(self):
        self.client.logout()
        return "logged out"

    def failing_logins(self):
        """Steps that must not log in."""

    def steps(self):
        step("whoami before login", self.client.whoami)
        self.failing_logins()
        step("login", self.login)
        step("login again", self.login)
        step("whoami", self.client.whoami)
        self.publish()
        step("logout", self.logout)
        step("whoami after logout", self.client.whoami)
        step("logout again", self.logout)

    def publish(self):
        step("register", lambda: self.register(self.name))
        step("register again", lambda: self.register(self.name))
        step("register a reserved name", lambda: self.register("featured"))
        step("list names", self.names)
        for which, path in zip(("first", "second"), self.task["snaps"]):
            uploaded = step(f"upload the {which}", lambda: self.upload(path))
            self.refused_notify(which, uploaded)
            status_url = step(f"notify of the {which}", lambda: self.notify(uploaded["upload-id"]))
            step(f"review of the {which}", lambda: self.review(status_url))
        step("notify of no upload", lambda: self.notify("a0b1c2d3-0000-4000-8000-000000000000"))
        step("release", lambda: self.release(("latest/edge", 1)))
        step("release to several", lambda: self.release(("latest/edge", 2), ("latest/beta", 1), ("edge/fix", 2)))
        step("release of no revision", lambda: self.release(("latest/edge", 99)))
        step("release to no channel", lambda: self.release(("latest/bogus", 1)))
        step("list releases", self.releases)
        step("close", lambda: self.release(("latest/beta", None)))
        step("list releases after closing", self.releases)
        step("list revisions", self.revisions)

    def refused_notify(self, which, uploaded):
        """Nothing, for most."""


class UbuntuOne(Publisher):
    def make(self):
        return craft_store.UbuntuOneStoreClient(
            auth_url=self.url, endpoints=endpoints.U1_SNAP_STORE, **self.common())

    def failing_logins(self):
        person = self.login_with = {"email": self.task["email"], "password": self.task["password"]}
        step("login with a wrong password", lambda: self.login(password="not this one"))
        step("login as nobody", lambda: self.login(email="nobody@example.com"))
        step("whoami after failed logins", self.client.whoami)
        if self.task["factor"]:
            step("login without a code", self.login)
            step("login with a wrong code", lambda: self.login(otp="000000"))
            self.login_with = {**person, "otp": ask("code")}

    def refused_notify(self, which, uploaded):
        if OLD or which != "first":
            return
        # Since 2.6 the snap sets have no path for this; a set that takes the
        # one for charms has.
        try:
            self.notify(uploaded["upload-id"])
        except NotImplementedError:
            self.client._endpoints = gateway_endpoints(
                whoami=endpoints.U1_SNAP_STORE.whoami, tokens=endpoints.U1_SNAP_STORE.tokens,
                tokens_exchange=endpoints.U1_SNAP_STORE.tokens_exchange,
                tokens_refresh=endpoints.U1_SNAP_STORE.tokens_refresh)
        else:
            raise AssertionError("the snap endpoints have a path for revisions")


class Environment(UbuntuOne):
    """Credentials that another program exported."""

    def make(self):
        return craft_store.UbuntuOneStoreClient(
            auth_url=self.url, endpoints=endpoints.U1_SNAP_STORE, environment_auth="EXPORTED",
            **{k: v for k, v in self.common().items() if k not in ("ephemeral", "file_fallback")})

    def steps(self):
        self.login_with = {"email": self.task["email"], "password": self.task["password"]}
        step("login", self.login)
        step("whoami", self.client.whoami)
        step("list releases", self.releases)
        step("logout", self.logout)
        step("whoami after logout", self.client.whoami)


class Login(UbuntuOne):
    """Only logs in."""

    def steps(self):
        self.login_with = {"email": self.task["email"], "password": self.task["password"]}
        step("login", self.login)


class Whoami(UbuntuOne):
    """Uses the login that is there."""

    def steps(self):
        step("whoami", self.client.whoami)


class Big(UbuntuOne):
    """Publishes one snap, whatever its size."""

    def steps(self):
        self.login_with = {"email": self.task["email"], "password": self.task["password"]}
        step("login", self.login)
        step("register", lambda: self.register(self.name))
        uploaded = step("upload", lambda: self.upload(self.task["snaps"][0]))
        self.client._endpoints = gateway_endpoints()
        status_url = step("notify", lambda: self.notify(uploaded["upload-id"]))
        step("review", lambda: self.review(status_url))
        step("release", lambda: self.release(("latest/edge", 1)))
        step("list releases", self.releases)


class Refusals(UbuntuOne):
    """What becomes of a login that does not suffice, or no longer."""

    def make(self):
        client = super().make()
        self.stale, whole = False, client._get_authorization_header

        def header():
            """Sends, once, a discharge whose time is over; the client keeps a good one."""
            sent = whole()
            if self.stale:
                self.stale = False
                kept = json.loads(client._auth.get_credentials())
                kept = kept.get("v", kept)
                root, discharge = (pymacaroons.Macaroon.deserialize(kept[key]) for key in "rd")
                location = discharge.caveats[0].caveat_id.split("|")[0]
                discharge.add_first_party_caveat(f"{location}|expires|2001-02-03T04:05:06.000000")
                bound = root.prepare_for_request(discharge).serialize()
                sent = f"Macaroon root={kept['r']}, discharge={bound}"
            return sent

        client._get_authorization_header = header
        return client

    def refresh(self):
        before = self.client._auth.get_credentials()
        self.stale = True
        self.client.whoami()
        return {"asked": not self.stale, "renewed": before != self.client._auth.get_credentials()}

    def until_expired(self):
        for _ in range(600):
            self.client.whoami()
            time.sleep(0.1)
        return "it is still good"

    def steps(self):
        self.login_with = {"email": self.task["email"], "password": self.task["password"]}
        self.words = ["package_access", "package_release"]
        step("limited login", lambda: self.login(channels=["latest/edge"]))
        step("whoami", self.client.whoami)
        step("release to a channel outside", lambda: self.release(("latest/stable", 1)))
        step("release", lambda: self.release(("latest/edge", 1)))
        step("register without the permission", lambda: self.register(self.name + "-too"))
        step("whoami after refusals", self.client.whoami)
        step("refresh", self.refresh)
        step("whoami after refreshing", self.client.whoami)
        ask("password")
        step("whoami after the password changed", self.client.whoami)
        step("refresh after the password changed", self.refresh)
        step("login again", self.login)
        step("logout", self.logout)
        step("login with the old password", self.login)
        self.login_with["password"] = self.task["new-password"]
        step("login with the new password", self.login)
        ask("revoke")
        step("whoami after revocation", self.client.whoami)
        step("logout after revocation", self.logout)
        step("short login", lambda: self.login(ttl=12))
        step("whoami until the login expires", self.until_expired)
        step("logout after expiry", self.logout)


class Candid(Publisher):
    def make(self):
        return craft_store.StoreClient(endpoints=endpoints.SNAP_STORE, **self.common())

    def failing_logins(self):
        """A person gets things wrong on the pages."""
        typed = {"login": [self.task["email"]], "password": ["not this one", self.task["password"]]}
        if self.task["factor"]:
            typed["otp"] = ["000000", ask("code")]
        os.environ["PERSON"] = json.dumps(typed)

    def login(self, **kwargs):
        answer = super().login(**kwargs)
        answer["pages"] = json.loads(pathlib.Path(os.environ["SEEN"]).read_text())
        return answer

    def refused_notify(self, which, uploaded):
        if not OLD and which == "first":
            self.client._endpoints = gateway_endpoints(whoami=endpoints.SNAP_STORE.whoami)


class CandidGateway(Candid):
    def make(self):
        self.words = GATEWAY_WORDS
        return craft_store.StoreClient(endpoints=gateway_endpoints(), **self.common())

    def refused_notify(self, which, uploaded):
        pass


class OnPrem(Publisher):
    def make(self):
        self.words = GATEWAY_WORDS
        common = {**self.common(), "base_url": self.url + "/publishergw"}
        return OnPremClient(
            endpoints=gateway_endpoints(tokens="", tokens_exchange="/v1/tokens/offline/exchange"), **common)

    def raw(self, method, path, **kwargs):
        return self.client.request(method, self.url + "/publishergw" + path, **kwargs).json()

    def failing_logins(self):
        given = os.environ["ADMIN_MACAROON"]
        os.environ["ADMIN_MACAROON"] = "bm90IGEgbWFjYXJvb24"
        step("login with a wrong macaroon", self.login)
        os.environ["ADMIN_MACAROON"] = given


class Gateway(Publisher):
    """What craft-store 3 has for the publisher gateway alone."""

    def make(self):
        self.auth = craft_store.Auth(APPLICATION, self.url.split("//")[1], file_fallback=True)
        return None

    def login(self, **kwargs):
        person = {"email": self.task["email"], "password": self.task["password"], "permissions": GATEWAY_WORDS,
                  "base_url": self.url, "login_url": self.url, "store_auth": self.auth, **self.login_with, **kwargs}
        craft_store.login.UbuntuOneLogin.login_with(**person)
        self.gateway = craft_store.PublisherGateway.with_ubuntu_one(
            self.url, "snap", auth=self.auth, client_description="interop")
        self.gateway.whoami()  # exchanges the pair for a token
        self.client = craft_store.StoreClient(endpoints=gateway_endpoints(), **self.common())
        return {"exported": True}

    def failing_logins(self):
        step("login with a wrong password", lambda: self.login(password="not this one"))
        if self.task["factor"]:
            step("login without a code", self.login)
            step("login with a wrong code", lambda: self.login(otp="000000"))
            self.login_with = {"otp": ask("code")}

    def steps(self):
        g = lambda: self.gateway
        name = self.name
        self.failing_logins()
        step("login", self.login)
        step("whoami", lambda: g().whoami())
        step("register", lambda: g().register_name(name, entity_type="snap"))
        step("register again", lambda: g().register_name(name, entity_type="snap"))
        step("metadata", lambda: marshal(g().get_package_metadata(name)))
        step("metadata of nothing", lambda: marshal(g().get_package_metadata(name + "-nothing")))
        step("list names", lambda: [marshal(n) for n in g().list_registered_names() if n.name.startswith(name)])
        for which, path in zip(("first", "second"), self.task["snaps"]):
            uploaded = step(f"upload the {which}", lambda: self.upload(path))
            status_url = step(f"notify of the {which}", lambda: self.notify(uploaded["upload-id"]))
            step(f"review of the {which}", lambda: self.review(status_url))
        step("list revisions", lambda: [marshal(r) for r in g().list_revisions(name)])
        step("list one revision", lambda: [marshal(r) for r in g().list_revisions(name, revision=2)])
        step("list revisions with fields", lambda: [marshal(r) for r in g().list_revisions(
            name, fields=["revision", "version", "status", "size", "created-at", "apps", "type"])])
        step("create a track without a guardrail", lambda: g().create_tracks(name, {"name": "3.0"}))
        ask("guardrail")
        step("create a track", lambda: g().create_tracks(name, {"name": "1.0"}, {"name": "2.0"}))
        step("create a track again", lambda: g().create_tracks(name, {"name": "1.0"}))
        step("create a track outside the guardrail", lambda: g().create_tracks(name, {"name": "other"}))
        step("create a track with a bad name", lambda: g().create_tracks(name, {"name": "-bad-"}))
        step("release", lambda: [marshal(r) for r in g().release(name, [
            {"channel": "latest/edge", "revision": 2, "resources": []},
            {"channel": "1.0/stable", "revision": 1, "resources": []}])])
        step("release of no revision", lambda: g().release(
            name, [{"channel": "latest/edge", "revision": 99, "resources": []}]))
        step("list releases", lambda: marshal(g().list_releases(name)))
        step("close", lambda: [marshal(r) for r in g().release(
            name, [{"channel": "1.0/stable", "revision": None, "resources": []}])])
        step("unregister a published name", lambda: g().unregister_name(name))
        step("register another", lambda: g().register_name(name + "-too", entity_type="snap", private=True))
        step("unregister", lambda: g().unregister_name(name + "-too"))
        step("list names at the end", lambda: [
            marshal(n) for n in g().list_registered_names(include_collaborations=True) if n.name.startswith(name)])
        step("logout", lambda: self.auth.del_credentials() or "logged out")


FLAVOURS = {
    "u1": UbuntuOne, "environment": Environment, "refusals": Refusals,
    "login": Login, "whoami": Whoami, "big": Big, "candid": Candid, "candid-gateway": CandidGateway,
    "onprem": OnPrem, "gateway": Gateway,
}

if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    FLAVOURS[given["flavour"]](given).steps()
