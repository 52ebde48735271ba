package handover

// Names are the ports of a server by name.
var Names = []string{"grpc", "http", "ui", "metrics"}
