module example.invalid/l1l2

go 1.21

require github.com/ebitengine/purego v0.10.2 // v0.11 needs Go 1.25
