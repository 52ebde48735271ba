package client

//lint:file-ignore SA1019 deployments are deprecated, and kept for the servers that have them

import (
	"context"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	"go.temporal.io/api/workflowservice/v1"
)

type deploymentClient struct{ client *Client }

// DeploymentClient returns the client for deployments.
func (c *Client) DeploymentClient() DeploymentClient { return deploymentClient{c} }

func (d deploymentClient) Describe(ctx context.Context, options DeploymentDescribeOptions) (DeploymentDescription, error) {
	deployment, err := options.Deployment.toProto()
	if err != nil {
		return DeploymentDescription{}, err
	}
	response, err := d.client.service.DescribeDeployment(ctx, &workflowservice.DescribeDeploymentRequest{
		Namespace:  d.client.namespace,
		Deployment: deployment,
	})
	if err != nil {
		return DeploymentDescription{}, err
	}
	return DeploymentDescription{DeploymentInfo: deploymentInfoFromProto(response.GetDeploymentInfo())}, nil
}

func (d deploymentClient) List(ctx context.Context, options DeploymentListOptions) (DeploymentListIterator, error) {
	return newPages("DeploymentListIterator", func(token []byte) ([]*deploymentpb.DeploymentListInfo, []byte, error) {
		response, err := d.client.service.ListDeployments(ctx, &workflowservice.ListDeploymentsRequest{
			Namespace:     d.client.namespace,
			PageSize:      int32(options.PageSize),
			NextPageToken: token,
			SeriesName:    options.SeriesName,
		})
		return response.GetDeployments(), response.GetNextPageToken(), err
	}, func(p *deploymentpb.DeploymentListInfo) *DeploymentListEntry {
		return &DeploymentListEntry{
			Deployment: deploymentFromProto(p.GetDeployment()),
			CreateTime: p.GetCreateTime().AsTime(),
			IsCurrent:  p.GetIsCurrent(),
		}
	}), nil
}

func (d deploymentClient) GetReachability(ctx context.Context, options DeploymentGetReachabilityOptions) (DeploymentReachabilityInfo, error) {
	deployment, err := options.Deployment.toProto()
	if err != nil {
		return DeploymentReachabilityInfo{}, err
	}
	response, err := d.client.service.GetDeploymentReachability(ctx, &workflowservice.GetDeploymentReachabilityRequest{
		Namespace:  d.client.namespace,
		Deployment: deployment,
	})
	if err != nil {
		return DeploymentReachabilityInfo{}, err
	}
	return DeploymentReachabilityInfo{
		DeploymentInfo: deploymentInfoFromProto(response.GetDeploymentInfo()),
		Reachability:   DeploymentReachability(response.GetReachability()),
		LastUpdateTime: response.GetLastUpdateTime().AsTime(),
	}, nil
}

func (d deploymentClient) GetCurrent(ctx context.Context, options DeploymentGetCurrentOptions) (DeploymentGetCurrentResponse, error) {
	if options.SeriesName == "" {
		return DeploymentGetCurrentResponse{}, errors.New("missing series name argument")
	}
	response, err := d.client.service.GetCurrentDeployment(ctx, &workflowservice.GetCurrentDeploymentRequest{
		Namespace:  d.client.namespace,
		SeriesName: options.SeriesName,
	})
	if err != nil {
		return DeploymentGetCurrentResponse{}, err
	}
	return DeploymentGetCurrentResponse{DeploymentInfo: deploymentInfoFromProto(response.GetCurrentDeploymentInfo())}, nil
}

func (d deploymentClient) SetCurrent(ctx context.Context, options DeploymentSetCurrentOptions) (DeploymentSetCurrentResponse, error) {
	deployment, err := options.Deployment.toProto()
	if err != nil {
		return DeploymentSetCurrentResponse{}, err
	}
	entries, err := d.client.encodeMetadata(ctx, options.MetadataUpdate.UpsertEntries)
	if err != nil {
		return DeploymentSetCurrentResponse{}, err
	}
	response, err := d.client.service.SetCurrentDeployment(ctx, &workflowservice.SetCurrentDeploymentRequest{
		Namespace:  d.client.namespace,
		Deployment: deployment,
		Identity:   d.client.identity,
		UpdateMetadata: &deploymentpb.UpdateDeploymentMetadata{
			UpsertEntries: entries,
			RemoveEntries: options.MetadataUpdate.RemoveEntries,
		},
	})
	if err != nil {
		return DeploymentSetCurrentResponse{}, err
	}
	return DeploymentSetCurrentResponse{
		Current:  deploymentInfoFromProto(response.GetCurrentDeploymentInfo()),
		Previous: deploymentInfoFromProto(response.GetPreviousDeploymentInfo()),
	}, nil
}

func (d Deployment) toProto() (*deploymentpb.Deployment, error) {
	switch {
	case d.BuildID == "":
		return nil, errors.New("missing build id in deployment argument")
	case d.SeriesName == "":
		return nil, errors.New("missing series name in deployment argument")
	}
	return &deploymentpb.Deployment{SeriesName: d.SeriesName, BuildId: d.BuildID}, nil
}

func deploymentFromProto(p *deploymentpb.Deployment) Deployment {
	return Deployment{SeriesName: p.GetSeriesName(), BuildID: p.GetBuildId()}
}

func deploymentInfoFromProto(p *deploymentpb.DeploymentInfo) DeploymentInfo {
	info := DeploymentInfo{
		Deployment:      deploymentFromProto(p.GetDeployment()),
		CreateTime:      p.GetCreateTime().AsTime(),
		IsCurrent:       p.GetIsCurrent(),
		TaskQueuesInfos: make([]DeploymentTaskQueueInfo, 0, len(p.GetTaskQueueInfos())),
		Metadata:        p.GetMetadata(),
	}
	for _, queue := range p.GetTaskQueueInfos() {
		info.TaskQueuesInfos = append(info.TaskQueuesInfos, DeploymentTaskQueueInfo{
			Name:            queue.GetName(),
			Type:            TaskQueueType(queue.GetType()),
			FirstPollerTime: queue.GetFirstPollerTime().AsTime(),
		})
	}
	return info
}

// encodeMetadata encodes what users say about a deployment or a version. Payloads stay as
// they are.
func (c *Client) encodeMetadata(ctx context.Context, entries map[string]any) (map[string]*commonpb.Payload, error) {
	dc := c.converterIn(ctx)
	payloads := make(map[string]*commonpb.Payload, len(entries))
	for key, value := range entries {
		payload, ok := value.(*commonpb.Payload)
		if !ok {
			var err error
			if payload, err = dc.ToPayload(value); err != nil {
				return nil, fmt.Errorf("encode deployment metadata %q: %w", key, err)
			}
		}
		payloads[key] = payload
	}
	return payloads, nil
}
