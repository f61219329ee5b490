package authority

import "testing"

func TestAPseudonymHangsOnSecretLabelAndText(t *testing.T) {
	secret := NewSecret()
	a, again, other := New(secret), New(secret), New(NewSecret())
	one := a.Pseudonym("use", "brand/model/serial")
	if again.Pseudonym("use", "brand/model/serial") != one {
		t.Error("another node makes another pseudonym")
	}
	for why, got := range map[string][16]byte{
		"another store": other.Pseudonym("use", "brand/model/serial"), "another use": a.Pseudonym("other", "brand/model/serial"),
		"another device": a.Pseudonym("use", "brand/model/serial2"),
	} {
		if got == one {
			t.Errorf("%s has the same pseudonym", why)
		}
	}
}
