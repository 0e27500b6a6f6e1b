package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// The four tabular forms of a scoring request and their errors:
// learn.microsoft.com/azure/databricks/machine-learning/model-serving/score-custom-model-endpoints. The error texts
// follow the scoring server of mlflow.org/docs.

var tabularForms = []string{"dataframe_records", "dataframe_split", "inputs", "instances"}

func badInput(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "BAD_REQUEST", format, args...)
}

// score reads a scoring request in one of the tabular forms, and returns the predicted class of each row.
func (m *classifier) score(body []byte) ([]string, error) {
	var request map[string]json.RawMessage
	if err := json.Unmarshal(body, &request); err != nil || request == nil {
		return nil, malformed()
	}
	form := ""
	for key := range request {
		switch {
		case slices.Contains(tabularForms, key):
			if form != "" {
				return nil, badInput("The input must be a JSON dictionary with exactly one of the input fields "+
					"{'%s'}; it has more than one.", strings.Join(tabularForms, "', '"))
			}
			form = key
		case key != "params" && key != "client_request_id" && key != "usage_context":
			return nil, badInput("The input has an unknown field '%s'.", key)
		}
	}
	if form == "" {
		return nil, badInput("The input must be a JSON dictionary with exactly one of the input fields {'%s'}.",
			strings.Join(tabularForms, "', '"))
	}
	rows, err := m.rows(form, request[form])
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, badInput("%s has no rows.", form)
	}
	predictions := make([]string, len(rows))
	for i, row := range rows {
		predictions[i] = m.predict(row)
	}
	return predictions, nil
}

func (m *classifier) rows(form string, raw json.RawMessage) ([][]float64, error) {
	switch form {
	case "dataframe_split":
		return m.splitRows(raw)
	case "dataframe_records":
		return m.recordRows(form, raw)
	case "inputs":
		if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
			return m.columnRows(raw)
		}
	}
	var values []json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		return nil, badInput("%s must be a list of rows.", form)
	}
	if len(values) > 0 && bytes.HasPrefix(bytes.TrimSpace(values[0]), []byte("{")) {
		return m.recordRows(form, raw)
	}
	rows := make([][]float64, len(values))
	for i, value := range values {
		var cells []any
		if err := json.Unmarshal(value, &cells); err != nil {
			return nil, badInput("%s: row %d is not a list.", form, i)
		}
		row, err := m.row(fmt.Sprintf("%s: row %d", form, i), m.columns, cells)
		if err != nil {
			return nil, err
		}
		rows[i] = row
	}
	return rows, nil
}

func (m *classifier) recordRows(form string, raw json.RawMessage) ([][]float64, error) {
	var records []map[string]any
	if err := json.Unmarshal(raw, &records); err != nil {
		return nil, badInput("%s must be a list of records (column to value).", form)
	}
	rows := make([][]float64, len(records))
	for i, record := range records {
		columns, cells := []string{}, []any{}
		for column, cell := range record {
			columns, cells = append(columns, column), append(cells, cell)
		}
		row, err := m.row(fmt.Sprintf("%s: row %d", form, i), columns, cells)
		if err != nil {
			return nil, err
		}
		rows[i] = row
	}
	return rows, nil
}

func (m *classifier) splitRows(raw json.RawMessage) ([][]float64, error) {
	var split struct {
		Index   []any    `json:"index"`
		Columns []string `json:"columns"`
		Data    [][]any  `json:"data"`
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&split); err != nil {
		return nil, badInput("dataframe_split must be a dictionary of 'columns' (list of names), 'data' (list of "+
			"rows) and optionally 'index': %s.", strings.TrimPrefix(err.Error(), "json: "))
	}
	if split.Columns == nil {
		return nil, badInput("dataframe_split has no 'columns'.")
	}
	if split.Index != nil && len(split.Index) != len(split.Data) {
		return nil, badInput("dataframe_split: index has %d entries, data has %d rows.", len(split.Index),
			len(split.Data))
	}
	rows := make([][]float64, len(split.Data))
	for i, cells := range split.Data {
		row, err := m.row(fmt.Sprintf("dataframe_split: row %d", i), split.Columns, cells)
		if err != nil {
			return nil, err
		}
		rows[i] = row
	}
	return rows, nil
}

// columnRows reads inputs that are given by column, such as {"sepal_length": [5.1, …], …}, and returns rows.
func (m *classifier) columnRows(raw json.RawMessage) ([][]float64, error) {
	var byColumn map[string][]any
	if err := json.Unmarshal(raw, &byColumn); err != nil {
		return nil, badInput("inputs must be a list of rows or a dictionary of column to list of values.")
	}
	columns, count := []string{}, 0
	for column := range byColumn {
		columns = append(columns, column)
		count = max(count, len(byColumn[column]))
	}
	slices.Sort(columns)
	rows := make([][]float64, count)
	for i := range rows {
		cells := make([]any, len(columns))
		for k, column := range columns {
			if len(byColumn[column]) != count {
				return nil, badInput("inputs: column '%s' has %d values, others have %d.", column,
					len(byColumn[column]), count)
			}
			cells[k] = byColumn[column][i]
		}
		row, err := m.row(fmt.Sprintf("inputs: row %d", i), columns, cells)
		if err != nil {
			return nil, err
		}
		rows[i] = row
	}
	return rows, nil
}

// row sorts the named values into the order of the model's columns. It returns an error if a column is missing, unknown
// or repeated, or if a value is not a number.
func (m *classifier) row(where string, columns []string, cells []any) ([]float64, error) {
	if len(cells) != len(columns) {
		return nil, badInput("%s has %d values for %d columns.", where, len(cells), len(columns))
	}
	var missing, extra []string
	for _, column := range m.columns {
		if !slices.Contains(columns, column) {
			missing = append(missing, column)
		}
	}
	for i, column := range columns {
		if !slices.Contains(m.columns, column) || slices.Contains(columns[:i], column) {
			extra = append(extra, column)
		}
	}
	slices.Sort(extra)
	if missing != nil || extra != nil {
		return nil, badInput("%s: Model is missing inputs ['%s']. Note that there were extra inputs: ['%s']", where,
			strings.Join(missing, "', '"), strings.Join(extra, "', '"))
	}
	row := make([]float64, len(m.columns))
	for i, column := range columns {
		value, ok := cells[i].(float64)
		if !ok {
			return nil, badInput("%s: Incompatible input types for column %s. Can not safely convert %s to float64.",
				where, column, jsonTypeName(cells[i]))
		}
		row[slices.Index(m.columns, column)] = value
	}
	return row, nil
}

func jsonTypeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case string:
		return "string"
	}
	return "object"
}
