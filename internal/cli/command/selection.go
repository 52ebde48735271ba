package command

import (
	"bufio"
	"context"
	"fmt"
	"os/user"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

// Selection are the flags by which a command is for one workflow, or, as a batch job, for all
// that a query finds.
type Selection struct {
	flags.Execution
	Query, Reason string
	Yes           bool
	rps           float32
}

// AddTo adds the flags to a command.
func (s *Selection) AddTo(cmd *cobra.Command) {
	s.Execution.AddOptionallyTo(cmd)
	set := cmd.Flags()
	set.StringVarP(&s.Query, "query", "q", "", "do it with all workflows that this finds, as a batch job")
	set.StringVar(&s.Reason, "reason", "", "why; 'Requested from CLI by USER' if not given")
	set.BoolVarP(&s.Yes, "yes", "y", false, "start the batch job without asking")
	set.Float32Var(&s.rps, "rps", 0, "how many workflows the batch job does per second at most")
}

// Check says what is wrong with the flags together. reasonForOne is whether a reason may be
// given for one workflow.
func (s *Selection) Check(reasonForOne bool) error {
	switch {
	case s.WorkflowID == "" && s.Query == "":
		return flags.Usagef("either --workflow-id or --query is required")
	case s.WorkflowID != "" && s.Query != "":
		return flags.Usagef("--workflow-id and --query cannot be given together")
	case s.Query != "" && s.RunID != "":
		return flags.Usagef("--run-id and --query cannot be given together")
	case s.WorkflowID != "" && s.Reason != "" && !reasonForOne:
		return flags.Usagef("--reason is for batch jobs; give --query, or no reason")
	case s.WorkflowID != "" && s.Yes:
		return flags.Usagef("--yes is for batch jobs; nothing is asked about one workflow")
	case s.WorkflowID != "" && s.rps != 0:
		return flags.Usagef("--rps is for batch jobs; give --query, or no rate")
	}
	return nil
}

// ReasonOr is the reason, or one that says who has asked.
func (s *Selection) ReasonOr() string {
	if s.Reason != "" {
		return s.Reason
	}
	return "Requested from CLI by " + userName()
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "an unknown user"
}

// UserName is who runs the command.
func UserName() string { return userName() }

// Do does something to the one workflow, or starts a batch job of the operation that
// batch sets in its request.
func (s *Selection) Do(ctx context.Context, session *Session, reasonForOne bool, one func(*commonpb.WorkflowExecution) error, batch func(*workflowservice.StartBatchOperationRequest)) error {
	if err := s.Check(reasonForOne); err != nil {
		return err
	}
	if s.WorkflowID != "" {
		return one(s.Proto())
	}
	request := &workflowservice.StartBatchOperationRequest{
		MaxOperationsPerSecond: s.rps,
		VisibilityQuery:        s.Query,
		Reason:                 s.ReasonOr(),
	}
	batch(request)
	return session.StartBatch(ctx, request, s.Yes)
}

// StartBatch asks whether a batch job is to be started, and starts it.
func (s *Session) StartBatch(ctx context.Context, request *workflowservice.StartBatchOperationRequest, yes bool) error {
	count, err := s.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: s.Namespace, Query: request.GetVisibilityQuery(),
	})
	if err != nil {
		return fmt.Errorf("counting the workflows that the query finds: %w", err)
	}
	if err := s.Confirm(fmt.Sprintf("Start batch against approximately %d workflow(s)? y/N", count.GetCount()), yes); err != nil {
		return err
	}
	request.Namespace, request.JobId = s.Namespace, uuid.NewString()
	if _, err := s.WorkflowService().StartBatchOperation(ctx, request); err != nil {
		return fmt.Errorf("starting the batch job: %w", err)
	}
	if s.Out.JSON() {
		return s.Out.Show("", output.F("batchJobId", request.GetJobId()))
	}
	s.Out.Printf("Started batch job %s; see how far it is with 'perdure batch describe --job-id %s'", request.GetJobId(), request.GetJobId())
	return nil
}

// Confirm asks for a yes, unless that was given on the command line.
func (s *Session) Confirm(question string, yes bool) error {
	return s.confirm(question, yes, "yes", func(answer string) bool {
		return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
	})
}

// ConfirmWord asks for a word to be typed, unless a yes was given on the command line.
func (s *Session) ConfirmWord(question, word string, yes bool) error {
	return s.confirm(question, yes, word, func(answer string) bool { return answer == word })
}

func (s *Session) confirm(question string, yes bool, answered string, accept func(string) bool) error {
	if yes {
		s.Out.Printf("%s %s", question, answered)
		return nil
	}
	if s.Out.JSON() {
		return flags.Usagef("nothing can be asked with --output json; give --yes")
	}
	fmt.Fprintf(s.Err, "%s ", question)
	line, _ := bufio.NewReader(s.In).ReadString('\n')
	if !accept(strings.TrimSpace(line)) {
		return fmt.Errorf("not confirmed; nothing was done")
	}
	return nil
}
