package callback

import (
	"errors"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

// A callback to the server itself completes a Nexus operation of this server. No call is
// made: it is a message to whose operation it is, and the one answer to that is how the
// delivery has ended.

// send sends the delivery to whose operation its token names.
func (d *Delivery) send(step *entity.Step) {
	r := d.record
	d.dirty = true
	completion, err := nexus.DecodeToken(r.Header[nexus.TokenHeader])
	if err != nil {
		d.attempted(step, Outcome{Err: errors.New(nexus.RefusalText(serviceerror.NewInvalidArgument(err.Error()))), Final: true})
		return
	}
	target := nexus.Target(completion)
	r.Target = target.Encode(nil)
	result := &records.NexusResult{
		Completion:     completion,
		Result:         r.Result,
		Failure:        r.Failure,
		Canceled:       r.State == "canceled",
		OperationToken: r.Header[nexus.OperationTokenHeader],
		StartTime:      r.StartTime,
	}
	if r.Link != nil {
		result.Links = append(result.Links, r.Link)
	}
	body, err := proto.Marshal(&records.Message{Body: &records.Message_NexusResult{NexusResult: result}})
	if err != nil {
		panic("callback: message does not encode: " + err.Error())
	}
	step.Send(target, body)
}

// answered takes the answer to send.
func (d *Delivery) answered(step *entity.Step, from entity.Key, answer *records.NexusAnswer) {
	if d.record == nil || string(from.Encode(nil)) != string(d.record.Target) {
		return // it has been answered before
	}
	var outcome Outcome
	if answer.GetRefusal() != "" {
		outcome = Outcome{Err: errors.New(answer.GetRefusal()), Final: true}
	}
	d.attempted(step, outcome)
}
