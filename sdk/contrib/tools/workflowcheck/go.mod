module github.com/perdure/perdure/sdk/contrib/tools/workflowcheck

go 1.26.0

require (
	go.yaml.in/yaml/v3 v3.0.4
	golang.org/x/tools v0.51.0
)

require (
	golang.org/x/mod v0.41.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
)
