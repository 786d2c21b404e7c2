package dialog

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gosling-rwkv/gosling/fit"
	"github.com/gosling-rwkv/gosling/internal/units"
	"github.com/gosling-rwkv/gosling/sampler"
)

// setting is a value that /set changes.
type setting struct {
	names []string // the first one is ours
	get   func(*Dialog) string
	set   func(*Dialog, string) error
}

// number returns a setting of the sampler that is a number.
func number(field func(*sampler.Options) *float64, names ...string) setting {
	return setting{names,
		func(d *Dialog) string {
			o := d.Sampling()
			return strconv.FormatFloat(*field(&o), 'g', -1, 64)
		},
		func(d *Dialog, text string) error {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return fmt.Errorf("%s is a number, not %q", names[0], text)
			}
			o := d.Sampling()
			*field(&o) = value
			return d.SetSampling(o)
		}}
}

// whole returns a setting that is a whole number.
func whole(get func(*Dialog) int64, set func(*Dialog, int64) error, names ...string) setting {
	return setting{names,
		func(d *Dialog) string { return strconv.FormatInt(get(d), 10) },
		func(d *Dialog, text string) error {
			value, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return fmt.Errorf("%s is a whole number, not %q", names[0], text)
			}
			return set(d, value)
		}}
}

// settings lists what can be set. Other programs' names follow ours.
func settings() []setting {
	return []setting{
		number(func(o *sampler.Options) *float64 { return &o.Temperature }, "temp", "temperature"),
		number(func(o *sampler.Options) *float64 { return &o.TopP }, "top-p", "top_p"),
		whole(func(d *Dialog) int64 { return int64(d.Sampling().TopK) }, func(d *Dialog, n int64) error {
			o := d.Sampling()
			o.TopK = int(max(-1, min(n, 1<<30)))
			return d.SetSampling(o)
		}, "top-k", "top_k"),
		number(func(o *sampler.Options) *float64 { return &o.MinP }, "min-p", "min_p"),
		number(func(o *sampler.Options) *float64 { return &o.PresencePenalty }, "presence-penalty", "presence_penalty"),
		number(func(o *sampler.Options) *float64 { return &o.FrequencyPenalty }, "frequency-penalty", "frequency_penalty"),
		number(func(o *sampler.Options) *float64 { return &o.PenaltyDecay }, "penalty-decay", "penalty_decay"),
		whole(func(d *Dialog) int64 { return int64(d.Sampling().Seed) }, func(d *Dialog, n int64) error {
			if n < 0 {
				return fmt.Errorf("seed %d is negative: want 0 or more", n)
			}
			o := d.Sampling()
			o.Seed = uint64(n)
			return d.SetSampling(o)
		}, "seed"),
		whole(func(d *Dialog) int64 {
			if d.Limit() == 0 {
				return -1
			}
			return int64(d.Limit())
		}, func(d *Dialog, n int64) error {
			if n < -1 || n == 0 || n > 1<<30 {
				return fmt.Errorf("n-predict %d: want 1 or more, or -1 for no limit", n)
			}
			d.SetLimit(max(0, int(n)))
			return nil
		}, "n-predict", "num_predict", "n_predict", "n"),
		{[]string{"stop"}, func(d *Dialog) string { return fmt.Sprintf("%q", d.Stop()) }, (*Dialog).addStop},
		flag(func(d *Dialog) *bool { return &d.Verbose }, false, "verbose"),
		flag(func(d *Dialog) *bool { return &d.View.NoWrap }, true, "wrap", "wordwrap"),
		flag(func(d *Dialog) *bool { return &d.View.HideThoughts }, false, "hide-thinking"),
	}
}

// flag returns a setting that is on or off. negated tells that the field is the opposite.
func flag(field func(*Dialog) *bool, negated bool, names ...string) setting {
	return setting{names,
		func(d *Dialog) string {
			if *field(d) != negated {
				return "on"
			}
			return "off"
		},
		func(d *Dialog, text string) error {
			switch text {
			case "", "on", "true":
				*field(d) = !negated
			case "off", "false":
				*field(d) = negated
			default:
				return fmt.Errorf("%s is on or off, not %q", names[0], text)
			}
			return nil
		}}
}

// addStop adds a stop string. Without a text it drops all.
func (d *Dialog) addStop(text string) error {
	if text == "" {
		d.SetStop([]string{})
		return nil
	}
	if quoted, err := strconv.Unquote(text); err == nil && quoted != "" {
		text = quoted
	}
	if stops := d.Stop(); !slices.Contains(stops, text) {
		d.SetStop(append(stops, text))
	}
	return nil
}

// others are the settings of other programs that are commands here, or values of ours.
var others = map[string]string{"quiet": "verbose off", "nowordwrap": "wrap off", "nothink": "think off"}

// set changes a setting, or shows all.
func (d *Dialog) set(ctx context.Context, argument string) error {
	if argument == "" {
		return d.write(d.settings())
	}
	argument = strings.TrimSpace(strings.TrimPrefix(argument, "parameter ")) // as in ollama
	if other := others[argument]; other != "" {
		argument = other
	}
	name, value, _ := strings.Cut(argument, " ")
	value = strings.TrimSpace(value)
	switch name {
	case "system":
		return d.setSystem(ctx, value)
	case "think":
		if value == "" {
			value = "on"
		}
		return d.setThink(ctx, value)
	}
	for _, s := range settings() {
		if !slices.Contains(s.names, name) {
			continue
		}
		if err := s.set(d, value); err != nil {
			return err
		}
		return d.tell("%s is %s\n", s.names[0], s.get(d))
	}
	var names []string
	for _, s := range settings() {
		names = append(names, s.names[0])
	}
	return fmt.Errorf("unknown setting %q: want one of %s, system, think", name, strings.Join(names, ", "))
}

// settings lists all settings.
func (d *Dialog) settings() string {
	var all strings.Builder
	for _, s := range settings() {
		fmt.Fprintf(&all, "%-18s %s\n", s.names[0], s.get(d))
	}
	return all.String()
}

// Welcome says in a line what the person talks to. name is the model's.
func (d *Dialog) Welcome(name string) string {
	memory := d.Model.File().Size()
	if row, err := fit.AsItIs(d.Model.Arch(), d.Model.Config(), d.Model.File()); err == nil {
		if memory = row.RAM; !d.Model.Devices()[0].IsHost() {
			memory = row.VRAM + row.HostRAM
		}
	}
	return fmt.Sprintf("%s: %s, template %s, about %s of memory. /? lists the commands, Ctrl-D leaves.\n", filepath.Base(name), d.Model.Kind(), d.Name, units.Bytes(memory))
}

// show shows the conversation, or a part of what is known about it.
func (d *Dialog) show(_ context.Context, part string) error {
	config := d.Model.Config()
	info := fmt.Sprintf("model      %s: %s, %d layers of %d channels\ntemplate   %s, because %s\nthinking   %s\n",
		d.Model.File().Path(), config.Arch, config.Layers, config.Embed, d.Name, d.because(), d.Think.Name)
	amounts := fmt.Sprintf("tokens     %d read, in %s\nstate      %s, however long the conversation is\n", d.Tokens(), turns(len(d.Turns())), units.Bytes(d.StateBytes()))
	if t := d.last; t.Prompt > 0 && t.Prefill > 0 {
		amounts += fmt.Sprintf("speed      %.0f tokens/s read", float64(t.Prompt)/t.Prefill.Seconds())
		if t.Generated > 0 && t.Decode > 0 {
			amounts += fmt.Sprintf(", %.1f tokens/s written", float64(t.Generated)/t.Decode.Seconds())
		}
		amounts += "\n"
	}
	seen := d.Seen()
	if d.Partial() {
		seen = "[the state that was loaded]\n" + seen
	}
	switch part {
	case "":
		return d.write(info + amounts + "what the model sees:\n" + seen)
	case "info", "model", "modelfile":
		return d.write(info + amounts)
	case "parameters", "settings":
		return d.write(d.settings())
	case "system":
		return d.write(d.System + "\n")
	case "template":
		return d.write(fmt.Sprintf("%s, because %s\n%s", d.Name, d.because(), d.Render("S", nil, d.Think)+d.Ask("X", d.Think)) + "\n")
	}
	return fmt.Errorf("cannot show %q: want nothing, or one of info, parameters, system, template", part)
}
