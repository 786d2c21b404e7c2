package server

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gosling-rwkv/gosling/api"
)

// metrics count what the server does, in a registry of their own. No label holds what a client chose freely.
type metrics struct {
	registry *prometheus.Registry
	started  time.Time
	requests *prometheus.CounterVec // by dialect and status
	tokens   *prometheus.CounterVec // by kind
	total    prometheus.Histogram
	queue    prometheus.Histogram
	first    prometheus.Histogram
	gap      prometheus.Histogram // between the events of a stream
}

func newMetrics(started time.Time) *metrics {
	histogram := func(name, help string, smallest float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(smallest, 2.5, 12)})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		started:  started,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gosling_requests_total", Help: "Requests that were answered."}, []string{"dialect", "code"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gosling_tokens_total",
			Help: "Tokens: read from prompts, found in the cache, generated, and those of the generated that are thoughts."}, []string{"kind"}),
		total: histogram("gosling_request_seconds", "Time of requests to the model, until the answer ended.", 0.01),
		queue: histogram("gosling_queue_seconds", "Time until a request was first computed.", 0.001),
		first: histogram("gosling_time_to_first_token_seconds", "Time until the first token.", 0.005),
		gap:   histogram("gosling_inter_token_seconds", "Time between the events of a stream.", 0.001),
	}
	m.registry.MustRegister(m.requests, m.tokens, m.total, m.queue, m.first, m.gap,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, kind := range tokenKinds {
		m.tokens.WithLabelValues(kind)
	}
	return m
}

var tokenKinds = []string{"read", "cached", "generated", "reasoning"}

// count counts a call that has ended.
func (m *metrics) count(c *call) {
	dialect := "none"
	if c.route != nil {
		dialect = c.route.dialect.name
	}
	m.requests.WithLabelValues(dialect, strconv.Itoa(c.status())).Inc()
	m.work(c)
}

// work counts what the model did for a call.
func (m *metrics) work(c *call) {
	r := c.report
	if r.model == "" {
		return
	}
	for i, n := range []int{r.read, r.cached, r.generated, r.reasoning} {
		m.tokens.WithLabelValues(tokenKinds[i]).Add(float64(n))
	}
	m.total.Observe(c.s.o.Now().Sub(c.begin).Seconds())
	m.queue.Observe(r.queue.Seconds())
	if r.first > 0 {
		m.first.Observe(r.first.Seconds())
	}
}

// sample is a value that is asked for when the metrics are read.
type sample struct {
	name, help string
	counter    bool     // it never falls
	labels     []string // names and values in turns
	value      float64
}

// add adds values that read returns. The names must not be those of other metrics.
func (m *metrics) add(read func() []sample) { m.registry.MustRegister(samples(read)) }

// samples is a prometheus.Collector.
type samples func() []sample

// Describe says nothing, because the labels are known only when the values are.
func (samples) Describe(chan<- *prometheus.Desc) {}

func (read samples) Collect(out chan<- prometheus.Metric) {
	for _, s := range read() {
		labels := prometheus.Labels{}
		for i := 0; i < len(s.labels); i += 2 {
			labels[s.labels[i]] = s.labels[i+1]
		}
		kind := prometheus.GaugeValue
		if s.counter {
			kind = prometheus.CounterValue
		}
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(s.name, s.help, nil, labels), kind, s.value)
	}
}

// serveMetrics answers with all metrics, in Prometheus' format.
func (s *Server) serveMetrics(c *call) error {
	if s.o.NoMetrics {
		return refuse(api.Unsupported, http.StatusNotImplemented, "the metrics of this server are switched off")
	}
	c.w.Header().Set("Process-Start-Time-Unix", strconv.FormatInt(s.metrics.started.Unix(), 10)) // as llama.cpp does
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{
		DisableCompression: true,
		ErrorLog:           slog.NewLogLogger(s.o.Log.Handler(), slog.LevelError),
		ErrorHandling:      promhttp.HTTPErrorOnError,
	}).ServeHTTP(c.w, c.r)
	return nil
}
