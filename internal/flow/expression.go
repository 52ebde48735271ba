package flow

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/internal/entity"
)

// Expressions are in CEL, which has no loops but over what is there; maxCost bounds those.
const (
	maxCost = 100_000
	// maxDecoded is the most bytes of arguments that an expression is given: larger ones are null.
	maxDecoded = 256 << 10
)

// expression is a compiled expression.
type expression struct {
	program cel.Program
	// uses says which variables it names: the others are not made.
	uses map[string]bool
}

// variables are what expressions see.
var variables = []cel.EnvOption{
	cel.Variable("workflow_id", cel.StringType),
	cel.Variable("workflow_type", cel.StringType),
	cel.Variable("activity_type", cel.StringType),
	cel.Variable("task_queue", cel.StringType),
	cel.Variable("fairness_key", cel.StringType),
	cel.Variable("priority", cel.IntType),
	cel.Variable("input", cel.ListType(cel.DynType)),
	cel.Variable("header", cel.MapType(cel.StringType, cel.DynType)),
	cel.Variable("memo", cel.MapType(cel.StringType, cel.DynType)),
	cel.Variable("search_attributes", cel.MapType(cel.StringType, cel.DynType)),
}

var errType = errors.New("its value has to be a string, a number or a bool")

// compile compiles an expression. The error is for who has written it.
func compile(text string) (*expression, error) {
	env, err := cel.NewEnv(variables...)
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	switch ast.OutputType().Kind() {
	case types.StringKind, types.IntKind, types.UintKind, types.DoubleKind, types.BoolKind, types.DynKind:
	default:
		return nil, fmt.Errorf("%w, not a %s", errType, ast.OutputType())
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, err
	}
	x := &expression{program: program, uses: make(map[string]bool)}
	for _, reference := range ast.NativeRep().ReferenceMap() {
		x.uses[reference.Name] = true
	}
	return x, nil
}

// eval is the value of the expression for what is to start, as a text.
func (x *expression) eval(s *Subject) (string, error) {
	priority, _ := entity.ParseLane(entity.LaneOf(s.Priority.GetPriorityKey(), ""))
	values := map[string]any{
		"workflow_id":   s.WorkflowID,
		"workflow_type": s.WorkflowType,
		"activity_type": s.ActivityType,
		"task_queue":    s.TaskQueue,
		"fairness_key":  s.Priority.GetFairnessKey(),
		"priority":      int64(priority),
	}
	if s.Load != nil && (x.uses["input"] || x.uses["header"]) {
		var err error
		if s.Input, s.Header, err = s.Load(); err != nil {
			return "", err
		}
		s.Load = nil
	}
	left := maxDecoded
	if x.uses["input"] {
		input := make([]any, 0, len(s.Input.GetPayloads()))
		for _, p := range s.Input.GetPayloads() {
			input = append(input, decoded(p, &left))
		}
		values["input"] = input
	}
	for name, fields := range map[string]map[string]*commonpb.Payload{
		"header": s.Header.GetFields(), "memo": s.Memo.GetFields(), "search_attributes": s.Attributes.GetIndexedFields(),
	} {
		if !x.uses[name] {
			continue
		}
		of := make(map[string]any, len(fields))
		for field, p := range fields {
			of[field] = decoded(p, &left)
		}
		values[name] = of
	}
	value, _, err := x.program.Eval(values)
	if err != nil {
		return "", err
	}
	return asText(value)
}

// decoded is a payload as an expression sees it: what its JSON is; null if it is none, or if there is too
// much of it.
func decoded(p *commonpb.Payload, left *int) (value any) {
	switch string(p.GetMetadata()["encoding"]) {
	case "json/plain", "json/protobuf":
	default:
		return nil
	}
	if *left -= len(p.Data); *left < 0 || json.Unmarshal(p.Data, &value) != nil {
		return nil
	}
	return value
}

func asText(value ref.Val) (string, error) {
	switch v := value.Value().(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatInt(int64(v), 10), nil // JSON has no other whole numbers
		}
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", fmt.Errorf("%w, not a %s", errType, value.Type().TypeName())
}
