package store

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const operatorsPolicy = `# what this store takes
reject size>4GiB

hold confinement=classic
hold plug=docker-support,snapd-*   # mighty interfaces
hold slot=*
accept publisher=acme
hold type=gadget,kernel
hold provenance!=global-upload architecture=arm64
hold base!=* type!=base,snapd,os
reject package=*-test grade=devel warnings=invalid-*
accept
`

func harmless() ReviewFacts {
	return ReviewFacts{
		Package: "tool", Publisher: Account{ID: "developer1", Username: "dev", Validation: "unproven"},
		Type: "app", Base: "core24", Confinement: "strict", Grade: "stable", Architectures: []string{"amd64"},
		Plugs: []string{"network", "home"}, Size: 5 << 20,
	}
}

func TestReviewPolicyFirstRuleThatFitsDecides(t *testing.T) {
	policy, err := ParseReviewPolicy(operatorsPolicy)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(f *ReviewFacts)
		want   string // decision, line, reason
	}{
		{"nothing special", func(f *ReviewFacts) {}, "accept 12: the review policy says so for every upload"},
		{"just small enough", func(f *ReviewFacts) { f.Size = 4 << 30 }, "accept 12: the review policy says so for every upload"},
		{"too big", func(f *ReviewFacts) { f.Size = 4<<30 + 1 }, "reject 2: the size is 4294967297 bytes"},
		{"too big and classic", func(f *ReviewFacts) { f.Size, f.Confinement = 5<<30, "classic" }, "reject 2: the size is 5368709120 bytes"},
		{"classic", func(f *ReviewFacts) { f.Confinement = "classic" }, "hold 4: confinement is classic"},
		{"devmode", func(f *ReviewFacts) { f.Confinement = "devmode" }, "accept 12: the review policy says so for every upload"},
		{"an interface by name", func(f *ReviewFacts) { f.Plugs = append(f.Plugs, "docker-support") }, "hold 5: plug is docker-support"},
		{"an interface by pattern", func(f *ReviewFacts) { f.Plugs = append(f.Plugs, "snapd-control") }, "hold 5: plug is snapd-control"},
		{"any slot", func(f *ReviewFacts) { f.Slots = []string{"content"} }, "hold 6: slot is content"},
		{"publisher by name", func(f *ReviewFacts) { f.Publisher.Username, f.Type = "acme", "gadget" }, "accept 7: publisher is acme"},
		{"publisher by id", func(f *ReviewFacts) { f.Publisher.ID, f.Type = "acme", "gadget" }, "accept 7: publisher is acme"},
		{"an exception comes too late", func(f *ReviewFacts) { f.Publisher.Username, f.Confinement = "acme", "classic" }, "hold 4: confinement is classic"},
		{"one of several types", func(f *ReviewFacts) { f.Type = "kernel" }, "hold 8: type is kernel"},
		{"all conditions of a line", func(f *ReviewFacts) { f.Provenance, f.Architectures = "lab", []string{"amd64", "arm64"} },
			"hold 9: provenance is not global-upload, architecture is arm64"},
		{"one condition of a line", func(f *ReviewFacts) { f.Provenance = "lab" }, "accept 12: the review policy says so for every upload"},
		{"provenance is global-upload unless said", func(f *ReviewFacts) { f.Architectures = []string{"arm64"} }, "accept 12: the review policy says so for every upload"},
		{"no base", func(f *ReviewFacts) { f.Base = "" }, "hold 10: base is not *, type is not base or snapd or os"},
		{"no base needed", func(f *ReviewFacts) { f.Base, f.Type = "", "snapd" }, "accept 12: the review policy says so for every upload"},
		{"three at once", func(f *ReviewFacts) {
			f.Package, f.Grade, f.Warnings = "a-test", "devel", []string{"too-long", "invalid-icon"}
		},
			"reject 11: package is a-test, grade is devel, warnings is invalid-icon"},
	} {
		t.Run(c.name, func(t *testing.T) {
			facts := harmless()
			c.change(&facts)
			v := policy.Judge(facts)
			if got := fmt.Sprintf("%s %d: %s", v.Decision, v.Line, v.Reason); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if written := strings.Split(operatorsPolicy, "\n")[v.Line-1]; !strings.HasPrefix(written, v.Rule) || v.Rule == "" {
				t.Errorf("rule %q is not line %q", v.Rule, written)
			}
		})
	}
}

func TestReviewWithoutARuleAccepts(t *testing.T) {
	for _, text := range []string{"", "\n\n", "# nothing\n", "hold type=kernel"} {
		p, err := ParseReviewPolicy(text)
		if err != nil {
			t.Fatal(err)
		}
		if v := p.Judge(harmless()); v.Decision != Accept || v.Line != 0 || v.Rule != "" || v.Reason == "" {
			t.Errorf("%q: %+v", text, v)
		}
	}
	if v := (ReviewPolicy{}).Judge(ReviewFacts{}); v.Decision != Accept {
		t.Errorf("the zero policy: %+v", v)
	}
}

func TestDefaultReviewPolicy(t *testing.T) {
	p, err := ParseReviewPolicy(DefaultReviewPolicy)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		validation, confinement string
		want                    Decision
	}{
		{"unproven", "strict", Accept}, {"unproven", "devmode", Accept}, {"unproven", "classic", Hold}, {"", "classic", Hold},
		{"verified", "classic", Accept}, {"starred", "classic", Accept},
	} {
		f := harmless()
		f.Publisher.Validation, f.Confinement = c.validation, c.confinement
		if v := p.Judge(f); v.Decision != c.want {
			t.Errorf("%s of a publisher that is %s: %+v", c.confinement, c.validation, v)
		}
	}
}

func TestReviewSizes(t *testing.T) {
	for _, c := range []struct {
		condition string
		size      int64
		want      bool
	}{
		{"size>1KiB", 1025, true}, {"size>1KiB", 1024, false},
		{"size<1MiB", 1<<20 - 1, true}, {"size<1MiB", 1 << 20, false},
		{"size>=3GiB", 3 << 30, true}, {"size>=3GiB", 3<<30 - 1, false},
		{"size<=10", 10, true}, {"size<=10B", 11, false}, {"size<1TiB", 1 << 39, true},
	} {
		p, err := ParseReviewPolicy("hold " + c.condition)
		if err != nil {
			t.Fatal(err)
		}
		if v := p.Judge(ReviewFacts{Size: c.size}); (v.Decision == Hold) != c.want {
			t.Errorf("%s of %d: %+v", c.condition, c.size, v)
		}
	}
}

func TestReviewPolicyComesBackFromItsText(t *testing.T) {
	for _, text := range []string{"", operatorsPolicy, DefaultReviewPolicy, "\n#a\n\n", "accept"} {
		p, err := ParseReviewPolicy(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseReviewPolicy(p.String())
		if err != nil || !reflect.DeepEqual(again, p) || again.String() != p.String() {
			t.Errorf("%q came back as %q, %v", text, again.String(), err)
		}
	}
	p, err := ParseReviewPolicy("  hold\ttype=gadget  confinement=classic   #  why \r\naccept")
	if want := "hold type=gadget confinement=classic #  why\naccept\n"; err != nil || p.String() != want {
		t.Errorf("got %q, %v", p.String(), err)
	}
}

func TestReviewPolicyNamesTheLineItCannotRead(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"# fine\nreview", `line 2 of the review policy: it begins with "review"`},
		{"Hold type=app", `line 1 of the review policy: it begins with "Hold"`},
		{"accept\n\nhold type=app", "line 3 of the review policy: the rule is never reached, line 1 decides everything"},
		{"hold classic", `"classic" is no condition`},
		{"hold =classic", `"=classic" is no condition`},
		{"hold colour=red", `"colour" is none of architecture, base,`},
		{"hold type=", "a value of type is empty"},
		{"hold type=app,,base", "a value of type is empty"},
		{"hold type = app", `"type" is no condition`},
		{"hold confinement=clasic", `confinement is none of strict, classic, devmode, but "clasic"`},
		{"hold type>app", "> does not go with type"},
		{"hold size=4GiB", "= does not go with size"},
		{"hold size>4GB", `"4GB" is no size`},
		{"hold size>-1", `"-1" is no size`},
		{"hold size>", "a value of size is empty"},
		{"hold size>1,2", `"1,2" is no size`},
		{"hold size>99999999999TiB", "is too large"},
		{"hold type=app\x00", "control characters"},
		{"hold" + strings.Repeat(" type=app", 17), "at most 16 conditions"},
		{"hold package=" + strings.Repeat("a,", 64) + "a", "at most 64 values"},
		{strings.Repeat("\n", 500) + "x", "line 501 of the review policy"},
		{strings.Repeat("\n", 600), "at most 500 lines"},
	} {
		_, err := ParseReviewPolicy(c.text)
		if CodeOf(err) != "invalid-review-policy" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: got %v, want %s", c.text, err, c.want)
		}
	}
	if _, err := ParseReviewPolicy(strings.Repeat("#", maxReviewText+1)); KindOf(err) != KindTooLarge {
		t.Errorf("a long policy: %v", err)
	}
}

func FuzzReviewPolicy(f *testing.F) {
	f.Add(operatorsPolicy)
	f.Add(DefaultReviewPolicy)
	f.Add("hold size>=1KiB package!=[a-z]* # x")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseReviewPolicy(text)
		if err != nil {
			if k := KindOf(err); k != KindInvalid && k != KindTooLarge {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		again, err := ParseReviewPolicy(p.String())
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%q came back as %q, %v", text, p.String(), err)
		}
		if v, w := p.Judge(harmless()), again.Judge(harmless()); v != w || v.Reason == "" {
			t.Errorf("%q judges %+v, then %+v", text, v, w)
		}
	})
}
