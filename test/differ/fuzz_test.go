package differ

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"
)

var (
	fuzzSeconds = flag.Float64("fuzz-seconds", 2, "how long to send the server mutated requests")
	fuzzSeed    = flag.Uint64("fuzz-seed", 1, "what the mutations are made up from")
)

// allowedCodes are the codes that a request may be answered with, whatever is in it.
// Internal would be a panic or a bug, Unknown an error that nobody has thought
// of, Unavailable a server that is gone.
var allowedCodes = map[codes.Code]bool{
	codes.OK: true, codes.InvalidArgument: true, codes.NotFound: true, codes.AlreadyExists: true, codes.FailedPrecondition: true,
	codes.Unimplemented: true, codes.ResourceExhausted: true, codes.PermissionDenied: true, codes.Aborted: true,
	codes.DeadlineExceeded: true, codes.Canceled: true, codes.OutOfRange: true,
}

func TestNoRequestMakesTheServerPanicOrWedge(t *testing.T) {
	if *record {
		t.Skip("recording")
	}
	f := newFuzzer(t)
	end := time.Now().Add(secondsOf(*fuzzSeconds))
	var workers sync.WaitGroup
	for i := range 32 {
		workers.Go(func() {
			rng := rand.New(rand.NewPCG(*fuzzSeed, uint64(i)))
			for time.Now().Before(end) && !t.Failed() {
				f.send(rng)
			}
		})
	}
	workers.Wait()
	f.report()

	// After all that it still runs workflows.
	w := lifeSigns(t)
	if !strings.Contains(w, "WorkflowExecutionCompleted") {
		t.Errorf("the server does not run workflows any more:\n%s", w)
	}
}

// lifeSigns is the transcript of a workflow that should run to its end.
func lifeSigns(t *testing.T) string {
	return play(t, our, Scenario{"life signs", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"))
		w.PollActivity("w").Complete("out")
		w.Decide("w", complete("done"))
	}})
}

// fuzzer sends requests that are wrong in ways that chance decides.
type fuzzer struct {
	t       *testing.T
	methods []fuzzMethod
	bases   []brokenCall
	// victim is a namespace that requests may do anything to.
	victim string

	mu       sync.Mutex
	answered map[string]map[codes.Code]int
	// harvest are texts and tokens that the server has given out, to be used in
	// requests where they do not belong.
	harvest [][]byte
}

type fuzzMethod struct {
	path           string
	request, reply protoreflect.MessageType
}

func newFuzzer(t *testing.T) *fuzzer {
	f := &fuzzer{t: t, bases: brokenCalls, answered: map[string]map[codes.Code]int{}, harvest: [][]byte{[]byte(Namespace)}}
	f.victim = "fuzz-" + uuid.NewString()[:8]
	if _, err := workflowservice.NewWorkflowServiceClient(our).RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: f.victim, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{workflowservice.WorkflowService_ServiceDesc.ServiceName, operatorservice.OperatorService_ServiceDesc.ServiceName} {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			t.Fatal(err)
		}
		all := d.(protoreflect.ServiceDescriptor).Methods()
		for i := range all.Len() {
			f.methods = append(f.methods, fuzzMethod{
				path:    fmt.Sprintf("/%s/%s", name, all.Get(i).Name()),
				request: messageType(t, all.Get(i).Input()), reply: messageType(t, all.Get(i).Output())})
		}
	}
	return f
}

func messageType(t *testing.T, d protoreflect.MessageDescriptor) protoreflect.MessageType {
	m, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// send sends one request: half of them are valid ones with some fields broken,
// the others are made up field by field, for any method.
func (f *fuzzer) send(rng *rand.Rand) {
	if rng.IntN(2) == 0 {
		base := f.bases[rng.IntN(len(f.bases))]
		// The preparations go through the same server, quietly.
		ctx, cancel := context.WithTimeout(f.t.Context(), timeout)
		defer cancel()
		w := newWorld(f.t, ctx, our)
		var request proto.Message
		if !f.prepare(w, func() { request = base.request(w) }) {
			return
		}
		mutations := Mutations(request, nil)
		for range 1 + rng.IntN(3) {
			mutation := mutations[rng.IntN(len(mutations))]
			mutation.Apply(request.ProtoReflect())
		}
		f.call("/"+workflowservice.WorkflowService_ServiceDesc.ServiceName+"/"+base.method, request, proto.Clone(base.reply))
		return
	}
	method := f.methods[rng.IntN(len(f.methods))]
	request := method.request.New()
	f.fill(rng, request, 0)
	if field := request.Descriptor().Fields().ByName("namespace"); field != nil && field.Kind() == protoreflect.StringKind {
		switch {
		case strings.HasSuffix(method.path, "Namespace"): // which might take it away from under the others
			request.Set(field, protoreflect.ValueOfString(f.victim))
		case rng.IntN(4) > 0:
			request.Set(field, protoreflect.ValueOfString(Namespace))
		}
	}
	f.call(method.path, request.Interface(), method.reply.New().Interface())
}

// prepare reports whether the preparations of a request came to their end; what
// other requests do may get in their way.
func (f *fuzzer) prepare(w *World, do func()) (ok bool) {
	defer func() {
		if _, stopped := recover().(ended); stopped {
			ok = false
		}
	}()
	w.quietly(do)
	return true
}

// fill sets some of the fields of a message.
func (f *fuzzer) fill(rng *rand.Rand, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if rng.IntN(3) == 0 || depth > 4 {
			continue
		}
		switch {
		case field.IsMap():
			if field.MapKey().Kind() == protoreflect.StringKind {
				entries := m.Mutable(field).Map()
				entries.Set(protoreflect.ValueOfString(f.text(rng)).MapKey(), f.value(rng, entries.NewValue(), field.MapValue(), depth))
			}
		case field.IsList():
			list := m.Mutable(field).List()
			for range rng.IntN(3) {
				list.Append(f.value(rng, list.NewElement(), field, depth))
			}
		default:
			m.Set(field, f.value(rng, m.NewField(field), field, depth))
		}
	}
}

func (f *fuzzer) value(rng *rand.Rand, fresh protoreflect.Value, field protoreflect.FieldDescriptor, depth int) protoreflect.Value {
	numbers := []int64{-1, 0, 1, 2, 100, 1 << 31, -1 << 31, 1<<63 - 1, -1 << 63}
	n := numbers[rng.IntN(len(numbers))]
	switch field.Kind() {
	case protoreflect.MessageKind:
		f.fill(rng, fresh.Message(), depth+1)
		return fresh
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(f.text(rng))
	case protoreflect.BytesKind:
		f.mu.Lock()
		defer f.mu.Unlock()
		return protoreflect.ValueOfBytes(f.harvest[rng.IntN(len(f.harvest))])
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rng.IntN(2) == 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rng.IntN(8) - 1))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(n)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(n))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(n))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(n))
	}
	return fresh
}

func (f *fuzzer) text(rng *rand.Rand) string {
	texts := []string{"", "x", "default", strings.Repeat("x", 1001), "00000000-0000-4000-8000-000000000000", "/_sys/x/1", "@every 1s",
		"* * * * *", "\x00", "ü", "json/plain", "{}", "a.b"}
	return texts[rng.IntN(len(texts))]
}

// call sends a request and looks at what it is answered.
func (f *fuzzer) call(path string, request, reply proto.Message) {
	ctx, cancel := context.WithTimeout(f.t.Context(), 2500*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := our.Invoke(ctx, path, request, reply)
	code := status.Code(err)
	f.mu.Lock()
	defer f.mu.Unlock()
	name := path[strings.LastIndex(path, "/")+1:]
	if f.answered[name] == nil {
		f.answered[name] = map[codes.Code]int{}
	}
	f.answered[name][code]++
	if len(f.harvest) < 1000 {
		f.harvest = append(f.harvest, tokens(reply.ProtoReflect())...)
	}
	if !allowedCodes[code] {
		text := prototext.Format(request)
		f.t.Errorf("%s is answered %s %q to\n%.4000s", name, code, status.Convert(err).Message(), text)
	}
	if waited := time.Since(began); waited > time.Minute {
		f.t.Errorf("%s has taken %v", name, waited)
	}
}

// tokens are the tokens in a reply.
func tokens(m protoreflect.Message) [][]byte {
	var all [][]byte
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Kind() == protoreflect.BytesKind && !field.IsList() && !field.IsMap() {
			all = append(all, value.Bytes())
		}
		return true
	})
	return all
}

// report logs how often which method was answered how.
func (f *fuzzer) report() {
	f.mu.Lock()
	defer f.mu.Unlock()
	total, byCode := 0, map[codes.Code]int{}
	for _, counts := range f.answered {
		for code, n := range counts {
			total += n
			byCode[code] += n
		}
	}
	f.t.Logf("%d requests to %d methods: %v", total, len(f.answered), byCode)
}
