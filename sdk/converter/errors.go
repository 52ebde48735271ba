package converter

import "errors"

// Errors of converters, to be tested for with errors.Is.
var (
	// ErrMetadataIsNotSet is returned for a payload without metadata.
	ErrMetadataIsNotSet = errors.New("metadata is not set")
	// ErrEncodingIsNotSet is returned for a payload whose metadata names no encoding.
	ErrEncodingIsNotSet = errors.New("payload encoding metadata is not set")
	// ErrEncodingIsNotSupported is returned for a payload of an encoding that no
	// converter knows.
	ErrEncodingIsNotSupported = errors.New("payload encoding is not supported")
	// ErrUnableToEncode is returned when a value cannot be encoded.
	ErrUnableToEncode = errors.New("unable to encode")
	// ErrUnableToDecode is returned when a payload's data does not decode into the
	// type asked for.
	ErrUnableToDecode = errors.New("unable to decode")
	// ErrUnableToSetValue is returned when the pointer to decode into is nil.
	ErrUnableToSetValue = errors.New("unable to set value")
	// ErrUnableToFindConverter is returned for a value that no converter takes.
	ErrUnableToFindConverter = errors.New("unable to find converter")
	// ErrTypeNotImplementProtoMessage is returned when a protobuf payload is decoded
	// into something that is not a protobuf message.
	ErrTypeNotImplementProtoMessage = errors.New("type doesn't implement proto.Message")
	// ErrValuePtrIsNotPointer is returned when the value to decode into is not a
	// pointer.
	ErrValuePtrIsNotPointer = errors.New("not a pointer type")
	// ErrValuePtrMustConcreteType is returned when a protobuf payload is decoded into
	// an interface: the payload alone does not say which Go type to make.
	ErrValuePtrMustConcreteType = errors.New("must be a concrete type, not interface")
	// ErrTypeIsNotByteSlice is returned when plain bytes are decoded into another
	// type.
	ErrTypeIsNotByteSlice = errors.New("type is not *[]byte")
)
