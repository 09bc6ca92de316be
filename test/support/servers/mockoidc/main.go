// mockoidc as a program: it answers under the address in its argument, and /control sets who signs in.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/oauth2-proxy/mockoidc"
)

type control struct {
	User     *string
	Accounts []mockoidc.MockUser
	Forget   bool
	Rotate   bool
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	server := must(mockoidc.NewServer(nil))
	server.ClientID, server.ClientSecret = "corral", "the-secret-of-corral"
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	if err := server.Start(listener, nil); err != nil {
		panic(err)
	}
	server.Server.Addr = os.Args[1]
	users := map[string]*mockoidc.MockUser{}
	routes := http.NewServeMux()
	routes.Handle("/", server.Server.Handler)
	routes.HandleFunc("/control", func(_ http.ResponseWriter, request *http.Request) {
		var change control
		if err := json.NewDecoder(request.Body).Decode(&change); err != nil {
			panic(err)
		}
		for _, account := range change.Accounts {
			if users[account.Subject] == nil {
				users[account.Subject] = &mockoidc.MockUser{}
			}
			*users[account.Subject] = account
		}
		if change.User != nil {
			if users[*change.User] == nil {
				users[*change.User] = &mockoidc.MockUser{Subject: *change.User}
			}
			server.UserQueue.Queue = []mockoidc.User{users[*change.User]}
		}
		if change.Forget {
			server.SessionStore = mockoidc.NewSessionStore()
		}
		if change.Rotate {
			server.Keypair = must(mockoidc.RandomKeypair(2048))
		}
	})
	server.Server.Handler = routes
	fmt.Println(listener.Addr().String())
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends
}
