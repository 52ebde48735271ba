package config

import (
	"strings"

	"github.com/spf13/pflag"
)

// AddFlags adds a flag for each setting. Load takes what they are given.
func (c *Config) AddFlags(flags *pflag.FlagSet) {
	for _, s := range c.schema.settings {
		s.flag = &flagValue{setting: s}
		usage := s.Doc
		if s.List {
			usage += "; may be repeated"
		}
		flag := flags.VarPF(s.flag, s.FlagName, s.Short, usage)
		if s.Type == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
}

// flagValue keeps what a flag was given until Load.
type flagValue struct {
	setting *Setting
	values  []string // nil if the flag was not given
}

// String implements pflag.Value: the default.
func (v *flagValue) String() string {
	switch {
	case v.setting == nil:
		return "" // the zero value, which pflag makes to compare with
	case v.values != nil:
		return strings.Join(v.values, ", ")
	}
	return v.setting.Default
}

// Type implements pflag.Value.
func (v *flagValue) Type() string { return v.setting.Type }

// Set implements pflag.Value.
func (v *flagValue) Set(value string) error {
	if !v.setting.List {
		v.values = nil
	}
	v.values = append(v.values, value)
	return nil
}
