package main

import (
	"maps"
	"slices"
)

// A sample holds the measurements of one Terraform command. Times are in seconds, and memory is in bytes.
type sample struct {
	Wall float64 `json:"wall_seconds"`
	// CPU is the user and system time of the CLI and of all its providers. Provider is the part of the providers.
	CPU      float64 `json:"cpu_seconds"`
	Provider float64 `json:"provider_cpu_seconds"`
	// Peak is the peak memory of the largest process, and ProviderPeak that of the largest provider process.
	Peak         int64 `json:"peak_bytes"`
	ProviderPeak int64 `json:"provider_peak_bytes"`
	// Live is the memory that the provider still held at its end after a garbage collection, or 0 if it was not
	// measured.
	Live int64 `json:"live_bytes,omitempty"`
	// Requests are the numbers of requests to the emulated services, by service, method and route.
	Requests map[string]int `json:"requests,omitempty"`
}

// A phase is one Terraform command in the life of a configuration.
type phase string

const (
	create  phase = "create"
	noop    phase = "no-op plan"
	destroy phase = "destroy"
	// preview is the plan that creates everything. Only variants measure it.
	preview phase = "first plan"
)

var phases = []phase{create, noop, destroy}

// A row holds the measurements of one phase of one workload, by subject and in the order of the repetitions.
type row struct {
	Workload     string               `json:"workload"`
	N            int                  `json:"n"`
	Milliseconds int64                `json:"latency_milliseconds"`
	Phase        phase                `json:"phase"`
	Samples      map[subject][]sample `json:"samples"`
}

// median returns the median of one property of a subject's samples, or 0 if the subject has no samples.
func (r row) median(s subject, of func(sample) float64) float64 {
	var values []float64
	for _, x := range r.Samples[s] {
		values = append(values, of(x))
	}
	return median(values)
}

// ratio returns the median of this provider's values divided by those of another subject, or 0 if either was not
// measured. It divides samples that were measured one after the other, so that other activity of the machine affects
// both.
func (r row) ratio(theirs subject, of func(sample) float64) float64 {
	var values []float64
	for i, x := range r.Samples[ours] {
		if i < len(r.Samples[theirs]) && of(r.Samples[theirs][i]) > 0 {
			values = append(values, of(x)/of(r.Samples[theirs][i]))
		}
	}
	return median(values)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

func wall(x sample) float64         { return x.Wall }
func cpu(x sample) float64          { return x.CPU }
func providerCPU(x sample) float64  { return x.Provider }
func peak(x sample) float64         { return float64(x.Peak) }
func providerPeak(x sample) float64 { return float64(x.ProviderPeak) }
func requests(x sample) float64     { return float64(total(x.Requests)) }

func total(requests map[string]int) int {
	n := 0
	for count := range maps.Values(requests) {
		n += count
	}
	return n
}
