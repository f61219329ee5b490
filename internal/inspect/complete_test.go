package inspect_test

import (
	"fmt"
	"testing"

	"github.com/larder-store/larder/internal/inspect"
)

// complete uses every construct that build tools put into snap.yaml.
const complete = `name: kitchen-sink
title: Kitchen Sink
version: 2.4+git7.1a2b3c~rc1
type: app
base: core24
build-base: devel
summary: Has one of everything
description: |
  Each field that
  build tools write.
license: GPL-3.0+ AND MIT
provenance: factory-2
architectures: [amd64, arm64]
assumes: [snapd2.55.3, command-chain, snap-uid-envvars, isa-amd64-x86-64-v2, app-refresh-mode]
confinement: strict
grade: devel
epoch:
  read: [1, 2]
  write: [2]
icon: snap/gui/icon.png
environment: &env
  LANG: C.UTF-8
  PATH: $SNAP/bin:$PATH
  COUNT: 3
system-usernames:
  snap_daemon: shared
  _daemon_: {scope: shared}
layout:
  /usr/share/thing: {bind: $SNAP/usr/share/thing}
  /etc/thing.conf: {bind-file: $SNAP_DATA/thing.conf, mode: 0644}
  /var/lib/x: {symlink: $SNAP_DATA/x}
links:
  contact: [mailto:cook@example.org]
  issues: [https://example.org/issues]
  source-code: [https://example.org/code]
  website: [https://example.org]
  donation: [https://example.org/give]
plugs:
  network:
  home: {read: all}
  gnome-46-2404: {interface: content, target: $SNAP/gnome, default-provider: gnome-46-2404}
  shared-memory: {private: true}
  dot-config: {interface: personal-files, read: [$HOME/.config/x], write: []}
  hw: {interface: system-files, read: [/sys/devices]}
slots:
  bus: {interface: dbus, bus: session, name: org.example.Sink}
  data: {interface: content, content: data-1, source: {read: [$SNAP/data]}}
hooks:
  configure: {plugs: [network], command-chain: [bin/chain], environment: *env}
  install:
  pre-refresh: {}
  connect-plug-home: {plugs: [home]}
components:
  translations: {type: standard, summary: Words, description: More words, hooks: {install: {plugs: [network]}}}
  drivers: {type: kernel-modules}
apps:
  kitchen-sink:
    command: bin/sink --all
    command-chain: [bin/desktop-launch]
    common-id: org.example.Sink
    desktop: share/applications/sink.desktop
    autostart: sink.desktop
    completer: share/complete
    extensions: [gnome]
    environment: *env
    plugs: [network, home, opengl]
    slots: [bus]
    aliases: [sink]
  Daemon-1:
    command: bin/daemon
    daemon: notify
    daemon-scope: user
    restart-condition: on-failure
    restart-delay: 10s
    stop-timeout: 30s
    start-timeout: 2000s
    refresh-mode: endure
    stop-mode: sigterm-all
    after: [timer]
    before: []
    bus-name: org.example.Sink
    activates-on: [bus]
    install-mode: disable
    sockets:
      main: {listen-stream: $SNAP_DATA/sock, socket-mode: 0640}
      port: {listen-stream: 8080}
  timer: {command: bin/timer, daemon: oneshot, timer: "mon,10:00-12:00/2", passthrough: {x: [1, {y: z}]}}
  svc: {command: bin/svc start, daemon: forking, post-stop-command: bin/svc stop, plugs: network}
`

func TestEveryConstructOfRealSnapsIsRead(t *testing.T) {
	info, err := inspect.ParseSnapYAML([]byte(complete), inspect.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Warnings) != 0 {
		t.Errorf("warnings %v", info.Warnings)
	}
	var names []string
	for _, p := range info.Plugs {
		names = append(names, p.Name)
	}
	got := fmt.Sprintln(info.Epoch, info.Architectures, info.Base, info.Provenance, len(info.Apps), info.Hooks, names, len(info.Slots), info.Components)
	want := "{[1 2] [2]} [amd64 arm64] core24 factory-2 4 [configure connect-plug-home install pre-refresh] " +
		"[dot-config gnome-46-2404 home hw network opengl shared-memory] 2 [{drivers kernel-modules  } {translations standard Words More words}]\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if a := info.Apps[1]; a.Name != "kitchen-sink" || a.CommonID != "org.example.Sink" || a.Aliases[0] != "sink" {
		t.Errorf("app %+v", a)
	}
}
