package bindings

import "unsafe"

// Backends lists the functions used from ggml-backend.h and ggml-alloc.h in libggml-base.
type Backends struct {
	// const char * ggml_backend_buft_name(ggml_backend_buffer_type_t buft)
	BuftName func(BufferType) string `c:"ggml_backend_buft_name"`
	// ggml_backend_buffer_t ggml_backend_buft_alloc_buffer(ggml_backend_buffer_type_t buft, size_t size)
	BuftAllocBuffer func(b BufferType, size uintptr) Buffer `c:"ggml_backend_buft_alloc_buffer"`
	// size_t ggml_backend_buft_get_alignment(ggml_backend_buffer_type_t buft)
	BuftAlignment func(BufferType) uintptr `c:"ggml_backend_buft_get_alignment"`
	// size_t ggml_backend_buft_get_max_size(ggml_backend_buffer_type_t buft)
	BuftMaxSize func(BufferType) uintptr `c:"ggml_backend_buft_get_max_size"`
	// size_t ggml_backend_buft_get_alloc_size(ggml_backend_buffer_type_t buft, const struct ggml_tensor * tensor)
	BuftAllocSize func(BufferType, Tensor) uintptr `c:"ggml_backend_buft_get_alloc_size"`

	// void ggml_backend_buffer_free(ggml_backend_buffer_t buffer)
	BufferFree func(Buffer) `c:"ggml_backend_buffer_free"`
	// void * ggml_backend_buffer_get_base(ggml_backend_buffer_t buffer)
	BufferBase func(Buffer) uintptr `c:"ggml_backend_buffer_get_base"`
	// size_t ggml_backend_buffer_get_size(ggml_backend_buffer_t buffer)
	BufferSize func(Buffer) uintptr `c:"ggml_backend_buffer_get_size"`
	// void ggml_backend_buffer_clear(ggml_backend_buffer_t buffer, uint8_t value)
	BufferClear func(b Buffer, value uint8) `c:"ggml_backend_buffer_clear"`
	// void ggml_backend_buffer_set_usage(ggml_backend_buffer_t buffer, enum ggml_backend_buffer_usage usage)
	BufferSetUsage func(Buffer, BufferUsage) `c:"ggml_backend_buffer_set_usage"`

	// void ggml_backend_free(ggml_backend_t backend)
	Free func(Backend) `c:"ggml_backend_free"`
	// enum ggml_status ggml_backend_graph_compute(ggml_backend_t backend, struct ggml_cgraph * cgraph)
	GraphCompute func(Backend, Graph) Status `c:"ggml_backend_graph_compute"`
	// void ggml_backend_tensor_set(struct ggml_tensor * tensor, const void * data, size_t offset, size_t size)
	TensorSet func(t Tensor, data unsafe.Pointer, offset, size uintptr) `c:"ggml_backend_tensor_set"`
	// void ggml_backend_tensor_get(const struct ggml_tensor * tensor, void * data, size_t offset, size_t size)
	TensorGet func(t Tensor, data unsafe.Pointer, offset, size uintptr) `c:"ggml_backend_tensor_get"`
	// enum ggml_status ggml_backend_tensor_alloc(ggml_backend_buffer_t buffer, struct ggml_tensor * tensor, void * addr)
	TensorAlloc func(b Buffer, t Tensor, address uintptr) Status `c:"ggml_backend_tensor_alloc"`
	// enum ggml_status ggml_backend_view_init(struct ggml_tensor * tensor)
	ViewInit func(view Tensor) Status `c:"ggml_backend_view_init"`

	// const char * ggml_backend_dev_name(ggml_backend_dev_t device)
	DevName func(Device) string `c:"ggml_backend_dev_name"`
	// const char * ggml_backend_dev_description(ggml_backend_dev_t device)
	DevDescription func(Device) string `c:"ggml_backend_dev_description"`
	// void ggml_backend_dev_memory(ggml_backend_dev_t device, size_t * free, size_t * total)
	DevMemory func(d Device, free, total *uintptr) `c:"ggml_backend_dev_memory"`
	// enum ggml_backend_dev_type ggml_backend_dev_type(ggml_backend_dev_t device)
	DevType func(Device) DeviceType `c:"ggml_backend_dev_type"`
	// void ggml_backend_dev_get_props(ggml_backend_dev_t device, struct ggml_backend_dev_props * props)
	DevGetProps func(Device, *DeviceProps) `c:"ggml_backend_dev_get_props"`
	// ggml_backend_reg_t ggml_backend_dev_backend_reg(ggml_backend_dev_t device)
	DevReg func(Device) Reg `c:"ggml_backend_dev_backend_reg"`
	// ggml_backend_t ggml_backend_dev_init(ggml_backend_dev_t device, const char * params)
	DevInit func(d Device, params uintptr) Backend `c:"ggml_backend_dev_init"`
	// ggml_backend_buffer_type_t ggml_backend_dev_buffer_type(ggml_backend_dev_t device)
	DevBufferType func(Device) BufferType `c:"ggml_backend_dev_buffer_type"`
	// ggml_backend_buffer_t ggml_backend_dev_buffer_from_host_ptr(ggml_backend_dev_t device, void * ptr, size_t size, size_t max_tensor_size)
	DevBufferFromHost func(d Device, ptr, size, maxTensor uintptr) Buffer `c:"ggml_backend_dev_buffer_from_host_ptr"`
	// bool ggml_backend_dev_supports_op(ggml_backend_dev_t device, const struct ggml_tensor * op)
	DevSupportsOp func(Device, Tensor) bool `c:"ggml_backend_dev_supports_op"`
	// const char * ggml_backend_reg_name(ggml_backend_reg_t reg)
	RegName func(Reg) string `c:"ggml_backend_reg_name"`
	// void * ggml_backend_reg_get_proc_address(ggml_backend_reg_t reg, const char * name)
	RegProcAddress func(r Reg, name string) uintptr `c:"ggml_backend_reg_get_proc_address"`

	// ggml_backend_sched_t ggml_backend_sched_new(ggml_backend_t * backends, ggml_backend_buffer_type_t * bufts, int n_backends, size_t graph_size, bool parallel, bool op_offload)
	SchedNew func(backends, bufts unsafe.Pointer, n int32, graphSize uintptr, parallel, opOffload bool) Sched `c:"ggml_backend_sched_new"`
	// void ggml_backend_sched_free(ggml_backend_sched_t sched)
	SchedFree func(Sched) `c:"ggml_backend_sched_free"`
	// int ggml_backend_sched_get_n_splits(ggml_backend_sched_t sched)
	SchedSplits func(Sched) int32 `c:"ggml_backend_sched_get_n_splits"`
	// size_t ggml_backend_sched_get_buffer_size(ggml_backend_sched_t sched, ggml_backend_t backend)
	SchedBufferSize func(Sched, Backend) uintptr `c:"ggml_backend_sched_get_buffer_size"`
	// void ggml_backend_sched_set_tensor_backend(ggml_backend_sched_t sched, struct ggml_tensor * node, ggml_backend_t backend)
	SchedSetTensorBackend func(Sched, Tensor, Backend) `c:"ggml_backend_sched_set_tensor_backend"`
	// bool ggml_backend_sched_alloc_graph(ggml_backend_sched_t sched, struct ggml_cgraph * graph)
	SchedAllocGraph func(Sched, Graph) bool `c:"ggml_backend_sched_alloc_graph"`
	// enum ggml_status ggml_backend_sched_graph_compute(ggml_backend_sched_t sched, struct ggml_cgraph * graph)
	SchedGraphCompute func(Sched, Graph) Status `c:"ggml_backend_sched_graph_compute"`

	// ggml_gallocr_t ggml_gallocr_new(ggml_backend_buffer_type_t buft)
	AllocatorNew func(BufferType) Allocator `c:"ggml_gallocr_new"`
	// void ggml_gallocr_free(ggml_gallocr_t galloc)
	AllocatorFree func(Allocator) `c:"ggml_gallocr_free"`
	// bool ggml_gallocr_reserve(ggml_gallocr_t galloc, struct ggml_cgraph * graph)
	AllocatorReserve func(Allocator, Graph) bool `c:"ggml_gallocr_reserve"`
	// void ggml_gallocr_reserve_n_size(ggml_gallocr_t galloc, struct ggml_cgraph * graph, const int * node_buffer_ids, const int * leaf_buffer_ids, size_t * sizes)
	AllocatorSize func(a Allocator, g Graph, nodeBuffers, leafBuffers unsafe.Pointer, size *uintptr) `c:"ggml_gallocr_reserve_n_size"`
	// bool ggml_gallocr_alloc_graph(ggml_gallocr_t galloc, struct ggml_cgraph * graph)
	AllocatorAlloc func(Allocator, Graph) bool `c:"ggml_gallocr_alloc_graph"`
}

// DeviceProps is struct ggml_backend_dev_props.
type DeviceProps struct {
	Name, Description *byte
	Free, Total       uintptr
	Type              DeviceType
	_                 [4]byte
	ID                *byte
	Async             bool
	HostBuffer        bool
	BufferFromHost    bool
	Events            bool
	Mmap              bool
	_                 [27]byte // room for fields of later versions
}

// Registry lists the functions used from ggml-backend.h in libggml. They load and list backends.
type Registry struct {
	// size_t ggml_backend_dev_count(void)
	DevCount func() uintptr `c:"ggml_backend_dev_count"`
	// ggml_backend_dev_t ggml_backend_dev_get(size_t index)
	DevGet func(index uintptr) Device `c:"ggml_backend_dev_get"`
	// ggml_backend_reg_t ggml_backend_load(const char * path)
	Load func(path string) Reg `c:"ggml_backend_load"`
	// void ggml_backend_load_all_from_path(const char * dir_path)
	LoadAllFromPath func(dir string) `c:"ggml_backend_load_all_from_path"`
}

// CPU lists the functions used from ggml-cpu.h. A backend returns their addresses by name.
type CPU struct {
	// void ggml_backend_set_n_threads(ggml_backend_t backend, int n_threads)
	SetThreads func(b Backend, n int32) `c:"ggml_backend_set_n_threads"`
	// ggml_backend_buffer_type_t * ggml_backend_dev_get_extra_bufts(ggml_backend_dev_t device)
	ExtraBufferTypes func(Device) *BufferType `c:"ggml_backend_dev_get_extra_bufts,optional"`
	// struct ggml_backend_feature * ggml_backend_get_features(ggml_backend_reg_t reg)
	Features func(Reg) *Feature `c:"ggml_backend_get_features,optional"`
	// void ggml_backend_set_abort_callback(ggml_backend_t backend, ggml_abort_callback callback, void * data)
	SetAbortCallback func(b Backend, callback, data uintptr) `c:"ggml_backend_set_abort_callback,optional"`
	// struct ggml_threadpool * ggml_threadpool_new(struct ggml_threadpool_params * params)
	ThreadpoolNew func(*ThreadpoolParams) Threadpool `c:"ggml_threadpool_new,optional"`
	// void ggml_threadpool_free(struct ggml_threadpool * threadpool)
	ThreadpoolFree func(Threadpool) `c:"ggml_threadpool_free,optional"`
	// void ggml_backend_cpu_set_threadpool(ggml_backend_t backend, ggml_threadpool_t threadpool)
	SetThreadpool func(Backend, Threadpool) `c:"ggml_backend_cpu_set_threadpool,optional"`
}

// Feature is struct ggml_backend_feature. A list of them ends with a nil name.
type Feature struct{ Name, Value *byte }
