package worker

import (
	"context"
	"math"
	"time"

	deploymentpb "go.temporal.io/api/deployment/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/log"
)

const (
	defaultExecutionSize                = 1000
	defaultPollers                      = 2
	defaultActivitiesPerSecond          = 100_000
	defaultStickyScheduleToStartTimeout = 5 * time.Second
	defaultEagerReservations            = 3

	// pollTimeout bounds a poll. The server answers an empty one after a
	// minute; the rest is for the way.
	pollTimeout = 70 * time.Second
	// pollGracePeriod is how long polls may fail with an error that looks
	// final before the worker gives up: proxies and restarting servers
	// sometimes answer strangely.
	pollGracePeriod = 2 * time.Minute
	// stopGracePeriod is how long Stop waits for tasks whose contexts have
	// ended.
	stopGracePeriod = time.Second
)

// Connection is what a worker needs of its client.
type Connection struct {
	// Service is the server. Its calls retry what may be retried and bound
	// themselves, except polls.
	Service   workflowservice.WorkflowServiceClient
	Namespace string
	Logger    log.Logger

	DataConverter      converter.DataConverter
	FailureConverter   converter.FailureConverter
	ContextPropagators []flow.ContextPropagator

	// Capabilities asks the server what it can do.
	Capabilities func(context.Context) (*workflowservice.GetSystemInfoResponse_Capabilities, error)
	// Client is the client.Client itself, for activity.GetClient.
	Client any
}

// Config of a Worker. Zero values mean the defaults; the public package worker
// documents them.
type Config struct {
	Connection Connection
	TaskQueue  string
	Identity   string
	Registry   *registry.Registry

	MaxConcurrentActivityExecutionSize      int
	MaxConcurrentLocalActivityExecutionSize int
	MaxConcurrentWorkflowTaskExecutionSize  int
	MaxConcurrentActivityTaskPollers        int
	MaxConcurrentWorkflowTaskPollers        int
	WorkerActivitiesPerSecond               float64
	WorkerLocalActivitiesPerSecond          float64
	TaskQueueActivitiesPerSecond            float64

	EnableLoggingInReplay        bool
	StickyScheduleToStartTimeout time.Duration
	BackgroundActivityContext    context.Context
	WorkflowPanicPolicy          flow.PanicPolicy
	WorkerStopTimeout            time.Duration
	DisableWorkflowWorker        bool
	LocalActivityWorkerOnly      bool
	DeadlockDetectionTimeout     time.Duration
	MaxHeartbeatThrottle         time.Duration
	DefaultHeartbeatThrottle     time.Duration
	OnFatalError                 func(error)

	DisableEagerActivities                      bool
	MaxEagerActivityReservationsPerWorkflowTask int
	MaxConcurrentEagerActivityExecutionSize     int

	// BuildID of the worker, derived from the binary if empty.
	BuildID string
	// UseBuildIDForVersioning opts into versioning by build id.
	UseBuildIDForVersioning bool
	// DeploymentVersion the worker belongs to, nil if none.
	DeploymentVersion *deploymentpb.WorkerDeploymentVersion
	// DefaultVersioningBehavior of workflow types that declare none.
	DefaultVersioningBehavior VersioningBehavior
}

func (c *Config) setDefaults() {
	setDefault(&c.MaxConcurrentActivityExecutionSize, defaultExecutionSize)
	setDefault(&c.MaxConcurrentLocalActivityExecutionSize, defaultExecutionSize)
	setDefault(&c.MaxConcurrentWorkflowTaskExecutionSize, defaultExecutionSize)
	setDefault(&c.MaxConcurrentActivityTaskPollers, defaultPollers)
	setDefault(&c.MaxConcurrentWorkflowTaskPollers, defaultPollers)
	setDefault(&c.WorkerActivitiesPerSecond, defaultActivitiesPerSecond)
	setDefault(&c.WorkerLocalActivitiesPerSecond, defaultActivitiesPerSecond)
	if c.TaskQueueActivitiesPerSecond == 0 {
		c.TaskQueueActivitiesPerSecond = defaultActivitiesPerSecond
	} else {
		// The server does not count eager activities against the limit.
		c.DisableEagerActivities = true
	}
	setDefault(&c.StickyScheduleToStartTimeout, defaultStickyScheduleToStartTimeout)
	setDefault(&c.MaxEagerActivityReservationsPerWorkflowTask, defaultEagerReservations)
	if c.MaxConcurrentEagerActivityExecutionSize <= 0 {
		c.MaxConcurrentEagerActivityExecutionSize = math.MaxInt
	}
	if c.BackgroundActivityContext == nil {
		c.BackgroundActivityContext = context.Background()
	}
	if c.BuildID == "" {
		c.BuildID = binaryChecksum()
	}
	if c.DeploymentVersion != nil {
		c.BuildID = c.DeploymentVersion.GetBuildId()
	}
}

func setDefault[T int | float64 | time.Duration](value *T, byDefault T) {
	if *value <= 0 {
		*value = byDefault
	}
}
