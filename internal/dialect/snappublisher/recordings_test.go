package snappublisher

import "github.com/larder-store/larder/internal/dialect/reply/replytest"

// sameShape holds an answer to what was seen, as below.
var sameShape = replytest.SameShape

// The shapes that the publisher gateway and the dashboard were seen to answer;
// values stand for their types.
var (
	seenPerson  = map[string]any{"display-name": "", "email": "", "id": "", "username": ""}
	seenAccount = map[string]any{"display-name": "", "id": "", "username": "", "validation": ""}

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

	seenChannel = map[string]any{"channel": "", "info": "", "revision": 1.0, "version": "", "epoch": "", "confinement": "", "binary_filesize": 1.0}
	seenInfo    = map[string]any{
		"snap_name": "", "snap_id": "", "series": "", "store": "", "publisher": seenAccount, "status": "",
		"channel_maps_list": []any{map[string]any{"track": "", "series": "", "architecture": "", "map": []any{}}},
		"aliases":           nil, "private": true, "whitelist_country_codes": []any{""}, "blacklist_country_codes": []any{""},
		"license": "", "media": []any{map[string]any{"type": "", "url": "", "width": 1.0, "height": 1.0}},
		"title": "", "summary": "", "description": "", "keywords": []any{""}, "contact": "", "website": "", "video_urls": []any{""},
		"links": nil, "public_metrics_enabled": true, "public_metrics_blacklist": []any{""}, "unlisted": true, "default_track": "",
		"categories":                 map[string]any{"locked": true, "items": []any{map[string]any{"featured": true, "name": "", "since": ""}}},
		"update_metadata_on_release": true, "visibility_locked": true,
	}
	seenPackage = map[string]any{"metadata": map[string]any{
		"authority": nil, "contact": "", "default-track": "", "description": "", "id": "", "links": nil,
		"media": []any{map[string]any{"type": "", "url": ""}}, "name": "", "private": true, "publisher": seenAccount, "status": "",
		"store": "", "summary": "", "title": "",
		"track-guardrails": []any{map[string]any{"created-at": "", "pattern": ""}},
		"tracks":           []any{map[string]any{"automatic-phasing-percentage": 1.0, "created-at": "", "name": "", "version-pattern": ""}},
		"type":             "", "website": "",
	}}
)
