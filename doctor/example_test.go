package doctor_test

import (
	"context"
	"fmt"

	"github.com/gosling-rwkv/gosling/doctor"
	"github.com/gosling-rwkv/gosling/lm"
)

func ExampleRun() {
	report, err := doctor.Run(context.Background(), doctor.Options{
		Options: lm.Options{Libraries: "nowhere"}, NamedBy: "--ggml", Version: "gosling 1.0",
	})
	fmt.Println(report.Checks[0].Text, report.Problems, err)
	for _, check := range report.Checks {
		if check.Status == doctor.Problem {
			fmt.Println(check.Name+":", check.Advice)
		}
	}
	// Output:
	// gosling 1.0 1 <nil>
	// libraries: name another folder, or leave --ggml out to search the usual places
}
