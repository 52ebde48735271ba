package temporalnexus

import (
	"github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"
	apinexus "go.temporal.io/api/temporalnexus"
	"google.golang.org/protobuf/proto"
)

// ConvertLinkWorkflowEventToNexusLink returns the link to an event of a workflow as Nexus has it.
func ConvertLinkWorkflowEventToNexusLink(we *commonpb.Link_WorkflowEvent) nexus.Link {
	return apinexus.ConvertLinkWorkflowEventToNexusLink(we)
}

// ConvertNexusLinkToLinkWorkflowEvent is the reverse of ConvertLinkWorkflowEventToNexusLink.
func ConvertNexusLinkToLinkWorkflowEvent(link nexus.Link) (*commonpb.Link_WorkflowEvent, error) {
	return apinexus.ConvertNexusLinkToLinkWorkflowEvent(link)
}

// ConvertLinkNexusOperationToNexusLink returns the link to a Nexus operation as Nexus has it.
func ConvertLinkNexusOperationToNexusLink(no *commonpb.Link_NexusOperation) nexus.Link {
	return apinexus.ConvertLinkNexusOperationToNexusLink(no)
}

// ConvertNexusLinkToLinkNexusOperation is the reverse of ConvertLinkNexusOperationToNexusLink.
func ConvertNexusLinkToLinkNexusOperation(link nexus.Link) (*commonpb.Link_NexusOperation, error) {
	return apinexus.ConvertNexusLinkToLinkNexusOperation(link)
}

// ConvertWorkflowLinkToNexusLink returns the link to a workflow as Nexus has it.
func ConvertWorkflowLinkToNexusLink(workflowLink *commonpb.Link_Workflow) nexus.Link {
	return apinexus.ConvertLinkWorkflowToNexusLink(workflowLink)
}

// ConvertNexusLinkToLinkWorkflow is the reverse of ConvertWorkflowLinkToNexusLink.
func ConvertNexusLinkToLinkWorkflow(link nexus.Link) (*commonpb.Link_Workflow, error) {
	return apinexus.ConvertNexusLinkToLinkWorkflow(link)
}

// ConvertLinkActivityToNexusLink returns the link to an activity as Nexus has it.
func ConvertLinkActivityToNexusLink(a *commonpb.Link_Activity) nexus.Link {
	return apinexus.ConvertLinkActivityToNexusLink(a)
}

// ConvertNexusLinkToLinkActivity is the reverse of ConvertLinkActivityToNexusLink.
func ConvertNexusLinkToLinkActivity(link nexus.Link) (*commonpb.Link_Activity, error) {
	return apinexus.ConvertNexusLinkToLinkActivity(link)
}

// ConvertCommonLinkToNexusLink returns a link of any kind as Nexus has it, the zero value if there
// is no form for it.
func ConvertCommonLinkToNexusLink(commonLink *commonpb.Link) nexus.Link {
	switch link := commonLink.GetVariant().(type) {
	case *commonpb.Link_WorkflowEvent_:
		return ConvertLinkWorkflowEventToNexusLink(link.WorkflowEvent)
	case *commonpb.Link_Workflow_:
		return ConvertWorkflowLinkToNexusLink(link.Workflow)
	case *commonpb.Link_NexusOperation_:
		return ConvertLinkNexusOperationToNexusLink(link.NexusOperation)
	case *commonpb.Link_Activity_:
		return ConvertLinkActivityToNexusLink(link.Activity)
	}
	return nexus.Link{}
}

// linkDecoders convert Nexus links, by their type.
var linkDecoders = map[string]func(nexus.Link) (*commonpb.Link, error){
	typeName(&commonpb.Link_WorkflowEvent{}): func(link nexus.Link) (*commonpb.Link, error) {
		l, err := ConvertNexusLinkToLinkWorkflowEvent(link)
		return &commonpb.Link{Variant: &commonpb.Link_WorkflowEvent_{WorkflowEvent: l}}, err
	},
	typeName(&commonpb.Link_Workflow{}): func(link nexus.Link) (*commonpb.Link, error) {
		l, err := ConvertNexusLinkToLinkWorkflow(link)
		return &commonpb.Link{Variant: &commonpb.Link_Workflow_{Workflow: l}}, err
	},
	typeName(&commonpb.Link_NexusOperation{}): func(link nexus.Link) (*commonpb.Link, error) {
		l, err := ConvertNexusLinkToLinkNexusOperation(link)
		return &commonpb.Link{Variant: &commonpb.Link_NexusOperation_{NexusOperation: l}}, err
	},
	typeName(&commonpb.Link_Activity{}): func(link nexus.Link) (*commonpb.Link, error) {
		l, err := ConvertNexusLinkToLinkActivity(link)
		return &commonpb.Link{Variant: &commonpb.Link_Activity_{Activity: l}}, err
	},
}

func typeName(m proto.Message) string { return string(m.ProtoReflect().Descriptor().FullName()) }
