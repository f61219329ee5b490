package assertion_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

// Believe what a root vouches for, and only that.
func Example_verify() {
	root, err := os.Open("../roots/canonical.assert")
	if err != nil {
		log.Fatal(err)
	}
	defer root.Close()
	var trusted assertion.Memory
	stream := assertion.NewDecoder(root, assertion.Limits{})
	for range 2 {
		a, err := stream.Decode()
		if err != nil {
			log.Fatal(err)
		}
		trusted.Trust(a)
	}

	generic, err := os.Open("../roots/generic.assert")
	if err != nil {
		log.Fatal(err)
	}
	defer generic.Close()
	stream = assertion.NewDecoder(generic, assertion.Limits{})
	for range 3 {
		a, err := stream.Decode()
		if err != nil {
			log.Fatal(err)
		}
		if err := trusted.Add(a, time.Now()); err != nil {
			log.Fatal(err)
		}
		fmt.Println(strings.Join(a.Ref().Key, " "), "by", a.AuthorityID())
	}
	// Output:
	// generic by canonical
	// d-JcZF9nD9eBw7bwMnH61x-bklnQOhQud1Is6o_cn2wTj8EYDi9musrIT9z2MdAa by canonical
	// 16 generic generic-classic by generic
}

// Sign a model as a brand. A real brand's key stays in a file or a token.
func ExampleSign() {
	keys, err := assertion.ParsePrivateKeys(assertiontest.PEM(assertiontest.BrandKey), nil)
	if err != nil {
		log.Fatal(err)
	}
	signer, err := assertion.NewSigner(keys[0])
	if err != nil {
		log.Fatal(err)
	}
	model, err := assertion.Sign(map[string]any{
		"type":           "model",
		"authority-id":   "acme",
		"series":         "16",
		"brand-id":       "acme",
		"model":          "fridge",
		"architecture":   "arm64",
		"base":           "core18",
		"gadget":         "fridge-gadget",
		"kernel":         "fridge-kernel",
		"required-snaps": []string{"thermometer", "light"},
		"timestamp":      "2024-04-04T04:04:04Z",
	}, nil, signer)
	if err != nil {
		log.Fatal(err)
	}
	headers, _, _ := strings.Cut(string(model.Content()), "\nsign-key-sha3-384:")
	fmt.Println(headers)
	// Output:
	// type: model
	// authority-id: acme
	// series: 16
	// brand-id: acme
	// model: fridge
	// architecture: arm64
	// base: core18
	// gadget: fridge-gadget
	// kernel: fridge-kernel
	// required-snaps:
	//   - thermometer
	//   - light
	// timestamp: 2024-04-04T04:04:04Z
}

// Typed views have the headers as Go values.
func ExampleAs() {
	data, err := os.ReadFile("../roots/canonical.assert")
	if err != nil {
		log.Fatal(err)
	}
	first, _, _ := strings.Cut(string(data), "\n\ntype: account-key")
	a, err := assertion.Parse([]byte(first))
	if err != nil {
		log.Fatal(err)
	}
	account, err := assertion.As[assertion.Account](a)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(account.DisplayName, account.Validation, account.Timestamp.Year())
	// Output: Canonical verified 2016
}

// Errors name the link that is missing.
func ExampleMissingError() {
	a, err := assertion.Sign(map[string]any{
		"type":         "account",
		"authority-id": "nobody",
		"account-id":   "acme",
		"display-name": "Acme",
		"validation":   "unproven",
		"timestamp":    "2024-04-04T04:04:04Z",
	}, nil, assertiontest.Signer(assertiontest.StoreKey))
	if err != nil {
		log.Fatal(err)
	}
	err = assertion.Verify(a, new(assertion.Memory), time.Now())
	var missing *assertion.MissingError
	if errors.As(err, &missing) {
		fmt.Println(missing.For, "lacks its", missing.Role)
	}
	// Output: account/acme lacks its signing key
}
