package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/perdure/perdure/internal/config"
)

// load loads settings of a file with the text, of variables and of flags.
func load(t *testing.T, kind config.Kind, text string, environment []string, args ...string) (*config.Config, []string, error) {
	t.Helper()
	file := ""
	if text != "" {
		file = filepath.Join(t.TempDir(), "perdure.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := config.New(kind)
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	c.AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	warnings, err := c.Load(file, environment)
	return c, warnings, err
}

func origin(c *config.Config, key string) string {
	for _, s := range c.Settings() {
		if s.Key == key {
			return filepath.Base(s.Origin().String())
		}
	}
	return "no such setting"
}

func TestAFlagGoesBeforeAVariableAndThatBeforeTheFile(t *testing.T) {
	c, _, err := load(t, config.Production, "dataDir: /file\nretention: 7d\nlisten:\n  ip: 127.0.0.2\n  port: 1\n",
		[]string{"PERDURE_PORT=2", "PERDURE_IP=127.0.0.3", "HOME=/root"}, "--port", "3")
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "/file" || c.Listen.IP != "127.0.0.3" || c.Listen.Port != 3 || c.Retention != 7*24*time.Hour || c.Log.Level != "info" {
		t.Errorf("settings are %+v", c)
	}
	for key, want := range map[string]string{
		"dataDir": "perdure.yaml:1", "listen.ip": "PERDURE_IP", "listen.port": "--port", "log.level": "default", "retention": "perdure.yaml:2",
	} {
		if got := origin(c, key); got != want {
			t.Errorf("%s is from %s, want %s", key, got, want)
		}
	}
}

func TestListsComeFromAllSources(t *testing.T) {
	c, _, err := load(t, config.Development, `
namespaces: [a, b]
searchAttributes:
  Customer: keyword
dynamicConfig:
  values:
    - limit.blobSize.error=10
`, []string{"PERDURE_SEARCH_ATTRIBUTE=Amount=Double, Customer=Text"}, "--namespace", "c,d", "-n", "e")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Namespaces, []string{"c,d", "e"}) || len(c.SearchAttributes) != 2 || len(c.DynamicConfig.Values) != 1 {
		t.Errorf("settings are %v, %v, %v", c.Namespaces, c.SearchAttributes, c.DynamicConfig.Values)
	}
}

func TestKindsHaveDefaultsAndNamesOfTheirOwn(t *testing.T) {
	c, _, err := load(t, config.Development, "", nil, "-f", "dir", "--log-level", "WARNING")
	if err != nil || c.DataDir != "dir" || c.Log.Level != "warn" || c.Retention != 24*time.Hour {
		t.Errorf("settings are %+v, %v", c, err)
	}
}

func TestWhatIsWrongNamesItsPlace(t *testing.T) {
	for name, test := range map[string]struct {
		file     string
		variable string
		args     []string
		says     []string
	}{
		"unknown keys":          {file: "dataDri: x\nlisten:\n  prot: 1\n", says: []string{"perdure.yaml:1: there is no setting dataDri; did you mean dataDir?", "perdure.yaml:3: there is no setting listen.prot; did you mean listen.port?"}},
		"a key of a section":    {file: "dataDir: x\nport: 1\n", says: []string{":2: there is no setting port; did you mean listen.port?"}},
		"nothing near":          {file: "zzzzzzzz: 1\n", says: []string{":1: there is no setting zzzzzzzz"}},
		"a value":               {file: "dataDir: x\nlisten:\n  port: 70000\n", says: []string{":3: listen.port must be between 0 and 65535, not 70000"}},
		"a list for a value":    {file: "dataDir: [x]\n", says: []string{":1: dataDir must be one value"}},
		"a value for a section": {file: "listen: x\n", says: []string{":1:", "listen must be keys with values"}},
		"a mapping for a list":  {file: "dataDir: x\nnamespaces: {a: b}\n", says: []string{":2: namespaces must be a list of values"}},
		"a key twice":           {file: "dataDir: x\ndataDir: y\n", says: []string{":2: dataDir is there twice, first in line 1"}},
		"no YAML":               {file: "dataDir: x\na: b: c\n", says: []string{"perdure.yaml: line 2: mapping values"}},
		"two documents":         {file: "dataDir: x\n---\ndataDir: y\n", says: []string{"one document"}},
		"a list":                {file: "- a\n", says: []string{":1: the file must be keys with values"}},
		"a variable":            {variable: "PERDURE_RETENTION=1s", says: []string{"PERDURE_RETENTION must be at least 1h, not 1s"}},
		"a flag":                {args: []string{"--log-level", "loud"}, says: []string{`--log-level must be debug, info, warn, error or never, not "loud"`}},
		"an empty address":      {args: []string{"--data-dir", "x", "--ip", ""}, says: []string{"--ip must not be empty"}},
		"a key alone":           {file: "dataDir: x\ntls:\n  keyFile: k\n", says: []string{":3: tls.keyFile needs a certificate"}},
		"a certificate alone":   {args: []string{"--data-dir", "x", "--tls-cert-file", "c"}, says: []string{"--tls-cert-file needs a key"}},
		"nothing at all":        {says: []string{"--data-dir is required", "dataDir", "PERDURE_DATA_DIR"}},
		"several":               {file: "a: 1\n", variable: "PERDURE_PORT=x", args: []string{"--log-format", "xml"}, says: []string{"setting a", "PERDURE_PORT", "--log-format"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(t, config.Production, test.file, []string{test.variable}, test.args...)
			if err == nil {
				t.Fatal("it is taken")
			}
			for _, want := range test.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	for _, file := range []string{"nowhere.yaml", t.TempDir()} {
		if _, err := config.New(config.Production).Load(file, nil); err == nil || !strings.Contains(err.Error(), filepath.Base(file)) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestTheFileCanBeNamedByAVariable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, []byte("dataDir: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config.New(config.Production)
	if _, err := c.Load("", []string{"PERDURE_CONFIG=" + file}); err != nil || c.DataDir != "x" || c.File() != file {
		t.Errorf("%v, data directory %q", err, c.DataDir)
	}
}

func TestVariablesThatAreNoSettingsAreToldOf(t *testing.T) {
	_, warnings, err := load(t, config.Production, "dataDir: x", []string{"PERDURE_DATADIR=y", "PERDURE_PORT=tcp://10.0.0.1:7233", "PERDURE_SERVICE_HOST=10.0.0.1", "PERDURE_PORT_7233_TCP_PROTO=tcp"})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "did you mean PERDURE_DATA_DIR?") {
		t.Errorf("%v, warnings %q", err, warnings)
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte("dataDir: x\nlisten: {port: 1}\n"))
	f.Add([]byte(config.New(config.Production).Example()))
	f.Add([]byte("a: &a [*a]\nlog: *a\n<<: *a\n? {a: b}\n: c\n"))
	f.Add([]byte("searchAttributes: {A: Int, ? [x] : y}\nnamespaces: [[a]]\n--- \n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(dir, "perdure.yaml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c := config.New(config.Production)
		if _, err := c.Load(file, nil); err == nil && c.DataDir == "" {
			t.Error("it is taken without a data directory")
		}
	})
}
