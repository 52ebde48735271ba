module github.com/perdure/perdure/sdk

go 1.26
