package flow

import "testing"

func TestAPreferredVersionIsRecordedAndKept(t *testing.T) {
	for name, test := range map[string]struct {
		prefer *VersionPreference
		want   string
	}{
		"none":             {nil, "3"},
		"a supported one":  {&VersionPreference{Version: 2}, "2"},
		"too new, clamped": {&VersionPreference{Version: 9, ClampToSupportedRange: true}, "3"},
		"too old, clamped": {&VersionPreference{Version: 0, ClampToSupportedRange: true}, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, func(ctx Context) (Version, error) {
				GetVersion(ctx, "change", 1, 3)
				GetSignalChannel(ctx, "go").Receive(ctx, nil)
				return GetVersion(ctx, "change", 1, 3), nil
			})
			s.options.PreferredVersion = func(in PreferredVersionProviderInput) *VersionPreference {
				if in.ChangeID != "change" || in.MinSupported != 1 || in.MaxSupported != 3 || in.WorkflowInfo.WorkflowType.Name != "Workflow" {
					t.Errorf("the provider was asked about %+v", in)
				}
				return test.prefer
			}
			s.run("RecordMarker Version", "UpsertWorkflowSearchAttributes")
			s.evict()
			s.options.PreferredVersion = func(PreferredVersionProviderInput) *VersionPreference {
				t.Error("the provider is asked in replay")
				return nil
			}
			s.signal("go", nil).run("CompleteWorkflowExecution " + test.want)
		})
	}
}

func TestAPreferredVersionThatIsNotSupportedFailsTheTask(t *testing.T) {
	s := newScript(t, func(ctx Context) error { GetVersion(ctx, "change", 1, 3); return nil })
	s.options.PreferredVersion = func(PreferredVersionProviderInput) *VersionPreference { return &VersionPreference{Version: 9} }
	if outcome := s.task().handle(); outcome.Failed == nil {
		t.Fatalf("the outcome is %+v", outcome)
	}
}
