module github.com/larder-store/larder/interop

go 1.26.0

require (
	github.com/larder-store/larder v0.0.0
	github.com/snapcore/snapd v0.0.0-20221025171519-3c05e535e5cf
	golang.org/x/crypto v0.58.0
)

require (
	github.com/godbus/dbus v0.0.0-20190726142602-4481cbc300e2 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/pgx/v5 v5.12.0 // indirect
	github.com/juju/ratelimit v1.0.1 // indirect
	github.com/mvo5/goconfigparser v0.0.0-20200803085309-72e476556adb // indirect
	github.com/snapcore/go-gettext v0.0.0-20191107141714-82bbea49e785 // indirect
	golang.org/x/net v0.61.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/term v0.47.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/xerrors v0.0.0-20220609144429-65e65417b02f // indirect
	gopkg.in/macaroon.v1 v1.0.0-20150121114231-ab3940c6c165 // indirect
	gopkg.in/retry.v1 v1.0.3 // indirect
	gopkg.in/tomb.v2 v2.0.0-20161208151619-d5d1b5820637 // indirect
	gopkg.in/yaml.v2 v2.4.0 // indirect
)

replace github.com/larder-store/larder => ..
