// Package largepayloads: large values stay out of histories.
//
// Servers refuse arguments and results above some megabytes, and histories full of them
// are slow. With external storage the SDK puts large payloads somewhere else, and a
// reference into the history; workflows and activities see the values as ever. A driver
// says where: here a directory, in earnest object storage that all workers reach.
package largepayloads

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "largepayloads", Title: "large values stay out of histories",
	Client: func(options *client.Options) {
		options.ExternalStorage = converter.ExternalStorage{
			Drivers:              []converter.StorageDriver{directory(filepath.Join(os.TempDir(), "perdure-lesson"))},
			PayloadSizeThreshold: 1 << 10,
		}
	},
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Archive)
		r.RegisterActivity(Shout)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		defer os.RemoveAll(filepath.Join(os.TempDir(), "perdure-lesson"))
		document := strings.Repeat("large ", 500_000)
		run, err := lesson.Start(ctx, c, "largepayloads", Archive, document)
		if err != nil {
			return err
		}
		var result string
		if err := run.Get(ctx, &result); err != nil {
			return err
		}
		say("%d bytes in, %d bytes out: %s…", len(document), len(result), result[:5])
		size := 0
		events := c.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				return err
			}
			size += proto.Size(event)
		}
		say("a history of less than 10 kB: %v", size < 10_000)
		return nil
	},
	Says: []string{
		"3000000 bytes in, 3000000 bytes out: LARGE…",
		"a history of less than 10 kB: true",
	},
}

// Archive passes a large document on, and returns one.
func Archive(ctx workflow.Context, document string) (result string, err error) {
	ctx = lesson.Quick(ctx)
	err = workflow.ExecuteActivity(ctx, Shout, document).Get(ctx, &result)
	return result, err
}

// Shout makes much of it.
func Shout(_ context.Context, document string) (string, error) { return strings.ToUpper(document), nil }

// directory is a driver that keeps payloads in files. A file's name is the hash of what is
// in it, so that the same payload, stored again, is the same file.
type directory string

func (directory) Name() string { return "lesson" }
func (directory) Type() string { return "directory" }

func (d directory) Store(ctx converter.StorageDriverStoreContext, payloads []*commonpb.Payload) ([]converter.StorageDriverClaim, error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, err
	}
	claims := make([]converter.StorageDriverClaim, len(payloads))
	for i, payload := range payloads {
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(payload)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		name := hex.EncodeToString(sum[:])
		// The limiter keeps what all messages store and retrieve at a time within bounds.
		err = ctx.GetLimiter().Permit(ctx.Context, payload, func() error {
			return os.WriteFile(filepath.Join(string(d), name), data, 0o600)
		})
		if err != nil {
			return nil, err
		}
		claims[i].ClaimData = map[string]string{"file": name}
	}
	return claims, nil
}

func (d directory) Retrieve(ctx converter.StorageDriverRetrieveContext, claims []converter.StorageDriverClaim) ([]*commonpb.Payload, error) {
	payloads := make([]*commonpb.Payload, len(claims))
	for i, claim := range claims {
		err := ctx.GetLimiter().Permit(ctx.Context, claim, func() error {
			// Claims come out of histories: never trust a path in them.
			data, err := os.ReadFile(filepath.Join(string(d), filepath.Base(claim.ClaimData["file"])))
			if err != nil {
				return err
			}
			payloads[i] = &commonpb.Payload{}
			return proto.Unmarshal(data, payloads[i])
		})
		if err != nil {
			return nil, err
		}
	}
	return payloads, nil
}
