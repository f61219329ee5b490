package authority

import (
	"encoding/base64"
	"encoding/json"

	"github.com/larder-store/larder/internal/store"
)

// Seal encrypts text under the store's secret, see Secret.Seal.
func (a *Authority) Seal(label string, text []byte) []byte { return a.keys.secret.Seal(label, text) }

// Open reads what Seal made. Under another secret it fails with code
// wrong-secret.
func (a *Authority) Open(label string, sealed []byte) ([]byte, error) {
	return a.keys.secret.Open(label, sealed)
}

// settingLabel keeps the sealed value of one setting from standing for another.
func settingLabel(key string) string { return "setting " + key }

// SealSetting returns what the database holds of a secret setting: an object,
// where other settings are strings.
func (a *Authority) SealSetting(key, text string) json.RawMessage {
	sealed := a.Seal(settingLabel(key), []byte(text))
	return json.RawMessage(`{"sealed":"` + base64.StdEncoding.EncodeToString(sealed) + `"}`)
}

// OpenSetting returns the text of a setting, sealed or in clear, and which of
// them it was. Its errors tell nothing of the text.
func (a *Authority) OpenSetting(row store.Setting) (text string, sealed bool, err error) {
	if json.Unmarshal(row.Value, &text) == nil {
		return text, false, nil
	}
	var object struct {
		Sealed []byte `json:"sealed"`
	}
	if json.Unmarshal(row.Value, &object) != nil || object.Sealed == nil {
		return "", false, store.Invalidf("invalid-setting", "cannot read the setting %s: it is neither text nor sealed", row.Key).
			Try("set it anew")
	}
	plain, err := a.Open(settingLabel(row.Key), object.Sealed)
	return string(plain), true, err
}
