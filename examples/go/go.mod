module example

go 1.19

require github.com/ebitengine/purego v0.10.2 // v0.11 needs Go 1.25
