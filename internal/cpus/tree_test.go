package cpus

import (
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
)

// files are the files with which Linux describes a machine, by path.
type files map[string]string

func (f files) fs() fs.FS {
	tree := fstest.MapFS{}
	for name, text := range f {
		tree[name] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	return tree
}

// with adds other sets of files.
func (f files) with(others ...files) files {
	all := maps.Clone(f)
	for _, o := range others {
		maps.Copy(all, o)
	}
	return all
}

// machine returns the topology of n processors. siblings returns which processors share a core with a given one.
func machine(n int, siblings func(cpu int) string) files {
	f := files{devices + "/present": fmt.Sprintf("0-%d", n-1), devices + "/online": fmt.Sprintf("0-%d", n-1)}
	for cpu := range n {
		f[fmt.Sprintf("%s/cpu%d/topology/core_cpus_list", devices, cpu)] = siblings(cpu)
		f[fmt.Sprintf("%s/cpu%d/topology/thread_siblings_list", devices, cpu)] = siblings(cpu)
	}
	return f
}

func alone(cpu int) string { return fmt.Sprint(cpu) }

// pairs numbers siblings as servers and AMD desktops do: n and n+cores.
func pairs(cores int) func(int) string {
	return func(cpu int) string { return fmt.Sprintf("%d,%d", cpu%cores, cpu%cores+cores) }
}

// alder numbers processors as Intel's hybrids do: first n performance processors, two per core, then the others.
func alder(n int) func(int) string {
	return func(cpu int) string {
		if cpu >= n {
			return fmt.Sprint(cpu)
		}
		return fmt.Sprintf("%d-%d", cpu/2*2, cpu/2*2+1)
	}
}

// capacities returns the capacities of Arm processors, in order.
func capacities(all ...int) files {
	f := files{}
	for cpu, c := range all {
		f[fmt.Sprintf("%s/cpu%d/cpu_capacity", devices, cpu)] = fmt.Sprint(c)
	}
	return f
}

// upTo returns the processors that a process may run on if none is excluded.
func upTo(n int) []int {
	var all []int
	for cpu := range n {
		all = append(all, cpu)
	}
	return all
}

// The mounts of control groups in both versions, and in containers.
const (
	mount2    = "30 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
	mount1    = "33 24 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:15 - cgroup cgroup rw,cpu,cpuacct"
	mount1OfC = "1190 1180 0:29 /docker/c0ffee /sys/fs/cgroup/cpu,cpuacct ro,nosuid master:15 - cgroup cgroup rw,cpu,cpuacct"
)

func groupsOf(cgroup string, mounts ...string) files {
	return files{"proc/self/cgroup": cgroup, "proc/self/mountinfo": "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + strings.Join(mounts, "\n")}
}

func TestLinuxIsReadAsItIs(t *testing.T) {
	desktop := machine(16, pairs(8))
	hybrid := machine(20, alder(16)).with(files{ // i7-12700: 8 fast cores with two threads each, 4 slow ones
		"sys/devices/cpu_core/cpus": "0-15", "sys/devices/cpu_atom/cpus": "16-19",
	})
	rk3588 := machine(8, alone).with(capacities(397, 397, 397, 397, 1024, 1024, 1024, 1024))
	phone := machine(8, alone).with(capacities(250, 250, 260, 260, 792, 792, 792, 1024))
	nested := groupsOf("0::/user.slice/job.scope", mount2)
	for name, tc := range map[string]struct {
		files           files
		affinity        []int
		want            Processors
		threads, usable int
	}{
		"a virtual machine of two cores":                    {machine(2, alone), upTo(2), Processors{2, 2, 2, 0}, 2, 2},
		"a desktop with two threads a core":                 {desktop, upTo(16), Processors{16, 8, 8, 0}, 8, 16},
		"one sibling of each core":                          {desktop, []int{2, 3, 12}, Processors{3, 3, 3, 0}, 3, 3},
		"both siblings of a core":                           {desktop, []int{2, 10}, Processors{2, 1, 1, 0}, 1, 2},
		"processors that are off":                           {desktop.with(files{devices + "/online": "0-3,8-11"}), upTo(16), Processors{8, 4, 4, 0}, 4, 8},
		"Intel's fast and slow cores":                       {hybrid, upTo(20), Processors{20, 12, 8, 0}, 8, 20},
		"Intel's slow cores alone":                          {hybrid, []int{16, 17, 18}, Processors{3, 3, 3, 0}, 3, 3},
		"Intel's, some of each":                             {hybrid, []int{0, 1, 2, 16}, Processors{4, 3, 2, 0}, 2, 4},
		"big and little cores":                              {rk3588, upTo(8), Processors{8, 8, 4, 0}, 4, 8},
		"little cores alone":                                {rk3588, []int{0, 1}, Processors{2, 2, 2, 0}, 2, 2},
		"a phone of three kinds":                            {phone, upTo(8), Processors{8, 8, 4, 0}, 4, 8},
		"two clocks of one kind":                            {machine(8, alone).with(capacities(830, 830, 830, 830, 830, 830, 1024, 1024)), upTo(8), Processors{8, 8, 8, 0}, 8, 8},
		"nothing below /sys, as in gVisor":                  {files{}, upTo(4), Processors{4, 4, 4, 0}, 4, 4},
		"files that are damaged":                            {files{devices + "/online": "0-x", devices + "/present": "9-1000000000"}, upTo(3), Processors{3, 3, 3, 0}, 3, 3},
		"a quota of version 2":                              {desktop.with(nested, files{"sys/fs/cgroup/user.slice/job.scope/cpu.max": "150000 100000"}), upTo(16), Processors{16, 8, 8, 1.5}, 1, 2},
		"a quota of the group above":                        {desktop.with(nested, files{"sys/fs/cgroup/user.slice/job.scope/cpu.max": "max 100000", "sys/fs/cgroup/user.slice/cpu.max": "300000 100000"}), upTo(16), Processors{16, 8, 8, 3}, 3, 3},
		"no quota":                                          {desktop.with(nested, files{"sys/fs/cgroup/user.slice/cpu.max": "max 100000"}), upTo(16), Processors{16, 8, 8, 0}, 8, 16},
		"a quota above what there is":                       {desktop.with(nested, files{"sys/fs/cgroup/user.slice/cpu.max": "6400000 100000"}), upTo(16), Processors{16, 8, 8, 64}, 8, 16},
		"half a processor":                                  {desktop.with(nested, files{"sys/fs/cgroup/user.slice/cpu.max": "50000 100000"}), upTo(16), Processors{16, 8, 8, 0.5}, 1, 1},
		"a container that sees itself as the root":          {desktop.with(groupsOf("0::/", mount2), files{"sys/fs/cgroup/cpu.max": "200000 100000"}), upTo(16), Processors{16, 8, 8, 2}, 2, 2},
		"a group outside of what is mounted":                {desktop.with(groupsOf("0::/../other", mount2), files{"sys/fs/cgroup/cpu.max": "200000 100000"}), upTo(16), Processors{16, 8, 8, 2}, 2, 2},
		"a quota of version 1":                              {desktop.with(groupsOf("5:cpu,cpuacct:/a/b\n1:name=systemd:/", mount1, mount2), files{"sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "250000", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000", "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us": "100000"}), upTo(16), Processors{16, 8, 8, 2.5}, 2, 3},
		"a container of version 1":                          {desktop.with(groupsOf("5:cpu,cpuacct:/docker/c0ffee", mount1OfC), files{"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000"}), upTo(16), Processors{16, 8, 8, 4}, 4, 4},
		"two hierarchies, the stricter one of which counts": {desktop.with(groupsOf("5:cpu:/\n0::/", mount1, mount2), files{"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000", "sys/fs/cgroup/cpu.max": "300000 100000"}), upTo(16), Processors{16, 8, 8, 3}, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			got := inTree(tc.files.fs(), tc.affinity).sensible()
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.threads, got.Threads(), "threads")
			assert.Equal(t, tc.usable, got.Usable(), "usable")
		})
	}
}

func TestThisMachineHasAProcessor(t *testing.T) {
	p := Find()
	assert.GreaterOrEqual(t, p.Allowed, p.Cores)
	assert.GreaterOrEqual(t, p.Cores, p.Fast)
	assert.GreaterOrEqual(t, p.Fast, 1)
	assert.GreaterOrEqual(t, p.Usable(), 1)
	assert.LessOrEqual(t, p.Threads(), p.Usable())
}
