package db

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/larder-store/larder/internal/store"
)

// Both databases index the same folded words, so that both find the same: the
// difference between their own tokenizers never shows.
const (
	maxWord  = 64       // bytes; the rest of a longer word is cut off
	maxField = 32 << 10 // bytes of a text that are looked at
)

// foldWords splits text into words of letters and digits, in lower case and
// without accents.
func foldWords(text string) []string {
	if len(text) > maxField {
		text = text[:maxField]
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(text, " ")) {
		switch {
		case unicode.Is(unicode.Mn, r): // an accent, apart from its letter by now
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteByte(' ')
		}
	}
	words := strings.Fields(b.String())
	for i, w := range words {
		words[i] = cut(w, maxWord)
	}
	return words
}

func cut(word string, limit int) string {
	if len(word) <= limit {
		return word
	}
	for !utf8.RuneStart(word[limit]) {
		limit--
	}
	return word[:limit]
}

func fold(texts ...string) string {
	return strings.Join(foldWords(strings.Join(texts, " ")), " ")
}

func publisherWords(a store.Account) string { return fold(a.Username, a.DisplayName) }
