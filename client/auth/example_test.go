package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/larder-store/larder/client/auth"
)

// Credentials that any program exported are read, whatever their form.
func ExampleParse() {
	for _, text := range []string{
		`{"t": "macaroon", "v": "AgELc3RvcmUudG9rZW4"}`,                      // craft-store, from a file
		"eyJ0IjogIm1hY2Fyb29uIiwgInYiOiAiQWdFTGMzUnZjbVV1ZEc5clpXNCJ9",       // the same, exported
		"[login.ubuntu.com]\nmacaroon = ROOT\nunbound_discharge = DISCHARGE", // snapcraft before 7
	} {
		credentials, err := auth.Parse(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(credentials)
	}
	// Output:
	// macaroon credentials
	// macaroon credentials
	// u1-macaroon credentials
}

// A program keeps its login in the keyring; on a machine without one in a file.
func ExampleOpen() {
	directory, err := os.MkdirTemp("", "credentials")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(directory)

	// A real program passes auth.FileFallback("") and leaves Ephemeral out.
	store, err := auth.Open(context.Background(), "my-tool", "https://store.example",
		auth.FromEnvironment("MY_TOOL_CREDENTIALS"), auth.Ephemeral())
	if err != nil {
		fmt.Println(err)
		return
	}
	store.Backend = auth.File{Path: filepath.Join(directory, "credentials.json")}

	_, err = store.Load(context.Background())
	fmt.Println("logged in:", !errors.Is(err, auth.ErrCredentialsUnavailable))
	if err := store.Save(context.Background(), auth.NewBearer("api-token")); err != nil {
		fmt.Println(err)
		return
	}
	credentials, err := store.Load(context.Background())
	fmt.Println(credentials, err)
	// Output:
	// logged in: false
	// bearer credentials <nil>
}

// An API token of larder, or a developer token, goes into a variable that other
// programs read.
func ExampleCredentials_Export() {
	exported, err := auth.NewToken("AgELc3RvcmUudG9rZW4").Export()
	fmt.Println(exported, err)
	// Output: eyJ0IjoibWFjYXJvb24iLCJ2IjoiQWdFTGMzUnZjbVV1ZEc5clpXNCJ9 <nil>
}

// A store with a scheme of its own gets an Authorizer.
func ExampleAuthorizer() {
	store := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("X-Our-Proxy"))
	}))
	defer store.Close()

	var authorizer auth.Authorizer = auth.AuthorizerFunc(func(req *http.Request) error {
		req.Header.Set("X-Our-Proxy", "build-farm")
		return nil
	})
	req, err := http.NewRequest(http.MethodGet, store.URL, nil)
	if err == nil {
		err = authorizer.Authorize(req)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	// Output: build-farm
}
