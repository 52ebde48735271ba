package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/perduretest"
)

func TestEachLessonSaysWhatItPromises(t *testing.T) {
	for _, l := range lessons {
		t.Run(l.Name, func(t *testing.T) {
			options := perduretest.Options{}
			if l.Client != nil {
				l.Client(&options.Client)
			}
			perduretest.RunWith(t, options, func(env *perduretest.Env) {
				env.WorkOn(lesson.TaskQueue, l.Worker, l.Register)
				var said []string
				err := l.Run(env.Context(), env.Client(), func(format string, args ...any) {
					said = append(said, fmt.Sprintf(format, args...))
				})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(said, l.Says) {
					t.Errorf("it says\n\t%s\nand promises\n\t%s", strings.Join(said, "\n\t"), strings.Join(l.Says, "\n\t"))
				}
			})
		})
	}
}

func TestTheProgramRunsALessonOnAServerOfItsOwn(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), "", "activities", &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "posted in the north") {
		t.Errorf("it printed %q", out.String())
	}
}

func TestTheProgramListsItsLessons(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), "", "", &out); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != len(lessons) {
		t.Errorf("%d lines for %d lessons", lines, len(lessons))
	}
}

func TestAnUnknownLessonIsAnError(t *testing.T) {
	if err := run(t.Context(), "", "nosuch", &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("error %v", err)
	}
}
