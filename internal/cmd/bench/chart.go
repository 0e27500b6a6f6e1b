package main

import (
	"bytes"
	"fmt"
)

// chart returns an SVG chart of the plan without changes, which users run every night and before every change. The
// chart shows the wall time of each subject and the number of requests of this provider. It uses the largest size for
// which every workload has such a plan, and the smallest latency.
func (r report) chart() []byte {
	var rows []row
	for _, x := range r.Rows {
		switch {
		case x.Phase != noop || x.N > mostApplied || len(x.Samples[ours]) == 0:
		case len(rows) > 0 && (x.N < rows[0].N || x.N == rows[0].N && x.Milliseconds > rows[0].Milliseconds):
		case len(rows) > 0 && (x.N > rows[0].N || x.Milliseconds < rows[0].Milliseconds):
			rows = []row{x}
		default:
			rows = append(rows, x)
		}
	}
	longest := 0.0
	for _, x := range rows {
		for _, s := range subjects {
			longest = max(longest, x.median(s, wall))
		}
	}
	const (
		width, left, right, top = 760, 250, 190, 62 // right leaves space for the label of the longest bar
		bar, gap                = 16, 18
	)
	colours := map[subject]string{builtin: "#9aa5b1", empty: "#5b8def", ours: "#d9572b"}
	height := top + len(rows)*(len(subjects)*bar+gap)

	var svg bytes.Buffer
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+
		"\n", width, height, width, height)
	// The chart has its own white background, so that it can also be read on a dark page.
	fmt.Fprintf(&svg, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	if len(rows) > 0 {
		fmt.Fprintf(&svg, `<text x="16" y="22" font-size="14" font-weight="bold">terraform plan without changes, N = %d, %d ms a request</text>`+
			"\n", rows[0].N, rows[0].Milliseconds)
	}
	x := 16
	for _, s := range subjects {
		fmt.Fprintf(&svg, `<rect x="%d" y="34" width="12" height="12" fill="%s"/><text x="%d" y="44">%s</text>`+
			"\n", x, colours[s], x+18, s)
		x += 150
	}
	y := top
	for _, x := range rows {
		fmt.Fprintf(&svg, `<text x="16" y="%d">%s</text>`+"\n", y+bar*2-3, titleOf(x.Workload))
		for _, s := range subjects {
			seconds := x.median(s, wall)
			if seconds == 0 {
				continue
			}
			label := fmt.Sprintf("%.2f s", seconds)
			if s == ours {
				label += fmt.Sprintf(", %.0f requests", x.median(ours, requests))
			}
			length := seconds / longest * (width - left - right)
			fmt.Fprintf(&svg, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%s</text>`+
				"\n",
				left, y+1, length, bar-2, colours[s], left+length+6, y+bar-4, label)
			y += bar
		}
		y += gap
	}
	svg.WriteString("</svg>\n")
	return svg.Bytes()
}
