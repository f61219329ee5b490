# SPDX-License-Identifier: GPL-3.0-only
"""Drives a store with craft-store, as a program that publishes charms would.

What it reads and prints is what drive.py does. The same steps with larder's SDK
are in charmhub_sdk_test.go.
"""

import json
import sys

import craft_store
import craft_store.models.release_request_model as release_models
from craft_store import endpoints

import drive
from drive import Absent, ask, marshal, step

if not drive.OLD:
    from craft_store.models import CharmResourceRevisionUpdateRequest, RequestCharmResourceBase

RESOURCE = "menu"


class Candid(drive.CandidGateway):
    """StoreClient with the endpoints of Charmhub, and the identity service."""

    def make(self):
        self.words = drive.GATEWAY_WORDS
        return craft_store.StoreClient(endpoints=endpoints.CHARMHUB, **self.common())

    def register(self, name):
        if drive.OLD:
            return self.raw("POST", "/v1/charm", json={"name": name, "type": "charm", "private": False})["id"]
        return self.client.register_name(name, entity_type="charm")

    def push_resource(self, upload_id):
        if drive.OLD:
            path = f"/v1/charm/{self.name}/resources/{RESOURCE}/revisions"
            return self.raw("POST", path, json={"upload-id": upload_id, "type": "file"})["status-url"]
        return self.client.push_resource(self.name, RESOURCE, upload_id=upload_id, resource_type="file")

    def resource_revisions(self):
        if drive.OLD:
            raise Absent("it has no list_resource_revisions")
        return [marshal(r) for r in self.client.list_resource_revisions(self.name, RESOURCE)]

    def update_resource(self, revision, architectures):
        if drive.OLD:
            bases = [{"name": "all", "channel": "all", "architectures": architectures}]
            return self.raw("PATCH", f"/v1/charm/{self.name}/resources/{RESOURCE}/revisions", json={
                "resource-revision-updates": [{"revision": revision, "bases": bases}],
            })["num-resource-revisions-updated"]
        return self.client.update_resource_revisions(
            CharmResourceRevisionUpdateRequest(
                revision=revision, bases=[RequestCharmResourceBase(architectures=architectures)]),
            name=self.name, resource_name=RESOURCE)

    def release(self, *wanted):
        self.client.release(name=self.name, release_request=[
            release_models.ReleaseRequestModel(channel=channel, revision=revision, resources=[
                release_models.ResourceModel(name=RESOURCE, revision=resource)] if resource else [])
            for channel, revision, resource in wanted
        ])
        return "released"

    def publish(self):
        step("register", lambda: self.register(self.name))
        step("register again", lambda: self.register(self.name))
        step("register a reserved name", lambda: self.register("libraries"))
        step("list names", self.names)
        self.uploads()
        step("release without the resource", lambda: self.release(("latest/edge", 1, None)))
        step("release", lambda: self.release(("latest/edge", 1, 1)))
        step("release to several", lambda: self.release(
            ("latest/edge", 2, 2), ("latest/beta", 1, 1), ("edge/fix", 2, 1)))
        step("release of no revision", lambda: self.release(("latest/edge", 99, 1)))
        step("release of no resource", lambda: self.release(("latest/edge", 1, 99)))
        step("release to no channel", lambda: self.release(("latest/bogus", 1, 1)))
        step("list releases", self.releases)
        step("close", lambda: self.release(("latest/beta", None, None)))
        step("list releases after closing", self.releases)
        step("list revisions", self.revisions)
        step("list resource revisions", self.resource_revisions)
        step("update a resource revision", lambda: self.update_resource(1, ["arm64", "amd64"]))
        step("update no resource revision", lambda: self.update_resource(99, ["arm64"]))
        step("list resource revisions after it", self.resource_revisions)

    def uploads(self):
        for which, path in zip(("first", "second"), self.task["snaps"]):
            uploaded = step(f"upload the {which}", lambda: self.upload(path))
            status_url = step(f"notify of the {which}", lambda: self.notify(uploaded["upload-id"]))
            step(f"review of the {which}", lambda: self.review(status_url))
        for which, path in zip(("first", "second"), self.task["resources"]):
            uploaded = step(f"upload the {which} resource", lambda: self.upload(path))
            status_url = step(f"push the {which} resource", lambda: self.push_resource(uploaded["upload-id"]))
            step(f"review of the {which} resource", lambda: self.review(status_url))
        step("notify of no upload", lambda: self.notify("a0b1c2d3-0000-4000-8000-000000000000"))


class Gateway(drive.Gateway, Candid):
    """PublisherGateway for charms."""

    def make(self):
        self.words = drive.GATEWAY_WORDS
        return drive.Gateway.make(self)

    def login(self, **kwargs):
        answer = drive.Gateway.login(self, **kwargs)
        self.gateway = craft_store.PublisherGateway.with_ubuntu_one(
            self.url, "charm", auth=self.auth, client_description="interop")
        self.client = craft_store.StoreClient(endpoints=endpoints.CHARMHUB, **self.common())
        return answer

    def names(self):
        found = self.gateway.list_registered_names(include_collaborations=True)
        return sorted((marshal(n) for n in found if n.name.startswith(self.name)), key=lambda n: n["name"])

    def steps(self):
        self.failing_logins()
        step("login", self.login)
        name, g = self.name, lambda: self.gateway
        step("whoami", lambda: g().whoami())
        step("register", lambda: g().register_name(name, entity_type="charm"))
        step("register again", lambda: g().register_name(name, entity_type="charm"))
        step("register a bundle", lambda: g().register_name(name + "-all", entity_type="bundle", private=True))
        step("metadata", lambda: marshal(g().get_package_metadata(name)))
        step("metadata of nothing", lambda: marshal(g().get_package_metadata(name + "-nothing")))
        step("list names", self.names)
        self.uploads()
        step("list charm revisions", lambda: [marshal(r) for r in g().list_revisions(name)])
        step("list one charm revision", lambda: [marshal(r) for r in g().list_revisions(name, revision=2)])
        step("list charm revisions with the craft file", lambda: [
            marshal(r) for r in g().list_revisions(name, include_craft_yaml=True)])
        ask("guardrail")
        step("create a track", lambda: g().create_tracks(name, {"name": "1.0"}, {"name": "2.0"}))
        step("create a track again", lambda: g().create_tracks(name, {"name": "1.0"}))
        step("create a track outside the guardrail", lambda: g().create_tracks(name, {"name": "other"}))
        step("release", lambda: [marshal(r) for r in g().release(name, [
            {"channel": "latest/edge", "revision": 2, "resources": [{"name": RESOURCE, "revision": 2}]},
            {"channel": "1.0/stable", "revision": 1, "resources": [{"name": RESOURCE, "revision": 1}]}])])
        step("release without the resource", lambda: g().release(
            name, [{"channel": "latest/edge", "revision": 1, "resources": []}]))
        step("release of no revision", lambda: g().release(
            name, [{"channel": "latest/edge", "revision": 99, "resources": [{"name": RESOURCE, "revision": 1}]}]))
        step("list releases", lambda: marshal(g().list_releases(name)))
        step("close", lambda: [marshal(r) for r in g().release(
            name, [{"channel": "1.0/stable", "revision": None, "resources": []}])])
        step("unregister a published charm", lambda: g().unregister_name(name))
        step("unregister", lambda: g().unregister_name(name + "-all"))
        step("list names at the end", self.names)
        step("logout", lambda: self.auth.del_credentials() or "logged out")


FLAVOURS = {"candid-gateway": Candid, "gateway": Gateway}

if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    FLAVOURS[given["flavour"]](given).steps()
