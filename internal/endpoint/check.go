package endpoint

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/google/uuid"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/check"
)

// Limits are those of the fields of endpoints, in bytes.
type Limits struct {
	Name, URL, Description int
	// Fields are those of what is not of endpoints alone.
	Fields *check.Limits
}

// names are those that an endpoint may have: they are part of paths.
var names = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9\-]*[a-zA-Z0-9]$`)

// issues are all that is wrong with a request.
type issues []string

func (i *issues) add(format string, args ...any) { *i = append(*i, fmt.Sprintf(format, args...)) }

func (i issues) err() error {
	if len(i) == 0 {
		return nil
	}
	return serviceerror.NewInvalidArgument(strings.Join(i, ", "))
}

// CheckSpec checks what an endpoint is to be, and tells all that is wrong with it.
// NamespaceID returns the id of the namespace with a name, which CheckSpec returns of that
// of a worker. It fails with FailedPrecondition if there is none.
func CheckSpec(spec *nexuspb.EndpointSpec, limits Limits, namespaceID func(name string) (string, error)) (id string, err error) {
	var wrong issues
	wrong.addName(spec.GetName(), limits.Name)
	if spec.GetTarget().GetVariant() == nil {
		wrong.add("empty target variant")
		return "", wrong.err()
	}
	switch target := spec.Target.Variant.(type) {
	case *nexuspb.EndpointTarget_Worker_:
		if name := target.Worker.GetNamespace(); name == "" {
			wrong.add("target namespace not set")
		} else if id, err = namespaceID(name); err != nil {
			return "", serviceerror.NewFailedPreconditionf("could not verify namespace referenced by target exists: %v", err)
		}
		wrong.addTaskQueue(target.Worker.GetTaskQueue(), limits.Fields)
	case *nexuspb.EndpointTarget_External_:
		wrong.addURL(target.External.GetUrl(), limits.URL)
	}
	if proto.Size(spec.GetDescription()) > limits.Description {
		wrong.add("description size exceeds limit of %d", limits.Description)
	}
	return id, wrong.err()
}

func (i *issues) addName(name string, limit int) {
	if name == "" {
		i.add("endpoint name not set")
		return
	}
	if len(name) > limit {
		i.add("endpoint name exceeds length limit of %d", limit)
	}
	if !names.MatchString(name) {
		i.add("endpoint name must match the regex: %q", names)
	}
}

func (i *issues) addTaskQueue(name string, limits *check.Limits) {
	if name == "" {
		i.add("invalid target task queue: %q", "taskQueue is not set")
	} else if err := limits.CheckTaskQueueName(name); err != nil {
		i.add("invalid target task queue: %q", err.Error())
	}
}

func (i *issues) addURL(text string, limit int) {
	switch parsed, err := url.Parse(text); {
	case text == "":
		i.add("empty target URL")
	case len(text) > limit:
		i.add("target URL length exceeds limit of %d", limit)
	case err != nil:
		i.add("invalid target URL: %s", err)
	case parsed.Scheme != "http" && parsed.Scheme != "https":
		i.add("invalid target URL scheme: %q, expected http or https", parsed.Scheme)
	}
}

// CheckID checks the id of an endpoint.
func CheckID(id string) error {
	var wrong issues
	wrong.addID(id)
	return wrong.err()
}

// CheckDelete checks the id and the version of an endpoint that is to be deleted.
func CheckDelete(id string, version int64) error {
	var wrong issues
	wrong.addID(id)
	if version <= 0 {
		wrong.add("endpoint version is non-positive")
	}
	return wrong.err()
}

func (i *issues) addID(id string) {
	if id == "" {
		i.add("endpoint ID not set")
	} else if _, err := uuid.Parse(id); err != nil {
		i.add("malformed endpoint ID: %q", err.Error())
	}
}
