package store

import "strings"

// MinSecret is the least number of characters of a symmetric secret.
const MinSecret = 16

// SplitSecrets reads a setting that holds symmetric secrets, newest first, with
// commas or spaces between them. Its errors tell nothing of the secrets.
func SplitSecrets(text string) ([]string, error) {
	secrets := strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\n' })
	if len(secrets) == 0 {
		return nil, Invalidf("invalid-secret", "there is no secret")
	}
	for _, s := range secrets {
		if len(s) < MinSecret {
			return nil, Invalidf("invalid-secret", "a secret is too short").Try("take at least 16 random characters")
		}
	}
	return secrets, nil
}
