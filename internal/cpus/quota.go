package cpus

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// quota returns how many processors' time the control groups of the process give it, 0 without limit. Every group above one
// limits it too.
func quota(root fs.FS) float64 {
	least := 0.0
	for _, g := range groups(root) {
		for dir := g.path; ; dir = path.Dir(dir) {
			if q := g.limit(root, path.Join(g.point, dir)); q > 0 && (least == 0 || q < least) {
				least = q
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// group is a control group of the process.
type group struct {
	point string // where its hierarchy is mounted
	path  string // below that, beginning with a slash
	limit func(root fs.FS, dir string) float64
}

// groups finds the groups that may limit time: the one of version 2, and the one of version 1's controller "cpu".
func groups(root fs.FS) []group {
	unified, cpu := paths(root)
	var all []group
	for line := range strings.Lines(text(root, "proc/self/mountinfo")) {
		before, after, _ := strings.Cut(line, " - ")
		mount, kind := strings.Fields(before), strings.Fields(after)
		if len(mount) < 5 || len(kind) < 3 {
			continue
		}
		from, point := unescape(mount[3]), unescape(mount[4])
		switch {
		case kind[0] == "cgroup2" && unified != "":
			all = append(all, group{point, below(from, unified), limit2})
		case kind[0] == "cgroup" && cpu != "" && slices.Contains(strings.Split(kind[2], ","), "cpu"):
			all = append(all, group{point, below(from, cpu), limit1})
		}
	}
	return all
}

// paths reads the process's groups from lines "number:controllers:path".
func paths(root fs.FS) (unified, cpu string) {
	for line := range strings.Lines(text(root, "proc/self/cgroup")) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(part) < 3:
		case part[1] == "":
			unified = part[2]
		case slices.Contains(strings.Split(part[1], ","), "cpu"):
			cpu = part[2]
		}
	}
	return unified, cpu
}

// below is the path of a group below a mount of the part of the hierarchy that begins at from. Of a group outside that part, only
// the mount itself can be seen.
func below(from, group string) string {
	from = path.Clean("/" + from)
	if from == "/" && !strings.Contains(group, "..") {
		return path.Clean("/" + group)
	}
	if rest, ok := strings.CutPrefix(group, from); ok && (rest == "" || rest[0] == '/') {
		return path.Clean("/" + rest)
	}
	return "/"
}

// unescape undoes what mountinfo does to blanks and backslashes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// limit2 reads version 2's cpu.max, "150000 100000" or "max 100000".
func limit2(root fs.FS, dir string) float64 {
	part := strings.Fields(text(root, inside(dir, "cpu.max")))
	if len(part) != 2 {
		return 0
	}
	return ratio(part[0], part[1])
}

// limit1 reads version 1's files, in which a quota of -1 is none.
func limit1(root fs.FS, dir string) float64 {
	return ratio(text(root, inside(dir, "cpu.cfs_quota_us")), text(root, inside(dir, "cpu.cfs_period_us")))
}

// inside is the name of a file as fs.FS wants it.
func inside(dir, name string) string { return strings.TrimPrefix(path.Join(dir, name), "/") }

// ratio divides two positive numbers, and is 0 of anything else.
func ratio(quota, period string) float64 {
	q, err := strconv.ParseInt(quota, 10, 64)
	if err != nil || q <= 0 {
		return 0
	}
	p, err := strconv.ParseInt(period, 10, 64)
	if err != nil || p <= 0 {
		return 0
	}
	return float64(q) / float64(p)
}
