package clients

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// url is the address of a server with the demo model.
var url = strings.TrimSuffix(os.Getenv("GOSLING_URL"), "/")

func TestMain(m *testing.M) {
	if url == "" {
		fmt.Println("the variable GOSLING_URL does not name a server with the model demo: use make clients")
		os.Exit(1)
	}
	os.Exit(m.Run())
}
