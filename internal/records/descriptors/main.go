// Command descriptors writes a protobuf descriptor set of the Temporal API
// messages that records.proto imports, together with records.proto's other
// imports, so that protoc needs no .proto files of theirs.
package main

import (
	"flag"
	"log"
	"os"

	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	rulespb "go.temporal.io/api/rules/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func main() {
	out := flag.String("o", "", "file to write")
	flag.Parse()

	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	var add func(protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		imports := file.Imports()
		for i := range imports.Len() {
			add(imports.Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
	}
	for _, file := range []protoreflect.FileDescriptor{
		activitypb.File_temporal_api_activity_v1_message_proto,
		timestamppb.File_google_protobuf_timestamp_proto,
		durationpb.File_google_protobuf_duration_proto,
		commonpb.File_temporal_api_common_v1_message_proto,
		enumspb.File_temporal_api_enums_v1_workflow_proto,
		enumspb.File_temporal_api_enums_v1_common_proto,
		enumspb.File_temporal_api_enums_v1_failed_cause_proto,
		failurepb.File_temporal_api_failure_v1_message_proto,
		sdkpb.File_temporal_api_sdk_v1_user_metadata_proto,
		nexuspb.File_temporal_api_nexus_v1_message_proto,
		rulespb.File_temporal_api_rules_v1_message_proto,
		schedulepb.File_temporal_api_schedule_v1_message_proto,
		workflowpb.File_temporal_api_workflow_v1_message_proto,
		workflowservice.File_temporal_api_workflowservice_v1_request_response_proto,
	} {
		add(file)
	}
	data, err := proto.Marshal(set)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, data, 0o600); err != nil {
		log.Fatal(err)
	}
}
