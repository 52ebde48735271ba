// Package config is what a server is started with: every setting of it, from a
// file, from the environment and from flags.
//
// Config is a struct of all settings, and each is declared once, by one call that
// gives its place in the struct, its key in the file, its default, and what it
// means:
//
//	s.Text(&c.DataDir, "dataDir", "", "directory the data are kept in")
//	s.Int(&c.Listen.Port, 0, 65535, "listen.port", 7233, "port of the gRPC API").Flag("port", "p")
//
// The flag (--data-dir) and the variable of the environment (PERDURE_DATA_DIR)
// follow from the key, unless the declaration says otherwise. The reference in
// docs/configuration.md and the example deploy/perdure.yaml are generated from the
// declarations: go test ./internal/config -rewrite.
//
// How to add a setting: its field in the struct of its section, a line in the
// section's declare method, and the use of the field. A section is a file with a
// struct, a field in Config, and a line in sections. What depends on several
// settings is checked by the section's check method.
//
// A flag goes before the environment, that before the file, that before the
// default. What is wrong says where it was given, by file and line, by variable or
// by flag, and what is meant if the key is not known. All errors are found at once.
//
// What can change while a server runs is not here but in package dynamicconfig.
package config
