package store

import (
	"slices"
	"testing"
)

func TestWhoMayDoWhatInAStore(t *testing.T) {
	for _, tt := range []struct {
		why   string
		role  Role
		perm  Permission
		has   []string
		limit *Limits
		want  Kind // KindInternal: it may
		code  string
	}{
		{"a member that administers it", RolePublisher, PermStoreAdmin, []string{"view", "admin"}, nil, KindInternal, ""},
		{"a member with another role", RolePublisher, PermStoreAdmin, []string{"view", "access"}, nil, KindNotFound, "store-not-found"},
		{"no member", RolePublisher, PermStoreAdmin, nil, nil, KindNotFound, "store-not-found"},
		{"an administrator of everything", RoleAdmin, PermStoreAdmin, nil, nil, KindInternal, ""},
		{"an operator", RoleOperator, PermStoreAdmin, nil, nil, KindInternal, ""},
		{"a viewer that looks", RoleViewer, PermStoreSee, nil, nil, KindInternal, ""},
		{"a viewer that changes", RoleViewer, PermStoreAdmin, []string{"admin"}, nil, KindForbidden, CodePermission},
		{"a token without the permission", RolePublisher, PermStoreAdmin, []string{"admin"}, &Limits{Permissions: []Permission{PermStoreSee}}, KindForbidden, CodePermission},
		{"a token for the store", RolePublisher, PermStoreAdmin, []string{"admin"}, &Limits{Stores: []string{"brand"}}, KindInternal, ""},
		{"a token for another store", RoleAdmin, PermStoreAdmin, []string{"admin"}, &Limits{Stores: []string{"other"}}, KindNotFound, "store-not-found"},
		{"a device", RoleDevice, PermStoreSee, nil, nil, KindForbidden, CodePermission},
	} {
		p := Principal{Role: tt.role, Account: "a"}
		if tt.limit != nil {
			p.Limits = []Limits{*tt.limit}
		}
		err := p.NeedIn(tt.perm, "brand", tt.has, StoreRoleAdmin)
		if (err == nil) != (tt.want == KindInternal) || err != nil && (KindOf(err) != tt.want || CodeOf(err) != tt.code) {
			t.Errorf("%s: %v", tt.why, err)
		}
	}
}

func TestStoreRolesAreKnownAndListedOnce(t *testing.T) {
	if got, err := CheckStoreRoles([]string{"access", "admin", "access"}); err != nil || !slices.Equal(got, []string{"admin", "access"}) {
		t.Error(got, err)
	}
	if _, err := CheckStoreRoles([]string{"owner"}); CodeOf(err) != "invalid-role" {
		t.Error(err)
	}
}

func TestManualReviewPoliciesAreReviewPolicies(t *testing.T) {
	classic := ReviewFacts{Confinement: "classic"}
	for name, want := range map[string][2]Decision{ReviewAllow: {Accept, Hold}, ReviewAvoid: {Accept, Reject}, ReviewRequire: {Hold, Hold}} {
		v, err := View{}.WithManualReview(name)
		if err != nil || v.ManualReview() != name {
			t.Fatal(name, v, err)
		}
		text := v.ReviewPolicy
		if text == "" {
			text = DefaultReviewPolicy
		}
		p, err := ParseReviewPolicy(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]Decision{p.Judge(ReviewFacts{}).Decision, p.Judge(classic).Decision}; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	written := View{ReviewPolicy: "hold plug=docker\n"}
	if v, err := written.WithManualReview(written.ManualReview()); err != nil || v.ReviewPolicy != written.ReviewPolicy {
		t.Errorf("an operator's policy became %q (%v)", v.ReviewPolicy, err)
	}
	if _, err := written.WithManualReview("never"); CodeOf(err) != "invalid-field" {
		t.Error(err)
	}
}
