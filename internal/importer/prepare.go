package importer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/admin"
)

// prepare makes the namespace and its search attributes, if they are not here. It reports
// false if there is no namespace, as in a dry run.
func (j *job) prepare(ctx context.Context) (ready bool, err error) {
	there, err := again(ctx, j, j.From.Name, func(ctx context.Context) (*workflowservice.DescribeNamespaceResponse, error) {
		return j.From.Workflow.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: j.Namespace})
	})
	if err != nil {
		return false, fmt.Errorf("namespace %q there: %w", j.Namespace, err)
	}
	j.namespaceID = there.GetNamespaceInfo().GetId()
	_, err = again(ctx, j, j.To.Name, func(ctx context.Context) (*workflowservice.DescribeNamespaceResponse, error) {
		return j.To.Workflow.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: j.Namespace})
	})
	switch {
	case err == nil:
	case codeOf(err) != codes.NotFound:
		return false, fmt.Errorf("namespace %q here: %w", j.Namespace, err)
	default:
		j.report.NamespaceMade = true
		if j.DryRun {
			return false, nil
		}
		if err := j.makeNamespace(ctx, there); err != nil {
			return false, err
		}
	}
	return true, j.makeAttributes(ctx)
}

func (j *job) makeNamespace(ctx context.Context, there *workflowservice.DescribeNamespaceResponse) error {
	_, err := again(ctx, j, j.To.Name, func(ctx context.Context) (*workflowservice.RegisterNamespaceResponse, error) {
		return j.To.Workflow.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace:                        j.Namespace,
			Description:                      there.GetNamespaceInfo().GetDescription(),
			OwnerEmail:                       there.GetNamespaceInfo().GetOwnerEmail(),
			Data:                             there.GetNamespaceInfo().GetData(),
			WorkflowExecutionRetentionPeriod: there.GetConfig().GetWorkflowExecutionRetentionTtl(),
		})
	})
	if err != nil && codeOf(err) != codes.AlreadyExists {
		return fmt.Errorf("make namespace %q: %w", j.Namespace, err)
	}
	// The server's other parts learn of it within moments.
	_, err = again(ctx, j, j.To.Name, func(ctx context.Context) (*admin.ListImportsResponse, error) {
		resp, err := j.Admin.ListImports(ctx, &admin.ListImportsRequest{Namespace: j.Namespace, PageSize: 1})
		if err != nil && codeOf(err) == codes.NotFound {
			return nil, errNotYet
		}
		return resp, err
	})
	return err
}

var errNotYet = errors.New("the namespace is not there yet") // its code is Unknown, which passes

// makeAttributes makes the custom search attributes that are there and not here.
func (j *job) makeAttributes(ctx context.Context) error {
	list := func(server Server) (map[string]enumspb.IndexedValueType, error) {
		resp, err := again(ctx, j, server.Name, func(ctx context.Context) (*operatorservice.ListSearchAttributesResponse, error) {
			return server.Operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: j.Namespace})
		})
		if err != nil {
			return nil, fmt.Errorf("list search attributes: %w", err)
		}
		return resp.GetCustomAttributes(), nil
	}
	there, err := list(j.From)
	if err != nil {
		return err
	}
	here, err := list(j.To)
	if err != nil {
		return err
	}
	missing := maps.Clone(there)
	for name, kind := range here {
		if wanted, ok := there[name]; ok && wanted != kind {
			return fmt.Errorf("search attribute %s is %v there, and %v here: remove or rename one of them", name, wanted, kind)
		}
		delete(missing, name)
	}
	j.report.AttributesMade = slices.Sorted(maps.Keys(missing))
	if len(missing) == 0 || j.DryRun {
		return nil
	}
	_, err = again(ctx, j, j.To.Name, func(ctx context.Context) (*operatorservice.AddSearchAttributesResponse, error) {
		return j.To.Operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: j.Namespace, SearchAttributes: missing})
	})
	if err != nil && codeOf(err) != codes.AlreadyExists {
		return fmt.Errorf("make search attributes: %w", err)
	}
	return nil
}

// closed takes over the histories of closed workflows.
func (j *job) closed(ctx context.Context) error {
	q := "ExecutionStatus != 'Running'"
	if j.Query != "" {
		q += " AND (" + j.Query + ")"
	}
	var families [][]key
	if err := j.each(ctx, q, func(k, _ key) error {
		if !j.told(k) {
			families = append(families, []key{k})
		}
		return nil
	}); err != nil {
		return err
	}
	for i, members := range families {
		if err := j.closedRun(ctx, members[0]); err != nil {
			return err
		}
		j.Progress(i+1, len(families))
	}
	return nil
}

func (j *job) closedRun(ctx context.Context, k key) error {
	f := &family{job: j}
	m := &member{key: k}
	state, err := f.state(ctx, k)
	if err != nil || state.GetImported() {
		return err
	}
	end, err := f.lastEvent(ctx, k)
	if codeOf(err) == codes.NotFound && err != nil {
		return nil // its retention is over
	}
	if err != nil || f.isOurs(m, end) {
		return err
	}
	err = f.copy(ctx, m)
	if err == nil {
		events, readErr := f.since(ctx, k, m.next)
		if readErr != nil {
			return readErr
		}
		err = f.send(ctx, m, events)
	}
	if err == nil {
		err = f.check(ctx, m)
	}
	var refused *refusal
	if errors.As(err, &refused) {
		j.tell(k, Left, refused.reason)
		return f.forget(ctx, m)
	}
	if err != nil {
		return err
	}
	activities, err := proto.Marshal(&workflowservice.DescribeWorkflowExecutionResponse{})
	if err != nil {
		return err
	}
	if _, err := again(ctx, j, j.To.Name, func(ctx context.Context) (*admin.ActivateImportResponse, error) {
		return j.Admin.ActivateImport(ctx, &admin.ActivateImportRequest{Namespace: j.Namespace, WorkflowId: k.workflowID, RunId: k.runID, Activities: activities})
	}); err != nil {
		return err
	}
	j.tell(k, Imported, "")
	return nil
}
