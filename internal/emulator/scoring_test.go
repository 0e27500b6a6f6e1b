package emulator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/serving"
)

func TestClassifierKnowsIris(t *testing.T) {
	columns, rows, labels, err := readLabelled(irisCSV)
	if err != nil || len(rows) != 150 ||
		strings.Join(columns, ",") != "sepal_length,sepal_width,petal_length,petal_width" {
		t.Fatalf("%v, %d rows, %v", columns, len(rows), err)
	}
	// The model is trained on every second row and tested on the other rows, so that it cannot succeed by memorizing
	// rows.
	var half [][]float64
	var halfLabels []string
	for i := 0; i < len(rows); i += 2 {
		half, halfLabels = append(half, rows[i]), append(halfLabels, labels[i])
	}
	model := trainClassifier(columns, half, halfLabels)
	right, confusion := 0, map[string]int{}
	for i := 1; i < len(rows); i += 2 {
		got := model.predict(rows[i])
		confusion[labels[i]+"→"+got]++
		if got == labels[i] {
			right++
		}
	}
	if right < 71 {
		t.Errorf("%d of 75 right: %v", right, confusion)
	}
}

func TestScoringWithTheSDK(t *testing.T) {
	ctx := context.Background()
	l := newLab(t, WorkspaceSwitches{})
	l.SetGrant("iris", l.member.ClientID, "CAN_QUERY")
	api := serving.NewServingEndpoints(l.sdk(l.entraToken(l.member)))
	record := func(sl, sw, pl, pw float64) any {
		return map[string]any{"sepal_length": sl, "sepal_width": sw, "petal_length": pl, "petal_width": pw}
	}
	rows := []any{[]any{5.1, 3.5, 1.4, 0.2}, []any{7.0, 3.2, 4.7, 1.4}, []any{6.3, 3.3, 6.0, 2.5}}
	for name, input := range map[string]serving.QueryEndpointInput{
		"dataframe_records": {DataframeRecords: []any{record(5.1, 3.5, 1.4, 0.2), record(7.0, 3.2, 4.7, 1.4), record(6.3, 3.3, 6.0, 2.5)}},
		"dataframe_split": {DataframeSplit: &serving.DataframeSplitInput{Index: []int{0, 1, 2}, Columns: []any{"petal_width", "petal_length", "sepal_width", "sepal_length"},
			Data: []any{[]any{0.2, 1.4, 3.5, 5.1}, []any{1.4, 4.7, 3.2, 7.0}, []any{2.5, 6.0, 3.3, 6.3}}}},
		"instances":         {Instances: rows},
		"instances by name": {Instances: []any{record(5.1, 3.5, 1.4, 0.2), record(7.0, 3.2, 4.7, 1.4), record(6.3, 3.3, 6.0, 2.5)}},
		"inputs":            {Inputs: rows},
		"inputs by column": {Inputs: map[string]any{"sepal_length": []any{5.1, 7.0, 6.3}, "sepal_width": []any{3.5, 3.2, 3.3},
			"petal_length": []any{1.4, 4.7, 6.0}, "petal_width": []any{0.2, 1.4, 2.5}}},
	} {
		input.Name = "iris"
		answer, err := api.Query(ctx, input)
		if err != nil || fmt.Sprint(answer.Predictions) != "[setosa versicolor virginica]" ||
			answer.ServedModelName != "iris-1" {
			t.Errorf("%s: %+v, %v", name, answer, err)
		}
	}
	_, err := api.Query(ctx, serving.QueryEndpointInput{Name: "iris", Instances: []any{[]any{1.0}}})
	var apiErr *apierr.APIError
	if !errors.As(err, &apiErr) || apiErr.ErrorCode != "BAD_REQUEST" || apiErr.Message != "instances: row 0 has 1 "+
		"values for 4 columns." {
		t.Errorf("a short row: %v", err)
	}
}

func TestScoringRefusals(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	l.SetGrant("iris", l.member.ClientID, "CAN_QUERY")
	member := l.entraToken(l.member)
	for body, says := range map[string]string{
		`[]`: "failed to parse given JSON",
		`{`:  "failed to parse given JSON",
		`{}`: "exactly one of the input fields",
		`{"instances":[[1,2,3,4]],"inputs":[[1,2,3,4]]}`: "more than one",
		`{"rows":[[1,2,3,4]]}`:                           "unknown field 'rows'",
		`{"instances":[]}`:                               "has no rows",
		`{"instances":{"a":1}}`:                          "list of rows",
		`{"instances":[1,2,3,4]}`:                        "row 0 is not a list",
		`{"instances":[[1,2,3,"4"]]}`:                    "column petal_width. Can not safely convert string",
		`{"instances":[[1,2,null,4]]}`:                   "column petal_length. Can not safely convert null",
		`{"instances":[[1,2,3,4],[1,2,3,4,5]]}`:          "row 1 has 5 values for 4 columns",
		`{"dataframe_records":[{"sepal_length":1,"sepal_width":2,"petal_length":3}]}`:                           "missing inputs ['petal_width']",
		`{"dataframe_records":[{"sepal_length":1,"sepal_width":2,"petal_length":3,"petal width":4}]}`:           "extra inputs: ['petal width']",
		`{"dataframe_records":{"sepal_length":[1]}}`:                                                            "list of records",
		`{"dataframe_split":{"data":[[1,2,3,4]]}}`:                                                              "no 'columns'",
		`{"dataframe_split":{"columns":["sepal_length"],"data":[[1,2]]}}`:                                       "row 0 has 2 values for 1 columns",
		`{"dataframe_split":{"index":[0,1],"columns":["sepal_length"],"data":[[1]]}}`:                           "index has 2 entries",
		`{"dataframe_split":{"column":["sepal_length"],"data":[[1]]}}`:                                          `unknown field "column"`,
		`{"inputs":{"sepal_length":[1,2],"sepal_width":[2],"petal_length":[3],"petal_width":[4]}}`:              "has 1 values, others have 2",
		`{"inputs":{"sepal_length":["x"],"sepal_width":[2],"petal_length":[3],"petal_width":[4]}}`:              "column sepal_length",
		`{"dataframe_split":{"columns":["sepal_length","sepal_length","petal_length","x"],"data":[[1,2,3,4]]}}`: "extra inputs: ['sepal_length', 'x']",
	} {
		a := l.ask(member, "POST", "/serving-endpoints/iris/invocations", body)
		message, _ := a.json(t)["message"].(string)
		if a.status != 400 || !strings.Contains(message, says) {
			t.Errorf("%s\n got %d %s\nwant %s", body, a.status, message, says)
		}
	}
}
