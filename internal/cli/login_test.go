package cli

import "testing"

func TestAnAddressMeansThePassword(t *testing.T) {
	for _, test := range []struct {
		flags loginFlags
		had   flavour // how the store was used last
		want  flavour // empty for a refusal
	}{
		{loginFlags{}, flavourOnPrem, flavourOnPrem},
		{loginFlags{email: "alice@example.com"}, flavourOnPrem, flavourU1},
		{loginFlags{email: "alice@example.com"}, flavourCandid, flavourU1},
		{loginFlags{email: "alice@example.com"}, flavourGateway, flavourGateway},
		{loginFlags{stdin: true}, flavourOnPrem, flavourOnPrem}, // the macaroon
		{loginFlags{flavour: "onprem", stdin: true}, flavourU1, flavourOnPrem},
		{loginFlags{flavour: "candid"}, flavourU1, flavourCandid},
		{loginFlags{browser: true}, flavourU1, flavourCandid},
		{loginFlags{flavour: "candid", email: "alice@example.com"}, flavourU1, ""},
		{loginFlags{flavour: "candid", stdin: true}, flavourU1, ""},
		{loginFlags{browser: true, otpStdin: true}, flavourU1, ""},
		{loginFlags{flavour: "nonsense"}, flavourU1, ""},
	} {
		r := &remote{flavour: test.had}
		err := test.flags.choose(r)
		if (err != nil) != (test.want == "") || err == nil && r.flavour != test.want {
			t.Errorf("%+v after %s chooses %s, %v", test.flags, test.had, r.flavour, err)
		}
	}
}
