package charmhub

import (
	"maps"

	"github.com/larder-store/larder/internal/dialect/reply/replytest"
)

// sameShape holds an answer to what was seen, as below.
var sameShape = replytest.SameShape

// The shapes that the publisher gateway was seen to answer for charms; values
// stand for their types.
var (
	seenPerson  = map[string]any{"display-name": "", "email": "", "id": "", "username": ""}
	seenAccount = map[string]any{"display-name": "", "id": "", "username": "", "validation": ""}

	seenRegistered   = map[string]any{"id": ""}
	seenUnregistered = map[string]any{"package-id": ""}

	seenListed = map[string]any{
		"authority": nil, "contact": "", "default-track": nil, "description": "", "id": "", "links": nil,
		"media": []any{map[string]any{"type": "", "url": ""}}, "name": "", "private": true, "publisher": seenAccount, "status": "",
		"store": "", "summary": "", "title": "", "type": "", "website": "",
	}
	seenNames   = map[string]any{"results": []any{seenListed}}
	seenPackage = func() map[string]any {
		one := maps.Clone(seenListed)
		one["default-track"] = ""
		one["track-guardrails"] = []any{map[string]any{"created-at": "", "pattern": ""}}
		one["tracks"] = []any{map[string]any{"automatic-phasing-percentage": 1.0, "created-at": "", "name": "", "version-pattern": ""}}
		return map[string]any{"metadata": one}
	}()

	seenCollaborators = map[string]any{
		"publisher": seenPerson,
		"collaborators": []any{map[string]any{
			"account": seenPerson, "created-at": "", "created-by": seenPerson, "permissions": []any{""}, "updated-at": nil,
		}},
	}
	seenInvites = map[string]any{"invites": []any{map[string]any{
		"accepted-at": "", "accepted-by": seenPerson, "created-at": "", "created-by": seenPerson, "email": "",
		"expires-at": "", "invite-type": "", "revoked-at": "", "revoked-by": seenPerson,
	}}}
	seenTokens = map[string]any{"tokens": []any{map[string]any{"email": "", "token": ""}}}

	seenCategories = map[string]any{"categories": []any{map[string]any{"name": ""}}}
)
