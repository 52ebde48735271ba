package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// deployed are the arguments with which the files in deploy start servers, by file.
func deployed(t *testing.T) map[string][]string {
	t.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("../../deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	found := map[string][]string{}

	unit := regexp.MustCompile(`(?m)^ExecStart=\S+ (.*)$`).FindSubmatch(read("systemd/perdure.service"))
	image := regexp.MustCompile(`(?m)^CMD (\[.*\])$`).FindSubmatch(read("docker/Dockerfile"))
	if unit == nil || image == nil {
		t.Fatal("the unit or the image starts no server")
	}
	found["systemd/perdure.service"] = strings.Fields(string(unit[1]))
	var args []string
	if err := json.Unmarshal(image[1], &args); err != nil {
		t.Fatal(err)
	}
	found["docker/Dockerfile"] = args

	var compose struct {
		Services map[string]struct{ Command []string }
	}
	if err := yaml.Unmarshal(read("docker/compose.yaml"), &compose); err != nil {
		t.Fatal(err)
	}
	found["docker/compose.yaml"] = compose.Services["perdure"].Command

	for _, name := range []string{"kubernetes/perdure.yaml", "kubernetes/cluster.yaml"} {
		decoder := yaml.NewDecoder(strings.NewReader(string(read(name))))
		for {
			var object struct {
				Spec struct {
					Template struct {
						Spec struct{ Containers []struct{ Args []string } }
					}
				}
			}
			if decoder.Decode(&object) != nil {
				break
			}
			for _, container := range object.Spec.Template.Spec.Containers {
				found[name] = container.Args
			}
		}
	}
	return found
}

func TestTheFilesForDeploymentStartServersWithSettingsThatTheyTake(t *testing.T) {
	settings := filepath.Join(t.TempDir(), "perdure.yaml")
	_, example, _ := runHere(t, "server", "config", "--example")
	if err := os.WriteFile(settings, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range deployed(t) {
		if len(args) < 5 || args[0] != "server" || args[1] != "start" {
			t.Errorf("%s starts no server: %q", name, args)
			continue
		}
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "/etc/perdure/perdure.yaml", settings)
		}
		args[1] = "config"
		if slices.Contains(args, "--store=postgres") {
			args = append(args, "--postgres-url=postgres://perdure@db/perdure") // it is in the environment, from a secret
		}
		if code, _, stderr := runHere(t, args...); code != 0 {
			t.Errorf("%s: exit code %d\n%s", name, code, stderr)
		}
	}
}

func TestServerConfigRefusesAnAddressThatTheServerWouldNotServe(t *testing.T) {
	code, _, stderr := runHere(t, "server", "config", "--data-dir", "data", "--ip", "0.0.0.0")
	if code != 1 || !strings.Contains(stderr, "--insecure-listen") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}
