package assertion

import (
	"slices"
	"testing"
)

func TestTableIsSound(t *testing.T) {
	if !slices.IsSortedFunc(types, func(a, b *Type) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	}) {
		t.Error("rows are not sorted by name")
	}
	if len(typesByName) != len(types) {
		t.Error("two rows have one name")
	}
	for _, row := range types {
		selfSigned := row.Authority == BySelf || row.Authority == ByDevice
		switch {
		case row.read == nil:
			t.Errorf("%s: no header checks", row)
		case row.Authority == 0:
			t.Errorf("%s: no authority rule", row)
		case selfSigned != row.NoAuthority:
			t.Errorf("%s: authority rule %d does not fit NoAuthority=%v", row, row.Authority, row.NoAuthority)
		case (row.Signer != "") != (row.Authority == ByNamed):
			t.Errorf("%s: a signer header without ByNamed or the other way round", row)
		case row.MaxFormat > 0 && row.format == nil:
			t.Errorf("%s: several formats and no rule which", row)
		case row.Sequence && len(row.Key) < 2:
			t.Errorf("%s: a sequence of nothing", row)
		}
		defaults := false
		for _, member := range row.Key {
			if !headerName.MatchString(member.Name) {
				t.Errorf("%s: key member %q is no header name", row, member.Name)
			}
			if defaults && member.Default == "" {
				t.Errorf("%s: key member %q follows one with a default", row, member.Name)
			}
			defaults = defaults || member.Default != ""
		}
		if row.Signer != "" && row.Name != "repair" && !slices.ContainsFunc(row.Key, func(m KeyMember) bool { return m.Name == row.Signer }) {
			t.Errorf("%s: signer %q is not in the key", row, row.Signer)
		}
	}
}

func TestFormatsAreThoseOfTheDeviceAPI(t *testing.T) {
	want := map[string]int{"snap-declaration": 7, "system-user": 2, "account-key": 1}
	for _, row := range types {
		if row.MaxFormat != want[row.Name] {
			t.Errorf("%s: newest format %d, want %d", row, row.MaxFormat, want[row.Name])
		}
	}
}
