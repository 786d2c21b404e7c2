package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gosling-rwkv/gosling/eval"
	"github.com/gosling-rwkv/gosling/lm"
)

// checkTasks pairs the tasks with their data.
func (r *comparison) checkTasks() error {
	tasks, files := r.c.StringSlice("eval"), r.c.StringSlice("file")
	builtin := len(tasks) - len(files) // that many take the questions in the program
	for _, name := range tasks {
		if !slices.Contains(taskNames, name) {
			return misuse(r.c, "no task %q: there is %s", name, strings.Join(taskNames, ", "))
		}
		path := ""
		if builtin > 0 && name == builtinTask {
			builtin--
		} else if len(files) > 0 {
			path, files = files[0], files[1:]
			if _, err := os.Stat(path); err != nil {
				return err
			}
		} else {
			builtin = -1
		}
		r.taskFiles = append(r.taskFiles, path)
	}
	if builtin != 0 {
		return misuse(r.c, "%d tasks and %d sets of data: give each --eval its --file, which only tasks can do without", len(tasks), len(r.c.StringSlice("file")))
	}
	return nil
}

// tasks puts the questions of each task to a model. The answers are kept on the way under the model's id.
func (r *comparison) tasks(m *lm.Model, name, id string) ([]eval.Task, error) {
	var done []eval.Task
	for i, task := range r.c.StringSlice("eval") {
		path := filepath.Join(r.work, fmt.Sprintf("%s-%s-%d.answers", id, task, i))
		questions, err := readTask(r.c, m, task, r.taskFiles[i], r.c.Int("limit"))
		if err != nil {
			return nil, err
		}
		notes, err := resumeAnswers(path, headerOf(task, name, m), questions)
		if err != nil {
			return nil, err
		}
		err = askAll(r.c, m, name+" on "+task, questions, notes)
		notes.Close()
		if err != nil {
			return nil, err
		}
		done = append(done, eval.Grade(task, notes.all))
	}
	return done, nil
}
