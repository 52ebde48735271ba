package webui

import (
	"cmp"
	"encoding/json"
	"net/http"
)

// settingsReply is what the pages want to know before anything else. The names are
// theirs.
type settingsReply struct {
	Auth             authSettings
	DefaultNamespace string
	DisableNewsFetch bool
	Distribution     string
	Codec            codecSettings
	CustomUI         struct{ Enabled bool }
	Version          string

	ShowTemporalSystemNamespace   bool
	NavCollapsedByDefault         bool
	FeedbackURL                   string
	NotifyOnNewVersion            bool
	DistributionVersion           string
	DisableWriteActions           bool
	WorkflowTerminateDisabled     bool
	WorkflowCancelDisabled        bool
	WorkflowSignalDisabled        bool
	WorkflowUpdateDisabled        bool
	WorkflowResetDisabled         bool
	WorkflowPauseDisabled         bool
	BatchActionsDisabled          bool
	StartWorkflowDisabled         bool
	HideWorkflowQueryErrors       bool
	RefreshWorkflowCountsDisabled bool
	ActivityCommandsDisabled      bool
}

type authSettings struct {
	Enabled            bool
	Options            []string
	RedirectToProvider bool
}

type codecSettings struct {
	Endpoint            string
	PassAccessToken     bool
	IncludeCredentials  bool
	DefaultErrorMessage string
	DefaultErrorLink    string
}

// settings tells the pages how they are to behave. They fetch nothing from other servers,
// be it news or newer versions, but what a codec endpoint decodes.
func settings(options Options) http.Handler {
	var auth authSettings
	if options.SSO != nil {
		auth = authSettings{Enabled: true, Options: options.SSO.Parameters(), RedirectToProvider: options.SSO.Redirects()}
	}
	return fixedJSON(settingsReply{
		Auth:             auth,
		DefaultNamespace: cmp.Or(options.DefaultNamespace, "default"),
		DisableNewsFetch: true,
		Distribution:     "server",
		Codec:            codecSettings{Endpoint: options.CodecEndpoint},
		Version:          Version,
	})
}

// fixedJSON answers with a value that never changes.
func fixedJSON(value any) http.Handler {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // a value of this package that JSON cannot have
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(body)
	})
}
