package bindings

import "unsafe"

// InitParams is struct ggml_init_params, passed by value.
type InitParams struct {
	MemSize   uintptr
	MemBuffer unsafe.Pointer
	NoAlloc   bool
	_         [7]byte
}

// Base lists the functions used from ggml.h.
type Base struct {
	// const char * ggml_version(void)
	Version func() string `c:"ggml_version"`
	// void ggml_time_init(void)
	TimeInit func() `c:"ggml_time_init"`
	// void ggml_log_set(ggml_log_callback log_callback, void * user_data)
	LogSet func(callback, user uintptr) `c:"ggml_log_set"`

	// size_t ggml_tensor_overhead(void)
	TensorOverhead func() uintptr `c:"ggml_tensor_overhead"`
	// struct ggml_context * ggml_init(struct ggml_init_params params)
	Init func(InitParams) Context `c:"ggml_init"`
	// void ggml_free(struct ggml_context * ctx)
	Free func(Context) `c:"ggml_free"`
	// bool ggml_get_no_alloc(struct ggml_context * ctx)
	GetNoAlloc func(Context) bool `c:"ggml_get_no_alloc"`
	// void ggml_set_no_alloc(struct ggml_context * ctx, bool no_alloc)
	SetNoAlloc func(Context, bool) `c:"ggml_set_no_alloc"`
	// size_t ggml_get_mem_size(const struct ggml_context * ctx)
	GetMemSize func(Context) uintptr `c:"ggml_get_mem_size"`

	// int64_t ggml_blck_size(enum ggml_type type)
	BlockSize func(typ int32) int64 `c:"ggml_blck_size"`
	// size_t ggml_type_size(enum ggml_type type)
	TypeSize func(typ int32) uintptr `c:"ggml_type_size"`

	// struct ggml_tensor * ggml_new_tensor_4d(struct ggml_context * ctx, enum ggml_type type, int64_t ne0, int64_t ne1, int64_t ne2, int64_t ne3)
	NewTensor func(c Context, typ int32, ne0, ne1, ne2, ne3 int64) Tensor `c:"ggml_new_tensor_4d"`
	// void ggml_set_input(struct ggml_tensor * tensor)
	SetInput func(Tensor) `c:"ggml_set_input"`
	// void ggml_set_output(struct ggml_tensor * tensor)
	SetOutput func(Tensor) `c:"ggml_set_output"`

	// struct ggml_tensor * ggml_add(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
	Add func(c Context, a, b Tensor) Tensor `c:"ggml_add"`
	// struct ggml_tensor * ggml_sub(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
	Sub func(c Context, a, b Tensor) Tensor `c:"ggml_sub"`
	// struct ggml_tensor * ggml_mul(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
	Mul func(c Context, a, b Tensor) Tensor `c:"ggml_mul"`
	// struct ggml_tensor * ggml_sqr(struct ggml_context * ctx, struct ggml_tensor * a)
	Sqr func(c Context, a Tensor) Tensor `c:"ggml_sqr"`
	// struct ggml_tensor * ggml_sum_rows(struct ggml_context * ctx, struct ggml_tensor * a)
	SumRows func(c Context, a Tensor) Tensor `c:"ggml_sum_rows"`
	// struct ggml_tensor * ggml_repeat_4d(struct ggml_context * ctx, struct ggml_tensor * a, int64_t ne0, int64_t ne1, int64_t ne2, int64_t ne3)
	Repeat func(c Context, a Tensor, ne0, ne1, ne2, ne3 int64) Tensor `c:"ggml_repeat_4d"`
	// struct ggml_tensor * ggml_concat(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b, int dim)
	Concat func(c Context, a, b Tensor, dim int32) Tensor `c:"ggml_concat"`
	// struct ggml_tensor * ggml_neg(struct ggml_context * ctx, struct ggml_tensor * a)
	Neg func(c Context, a Tensor) Tensor `c:"ggml_neg"`
	// struct ggml_tensor * ggml_tanh(struct ggml_context * ctx, struct ggml_tensor * a)
	Tanh func(c Context, a Tensor) Tensor `c:"ggml_tanh"`
	// struct ggml_tensor * ggml_relu(struct ggml_context * ctx, struct ggml_tensor * a)
	Relu func(c Context, a Tensor) Tensor `c:"ggml_relu"`
	// struct ggml_tensor * ggml_sigmoid(struct ggml_context * ctx, struct ggml_tensor * a)
	Sigmoid func(c Context, a Tensor) Tensor `c:"ggml_sigmoid"`
	// struct ggml_tensor * ggml_exp(struct ggml_context * ctx, struct ggml_tensor * a)
	Exp func(c Context, a Tensor) Tensor `c:"ggml_exp"`
	// struct ggml_tensor * ggml_silu(struct ggml_context * ctx, struct ggml_tensor * a)
	SiLU func(c Context, a Tensor) Tensor `c:"ggml_silu"`
	// struct ggml_tensor * ggml_softplus(struct ggml_context * ctx, struct ggml_tensor * a)
	Softplus func(c Context, a Tensor) Tensor `c:"ggml_softplus"`
	// struct ggml_tensor * ggml_permute(struct ggml_context * ctx, struct ggml_tensor * a, int axis0, int axis1, int axis2, int axis3)
	Permute func(c Context, a Tensor, axis0, axis1, axis2, axis3 int32) Tensor `c:"ggml_permute"`
	// struct ggml_tensor * ggml_norm(struct ggml_context * ctx, struct ggml_tensor * a, float eps)
	Norm func(c Context, a Tensor, eps float32) Tensor `c:"ggml_norm"`
	// struct ggml_tensor * ggml_rms_norm(struct ggml_context * ctx, struct ggml_tensor * a, float eps)
	RMSNorm func(c Context, a Tensor, eps float32) Tensor `c:"ggml_rms_norm"`
	// struct ggml_tensor * ggml_l2_norm(struct ggml_context * ctx, struct ggml_tensor * a, float eps)
	L2Norm func(c Context, a Tensor, eps float32) Tensor `c:"ggml_l2_norm"`
	// struct ggml_tensor * ggml_mul_mat(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
	MulMat func(c Context, w, x Tensor) Tensor `c:"ggml_mul_mat"`
	// struct ggml_tensor * ggml_scale_bias(struct ggml_context * ctx, struct ggml_tensor * a, float s, float b)
	ScaleBias func(c Context, a Tensor, s, b float32) Tensor `c:"ggml_scale_bias"`
	// struct ggml_tensor * ggml_cpy(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
	Cpy func(c Context, a, b Tensor) Tensor `c:"ggml_cpy"`
	// struct ggml_tensor * ggml_cont(struct ggml_context * ctx, struct ggml_tensor * a)
	Cont func(c Context, a Tensor) Tensor `c:"ggml_cont"`
	// struct ggml_tensor * ggml_reshape_4d(struct ggml_context * ctx, struct ggml_tensor * a, int64_t ne0, int64_t ne1, int64_t ne2, int64_t ne3)
	Reshape func(c Context, a Tensor, ne0, ne1, ne2, ne3 int64) Tensor `c:"ggml_reshape_4d"`
	// struct ggml_tensor * ggml_view_4d(struct ggml_context * ctx, struct ggml_tensor * a, int64_t ne0, int64_t ne1, int64_t ne2, int64_t ne3, size_t nb1, size_t nb2, size_t nb3, size_t offset)
	View func(c Context, a Tensor, ne0, ne1, ne2, ne3 int64, nb1, nb2, nb3, offset uintptr) Tensor `c:"ggml_view_4d"`
	// struct ggml_tensor * ggml_get_rows(struct ggml_context * ctx, struct ggml_tensor * a, struct ggml_tensor * b)
	GetRows func(c Context, a, rows Tensor) Tensor `c:"ggml_get_rows"`
	// struct ggml_tensor * ggml_pad(struct ggml_context * ctx, struct ggml_tensor * a, int p0, int p1, int p2, int p3)
	Pad func(c Context, a Tensor, p0, p1, p2, p3 int32) Tensor `c:"ggml_pad"`
	// struct ggml_tensor * ggml_custom_4d(struct ggml_context * ctx, enum ggml_type type, int64_t ne0, int64_t ne1, int64_t ne2, int64_t ne3, struct ggml_tensor ** args, int n_args, ggml_custom_op_t fun, int n_tasks, void * userdata)
	Custom func(c Context, typ int32, ne0, ne1, ne2, ne3 int64, args unsafe.Pointer, n int32, fun uintptr, tasks int32, user unsafe.Pointer) Tensor `c:"ggml_custom_4d"`
	// void * ggml_get_data(const struct ggml_tensor * tensor)
	Data func(Tensor) uintptr `c:"ggml_get_data"`
	// struct ggml_tensor * ggml_rwkv_wkv7(struct ggml_context * ctx, struct ggml_tensor * r, struct ggml_tensor * w, struct ggml_tensor * k, struct ggml_tensor * v, struct ggml_tensor * a, struct ggml_tensor * b, struct ggml_tensor * state)
	WKV7 func(c Context, r, w, k, v, a, b, state Tensor) Tensor `c:"ggml_rwkv_wkv7"`

	// struct ggml_tensor * ggml_rwkv_wkv6(struct ggml_context * ctx, struct ggml_tensor * k, struct ggml_tensor * v, struct ggml_tensor * r, struct ggml_tensor * tf, struct ggml_tensor * td, struct ggml_tensor * state)
	WKV6 func(c Context, k, v, r, tf, td, state Tensor) Tensor `c:"ggml_rwkv_wkv6"`

	// void ggml_build_forward_expand(struct ggml_cgraph * cgraph, struct ggml_tensor * tensor)
	BuildForwardExpand func(Graph, Tensor) `c:"ggml_build_forward_expand"`
	// struct ggml_cgraph * ggml_new_graph_custom(struct ggml_context * ctx, size_t size, bool grads)
	NewGraph func(c Context, size uintptr, grads bool) Graph `c:"ggml_new_graph_custom"`
	// size_t ggml_graph_overhead_custom(size_t size, bool grads)
	GraphOverhead func(size uintptr, grads bool) uintptr `c:"ggml_graph_overhead_custom"`
	// int ggml_graph_n_nodes(struct ggml_cgraph * cgraph)
	GraphNodes func(Graph) int32 `c:"ggml_graph_n_nodes"`
	// struct ggml_tensor * ggml_graph_node(struct ggml_cgraph * cgraph, int i)
	GraphNode func(g Graph, i int32) Tensor `c:"ggml_graph_node"`

	// void ggml_quantize_init(enum ggml_type type)
	QuantizeInit func(typ int32) `c:"ggml_quantize_init"`
	// bool ggml_quantize_requires_imatrix(enum ggml_type type)
	QuantizeRequiresImatrix func(typ int32) bool `c:"ggml_quantize_requires_imatrix"`
	// size_t ggml_quantize_chunk(enum ggml_type type, const float * src, void * dst, int64_t start, int64_t nrows, int64_t n_per_row, const float * imatrix)
	QuantizeChunk func(typ int32, src, dst unsafe.Pointer, start, rows, perRow int64, imatrix unsafe.Pointer) uintptr `c:"ggml_quantize_chunk"`
	// void ggml_threadpool_params_init(struct ggml_threadpool_params * p, int n_threads)
	ThreadpoolParamsInit func(p *ThreadpoolParams, threads int32) `c:"ggml_threadpool_params_init"`
}

// ThreadpoolParams is struct ggml_threadpool_params.
type ThreadpoolParams struct {
	CPUMask   [512]bool
	Threads   int32
	Priority  int32
	Poll      uint32
	StrictCPU bool
	Paused    bool
	_         [2]byte
}
