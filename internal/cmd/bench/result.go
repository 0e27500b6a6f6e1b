package main

import (
	"maps"
	"slices"
)

// A sample is one command of Terraform's, measured. Times are seconds, memory is bytes.
type sample struct {
	Wall float64 `json:"wall_seconds"`
	// CPU is user and system time of the CLI and of all its providers; Provider is the providers' part.
	CPU      float64 `json:"cpu_seconds"`
	Provider float64 `json:"provider_cpu_seconds"`
	// Peak is the memory of the largest process, ProviderPeak that of the largest provider.
	Peak         int64 `json:"peak_bytes"`
	ProviderPeak int64 `json:"provider_peak_bytes"`
	// Live is what the provider still holds at its end after a collection; 0 where it was not measured.
	Live int64 `json:"live_bytes,omitempty"`
	// Requests are what the emulated services were asked, by service, method and route.
	Requests map[string]int `json:"requests,omitempty"`
}

// A phase is one command in the life of a configuration.
type phase string

const (
	create  phase = "create"
	noop    phase = "no-op plan"
	destroy phase = "destroy"
	// preview is the plan that creates everything; of variants only.
	preview phase = "first plan"
)

var phases = []phase{create, noop, destroy}

// A row is one phase of one workload: what everybody needed for it, in the order of the repetitions.
type row struct {
	Workload     string               `json:"workload"`
	N            int                  `json:"n"`
	Milliseconds int64                `json:"latency_milliseconds"`
	Phase        phase                `json:"phase"`
	Samples      map[subject][]sample `json:"samples"`
}

// median is of one property of a subject's samples; 0 when there is none.
func (r row) median(s subject, of func(sample) float64) float64 {
	var values []float64
	for _, x := range r.Samples[s] {
		values = append(values, of(x))
	}
	return median(values)
}

// ratio is the median of ours over theirs, each repetition compared with its neighbour in time, so that what else
// the machine does falls on both; 0 when either was not measured.
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
