module example

go 1.21

require example.invalid/l1l2 v0.0.0

require github.com/ebitengine/purego v0.10.2 // indirect

replace example.invalid/l1l2 => ../../bindings/go
