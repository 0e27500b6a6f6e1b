package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Write prints the report: a table of the results, the wrong statements with their sources, the emulator's settings
// that reproduce what the run observed, and what the run could not remove.
func (r Report) Write(to io.Writer) error {
	w := &strings.Builder{}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) }
	row("CHECK", "STATEMENT", "EXPECTED", "SEEN", "VERDICT")
	counts := map[Verdict]int{}
	for _, result := range r.Results {
		counts[result.Verdict]++
		row(result.Name, result.Statement, result.Expected, result.Seen, result.verdict())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%d hold, %d open, %d wrong, %d skipped, %d failed\n",
		counts[Holds], counts[Open], counts[Wrong], counts[Skipped], counts[Failed])
	for _, result := range r.Results {
		if result.Verdict == Wrong {
			fmt.Fprintf(w, "wrong: %s\n  statement: %s\n  source:    %s\n  seen:      %s\n",
				result.Name, result.Statement, result.Source, result.Seen)
		}
	}
	if switches := r.Switches(); len(switches) > 0 {
		fmt.Fprintln(w, "\nThe emulator behaves like this with:")
		for _, s := range switches {
			fmt.Fprintf(w, "  %s\n", s)
		}
	} else if counts[Open] > 0 {
		fmt.Fprintln(w, "\nThe emulator behaves like this with the switches above at their defaults.")
	}
	for _, left := range r.Left {
		fmt.Fprintf(w, "left behind: %s\n", left)
	}
	_, err := io.WriteString(to, w.String())
	return err
}

// String returns the name and the value of the switch in the form that the emulator's control address accepts.
func (s Switch) String() string {
	value, err := json.Marshal(s.Value)
	if err != nil {
		value = []byte("?")
	}
	return fmt.Sprintf("%s switch %s = %s", s.Of, s.Name, value)
}

// verdict returns the text for the last column of the table. For an open statement the text names the emulator's switch
// that describes the observed behaviour.
func (r Result) verdict() string {
	if r.Verdict != Open {
		return string(r.Verdict)
	}
	if len(r.Outcome.Switches) == 0 {
		return "open: " + strings.Join(r.Check.Switches, ", ") + " by default"
	}
	var all []string
	for _, s := range r.Outcome.Switches {
		all = append(all, s.String())
	}
	return "open: " + strings.Join(all, "; ")
}
