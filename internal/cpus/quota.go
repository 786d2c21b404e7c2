package cpus

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// quota returns how many processors' time the process's control groups allow, or 0 without a limit. Every parent group limits it
// too.
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
	point string // the mount point of its hierarchy
	path  string // the path below the mount point, beginning with a slash
	limit func(root fs.FS, dir string) float64
}

// groups finds the control groups that may limit CPU time: that of version 2, and that of version 1's controller "cpu".
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

// paths reads the process's groups. A line has the form "number:controllers:path".
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

// below returns a group's path below a mount. The mount shows the part of the hierarchy that begins at from. Outside that part,
// only the mount itself is visible.
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

// unescape reverses the escapes for blanks and backslashes in mountinfo.
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

// limit1 reads version 1's files. A quota of -1 means no limit.
func limit1(root fs.FS, dir string) float64 {
	return ratio(text(root, inside(dir, "cpu.cfs_quota_us")), text(root, inside(dir, "cpu.cfs_period_us")))
}

// inside returns a file name in the form that fs.FS requires.
func inside(dir, name string) string { return strings.TrimPrefix(path.Join(dir, name), "/") }

// ratio divides two positive numbers. For anything else it returns 0.
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
