// Package extstore keeps large payloads out of histories: they are stored by drivers of the
// user's, and references to them are sent in their place.
//
// A [Storage] is made for a client of its options, and for each worker of the client
// ([Storage.ForWorker]). [Storage.Store] replaces payloads of a message that is about to be
// sent, after data converters and codecs have made them, and [Storage.Retrieve] brings them
// back into a message that has come, before it is decoded. Both do nothing on a nil Storage,
// which is what a program without drivers has: what it cannot retrieve fails to decode.
//
// Payloads of one list go to a driver together.
package extstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/proxy"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/log"
)

const (
	defaultPayloadSizeThreshold    = 256 << 10
	defaultMaxDriverOperations     = 64
	defaultMaxOperationsPerMessage = 8
)

// ErrNoDriver is the error for a payload that was stored if there is no driver at all.
var ErrNoDriver = errors.New("[TMPRL1105] Externally stored payload encountered but no storage driver is configured")

// Storage stores and retrieves payloads. It is safe for concurrent use.
type Storage struct {
	drivers    map[string]StorageDriver
	types      []string
	selector   StorageDriverSelector
	threshold  int
	maxAll     int
	maxMessage int
	all        places
	logger     log.Logger
}

// New returns the storage of a client, nil if the options have no drivers.
func New(options ExternalStorage, logger log.Logger) (*Storage, error) {
	switch {
	case options.PayloadSizeThreshold < 0:
		return nil, errors.New("PayloadSizeThreshold must not be negative")
	case options.Concurrency.MaxDriverOperations < 0:
		return nil, errors.New("Concurrency.MaxDriverOperations must not be negative")
	case options.Concurrency.MaxOperationsPerMessage < 0:
		return nil, errors.New("Concurrency.MaxOperationsPerMessage must not be negative")
	case len(options.Drivers) > 1 && options.DriverSelector == nil:
		return nil, errors.New("DriverSelector must be set when more than one driver is provided")
	case len(options.Drivers) == 0:
		return nil, nil
	}
	s := &Storage{
		drivers:    make(map[string]StorageDriver, len(options.Drivers)),
		selector:   options.DriverSelector,
		threshold:  orDefault(options.PayloadSizeThreshold, defaultPayloadSizeThreshold),
		maxAll:     orDefault(options.Concurrency.MaxDriverOperations, defaultMaxDriverOperations),
		maxMessage: orDefault(options.Concurrency.MaxOperationsPerMessage, defaultMaxOperationsPerMessage),
		logger:     logger,
	}
	kinds := map[string]bool{}
	for _, driver := range options.Drivers {
		if s.drivers[driver.Name()] != nil {
			return nil, fmt.Errorf("duplicate storage driver name: %q", driver.Name())
		}
		s.drivers[driver.Name()] = driver
		if kind := driver.Type(); !kinds[kind] {
			kinds[kind] = true
			s.types = append(s.types, kind)
		}
	}
	if s.selector == nil {
		s.selector = always{options.Drivers[0]}
	}
	s.all = make(places, s.maxAll)
	return s, nil
}

// always selects one driver.
type always struct{ StorageDriver }

func (a always) SelectDriver(StorageDriverSelectContext, *commonpb.Payload) (StorageDriver, error) {
	return a.StorageDriver, nil
}

func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

// ForWorker returns the storage of a worker of the client, with bounds of its own.
func (s *Storage) ForWorker(logger log.Logger) *Storage {
	if s == nil {
		return nil
	}
	own := *s
	own.logger = logger
	own.all = make(places, s.maxAll)
	return &own
}

// DriverTypes are the types of the drivers, each once.
func (s *Storage) DriverTypes() []string {
	if s == nil {
		return nil
	}
	return s.types
}

type targetKey struct{}

// WithTarget returns ctx in which payloads are stored for target.
func WithTarget(ctx context.Context, target StorageDriverTargetInfo) context.Context {
	return context.WithValue(ctx, targetKey{}, target)
}

// TargetOf returns what WithTarget put into ctx, or nil.
func TargetOf(ctx context.Context) StorageDriverTargetInfo {
	target, _ := ctx.Value(targetKey{}).(StorageDriverTargetInfo)
	return target
}

// Retarget returns whom the payloads in a part of a message are for, or nil if that is
// no other than those around it.
type Retarget func(part proto.Message) StorageDriverTargetInfo

// Store stores payloads of m that are large, and puts references in their places. They
// belong to the target of ctx, except where retarget, which may be nil, says otherwise.
func (s *Storage) Store(ctx context.Context, m proto.Message, retarget Retarget) error {
	// Encoded it is larger than any payload in it.
	if s == nil || proto.Size(m) < s.threshold {
		return nil
	}
	options := s.visit(s.store)
	if retarget != nil {
		options.ContextHook = func(ctx context.Context, part proto.Message) (context.Context, error) {
			if target := retarget(part); target != nil {
				ctx = WithTarget(ctx, target)
			}
			return ctx, nil
		}
	}
	return proxy.VisitPayloads(ctx, m, options)
}

// Stored returns m with payloads that are large stored, as Store does it, and leaves m as it
// is: somebody still uses the payloads in it. It returns m itself if there is nothing to do.
func Stored[M proto.Message](ctx context.Context, s *Storage, m M, retarget Retarget) (M, error) {
	if s == nil || proto.Size(m) < s.threshold {
		return m, nil
	}
	stored := proto.CloneOf(m)
	return stored, s.Store(ctx, stored, retarget)
}

// Retrieve puts what was stored into the places of references in m.
func (s *Storage) Retrieve(ctx context.Context, m proto.Message) error {
	if s == nil {
		if hasReference(m) {
			return ErrNoDriver
		}
		return nil
	}
	return proxy.VisitPayloads(ctx, m, s.visit(s.retrieve))
}

// StorePayloads is Store for payloads without a message. The list it returns may be the one
// it was given, which it does not change.
func (s *Storage) StorePayloads(ctx context.Context, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if s == nil {
		return payloads, nil
	}
	return s.store(ctx, make(places, s.maxMessage), payloads)
}

// RetrievePayloads is Retrieve for payloads without a message. Unlike Retrieve, it fails
// with ErrNoDriver if there is something to retrieve for a nil Storage.
func (s *Storage) RetrievePayloads(ctx context.Context, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if s == nil {
		if slices.ContainsFunc(payloads, IsReference) {
			return nil, ErrNoDriver
		}
		return payloads, nil
	}
	return s.retrieve(ctx, make(places, s.maxMessage), payloads)
}

// Unstored returns those of the payloads that StorePayloads would not store.
func (s *Storage) Unstored(ctx context.Context, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if s == nil {
		return payloads, nil
	}
	var unstored []*commonpb.Payload
	for _, payload := range payloads {
		driver, err := s.driverFor(ctx, payload)
		if err != nil {
			return nil, err
		}
		if driver == nil {
			unstored = append(unstored, payload)
		}
	}
	return unstored, nil
}

type visitor func(context.Context, places, []*commonpb.Payload) ([]*commonpb.Payload, error)

func (s *Storage) visit(apply visitor) proxy.VisitPayloadsOptions {
	message := make(places, s.maxMessage)
	return proxy.VisitPayloadsOptions{
		SkipSearchAttributes: true,
		ConcurrencyLimit:     s.maxMessage,
		Visitor: func(at *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return apply(at.Context, message, payloads)
		},
	}
}
