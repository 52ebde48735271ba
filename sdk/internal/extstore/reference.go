package extstore

import (
	"encoding/json"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	metadataEncoding    = "encoding"
	metadataMessageType = "messageType"

	encodingProtoJSON = "json/protobuf"
	// encodingLegacy was written by older SDKs.
	encodingLegacy = "json/external-storage-reference"
)

// MessageType is the name of the message that stands for a payload that was stored.
var MessageType = string((*sdkpb.ExternalStorageReference)(nil).ProtoReflect().Descriptor().FullName())

// IsReference tells whether p stands for a payload that was stored.
func IsReference(p *commonpb.Payload) bool {
	switch string(p.GetMetadata()[metadataEncoding]) {
	case encodingProtoJSON:
		return string(p.GetMetadata()[metadataMessageType]) == MessageType
	case encodingLegacy:
		return true
	default:
		return false
	}
}

// newReference returns what takes the place of stored in a message.
func newReference(driver string, claim StorageDriverClaim, stored *commonpb.Payload) (*commonpb.Payload, error) {
	data, err := protojson.Marshal(&sdkpb.ExternalStorageReference{DriverName: driver, ClaimData: claim.ClaimData})
	if err != nil {
		return nil, fmt.Errorf("encode the reference to a stored payload: %w", err)
	}
	return &commonpb.Payload{
		Metadata: map[string][]byte{
			metadataEncoding:    []byte(encodingProtoJSON),
			metadataMessageType: []byte(MessageType),
		},
		Data:             data,
		ExternalPayloads: []*commonpb.Payload_ExternalPayloadDetails{{SizeBytes: int64(proto.Size(stored))}},
	}, nil
}

// parseReference returns what p says about where its payload is.
func parseReference(p *commonpb.Payload) (driver string, claim StorageDriverClaim, err error) {
	if string(p.GetMetadata()[metadataEncoding]) == encodingLegacy {
		var legacy struct {
			DriverName  string             `json:"driver_name"`
			DriverClaim StorageDriverClaim `json:"driver_claim"`
		}
		if err := json.Unmarshal(p.GetData(), &legacy); err != nil {
			return "", StorageDriverClaim{}, fmt.Errorf("decode the reference to a stored payload: %w", err)
		}
		return legacy.DriverName, legacy.DriverClaim, nil
	}
	reference := &sdkpb.ExternalStorageReference{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(p.GetData(), reference); err != nil {
		return "", StorageDriverClaim{}, fmt.Errorf("decode the reference to a stored payload: %w", err)
	}
	return reference.GetDriverName(), StorageDriverClaim{ClaimData: reference.GetClaimData()}, nil
}
