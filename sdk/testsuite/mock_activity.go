package testsuite

import (
	"context"

	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// activityMocks is the innermost interceptor of activities: it calls the mock, if there is
// one, in place of the function.
type activityMocks struct{ env *TestWorkflowEnvironment }

func (m activityMocks) InterceptActivity(_ context.Context, next activities.ActivityInboundInterceptor) activities.ActivityInboundInterceptor {
	return &mockedActivity{ActivityInboundInterceptorBase: activities.ActivityInboundInterceptorBase{Next: next}, env: m.env}
}

type mockedActivity struct {
	activities.ActivityInboundInterceptorBase
	env *TestWorkflowEnvironment
}

func (m *mockedActivity) ExecuteActivity(ctx context.Context, in *activities.ExecuteActivityInput) (result any, err error) {
	env := activities.FromContext(ctx)
	info := env.Info
	if err := m.tell(ctx, &info, in.Args); err != nil {
		return nil, err
	}
	name := info.ActivityType.Name
	if !m.env.expectedActivities[name] {
		return m.Next.ExecuteActivity(ctx, in)
	}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case interrupted:
			result, err = nil, p.err
		default:
			panic(p)
		}
	}()
	function, ok := m.env.registry.Activity(name)
	if !ok {
		return m.Next.ExecuteActivity(ctx, in)
	}
	args := in.Args
	if function.TakesContext() {
		args = append([]any{ctx}, args...)
	}
	returned := m.env.activityMock.MethodCalled(name, args...)
	if call := mockFunction(name, function.Type(), returned); call != nil {
		replacement, err := registry.NewActivityFunction(name, call)
		if err != nil {
			return nil, err
		}
		return replacement.Call(ctx, in.Args)
	}
	return mockValues(name, function.Type(), returned)
}

// tell tells the test that an activity starts, and waits until it knows.
func (m *mockedActivity) tell(ctx context.Context, info *activities.Info, args []any) error {
	if info.IsLocalActivity {
		if listener := m.env.localActivityStarted; listener != nil {
			m.env.engine.Call(func() { listener(info, ctx, args) })
		}
		return nil
	}
	listener := m.env.activityStarted
	if listener == nil {
		return nil
	}
	dc := activities.FromContext(ctx).Converter
	input, err := dc.ToPayloads(args...)
	if err != nil {
		return err
	}
	m.env.engine.Call(func() { listener(info, ctx, encoded.NewValues(input, dc)) })
	return nil
}
