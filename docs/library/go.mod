module library

go 1.26.0

require github.com/gosling-rwkv/gosling v0.0.0

require (
	github.com/ebitengine/purego v0.11.3 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/gosling-rwkv/gosling => ../..
